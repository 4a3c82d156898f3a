"""Repairs and normal forms, column by column, before the rules are tried."""

from collections.abc import Iterator

import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.contracts import Table

REGION = "GB"  # how a phone number without a country code is read


def normalise(rows: DataFrame, table: Table) -> DataFrame:
    """E-mails in lower case, phones in E.164, postcodes and product codes in upper case without spaces; for order
    lines also amount and is_return. `table` says which silver table `rows` are meant for.
    """
    have = set(rows.columns)
    changes: dict[str, Column] = {}
    if "email" in have:
        changes["email"] = F.lower("email")
    if "phone" in have:
        changes["phone"] = e164("phone")
    if "postcode" in have:
        changes["postcode"] = F.upper(F.regexp_replace("postcode", r"\s+", ""))
    if "sku" in have:
        changes["sku"] = F.upper("sku")
    rows = rows.withColumns(changes)
    if table.name == "silver.orders":
        amount = (F.col("quantity") * F.col("unit_price")).cast("decimal(18,4)")
        rows = rows.withColumns({"amount": amount, "is_return": F.col("quantity") < 0})
    return rows


def with_order_line_id(rows: DataFrame, *, exploded: bool) -> DataFrame:
    """Adds order_line_id to rows that have `rule`: a hash of order, product, units, price, time and text, and of which one it
    is where one file (of exploded records: one record) has equal good lines: a till writes a line for each scan. The first
    line of a file that comes twice is the first line again.
    """
    parts = [
        F.coalesce(F.col(c).cast("string") if c in rows.columns else F.lit(None), F.lit(""))
        for c in ("order_id", "sku", "quantity", "unit_price", "order_ts", "description")
    ]
    delivery = ["source_file", *(["line_no"] if exploded else [])]
    equal = Window.partitionBy(F.col("rule").isNull(), *delivery, *parts).orderBy("line_no", "element")
    nth = F.row_number().over(equal)
    numbered = rows.withColumn("_nth", F.when(nth > 1, nth.cast("string")))
    line = F.sha2(F.concat_ws("|", *parts, F.col("_nth")), 256).substr(1, 32)
    return numbered.withColumn("order_line_id", line).drop("_nth")


@pandas_udf(T.StringType())  # type: ignore[untyped-decorator, call-overload]
def e164(numbers: Iterator[pd.Series]) -> Iterator[pd.Series]:
    """Phone numbers as E.164 (+447700900123); what cannot be a number stays as its digits."""
    import phonenumbers

    def one(text: str | None) -> str | None:
        if not text:
            return None
        try:
            parsed = phonenumbers.parse(text, REGION)
        except phonenumbers.NumberParseException:
            return "".join(c for c in text if c.isdigit()) or None
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

    for batch in numbers:
        yield batch.map(one, na_action="ignore")
