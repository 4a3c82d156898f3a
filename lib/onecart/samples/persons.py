"""Person records whose true owner is known, to measure identity resolution: FEBRL 1-4, and any number of generated ones."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.errors import UsageError, nearest, require_known
from onecart.samples import corruption, names
from onecart.samples.datasets.fetch import fetch

if TYPE_CHECKING:
    import pandas as pd

FEBRL = {
    "febrl1": ("dataset1.csv",),
    "febrl2": ("dataset2.csv",),
    "febrl3": ("dataset3.csv",),
    "febrl4": ("dataset4a.csv", "dataset4b.csv"),
}
FIELDS = ("given_name", "surname", "street", "city", "postcode", "state", "date_of_birth", "email", "phone")
_SCHEMA = ", ".join(f"{name} string" for name in ("record_id", "person_id", *FIELDS))


class Persons(NamedTuple):
    """`records`: one row per record, key record_id; `truth`: record_id, customer_id (the person who is meant)."""

    records: DataFrame
    truth: DataFrame


@dataclass(frozen=True)
class Profile:
    """How well records are kept. Rates are shares of records; `errors` is the mean number of slips in a record."""

    missing: Mapping[str, float]
    errors: float
    moved: float  # the record has another address of the person
    other_email: float  # the record has the person's second address


def _missing(*rates: float) -> dict[str, float]:
    return dict(zip(FIELDS, rates, strict=True))


PROFILES = {
    "clean": Profile(_missing(0.01, 0.005, 0.03, 0.01, 0.01, 0.01, 0.05, 0.20, 0.15), 0.3, 0.02, 0.03),
    "default": Profile(_missing(0.04, 0.02, 0.10, 0.05, 0.05, 0.05, 0.15, 0.30, 0.25), 1.0, 0.08, 0.08),
    "noisy": Profile(_missing(0.15, 0.15, 0.20, 0.15, 0.15, 0.15, 0.25, 0.30, 0.30), 2.5, 0.12, 0.12),
}
# Records of each of a hundred persons: 162 records, 1.62 a person.
_SIZES = [1] * 60 + [2] * 25 + [3] * 10 + [4] * 3 + [5] * 2
_TOGETHER = 0.05  # persons in a household of two, with one surname, address and telephone
# Which slip, and (for those that hit one field) which field, by weight.
_SLIPS = {"typo": 50, "misheard": 12, "misread": 7, "nickname": 10, "swapped": 6, "day and month": 6, "short street": 9}
_WEIGHTS = dict(zip(FIELDS, (3.0, 3.0, 3.0, 2.0, 1.5, 0.3, 2.0, 1.5, 1.5), strict=True))
_NICKNAMES = {full.lower(): short.lower() for full, short in names.NICKNAMES.items()} | {
    **{"joshua": "josh", "jacob": "jake", "lachlan": "lachie", "isabella": "bella", "zachary": "zac", "nathan": "nate"},
    **{"cameron": "cam", "mitchell": "mitch", "madeline": "maddie", "gabrielle": "gabby", "jackson": "jack"},
    **{"abbey": "abby", "caitlin": "cait", "georgia": "georgie", "jasmine": "jas", "jayden": "jay", "olivia": "liv"},
    **{"bethany": "beth", "alexander": "alex", "brianna": "bri", "harrison": "harry", "imogen": "immy"},
}


def febrl(spark: SparkSession, name: str) -> Persons:
    """FEBRL 1, 2, 3 or 4 (`febrl1` ...; 4 is its parts a and b together), as published but for surrounding spaces.

    records: record_id, given_name, surname, street (number and name), city (suburb), postcode, state, date_of_birth
    (text, yyyymmdd), national_id (soc_sec_id). Record rec-N-* is person rec-N.
    """
    import pandas as pd

    paths = {path.name: path for path in fetch("febrl")}
    parts = [pd.read_csv(paths[file], dtype=str, skipinitialspace=True) for file in FEBRL[name]]
    raw = pd.concat(parts)
    raw = raw.rename(columns=str.strip).apply(lambda column: column.str.strip())
    columns = [*raw.columns]
    frame = spark.createDataFrame(
        [tuple(None if pd.isna(v) else v for v in row) for row in raw.itertuples(index=False)],
        ", ".join(f"{c} string" for c in columns),
    )
    street = F.concat_ws(" ", "street_number", "address_1")
    records = frame.select(
        F.col("rec_id").alias("record_id"),
        "given_name",
        "surname",
        F.when(street != "", street).alias("street"),
        F.col("suburb").alias("city"),
        "postcode",
        "state",
        "date_of_birth",
        F.col("soc_sec_id").alias("national_id"),
    )
    person = F.regexp_extract("rec_id", "^(rec-[0-9]+)-", 1).alias("customer_id")
    return Persons(records, frame.select(F.col("rec_id").alias("record_id"), person))


def generate(spark: SparkSession, count: int, profile: str = "default", seed: int = 7) -> Persons:
    """`count` records of about count / 1.62 invented persons (1 to 5 records each), the same for the same seed.

    Names, streets and places (suburb, postcode and state together) are drawn as often as FEBRL 4a has them; 5% of the
    persons share surname, address and telephone with one other. Every record is a writing of its own: with typing,
    reading and hearing errors, nicknames, swapped names, day and month swapped, short street names, an old address, a
    second e-mail and missing fields, at the rates of `PROFILES[profile]`. records: record_id and FIELDS, all text
    (date_of_birth as yyyymmdd, lower case as in FEBRL).
    """
    require_known([profile], PROFILES, "profile")
    maker = _Maker(PROFILES[profile], seed, count, _pools())
    partitions = max(spark.sparkContext.defaultParallelism, count // 50_000)
    made = spark.range(0, maker.persons(), 1, partitions).mapInPandas(maker.frames, _SCHEMA)
    return Persons(
        made.drop("person_id"),
        made.select("record_id", F.col("person_id").alias("customer_id")),
    )


def load(spark: SparkSession, name: str, count: int, seed: int = 7) -> Persons:
    """`febrl1` ... `febrl4` as they are, or `count` generated records of profile `clean`, `default` or `noisy`."""
    if name in FEBRL:
        return febrl(spark, name)
    if name in PROFILES:
        return generate(spark, count, name, seed)
    raise UsageError(f"there is no data '{name}'{nearest(name, [*FEBRL, *PROFILES])}")


def _pools() -> dict[str, list[tuple[str, ...]]]:
    """Rows of FEBRL 4a, one list for each group of fields that belongs together; drawn uniformly: as often as there."""
    import pandas as pd

    path = next(path for path in fetch("febrl") if path.name == "dataset4a.csv")
    raw = pd.read_csv(path, dtype=str, skipinitialspace=True).rename(columns=str.strip)
    groups = {
        "given": ["given_name"],
        "surname": ["surname"],
        "street": ["address_1"],
        "number": ["street_number"],
        "place": ["suburb", "postcode", "state"],
    }
    return {
        group: [tuple(row) for row in raw[columns].dropna().apply(lambda c: c.str.strip()).to_numpy().tolist()]
        for group, columns in groups.items()
    }


@dataclass(frozen=True)
class _Person:
    """The truth about one person."""

    given: str
    surname: str
    home: tuple[str, str, str, str, str]  # street, city, postcode, state, telephone
    old_home: tuple[str, str, str, str, str]
    born: str
    emails: tuple[str, str]
    mobile: str


@dataclass(frozen=True)
class _Maker:
    """Makes persons and their records from their number and the seed alone, so that partitions do not matter."""

    profile: Profile
    seed: int
    count: int
    pools: dict[str, list[tuple[str, ...]]]

    def rng(self, what: int, number: int) -> Random:
        return Random((self.seed * 8 + what) * 2**48 + number)

    def sizes(self) -> list[int]:
        sizes = list(_SIZES)
        self.rng(0, 0).shuffle(sizes)
        return sizes

    def persons(self) -> int:
        """How many persons have `count` records together; the last one may lose some."""
        sizes = self.sizes()
        blocks, left = divmod(self.count, sum(sizes))
        persons = blocks * len(sizes)
        for size in sizes:
            if left <= 0:
                break
            left, persons = left - size, persons + 1
        return persons

    def frames(self, batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        import pandas as pd

        sizes = self.sizes()
        before = [sum(sizes[:i]) for i in range(len(sizes))]
        columns = ("record_id", "person_id", *FIELDS)
        for batch in batches:
            rows = []
            for number in batch["id"]:
                block, place = divmod(int(number), len(sizes))
                first = block * sum(sizes) + before[place]
                wanted = min(sizes[place], self.count - first)
                rows += self.records(int(number), first, wanted)
            yield pd.DataFrame(rows, columns=columns)

    def records(self, number: int, first: int, wanted: int) -> list[tuple[str | None, ...]]:
        rng = self.rng(1, number)
        person = self.person(number, rng)
        made = []
        for at in range(first, first + wanted):
            # A digest, so that neither order nor likeness of record ids tells who belongs together.
            record_id = "r" + hashlib.blake2b(f"{self.seed}:{at}".encode(), digest_size=8).hexdigest()
            made.append((record_id, f"p{number}", *self.written(person, rng)))
        return made

    def person(self, number: int, rng: Random) -> _Person:
        pair = number // 2
        together = self.rng(2, pair).random() < _TOGETHER
        shared = self.rng(3, pair if together else -1 - number)
        surname = self.draw(shared, "surname")[0]
        home = self.home(shared)
        given = self.draw(rng, "given")[0]
        born = date.fromordinal(rng.randrange(date(1920, 1, 1).toordinal(), date(2006, 1, 1).toordinal()))
        return _Person(
            given,
            surname,
            home,
            self.home(rng),
            born.strftime("%Y%m%d"),
            (self.email(rng, given, surname), self.email(rng, given, surname)),
            f"04{rng.randrange(10**8):08}",
        )

    def draw(self, rng: Random, pool: str) -> tuple[str, ...]:
        return rng.choice(self.pools[pool])

    def home(self, rng: Random) -> tuple[str, str, str, str, str]:
        city, postcode, state = self.draw(rng, "place")
        street = f"{self.draw(rng, 'number')[0]} {self.draw(rng, 'street')[0]}"
        return street, city, postcode, state, f"0{rng.choice('2378')}{rng.randrange(10**8):08}"

    def email(self, rng: Random, given: str, surname: str) -> str:
        first, last = given.replace(" ", ""), surname.replace(" ", "")
        short = _NICKNAMES.get(first, first[:4])
        local = rng.choice((f"{first}.{last}", f"{first[0]}{last}", f"{last}_{first}", f"{short}{last[0]}"))
        return f"{local}{rng.randrange(100_000)}@{rng.choice(names.MAIL_DOMAINS)}"

    def written(self, person: _Person, rng: Random) -> list[str | None]:
        """One record of the person, in the order of FIELDS."""
        home = person.old_home if rng.random() < self.profile.moved else person.home
        email = person.emails[rng.random() < self.profile.other_email]
        phone = person.mobile if rng.random() < 0.7 else home[4]
        values = (person.given, person.surname, *home[:4], person.born, email, phone)
        missing = self.profile.missing
        fields = {
            name: None if rng.random() < missing[name] else value for name, value in zip(FIELDS, values, strict=True)
        }
        for _ in range(_poisson(rng, self.profile.errors)):
            _slip(fields, rng)
        return list(fields.values())


def _poisson(rng: Random, mean: float) -> int:
    """Knuth's method."""
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product, count = product * rng.random(), count + 1
    return count


def _slip(fields: dict[str, str | None], rng: Random) -> None:
    """One error somewhere in the record; a slip that changes nothing there (no nickname, no birth date) is a typo."""
    before = dict(fields)
    kind = rng.choices([*_SLIPS], [*_SLIPS.values()])[0]
    given, born, street = fields["given_name"], fields["date_of_birth"], fields["street"]
    if kind == "nickname" and given:
        fields["given_name"] = _NICKNAMES.get(given, given)
    elif kind == "swapped":
        fields["given_name"], fields["surname"] = fields["surname"], given
    elif kind == "day and month" and born and len(born) == 8:
        fields["date_of_birth"] = born[:4] + born[6:] + born[4:6]
    elif kind == "short street" and street:
        fields["street"] = corruption.shortened(street)
    elif kind == "misheard" or kind == "misread":
        name = rng.choice([n for n in ("given_name", "surname", "street", "city") if fields[n]] or ["state"])
        change = corruption.misheard if kind == "misheard" else corruption.misread
        fields[name] = change(rng, fields[name] or "") or None
    if fields == before:
        present = [name for name, value in fields.items() if value]
        if present:
            name = rng.choices(present, [_WEIGHTS[n] for n in present])[0]
            fields[name] = corruption.typo(rng, fields[name] or "")
