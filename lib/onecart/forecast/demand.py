"""The job `forecast`: daily demand of the best sellers from silver.orders, forecast with Prophet and seasonal naive."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.forecast.panel import forecast

_PRODUCT = "^[0-9]{5}"  # stock codes of goods; postage, fees and vouchers are letters


def run(ctx: Context) -> Result:
    """silver.orders -> gold.demand_forecast, forecast_backtest, forecast_ledger; figures to gold.model_health."""
    settings, as_of = ctx.settings.forecast, ctx.as_of()
    orders = ctx.lake.read("silver.orders")
    series = daily_units(orders, as_of=as_of).transform(best_sellers, as_of=as_of, top=settings.top_skus)
    result = forecast(
        series.transform(until, as_of=as_of),
        settings.horizon_days,
        "D",
        models=settings.models,
        windows=settings.backtest_windows,
        country=settings.holidays_country,
        seed=ctx.settings.seed,
    )
    version = F.concat(F.lit("forecast."), "model", F.lit(f"@{ctx.run_id}"))
    renamed = {f"yhat-{side}-{level}": f"yhat_{side}_{level}" for side in ("lo", "hi") for level in (80, 95)}
    written = ctx.lake.replace(
        "gold.demand_forecast", result.forecast.withColumnsRenamed(renamed).withColumn("model_version", version)
    )
    backtest = result.backtest.withColumnRenamed("periods", "days")
    ctx.lake.replace("gold.forecast_backtest", backtest)
    ctx.lake.replace("gold.forecast_ledger", result.ledger.withColumnRenamed("periods", "days"))
    result.unpersist()
    figures = ctx.lake.read("gold.forecast_backtest").transform(health)
    ctx.lake.upsert(
        "gold.model_health",
        figures.withColumns({"model_version": F.concat("model", F.lit(f"@{ctx.run_id}")), "as_of": F.lit(as_of)}),
    )
    return Result(rows_in=orders.count(), rows_out=written.inserted, headline=_headline(ctx, figures))


def daily_units(orders: DataFrame, *, as_of: date) -> DataFrame:
    """Units sold less units returned, a product and day before `as_of`. Key unique_id (the sku), ds; y in units.

    A return counts on its own day, so y can be negative. Only goods: skus that begin with five digits.
    """
    return (
        orders.where(F.col("sku").rlike(_PRODUCT) & (F.to_date("order_ts") < F.lit(as_of)))
        .groupBy(F.col("sku").alias("unique_id"), F.to_date("order_ts").alias("ds"))
        .agg(F.sum("quantity").cast("double").alias("y"))
    )


def best_sellers(series: DataFrame, *, as_of: date, top: int | None) -> DataFrame:
    """The series of the `top` products by units in the 365 days before `as_of`; None: of all that sold in them."""
    recent = series.where(F.col("ds") >= F.lit(as_of - timedelta(days=365)))
    units = recent.groupBy("unique_id").agg(F.sum("y").alias("units")).where("units > 0")
    chosen = units if top is None else units.orderBy(F.desc("units"), "unique_id").limit(top)
    return series.join(chosen.select("unique_id"), "unique_id", how="left_semi")


def until(series: DataFrame, *, as_of: date) -> DataFrame:
    """Ends every series on the day before `as_of`, if need be with a 0: days without a sale at its end are 0s, too."""
    last = as_of - timedelta(days=1)
    ended = series.groupBy("unique_id").agg(F.max("ds").alias("ds")).where(F.col("ds") < F.lit(last))
    return series.unionByName(ended.select("unique_id", F.lit(last).alias("ds"), F.lit(0.0).alias("y")))


def health(backtest: DataFrame) -> DataFrame:
    """[model, dataset, metric, value]: mase (mean of windows), wape (all errors / all units), coverage_80 (of days)."""
    figures = backtest.groupBy(F.concat(F.lit("forecast."), "model").alias("model")).agg(
        F.avg("mase").alias("mase"),
        (F.sum(F.col("mae") * F.col("days")) / F.sum("units")).alias("wape"),
        (F.sum(F.col("coverage_80") * F.col("days")) / F.sum("days")).alias("coverage_80"),
    )
    long = figures.unpivot("model", ["mase", "wape", "coverage_80"], "metric", "value").where("value IS NOT NULL")
    return long.withColumn("dataset", F.lit("backtest"))


def _headline(ctx: Context, figures: DataFrame) -> str:
    """As in: WAPE prophet 0.90, seasonal naive 1.13 (300 SKUs)."""
    wapes = sorted((r["value"], r["model"]) for r in figures.where("metric = 'wape'").collect())
    words = [f"{model.removeprefix('forecast.').replace('_', ' ')} {value:.2f}" for value, model in wapes]
    return f"WAPE {', '.join(words)} ({ctx.lake.read('gold.forecast_ledger').count()} SKUs)"
