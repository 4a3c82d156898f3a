"""What `onecart quarantine list` and `show` print."""

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError, nearest
from onecart.governance.masking import masked
from onecart.lake import Lake
from onecart.quality.judge import OPEN, REPAIRED


def with_status(rows: DataFrame) -> DataFrame:
    """ops.quarantine with the status of rows from before there was one."""
    return rows.withColumn("status", F.coalesce("status", F.lit(OPEN)))


def groups(lake: Lake) -> list[dict[str, Any]]:
    """One entry per feed and rule, those with most open rows first: open and repaired rows, when the first and last came in,
    and the first open one as an example, what reaches a person masked."""
    rows = lake.read_if_exists("ops.quarantine").transform(with_status)
    is_open = F.col("status") == OPEN
    found = rows.groupBy("source", "rule").agg(
        F.count_if(is_open).alias("open"),
        F.count_if(F.col("status") == REPAIRED).alias("repaired"),
        F.first("reason").alias("reason"),
        F.min("ingested_ts").alias("first"),
        F.max("ingested_ts").alias("last"),
        F.min(F.when(is_open, F.struct("source_file", "line_no", "payload"))).alias("example"),
    )
    return [
        {
            **{c: r[c] for c in ("source", "rule", "open", "repaired", "reason", "first", "last")},
            "example": r["example"]
            and f"{r['example'].source_file}, line {r['example'].line_no}: {masked(r['example'].payload or '')}",
        }
        for r in found.orderBy(F.desc("open"), "source", "rule").collect()
    ]


def rows_of(lake: Lake, what: str, limit: int) -> list[dict[str, Any]]:
    """The first open rows of a feed, a rule, both (`feed/rule`) or with an id, as they are. UsageError: there is no such."""
    rows = lake.read_if_exists("ops.quarantine").transform(with_status)
    feed, _, rule = what.partition("/")
    wanted = (F.col("source") == feed) & (F.col("rule") == rule) if rule else F.lit(False)
    for column in ("source", "rule", "quarantine_id"):
        wanted = wanted | (F.col(column) == what)
    found = (
        rows.where(wanted & (F.col("status") == OPEN)).orderBy("source_file", "line_no", "quarantine_id").limit(limit)
    )
    shown = [row.asDict() for row in found.collect()]
    if not shown:
        known = {name for r in rows.select("source", "rule").distinct().collect() for name in r}
        raise UsageError(f"no open rows of '{what}' in ops.quarantine{nearest(what, known)}")
    return shown
