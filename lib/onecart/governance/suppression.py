"""The suppression list: identifiers of erased persons, as HMACs, that an old file must not bring back.

`ingest` refuses a line in which one stands (`refused`), `clean` a row whose identifier column holds one
(`with_suppressed`). Without a list nothing is computed.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Protocol

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Privacy
from onecart.contracts.base.table import IDENTIFIERS
from onecart.contracts.channels import PLACE
from onecart.errors import OneCartError
from onecart.frames import break_lineage
from onecart.governance.phones import national, national_digits
from onecart.governance.pseudonym import KeyRing, hmac_sha256, key_file, key_ring

ANYWHERE = "any"  # kind of an identifier that no one else's can be mistaken for
NUMBER = "number"  # kind of a short number, another thing's tomorrow: only a broken line is refused because of it
SHORTEST = 6  # characters of such an identifier
# What tells that a row is about a person. Orders, tickets and events are told by their person.
TELLING = ("record", "email", "phone", "card", "account", "device", "cookie", "handle")
_SAID = ("payload", "record_key", "headers")  # what of a bronze record can name somebody
_RUN = rf"[\p{{L}}\p{{N}}_][\p{{L}}\p{{N}}_.+@'-]{{{SHORTEST - 2},}}[\p{{L}}\p{{N}}_]"
_WORD = rf"[\p{{L}}\p{{N}}_]{{{SHORTEST},}}"
_NUMBER = r"\+?[0-9](?:[ ().\-/]{0,3}[0-9]){6,14}"


@dataclass(frozen=True)
class Suppressions:
    """The list as it is now, and the keys that signed it."""

    listed: DataFrame
    keys: KeyRing


class Tables(Protocol):
    """What is asked of a lake here; the lake itself stands above."""

    root: str

    def read_if_exists(self, name: str, /) -> DataFrame: ...


def current(lake: Tables, privacy: Privacy) -> Suppressions | None:
    """The list; None: it is empty. OneCartError: a key that signed a part of it is not there."""
    listed = lake.read_if_exists("ops.suppressions").select("kind", "hash", "key_version")
    signed = {row[0] for row in listed.select("key_version").distinct().collect()}
    if not signed:
        return None
    keys = key_ring(privacy, lake.root)
    if lost := sorted(signed - set(keys.versions)):
        where = "privacy.key and privacy.retired_keys" if privacy.key else str(key_file(lake.root))
        raise OneCartError(
            f"ops.suppressions was signed with the keys {', '.join(lost)}, which {where} does not hold; give them back, "
            "or erased persons could return"
        )
    return Suppressions(listed.drop("key_version"), keys)


def normal(kind: str, value: str) -> str:
    """An identifier as it is signed: lower case without outer spaces; a phone number as its national digits."""
    return national(value) if kind == "phone" else value.strip().lower()


def refused(lines: DataFrame, suppressions: Suppressions, delimiter: str | None) -> DataFrame:
    """The bronze records in which a suppressed identifier stands, without payload, key and headers: nothing but their places.

    `delimiter`: of CSV records; None: they are JSON.
    """
    cut = F.get_json_object("payload", "$").isNull()
    if delimiter is not None:
        fields = (F.length(c) - F.length(F.replace(F.col(c), F.lit(delimiter))) for c in ("payload", "header"))
        cut = next(fields) < next(fields)
    tokens = lines.select(*PLACE, cut.alias("cut"), F.explode(_tokens(_said(lines))).alias("token"))
    signed = [
        tokens.select(*PLACE, "cut", hmac_sha256(F.col("token"), key).alias("hash")) for key in suppressions.keys.keys
    ]
    listed = suppressions.listed.where(F.col("kind").isin(ANYWHERE, NUMBER))
    found = reduce(DataFrame.unionByName, signed).join(listed, "hash", how="inner")
    hit = found.where(F.col("cut") | (F.col("kind") == ANYWHERE)).select(*PLACE).distinct()
    nothing = {c: F.lit(None).cast(lines.schema[c].dataType) for c in _SAID if c in lines.columns}
    return lines.join(hit, list(PLACE), how="left_semi").withColumns(nothing).select(lines.columns)


def emptied(lines: DataFrame, suppressions: Suppressions, delimiter: str | None) -> tuple[DataFrame, DataFrame]:
    """(`lines` with those that are `refused` as these come back, the refused ones); both are computed now."""
    lines = break_lineage(lines)
    gone = refused(lines, suppressions, delimiter).transform(break_lineage)
    return lines.join(gone, list(PLACE), how="left_anti").select(gone.columns).unionByName(gone), gone


def with_suppressed(rows: DataFrame, suppressions: Suppressions | None) -> DataFrame:
    """Adds `suppressed`: an identifier column of the row holds an identifier of an erased person."""
    found = F.lit(False)
    if suppressions is not None:
        columns = [c for c in rows.columns if IDENTIFIERS.get(c, ("",))[0] in TELLING]
        for column in columns:
            kind = IDENTIFIERS[column][0]
            value = national_digits(F.col(column)) if kind == "phone" else F.lower(F.trim(F.col(column)))
            for i, key in enumerate(suppressions.keys.keys):
                mark = f"_{column}_{i}"
                listed = suppressions.listed.where(F.col("kind") == kind).select(F.col("hash").alias(mark))
                rows = rows.join(listed, hmac_sha256(value, key) == F.col(mark), how="left")
                found = found | F.col(mark).isNotNull()
    return rows.withColumn("suppressed", found).drop(*[c for c in rows.columns if c.startswith("_")])


def _said(lines: DataFrame) -> Column:
    """All that a record says, as one text."""
    texts = {"payload": F.col("payload"), "record_key": F.col("record_key"), "headers": F.to_json("headers")}
    return F.concat_ws(" ", *[texts[c] for c in _SAID if c in lines.columns])


def _tokens(text: Column) -> Column:
    """The distinct things in a line that can be an identifier: words, runs with dots and @ in them, phone numbers."""
    plain = F.replace(F.lower(text), F.lit("%40"), F.lit("@"))
    found = [F.regexp_extract_all(plain, F.lit(pattern), F.lit(0)) for pattern in (_RUN, _WORD)]
    numbers = F.transform(F.regexp_extract_all(plain, F.lit(_NUMBER), F.lit(0)), national_digits)
    return F.array_distinct(F.concat(*found, numbers))
