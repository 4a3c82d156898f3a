"""What became of earlier forecasts."""

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from scipy.stats import t

_DRIFT = 2.0  # standard errors that a sum of errors without bias hardly reaches
_STUDENT = [float(x) for x in t.ppf(0.975, range(1, 31))]  # by degrees of freedom
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
    """One row [windows, gain, gain_low, gain_high] of gold.forecast_backtest: by which share the regressors (weather, promotions)
    make the errors of the regression less, the mean over the products of a window, and of the windows; with its 95 % interval;
    above 0 on both ends: they help.

    The interval is Student's, of the windows: all products share what happened in a window, so they are no independent cases,
    however many. No row from one window.
    """
    errors = backtest.where("model IN ('regression', 'calendar')").groupBy("unique_id", "cutoff")
    both = errors.pivot("model", ["regression", "calendar"]).agg(F.first("mae"))
    usual = F.avg("calendar").over(Window.partitionBy("unique_id"))
    less = both.withColumn("less", (F.col("calendar") - F.col("regression")) / F.nullif(usual, F.lit(0.0)))
    by_window = less.groupBy("cutoff").agg(F.avg("less").alias("less")).where("less IS NOT NULL")
    n = F.count("*")
    figures = by_window.agg(
        n.alias("windows"), F.avg("less").alias("gain"), (F.stddev("less") / F.sqrt(n)).alias("se")
    ).where("windows > 1")
    times = F.element_at(
        F.array(*[F.lit(x) for x in _STUDENT]), F.least(F.col("windows") - 1, F.lit(len(_STUDENT))).cast("int")
    )
    ends = [
        (F.col("gain") + side * times * F.col("se")).alias(f"gain_{name}") for side, name in ((-1, "low"), (1, "high"))
    ]
    return figures.select("windows", "gain", *ends)


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
