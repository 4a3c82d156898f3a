"""The rules a silver row must keep. A row that breaks one goes to ops.quarantine with the rule's name and reason."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import Quality
from onecart.contracts import Table

SUPPRESSED = "suppressed"


@dataclass(frozen=True)
class Rule:
    """`broken` is true for a row that breaks the rule; null counts as false."""

    name: str | Column
    reason: str | Column
    broken: Column


def rules(table: Table, columns: list[str], quality: Quality) -> list[Rule]:
    """The rules of a table, in the order they are tried; the first one broken names the row's reason."""
    required = [f for f in table.schema.fields if not f.nullable and f.name in columns]
    # A payload that ingest took away, or a row that holds an identifier of an erased person.
    gone = F.col("payload").isNull() | F.col("suppressed")
    found = [Rule(SUPPRESSED, "about a person who was erased", gone)]
    found.append(Rule(F.col("set_aside.rule"), F.col("set_aside.reason"), F.col("set_aside").isNotNull()))
    found += [Rule("malformed", "the record is not what the feed's schema says", F.col("malformed"))]
    found += [
        Rule(f"no_{f.name}", f"{f.name} is missing or not a {f.dataType.simpleString()}", F.col(f.name).isNull())
        for f in required
    ]
    for field in table.schema.fields:
        if (
            field.name in columns
            and isinstance(field.dataType, T.TimestampType)
            and field.name not in ("received_ts", "ingested_ts")
        ):
            found += _in_time(field.name, quality)
    if "quantity" in columns:
        found += [
            Rule(
                "absurd_quantity",
                f"more than {quality.max_quantity:,} units in one line",
                F.abs("quantity") > quality.max_quantity,
            ),
            Rule("zero_quantity", "zero units", F.col("quantity") == 0),
        ]
        if table.name != "silver.orders":  # only an order line can be a return
            found.append(Rule("negative_quantity", "units below zero", F.col("quantity") < 0))
    if "unit_price" in columns:
        found += [
            Rule("negative_price", "a price below zero", F.col("unit_price") < 0),
            Rule(
                "absurd_price",
                f"a price above {quality.max_unit_price:,.0f}",
                F.col("unit_price") > quality.max_unit_price,
            ),
        ]
    if "visitors" in columns:
        found.append(Rule("negative_visitors", "visitors below zero", F.col("visitors") < 0))
    if "rating" in columns:
        found.append(Rule("rating_range", "stars are not 1 to 5", ~F.col("rating").between(1, 5)))
    return found


def with_verdict(rows: DataFrame, found: list[Rule]) -> DataFrame:
    """Adds `rule` and `reason`: of the first rule broken, null for a good row."""
    rule, reason = F.lit(None).cast("string"), F.lit(None).cast("string")
    for r in reversed(found):
        rule, reason = F.when(r.broken, r.name).otherwise(rule), F.when(r.broken, r.reason).otherwise(reason)
    return rows.withColumns({"rule": rule, "reason": reason})


def _in_time(column: str, quality: Quality) -> list[Rule]:
    earliest = F.lit(quality.earliest.isoformat()).cast("timestamp")
    return [
        Rule(f"past_{column}", f"{column} is before {quality.earliest}", F.col(column) < earliest),
        Rule(
            f"future_{column}",
            f"{column} is later than the day after it came in",
            F.col(column) > F.expr("ingested_ts + interval 1 day"),
        ),
    ]
