"""How far two records agree, field by field: one small whole number a field, 0 where either says nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.identity.blocking import hash_of

MISSING, DIFFERENT = 0, 1


class Pairs:
    """A batch of pairs: of each field the first and the second record's value (Arrow arrays of strings)."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        self.size = batch.num_rows

    def has(self, field: str) -> bool:
        return f"a_{field}" in self._columns

    def both(self, field: str) -> np.ndarray:
        """Where both records have a value."""
        if not self.has(field):
            return np.zeros(self.size, bool)
        a, b = self._sides(field)
        return np.asarray(pc.and_(a.is_valid(), b.is_valid()))

    def equal(self, field: str) -> np.ndarray:
        """Where both have the same value."""
        return np.asarray(pc.fill_null(pc.equal(*self._sides(field)), False)) if self.has(field) else self.both(field)

    def values(self, field: str, rows: np.ndarray) -> tuple[list[str], list[str]]:
        """The values of both sides in `rows` (positions)."""
        if not self.has(field):
            return [], []
        picked = pa.array(rows)
        a, b = (side.take(picked).to_pylist() for side in self._sides(field))
        return a, b

    def _sides(self, field: str) -> tuple[pa.Array, pa.Array]:
        return self._columns[f"a_{field}"], self._columns[f"b_{field}"]


@dataclass(frozen=True)
class Comparison:
    """One comparison. `levels` names its outcomes from 0 (missing) up; `fields` are the columns it looks at.

    `m`, `u`: how often each level but missing is seen among matches and among strangers in data of this kind; where EM
    starts, and what a few records without evidence of their own are judged by. `shared`: families have it in common, so
    how often strangers agree on it depends on what brought them together.
    """

    name: str
    fields: tuple[str, ...]
    levels: tuple[str, ...]
    m: tuple[float, ...]
    u: tuple[float, ...]
    compare: Callable[[Pairs], np.ndarray]
    shared: bool = False


def _start(pairs: Pairs, field: str, exact: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels so far (missing, different, exact), and the positions of the pairs that differ."""
    equal = pairs.equal(field)
    level = np.where(equal, exact, np.where(pairs.both(field), DIFFERENT, MISSING)).astype(np.int8)
    return level, np.flatnonzero(level == DIFFERENT)


def _jaro_winkler(a: list[str], b: list[str]) -> np.ndarray:
    from rapidfuzz import distance, process

    return process.cpdist(a, b, scorer=distance.JaroWinkler.similarity, score_cutoff=0.75, dtype=np.float32)


def _edits(a: list[str], b: list[str], most: int) -> np.ndarray:
    """Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment); above `most`: more."""
    from rapidfuzz import distance, process

    return process.cpdist(a, b, scorer=distance.OSA.distance, score_cutoff=most, dtype=np.uint16)


@cache
def _formal_names() -> dict[str, frozenset[str]]:
    """Name -> the formal names it may stand for, itself among them (package nicknames, of public name lists)."""
    from nicknames import NickNamer

    formal = NickNamer().canonical_lookup
    return {
        name: frozenset({name, *formal.get(name, ())})
        for name in formal.keys() | {n for f in formal.values() for n in f}
    }


def _nickname(a: list[str], b: list[str]) -> np.ndarray:
    formal, none = _formal_names(), frozenset[str]()
    return np.fromiter(
        (not formal.get(x, none).isdisjoint(formal.get(y, none)) for x, y in zip(a, b, strict=True)), bool, len(a)
    )


def _initial(a: list[str], b: list[str]) -> np.ndarray:
    return np.fromiter(((len(x) == 1 or len(y) == 1) and x[0] == y[0] for x, y in zip(a, b, strict=True)), bool, len(a))


def _swapped(pairs: Pairs, rows: np.ndarray) -> np.ndarray:
    """Of the pairs at `rows`: whether each one's given name is the other's surname, but for a slip."""
    if not (pairs.has("surname") and len(rows)):
        return np.zeros(len(rows), bool)
    known = pairs.both("surname")[rows]
    (given_a, given_b), (last_a, last_b) = pairs.values("given_name", rows), pairs.values("surname", rows)
    crossed = np.minimum(
        _jaro_winkler(given_a, [x or "" for x in last_b]), _jaro_winkler([x or "" for x in last_a], given_b)
    )
    swapped: np.ndarray = known & (crossed >= 0.92)
    return swapped


def _given_name(pairs: Pairs) -> np.ndarray:
    level, rows = _start(pairs, "given_name", exact=6)
    a, b = pairs.values("given_name", rows)
    similarity = _jaro_winkler(a, b)
    level[rows[similarity >= 0.80]] = 2
    level[rows[(similarity >= 0.90) | _initial(a, b)]] = 3
    level[rows[_nickname(a, b)]] = 5
    apart = rows[level[rows] <= 2]
    level[apart[_swapped(pairs, apart)]] = 4
    return level


def _surname(pairs: Pairs) -> np.ndarray:
    level, rows = _start(pairs, "surname", exact=4)
    similarity = _jaro_winkler(*pairs.values("surname", rows))
    level[rows[similarity >= 0.80]] = 2
    level[rows[similarity >= 0.90]] = 3
    return level


def _date_of_birth(pairs: Pairs) -> np.ndarray:
    level, rows = _start(pairs, "date_of_birth", exact=5)
    a, b = pairs.values("date_of_birth", rows)
    edits = _edits(a, b, 2)
    level[rows[edits <= 2]] = 2
    level[rows[edits <= 1]] = 3
    crossed = [x[:4] == y[:4] and x[4:6] == y[6:8] and x[6:8] == y[4:6] for x, y in zip(a, b, strict=True)]
    level[rows[np.array(crossed, bool)]] = 4
    return level


def _street(pairs: Pairs) -> np.ndarray:
    from rapidfuzz import distance, process

    level, rows = _start(pairs, "street", exact=4)
    similarity = process.cpdist(
        *pairs.values("street", rows), scorer=distance.OSA.normalized_similarity, score_cutoff=0.6, dtype=np.float32
    )
    level[rows[similarity >= 0.70]] = 2
    level[rows[similarity >= 0.85]] = 3
    return level


def _place(pairs: Pairs) -> np.ndarray:
    code, code_rows = _start(pairs, "postcode", exact=3)
    code[code_rows[_edits(*pairs.values("postcode", code_rows), 1) <= 1]] = 2
    city, city_rows = _start(pairs, "city", exact=3)
    city[city_rows[_jaro_winkler(*pairs.values("city", city_rows)) >= 0.88]] = 3
    same_city = city == 3
    level = np.where((code == MISSING) & (city == MISSING), MISSING, DIFFERENT).astype(np.int8)
    level[same_city] = 2
    level[(code == 2) & ~same_city] = 3
    level[(code == 2) & same_city] = 4
    level[(code == 3) & ~same_city] = 5
    level[(code == 3) & same_city] = 6
    return level


def _address(pairs: Pairs) -> np.ndarray:
    """Street, city and postcode in one: who moves house changes all of them, and counted apart they would count twice."""
    level: np.ndarray = _street(pairs) * len(_PLACE) + _place(pairs)
    return level


def _email(pairs: Pairs) -> np.ndarray:
    level, rows = _start(pairs, "email", exact=4)
    a, b = (np.array([x.split("@")[0] for x in side], object) for side in pairs.values("email", rows))
    similarity = _jaro_winkler(list(a), list(b))
    level[rows[similarity >= 0.92]] = 2
    level[rows[np.fromiter((x == y for x, y in zip(a, b, strict=True)), bool, len(a))]] = 3
    return level


def _digits(field: str, most: int) -> Callable[[Pairs], np.ndarray]:
    def compare(pairs: Pairs) -> np.ndarray:
        level, rows = _start(pairs, field, exact=3)
        level[rows[_edits(*pairs.values(field, rows), most) <= most]] = 2
        return level

    return compare


_STREET = {"missing": 0.1, "different": 0.10, "similar": 0.05, "close": 0.10, "exact": 0.75}
_PLACE = {
    "missing": 0.1,
    "different": 0.08,
    "city": 0.04,
    "postcode but one slip": 0.03,
    "city, postcode but one slip": 0.05,
    "postcode": 0.10,
    "exact": 0.70,
}
_STREET_U, _PLACE_U = (0.1, 0.98, 0.015, 0.003, 0.002), (0.1, 0.95, 0.03, 0.01, 0.003, 0.002, 0.005)


def _address_levels() -> tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...]]:
    """Names, m and u of every level of street with every level of place."""
    names = tuple(f"street {s}, place {p}" for s in _STREET for p in _PLACE)
    m = tuple(x * y for x in _STREET.values() for y in _PLACE.values())
    u = tuple(x * y for x in _STREET_U for y in _PLACE_U)
    return ("missing", *names[1:]), m[1:], u[1:]


COMPARISONS = (
    Comparison(
        "given_name",
        ("given_name",),
        ("missing", "different", "similar", "close", "swapped with surname", "nickname", "exact"),
        (0.03, 0.02, 0.05, 0.02, 0.05, 0.83),
        (0.90, 0.07, 0.01, 0.0005, 0.01, 0.01),
        _given_name,
    ),
    Comparison(
        "surname",
        ("surname",),
        ("missing", "different", "similar", "close", "exact"),
        (0.03, 0.02, 0.06, 0.89),
        (0.93, 0.055, 0.01, 0.005),
        _surname,
        shared=True,
    ),
    Comparison(
        "date_of_birth",
        ("date_of_birth",),
        ("missing", "different", "two slips", "one slip", "day and month swapped", "exact"),
        (0.02, 0.01, 0.04, 0.01, 0.92),
        (0.965, 0.03, 0.004, 0.0005, 0.0005),
        _date_of_birth,
    ),
    Comparison("address", ("street", "postcode", "city"), *_address_levels(), _address, shared=True),
    Comparison(
        "email",
        ("email",),
        ("missing", "different", "close", "same before @", "exact"),
        (0.10, 0.03, 0.02, 0.85),
        (0.995, 0.003, 0.001, 0.001),
        _email,
        shared=True,
    ),
    Comparison(
        "phone",
        ("phone",),
        ("missing", "different", "one slip", "exact"),
        (0.10, 0.05, 0.85),
        (0.998, 0.001, 0.001),
        _digits("phone", 1),
        shared=True,
    ),
    Comparison(
        "national_id",
        ("national_id",),
        ("missing", "different", "slips", "exact"),
        (0.02, 0.10, 0.88),
        (0.998, 0.001, 0.001),
        _digits("national_id", 2),
    ),
)
COMPARED = tuple(field for c in COMPARISONS for field in c.fields)


def levels(batch: pa.RecordBatch, comparisons: tuple[Comparison, ...]) -> dict[str, np.ndarray]:
    """The level of each comparison for each pair of the batch (columns a_<field> and b_<field>)."""
    pairs = Pairs(batch)
    found = {c.name: c.compare(pairs) for c in comparisons}
    if "given_name" in found and "surname" in found:  # said once, by the given name
        found["surname"][found["given_name"] == 4] = MISSING
    return found


def compare(pairs: DataFrame, comparisons: tuple[Comparison, ...]) -> DataFrame:
    """The columns of `pairs` but a_<field>, b_<field>, and `pattern`: the levels of all comparisons in one number
    (mixed radix, the first comparison the lowest digits; see `digits`)."""
    kept = [c for c in pairs.columns if not c.startswith(("a_", "b_"))]
    schema = T.StructType([*(pairs.schema[c] for c in kept), T.StructField("pattern", T.LongType(), False)])

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = levels(batch, comparisons)
            pattern, radix = np.zeros(batch.num_rows, np.int64), 1
            for c in comparisons:
                pattern += found[c.name].astype(np.int64) * radix
                radix *= len(c.levels)
            columns = [*(batch.column(c) for c in kept), pa.array(pattern)]
            yield pa.RecordBatch.from_arrays(columns, names=[*kept, "pattern"])

    return pairs.mapInArrow(run, schema)


def digits(pattern: np.ndarray, comparisons: tuple[Comparison, ...]) -> np.ndarray:
    """Patterns -> their levels, one column a comparison."""
    out, rest = np.empty((len(pattern), len(comparisons)), np.int8), pattern.astype(np.int64)
    for i, c in enumerate(comparisons):
        rest, out[:, i] = np.divmod(rest, len(c.levels))
    return out


def digit(comparisons: tuple[Comparison, ...], name: str) -> str:
    """SQL: the level of the comparison `name` in the column `pattern`."""
    radix = 1
    for c in comparisons:
        if c.name == name:
            return f"(pattern div {radix} % {len(c.levels)})"
        radix *= len(c.levels)
    return "0"


def with_sides(pairs: DataFrame, prepared: DataFrame, shared: DataFrame | None = None) -> DataFrame:
    """`pairs`[hash_a, hash_b, ...] as record_a, record_b (record_a < record_b), a_<field> and b_<field> of both, and
    `two_cards`: both have a card and not the same. `shared`: `prepared` with share_<field>, of which one record's are
    added; they count where both have the same value.

    The columns a_ and b_ come in the order of the hashes: comparing does not tell the two apart.
    """
    fields = [f for f in COMPARED if f in prepared.columns]
    first = prepared if shared is None else shared
    shares = [c for c in first.columns if c.startswith("share_")]
    card = F.col("card_id") if "card_id" in prepared.columns else F.lit(None).cast("string")
    out = pairs
    for side, records, extra in (("a", first, shares), ("b", prepared, [])):
        values = [F.col(f).alias(f"{side}_{f}") for f in fields]
        record = (hash_of("record_id").alias(f"hash_{side}"), F.col("record_id").alias(f"id_{side}"))
        one = records.select(*record, *values, *extra, card.alias(f"card_{side}"))
        out = out.join(one, f"hash_{side}", how="inner")
    differ = F.coalesce(F.col("card_a") != F.col("card_b"), F.lit(False))
    return out.withColumns(
        {"record_a": F.least("id_a", "id_b"), "record_b": F.greatest("id_a", "id_b"), "two_cards": differ}
    ).drop("hash_a", "hash_b", "id_a", "id_b", "card_a", "card_b")
