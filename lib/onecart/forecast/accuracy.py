"""What became of earlier forecasts."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_DRIFT = 2.0  # standard errors that a sum of errors without bias hardly reaches
_FEWEST = 7  # days that say nothing yet


def came_true(forecast: DataFrame, series: DataFrame, closed: DataFrame, *, as_of: date) -> DataFrame:
    """Rows of gold.forecast_accuracy: those of `forecast` (gold.demand_forecast) that are chosen and of days before `as_of`,
    beside `series`[unique_id, ds, y]: no row, nothing sold, but on `closed`[ds] not known."""
    past = forecast.where(F.col("chosen") & (F.col("ds") < F.lit(as_of)))
    shut = F.broadcast(closed.withColumn("shut", F.lit(True)))
    both = past.join(series, on=["unique_id", "ds"], how="left").join(shut, on="ds", how="left")
    y = F.when(F.col("shut").isNull(), F.coalesce("y", F.lit(0.0)))
    inside = [y.between(F.col(f"yhat_lo_{k}"), F.col(f"yhat_hi_{k}")).alias(f"inside_{k}") for k in (80, 95)]
    return both.select(
        "unique_id", "ds", F.col("as_of").alias("made_on"), "model", "yhat", y.alias("y"), *inside, "model_version"
    )


def gain(backtest: DataFrame) -> DataFrame:
    """One row [series, gain, gain_low, gain_high] of gold.forecast_backtest: by which share the regressors (weather, promotions)
    make the errors of the regression less, the mean over series, with its 95 % interval; above 0 on both ends: they help."""
    mean = backtest.where("model IN ('regression', 'calendar')").groupBy("unique_id")
    both = mean.pivot("model", ["regression", "calendar"]).agg(F.avg("mae")).where("calendar > 0")
    share = 1 - F.col("regression") / F.col("calendar")
    figures = both.agg(
        F.count(share).alias("series"),
        F.avg(share).alias("gain"),
        (F.stddev(share) / F.sqrt(F.count(share))).alias("se"),
    )
    ends = [
        (F.col("gain") + side * 1.96 * F.col("se")).alias(f"gain_{name}") for side, name in ((-1, "low"), (1, "high"))
    ]
    return figures.where("series > 1").select("series", "gain", *ends)


def drifted(accuracy: DataFrame) -> DataFrame:
    """[unique_id, signal]: products whose newest forecast that has come true is off to one side, by the tracking signal: the sum
    of errors (forecast less sold) over their mean absolute value (Trigg 1964), which over n days without bias is of the order
    of 1.25 * sqrt(n)."""
    newest = accuracy.groupBy("unique_id").agg(F.max("made_on").alias("made_on"))
    known = accuracy.where("y IS NOT NULL").join(newest, on=["unique_id", "made_on"], how="left_semi")
    error = F.col("yhat") - F.col("y")
    sums = known.groupBy("unique_id").agg(
        F.count("*").alias("days"), F.sum(error).alias("sum"), F.avg(F.abs(error)).alias("mean")
    )
    signal = sums.where((F.col("days") >= _FEWEST) & (F.col("mean") > 0)).withColumn("signal", F.expr("sum / mean"))
    return signal.where(F.abs("signal") > _DRIFT * 1.25 * F.sqrt("days")).select("unique_id", "signal")
