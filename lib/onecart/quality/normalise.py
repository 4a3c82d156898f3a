"""Repairs and normal forms, column by column, before the rules are tried."""

from collections.abc import Iterator
from contextlib import suppress

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.contracts import Table
from onecart.contracts.base.table import MONEY, QUANTITY
from onecart.facts.countries import code_of

MADE = ("order_line_id", "amount", "is_return", "ingested_ts")  # columns that no feed has to map


def normalise(rows: DataFrame, table: Table, home: str | None) -> DataFrame:
    """E-mails in lower case, phones in E.164, postcodes and product codes in upper case without spaces; for order
    lines also amount, is_return and order_line_id. `table` says which silver table `rows` are meant for, `home` the country
    (ISO 3166) of whom it is not said; None: not known.
    """
    have = set(rows.columns)
    changes: dict[str, Column] = {}
    if "email" in have:
        changes["email"] = F.lower("email")
    if "phone" in have:
        changes["phone"] = e164("phone", F.col("country") if "country" in have else F.lit(None).cast("string"), home)
    if "postcode" in have:
        changes["postcode"] = F.upper(F.regexp_replace("postcode", r"\s+", ""))
    if "sku" in have:
        changes["sku"] = F.upper("sku")
    rows = rows.withColumns(changes)
    return rows.transform(with_order_line) if table.name == "silver.orders" else rows


def with_order_line(rows: DataFrame) -> DataFrame:
    """Adds amount (in `currency`: what the feed says, else quantity x unit_price), is_return, and order_line_id: lines alike in
    order, product, units, price and time are one line that came twice.
    """
    said = {c: F.col(c).cast("string") for c in ("order_id", "sku", "quantity", "unit_price", "order_ts")}
    said["quantity"] = _plain(F.col("quantity"))
    said["description"] = F.col("description") if "description" in rows.columns else F.lit(None)
    parts = [F.coalesce(part, F.lit("")) for part in said.values()]
    parts += [F.col("unit")] if "unit" in rows.columns else []  # of pieces it is null, which concat_ws leaves out
    amount = (F.col("quantity") * F.col("unit_price")).cast(MONEY)
    return rows.withColumns(
        {
            "amount": F.coalesce("amount", amount) if "amount" in rows.columns else amount,
            "is_return": F.col("quantity") < 0,
            "order_line_id": F.sha2(F.concat_ws("|", *parts), 256).substr(1, 32),
        }
    )


def _plain(quantity: Column) -> Column:
    """As text without trailing zeros: 2 and not 2.0000, for ids to be those of when quantities were whole."""
    return F.regexp_replace(quantity.cast(QUANTITY).cast("string"), r"\.?0+$", "")


def e164(number: Column | str, country: Column | str, home: str | None) -> Column:
    """A phone number as E.164 (+447700900123), read as it is dialled in the country of the record (see `code_of`) or, where it
    is none there, at home; what can be no number anywhere stays as its digits."""

    @pandas_udf(T.StringType())  # type: ignore[untyped-decorator, call-overload]
    def parsed(rows: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:
        for numbers, countries in rows:
            # Spark gives an empty or null column of texts as one of no type.
            both = zip(numbers.astype(object), countries.astype(object), strict=True)
            yield pd.Series([_e164(number, code_of(where), home) for number, where in both], dtype=object)

    return parsed(number, country)  # type: ignore[no-any-return]


def _e164(text: str | None, country: str | None, home: str | None) -> str | None:
    import phonenumbers

    if not text:
        return None
    found = []
    for region in dict.fromkeys([country or home, home]):
        with suppress(phonenumbers.NumberParseException):
            found.append(phonenumbers.parse(text, region))
    if not found:
        return "".join(c for c in text if c.isdigit()) or None
    number = next((n for n in found if phonenumbers.is_valid_number(n)), found[0])
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
