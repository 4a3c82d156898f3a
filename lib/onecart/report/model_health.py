"""What is newest in a table, as several sections show it: figures of gold.model_health, rows of a day."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def newest_metrics(health: DataFrame, metric: str, prefix: str) -> DataFrame:
    """Finds the newest value of `metric` per model whose name starts with `prefix`."""
    rows = health.where((F.col("metric") == metric) & F.col("model").startswith(prefix))
    return newest(rows).select("model", "value")


def newest(health: DataFrame) -> DataFrame:
    """Keeps the newest value of each metric: model, metric, value."""
    return health.groupBy("model", "metric").agg(F.max_by("value", F.struct("as_of", "model_version")).alias("value"))


def newest_day(rows: DataFrame) -> DataFrame:
    """Keeps the rows of the newest as_of."""
    return rows.join(rows.agg(F.max("as_of").alias("as_of")), on="as_of", how="left_semi")
