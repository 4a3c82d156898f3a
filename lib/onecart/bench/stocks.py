"""Orders from a forecast's own quantiles beside mean + z sd of a Normal law, on demand that was held back."""

from collections.abc import Iterator
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from onecart import forecast
from onecart.bench.forecasts import retail_daily
from onecart.forecast.inventory import simulate
from onecart.frames import break_lineage

_HELD, _LEAD, _REVIEW = 42, 7, 7
_COSTS = {"holding": 0.01, "shortage": 1.0}  # a day, and a sale that is lost, as shares of what a unit earns
_LEVELS = (0.8, 0.9, 0.95, 0.98)
TABLE: tuple[tuple[str, str], ...] = (
    ("data", "{}"),
    ("service_level", "{:.2f}"),
    ("policy", "{}"),
    ("series", "{:,}"),
    ("fill_rate", "{:.3f}"),
    ("days_short", "{:.3f}"),
    ("mean_stock", "{:.1f}"),
    ("cost", "{:.3f}"),
)


def measure(spark: SparkSession, seed: int) -> Iterator[dict[str, Any]]:
    """One row per service level and policy, the columns of TABLE: the last six weeks of the 500 best products of Online Retail II,
    ordered once a week with a week of lead time, from one forecast made before them; the first two weeks are played and not
    counted. fill_rate: of all units; days_short: share of days; mean_stock: units a product; cost: a unit asked for."""
    trial = retail_daily(spark, held=_HELD)
    train, held = (spark.createDataFrame(rows).transform(break_lineage) for rows in (trial.train, trial.held))
    found = forecast.forecast(train, trial.h, trial.freq, country=trial.country, seed=seed)
    best = found.best.transform(break_lineage)
    found.unpersist()
    stock = best.groupBy("unique_id").agg((F.sum("yhat") * (_LEAD + _REVIEW) / trial.h).alias("on_hand"))
    for level in _LEVELS:
        played = simulate(
            best, held, stock, _COSTS, _LEAD, review=_REVIEW, service_level=level, warm_up=_LEAD + _REVIEW, seed=seed
        )
        demand = F.sum("demand")
        figures = (
            played.where("reason IS NULL")
            .groupBy("policy")
            .agg(
                F.count("*").alias("series"),
                (1 - F.sum("short") / demand).alias("fill_rate"),
                (F.sum("stock_outs") / F.sum("periods")).alias("days_short"),
                F.avg("mean_stock").alias("mean_stock"),
                (F.sum("cost") / demand).alias("cost"),
            )
        )
        for row in figures.orderBy("policy").collect():
            yield {"data": trial.data, "service_level": level, **row.asDict()}
