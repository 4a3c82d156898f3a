"""Repairs and normal forms, column by column, before the rules are tried."""

from collections.abc import Iterator

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.contracts import Table

REGION = "GB"  # how a phone number without a country code is read


def normalise(rows: DataFrame, table: Table) -> DataFrame:
    """E-mails in lower case, phones in E.164, postcodes and product codes in upper case without spaces; for order
    lines also amount, is_return and order_line_id. `table` says which silver table `rows` are meant for.
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
    return rows.transform(with_order_line) if table.name == "silver.orders" else rows


def with_order_line(rows: DataFrame) -> DataFrame:
    """Adds amount (in `currency`), is_return, and order_line_id: lines alike in order, product, units, price and time
    are one line that came twice.
    """
    parts = [
        F.coalesce(F.col(c).cast("string"), F.lit(""))
        for c in ("order_id", "sku", "quantity", "unit_price", "order_ts", "description")
    ]
    return rows.withColumns(
        {
            "amount": (F.col("quantity") * F.col("unit_price")).cast("decimal(18,4)"),
            "is_return": F.col("quantity") < 0,
            "order_line_id": F.sha2(F.concat_ws("|", *parts), 256).substr(1, 32),
        }
    )


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
