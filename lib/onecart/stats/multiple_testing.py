"""Many tests at once: how many of those that look significant are so by chance."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def with_q_value(rows: DataFrame, *, alpha: float) -> DataFrame:
    """`rows`[p_value, ...] with q_value, of Benjamini and Hochberg (Controlling the False Discovery Rate, 1995) over all
    p-values of the frame that are not null; null above `alpha`, where it cannot matter: only the p-values up to it are
    sorted in one place."""
    total = rows.agg(F.count("p_value").alias("tests"))
    small = rows.where(F.col("p_value") <= alpha).select("p_value").groupBy("p_value").agg(F.count("*").alias("n"))
    up = Window.orderBy("p_value").rowsBetween(Window.unboundedPreceding, 0)
    down = Window.orderBy("p_value").rowsBetween(0, Window.unboundedFollowing)
    ranked = small.withColumn("rank", F.sum("n").over(up)).crossJoin(F.broadcast(total))
    ranked = ranked.withColumn("own", F.col("p_value") * F.col("tests") / F.col("rank"))
    found = ranked.select("p_value", F.min("own").over(down).alias("q"))
    joined = rows.join(F.broadcast(found), "p_value", how="left")
    return joined.withColumn("q_value", F.when(F.col("q") <= alpha, F.col("q"))).drop("q")
