"""The rules a silver row must keep. A row that breaks one goes to ops.quarantine with the rule's name and reason."""

import re
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import Quality, Severity
from onecart.contracts import Table

SUPPRESSED = "suppressed"
_AHEAD = ("silver.plans", "silver.weather")  # whose days may lie ahead
_NO = {"amount": "quantity x unit_price is more than amount keeps"}


@dataclass(frozen=True)
class Rule:
    """`broken` is true for a row that breaks the rule; null counts as false. severity: what becomes of such a row."""

    name: str | Column
    reason: str | Column
    broken: Column
    severity: Severity = "quarantine"


def rules(table: Table, columns: list[str], quality: Quality) -> list[Rule]:
    """The rules of a table, in the order they are tried; the first one broken names the row's reason."""
    required = [f for f in table.schema.fields if not f.nullable and f.name in columns]
    # A payload that ingest took away, or a row that holds an identifier of an erased person.
    gone = F.col("payload").isNull() | F.col("suppressed")
    found = [Rule(SUPPRESSED, "about a person who was erased", gone)]
    found.append(Rule(F.col("set_aside.rule"), F.col("set_aside.reason"), F.col("set_aside").isNotNull()))
    found.append(Rule(F.col("unfit.rule"), F.col("unfit.reason"), F.col("unfit").isNotNull()))
    found += [Rule(f"no_{f.name}", _NO.get(f.name, f"{f.name} is missing"), F.col(f.name).isNull()) for f in required]
    for field in table.schema.fields:
        happened = isinstance(field.dataType, T.TimestampType) and field.name not in ("received_ts", "ingested_ts")
        if field.name in columns and (happened or field.name == "day"):
            past, future = _in_time(field, quality)
            found += [past] if field.name == "day" and table.name in _AHEAD else [past, future]
        elif field.name in columns and isinstance(field.dataType, T.DateType | T.TimestampType):
            found.append(_no_year(field))
            if field.name == "date_of_birth":  # of a customer: the others may lie ahead
                found.append(_in_time(field, quality)[1])
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
        found.append(Rule("negative_price", "a price below zero", F.col("unit_price") < 0))
        if quality.max_unit_price is not None:
            absurd = F.col("unit_price") > quality.max_unit_price
            found.append(Rule("absurd_price", f"a price above {quality.max_unit_price:,.0f}", absurd))
    return found + _checks(table, columns)


def _checks(table: Table, columns: list[str]) -> list[Rule]:
    """A rule per check of the table: Delta would refuse a row that breaks one, and end the job and every one after it.
    A column that the feed does not map is null, and null passes: else it could not be left out."""
    left_out = {c.name for c in table.columns} - set(columns)
    return [
        Rule(name, f"against the table's check: {check}", ~F.coalesce(F.expr(check), F.lit(False)))
        for name, check in table.checks.items()
        if left_out.isdisjoint(re.findall(r"\w+", check))
    ]


def with_verdict(rows: DataFrame, found: list[Rule]) -> DataFrame:
    """Adds `rule`, `reason` and `severity`: of the first rule broken that does more than warn, null for a good row; `flags`:
    the rules that a good row breaks and may, null for none."""
    broken = [
        F.when(r.broken, F.struct(*[F.lit(said).alias(name) for name, said in _said(r).items()]))
        for r in found
        if r.severity != "warn"
    ]
    warned = F.array_compact(F.array(*[F.when(r.broken, F.lit(r.name)) for r in found if r.severity == "warn"]))
    judged = rows.withColumn("verdict", F.coalesce(*broken))
    flagged = F.col("verdict").isNull() & (F.size(warned) > 0)
    flags = F.when(flagged, warned) if any(r.severity == "warn" for r in found) else F.lit(None)
    verdict = {c: F.col(f"verdict.{c}") for c in ("rule", "reason", "severity")}
    return judged.withColumns({**verdict, "flags": flags.cast("array<string>")}).drop("verdict")


def _said(rule: Rule) -> dict[str, str | Column]:
    return {"rule": rule.name, "reason": rule.reason, "severity": rule.severity}


def _in_time(field: T.StructField, quality: Quality) -> tuple[Rule, Rule]:
    kind = field.dataType.simpleString()  # compared as what it is: not every day fits a timestamp
    earliest = F.lit(quality.earliest.isoformat()).cast(kind)
    latest = F.expr("ingested_ts + interval 1 day").cast(kind)
    name = field.name
    return (
        Rule(f"past_{name}", f"{name} is before {quality.earliest}", F.col(name) < earliest),
        Rule(f"future_{name}", f"{name} is later than the day after it came in", F.col(name) > latest),
    )


def _no_year(field: T.StructField) -> Rule:
    """Spark counts years that Python has no dates for."""
    first, last = (F.lit(day).cast(field.dataType) for day in ("0001-01-01", "9999-12-31"))
    return Rule(
        f"absurd_{field.name}", f"{field.name} is in no year 1 to 9999", ~F.col(field.name).between(first, last)
    )
