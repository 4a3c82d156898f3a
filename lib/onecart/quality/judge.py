"""Bronze lines -> rows of a silver table, each with what becomes of it."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Quality, Source
from onecart.context import Context
from onecart.contracts import Table
from onecart.governance import suppression
from onecart.quality.normalise import with_amount, with_order_line_id
from onecart.quality.parse import silver_rows
from onecart.quality.rules import SUPPRESSED, Rule, rules, with_verdict
from onecart.quality.shop_rules.anomalies import anomaly_rules, with_deviations
from onecart.quality.shop_rules.own_rules import own_rules, with_all_columns
from onecart.quality.shop_rules.repairs import happened, repair_rules, with_clock, with_values
from onecart.quality.versions import DUPLICATE, NEWEST, SUPERSEDED, Versions

OPEN, REPAIRED = "open", "repaired"  # status of a row of ops.quarantine


def judge(
    lines: DataFrame,
    name: str,
    source: Source,
    table: Table,
    ctx: Context,
    suppressions: suppression.Suppressions | None = None,
) -> DataFrame:
    """Bronze lines -> rows of `table` with `rule`, `reason`, `severity` (null: good), `flags`, `fate` among
    versions of one key, and `lateness_h`."""
    rows = silver_rows(lines, name, source, ctx.settings.shop.country)
    versions = versions_of(table, source)
    if "updated_ts" in table.schema.fieldNames() and not versions.dated:
        rows = rows.withColumn("updated_ts", F.col("ingested_ts"))
    rows = rows.transform(suppression.with_suppressed, suppressions)
    kept, quality, shop = rows.columns, ctx.settings.quality, shop_rules(table, source, ctx.settings.quality)
    policies, anomalies = quality.missing_of(table.name), quality.anomalies_of(table.name)
    past = _past(ctx, table) if anomalies or any(p.action == "impute" for p in policies.values()) else None
    rows = rows.transform(with_clock, quality.max_clock_skew_seconds).transform(with_values, table, policies, past)
    if policies and table.name == "silver.orders":
        rows = rows.transform(with_amount)
    filled = [c for c, p in policies.items() if p.action in ("default", "impute") and c not in kept]
    rows = rows.transform(with_deviations, anomalies, past)
    found = rules(table, [*kept, *filled], quality) + shop
    rows = with_verdict(with_all_columns(rows, table) if quality.own_rules(table.name) else rows, found)
    rows = rows.select(*kept, *filled, "rule", "reason", "severity", "flags")
    if "order_line_id" in table.key and "order_line_id" not in rows.columns:
        rows = rows.transform(with_order_line_id, alone=source.explode is not None or not source.path)
    return rows.transform(versions.with_fate).withColumn("lateness_h", lateness_h(rows))


def shop_rules(table: Table, source: Source, quality: Quality) -> list[Rule]:
    """The rules that the settings make for a feed of `table`: of repairs, of the shop's own, of anomalies."""
    repairs = repair_rules(list(source.columns), quality.missing_of(table.name))
    return [*repairs, *own_rules(table, quality), *anomaly_rules(quality.anomalies_of(table.name))]


def _past(ctx: Context, table: Table) -> DataFrame | None:
    """What silver has of a table; None: nothing yet."""
    return None if ctx.lake.is_empty(table.name) else ctx.lake.read(table.name)


def lateness_h(rows: DataFrame) -> Column:
    """Hours from when it happened to when it was received; null where the feed does not say."""
    time = happened(rows.columns)
    if time is None:
        return F.lit(None).cast("double")
    return (F.unix_timestamp("received_ts") - F.unix_timestamp(time)) / 3600


def quarantined(judged: DataFrame, name: str, table: Table) -> DataFrame:
    """Rows of ops.quarantine."""
    nth = F.nullif("record_no", F.lit(0))  # null, of the first record of a line: left out
    where = F.concat_ws("|", F.lit(table.name), "source_file", "line_no", nth, "element")
    return judged.where("rule IS NOT NULL AND severity != 'drop'").select(
        F.sha2(where, 256).substr(1, 32).alias("quarantine_id"),
        F.lit(table.name).alias("target"),
        F.lit(name).alias("source"),
        "rule",
        "reason",
        F.when(F.col("rule") != SUPPRESSED, F.col("payload")).alias("payload"),
        "source_file",
        "line_no",
        "ingested_ts",
        "record_no",
        F.lit(OPEN).alias("status"),
    )


def versions_of(table: Table, source: Source) -> Versions:
    return Versions(table, dated="updated_ts" in source.columns)


def count(judged: DataFrame, late_hours: int, *more: Column) -> dict[str, int]:
    """Rows `n`, records, unique, gone (from their database), twice, superseded, late, suppressed, `left`: suppressed ones whose line is in bronze, dropped;
    and `more`."""
    fate, suppressed, is_gone = F.col("fate"), F.col("rule") == SUPPRESSED, F.coalesce("gone", F.lit(False))
    found = judged.agg(
        F.count("*").alias("n"),
        F.count_if(F.col("element") == 0).alias("records"),
        F.count_if((fate == NEWEST) & ~is_gone).alias("unique"),
        F.count_if((fate == NEWEST) & is_gone).alias("gone"),
        F.count_if(fate == DUPLICATE).alias("twice"),
        F.count_if(fate == SUPERSEDED).alias("superseded"),
        F.count_if((fate == NEWEST) & (F.col("lateness_h") > late_hours)).alias("late"),
        F.count_if(suppressed).alias("suppressed"),
        F.count_if(suppressed & F.col("payload").isNotNull()).alias("left"),
        F.count_if(F.col("severity") == "drop").alias("dropped"),
        *more,
    ).first()
    assert found is not None
    return dict(found.asDict())
