"""What a record says about a person: the columns linking understands, their other names, and one normal form of each."""

import unicodedata
from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.frames import composed
from onecart.governance.phones import national_digits

# Column -> other names it is known by. Columns of any simple type; the first one present is taken.
FIELDS: dict[str, tuple[str, ...]] = {
    "given_name": ("first_name", "forename", "firstname", "given"),
    "surname": ("last_name", "family_name", "lastname"),
    "date_of_birth": ("dob", "birth_date", "birthdate", "birthday"),
    "street": ("address", "address_1", "street_address"),
    "city": ("suburb", "town"),
    "postcode": ("zip", "zip_code", "postal_code", "post_code"),
    "state": ("province", "region"),
    "email": ("e_mail", "email_address"),
    "phone": ("telephone", "phone_number", "mobile"),
    "national_id": ("soc_sec_id", "ssn", "social_security_number"),
    "account_id": (),
    "card_id": ("loyalty_card",),
    "handle": (),
    "device_id": (),
    "cookie_id": (),
}

# Latin letters with a mark, to their base letter: Spark SQL has `translate` but no Unicode decomposition.
_MARKED = {
    chr(code): base[0]
    for code in range(0x00C0, 0x0250)
    if len(base := unicodedata.normalize("NFD", chr(code).lower())) > 1 and base[0].isascii()
} | {"ø": "o", "ł": "l", "đ": "d"}


def prepare(records: DataFrame, purpose: str = "matching") -> DataFrame:
    """One row per record: `record_id` as a string, and every column of FIELDS that the records have, as a string in
    normal form, null where it says nothing. A record whose `consent_<purpose>` is false says nothing at all, so that
    nothing links it.

    Lower case without accents, spaces and punctuation for names and addresses, digits for dates (yyyymmdd) and phones.
    A street number in a column of its own (`street_number`) goes before the street.
    UsageError: no record_id; none of the columns; a column that holds lists or structures.
    """
    if "record_id" not in records.columns:
        raise UsageError(f"records need a column record_id; found {', '.join(records.columns)}")
    found = {name: c for name in FIELDS if (c := _column_of(records, name)) is not None}
    if not found:
        raise UsageError(
            f"no column to link records by; found {', '.join(records.columns)}, none of {', '.join(FIELDS)}"
        )
    for column in ("record_id", *found.values()):
        if isinstance(records.schema[column].dataType, T.ArrayType | T.MapType | T.StructType):
            kind = records.schema[column].dataType.simpleString()
            raise UsageError(f"column {column} is {kind}; records need one simple value in it")
    texts = {name: _text(records, column) for name, column in found.items()}
    if "street" in texts and "street_number" in records.columns:
        texts["street"] = F.concat_ws(" ", _text(records, "street_number"), texts["street"])
    consent = f"consent_{purpose}"
    allowed = F.coalesce(F.col(consent).cast("boolean"), F.lit(True)) if consent in records.columns else F.lit(True)
    normal = [_filled(_NORMALISE.get(name, F.trim)(text), allowed).alias(name) for name, text in texts.items()]
    return records.select(F.col("record_id").cast("string").alias("record_id"), *normal)


def require_unique(prepared: DataFrame) -> int:
    """How many records there are. UsageError: a null or repeated record_id."""
    seen = prepared.agg(F.count("*").alias("rows"), F.count_distinct("record_id").alias("ids")).first()
    if seen is None or seen["rows"] == seen["ids"]:
        return seen["rows"] if seen else 0
    counts = prepared.groupBy("record_id").agg(F.count("*").alias("rows")).where("record_id IS NULL OR rows > 1")
    wrong = counts.orderBy("record_id").first()
    assert wrong is not None
    if wrong["record_id"] is None:
        raise UsageError(f"record_id is null in {wrong['rows']:,} records; every record needs an id of its own")
    raise UsageError(f"record_id '{wrong['record_id']}' is on {wrong['rows']:,} records; keep one row per record_id")


def _column_of(records: DataFrame, name: str) -> str | None:
    lower = {c.lower(): c for c in records.columns}
    return next((lower[alias] for alias in (name, *FIELDS[name]) if alias in lower), None)


def _text(records: DataFrame, name: str) -> Column:
    kind = records.schema[name].dataType
    if isinstance(kind, T.FloatType | T.DoubleType):  # numbers that pandas turned to floats because some were missing
        return F.col(name).cast("decimal(20,0)").cast("string")
    if isinstance(kind, T.TimestampType | T.TimestampNTZType):
        return F.col(name).cast("date").cast("string")
    return composed(F.col(name).cast("string"))


def _filled(text: Column, allowed: Column) -> Column:
    return F.when((text != "") & allowed, text)


def _email(text: Column) -> Column:
    clean = F.lower(F.trim(text))
    return F.when(clean.contains("@"), clean)


def _phone(text: Column) -> Column:
    """The national digits, so that +44 20.., 0044 20.., +44 (0)20.. and 020.. meet. Fewer than seven digits are no number."""
    return F.when(F.length(_digits(text)) >= 7, national_digits(text))


def _digits(text: Column) -> Column:
    return F.regexp_replace(text, "[^0-9]", "")


def _letters(text: Column) -> Column:
    """Lower case, without accents, spaces and punctuation."""
    lower = F.lower(text)
    plain = F.translate(lower, "".join(_MARKED), "".join(_MARKED.values()))
    # Most texts are ASCII, where the same takes a fraction of the time.
    ascii_only = F.octet_length(text) == F.char_length(text)
    return F.when(ascii_only, F.regexp_replace(lower, "[^a-z0-9]+", "")).otherwise(
        F.regexp_replace(plain, r"[^\p{L}\p{N}]+", "")
    )


_NORMALISE: dict[str, Callable[[Column], Column]] = {
    "email": _email,
    "phone": _phone,
    "handle": lambda text: F.lower(F.trim(text)),
    "date_of_birth": _digits,
    "national_id": _digits,
    **dict.fromkeys(("given_name", "surname", "street", "city", "postcode", "state"), _letters),
}
