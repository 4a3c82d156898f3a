"""Can the data be trusted: rows set aside and the last runs, of ops.quarantine (quality) and ops.runs (all jobs)."""

import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.report.card import Card, Section

RUN_COLUMNS = ("job", "status", "rows_in", "rows_out", "rows_quarantined", "rows_duplicate", "seconds", "run_id")


def cards(ctx: Context) -> list[Card]:
    rules = ctx.lake.read_if_exists("ops.quarantine").groupBy("source", "rule").count()
    most = rules.orderBy("count", ascending=False).limit(15)
    columns = ctx.lake.read_if_exists("ops.feed_columns")
    runs = ctx.lake.read("ops.runs").orderBy("started_ts", ascending=False).limit(15)
    return [
        Card("Rows set aside, by rule", most.toPandas()),
        Card(
            "Columns of feeds: how often they are null beside their past, and fields that nobody maps", moved(columns)
        ),
        Card("The last runs", runs.select(*RUN_COLUMNS).toPandas()),
    ]


def moved(columns: DataFrame) -> pd.DataFrame:
    """Picks from the newest run of each feed the columns whose null share moved most and the fields of its records that its
    schema does not name; what raised an alarm first."""
    newest = Window.partitionBy("source").orderBy(F.desc("run_ts"))
    now = columns.withColumn("nth", F.dense_rank().over(newest)).where("nth = 1")
    moved = F.abs(F.col("share") - F.coalesce("share_before", "share"))
    shown = now.where(F.col("alarm") | (moved > 0) | (F.col("kind") != "column") | (F.col("share") == 1))
    most = shown.orderBy(F.desc("alarm"), F.desc(moved), F.desc("share"), "source", "column").limit(15)
    return most.select("source", "kind", "column", "rows", "share", "share_before", "alarm").toPandas()


SECTION = Section("Can the data be trusted", cards)
