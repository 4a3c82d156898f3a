"""What can tell that two records are one person: the keys, how their values are normalised, how far each is trusted."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError


@dataclass(frozen=True)
class Key:
    """Records with the same normalised values in all of `columns` are one person. `rule` names the key in results.

    `trust` is the probability we give such a link: a judgement, not an estimate from data.
    """

    rule: str
    columns: tuple[str, ...]
    trust: float


KEYS = (
    Key("account_id", ("account_id",), 1.0),
    Key("card_id", ("card_id",), 1.0),
    Key("email", ("email",), 0.99),
    Key("phone", ("phone",), 0.97),
    Key("handle", ("handle",), 0.97),
    Key("name_birth", ("given_name", "surname", "date_of_birth"), 0.95),
    Key("device_id", ("device_id",), 0.95),
    Key("cookie_id", ("cookie_id",), 0.95),
    Key("name_address", ("given_name", "surname", "postcode", "street"), 0.93),
)

# Latin letters with a mark, to their base letter: Spark SQL has `translate` but no Unicode decomposition.
_MARKED = {
    chr(code): base[0]
    for code in range(0x00C0, 0x0250)
    if len(base := unicodedata.normalize("NFD", chr(code).lower())) > 1 and base[0].isascii()
} | {"ø": "o", "ł": "l", "đ": "d"}


def with_keys(records: DataFrame) -> DataFrame:
    """One row per record: `record_id` as a string and `keys`, an array of (rule, value, trust) of the keys it has.

    Columns may have any simple type. UsageError: no `record_id`, or not all columns of a single key.
    """
    if "record_id" not in records.columns:
        raise UsageError(f"records need a column record_id; found {', '.join(records.columns)}")
    usable = [key for key in KEYS if set(key.columns) <= set(records.columns)]
    if not usable:
        wanted = "; ".join(" + ".join(key.columns) for key in KEYS)
        raise UsageError(
            f"no column to link records by: give at least one of {wanted}; found {', '.join(records.columns)}"
        )
    keys = [
        F.struct(F.lit(key.rule).alias("rule"), _value(records, key).alias("value"), F.lit(key.trust).alias("trust"))
        for key in usable
    ]
    present = F.filter(F.array(*keys), lambda key: key["value"].isNotNull())
    return records.select(F.col("record_id").cast("string"), present.alias("keys"))


def _value(records: DataFrame, key: Key) -> Column:
    parts = [_NORMALISE.get(name, _identifier)(_text(records, name)) for name in key.columns]
    filled = [F.when(part != "", part) for part in parts]
    spaced = [piece for part in filled for piece in (F.lit("|"), part)][1:]
    return F.concat(*spaced)  # null if any part is


def _text(records: DataFrame, name: str) -> Column:
    kind = records.schema[name].dataType
    if isinstance(kind, T.FloatType | T.DoubleType):  # numbers that pandas turned to floats because some were missing
        return F.col(name).cast("decimal(20,0)").cast("string")
    if isinstance(kind, T.TimestampType | T.TimestampNTZType):
        return F.col(name).cast("date").cast("string")
    return F.col(name).cast("string")


def _identifier(text: Column) -> Column:
    return F.trim(text)


def _email(text: Column) -> Column:
    clean = F.lower(F.trim(text))
    return F.when(clean.contains("@"), clean)


def _phone(text: Column) -> Column:
    """Digits only; British numbers in national form, so that +44 20.., 0044 20.., +44 (0)20.. and 020.. meet.

    Fewer than seven digits are no phone number.
    """
    bare = F.regexp_replace(text, "[^0-9+]", "")
    national = F.regexp_replace(bare, r"^(?:\+|00)?440?([0-9]{9,10})$", "0$1")
    digits = F.regexp_replace(F.regexp_replace(national, r"^00", ""), r"\+", "")
    return F.when(F.length(digits) >= 7, digits)


def _digits(text: Column) -> Column:
    return F.regexp_replace(text, "[^0-9]", "")


def _letters(text: Column) -> Column:
    """Lower case, without accents, spaces and punctuation."""
    plain = F.translate(F.lower(text), "".join(_MARKED), "".join(_MARKED.values()))
    return F.regexp_replace(plain, r"[^\p{L}\p{N}]", "")


_NORMALISE: dict[str, Callable[[Column], Column]] = {
    "email": _email,
    "phone": _phone,
    "handle": lambda text: F.lower(F.trim(text)),
    "date_of_birth": _digits,
    "given_name": _letters,
    "surname": _letters,
    "postcode": _letters,
    "street": _letters,
}
