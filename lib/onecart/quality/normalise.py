"""Repairs and normal forms, column by column, before the rules are tried."""

from collections.abc import Iterator
from contextlib import suppress

import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.contracts import Table
from onecart.contracts.base.table import MONEY, QUANTITY
from onecart.facts.countries import code_of

MADE = ("order_line_id", "amount", "is_return", "updated_ts", "ingested_ts")  # columns that no feed has to map


def normalise(rows: DataFrame, table: Table, home: str | None) -> DataFrame:
    """E-mails in lower case, phones in E.164, postcodes and product codes in upper case without spaces; for order
    lines also amount (in `currency`: what the feed says, else quantity x unit_price) and is_return. `table` says which silver
    table `rows` are meant for, `home` the country (ISO 3166) of whom it is not said; None: not known.
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
    return with_amount(rows) if table.name == "silver.orders" else rows


def with_amount(lines: DataFrame) -> DataFrame:
    """Order lines with `amount` (what they have, else quantity x unit_price) and `is_return`."""
    amount = (F.col("quantity") * F.col("unit_price")).cast(MONEY)
    amount = F.coalesce("amount", amount) if "amount" in lines.columns else amount
    return lines.withColumns({"amount": amount, "is_return": F.col("quantity") < 0})


def with_order_line_id(rows: DataFrame, *, alone: bool) -> DataFrame:
    """Adds order_line_id to rows that have `rule`: a hash of order, product, units, price, time and text, and of which one it
    is where one file (`alone`: one record, as of exploded ones, messages and rows of databases) has equal good lines: a till
    writes a line for each scan. The first line of a file that comes twice is the first line again.
    """
    said = {c: F.col(c).cast("string") for c in ("order_id", "sku", "quantity", "unit_price", "order_ts")}
    said["quantity"] = _plain(F.col("quantity"))
    said["description"] = F.col("description") if "description" in rows.columns else F.lit(None)
    parts = [F.coalesce(part, F.lit("")) for part in said.values()]
    parts += [F.col("unit")] if "unit" in rows.columns else []  # of pieces it is null, which concat_ws leaves out
    delivery = ["source_file", *(["line_no", "record_no"] if alone else [])]
    equal = Window.partitionBy(F.col("rule").isNull(), *delivery, *parts).orderBy("line_no", "record_no", "element")
    nth = F.row_number().over(equal)
    numbered = rows.withColumn("_nth", F.when(nth > 1, nth.cast("string")))
    line = F.sha2(F.concat_ws("|", *parts, F.col("_nth")), 256).substr(1, 32)
    return numbered.withColumn("order_line_id", line).drop("_nth")


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
