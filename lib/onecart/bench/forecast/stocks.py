"""Orders from a forecast's own quantiles beside mean + z sd of Normal laws, on demand that was held back."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart import forecast
from onecart.bench.forecast.models import Trial, retail_daily
from onecart.forecast.inventory import simulate
from onecart.forecast.inventory.policies import NORMAL, NORMAL_PAST
from onecart.frames import break_lineage

_HELD, _LEAD, _REVIEW = 42, 7, 7
_COSTS = {"holding": 0.01, "shortage": 1.0}  # a day, and a sale that is lost, as shares of what a unit earns
_PASTS = (56, 365)  # days of which a peer takes mean and sd: of late, and of a year
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
    counted. Peers are mean + z sd: `normal` with the moments of the same forecast's quantiles, `normal_past` with those of each of
    _PASTS days before. fill_rate: of all units; days_short: share of days; mean_stock: units a product; cost: a unit asked for."""
    trial = retail_daily(spark, held=_HELD)
    train, held = (spark.createDataFrame(rows).transform(break_lineage) for rows in (trial.train, trial.held))
    found = forecast.forecast(train, trial.h, trial.freq, country=trial.country, seed=seed)
    best = found.best.transform(break_lineage)
    found.unpersist()
    yield from played(trial, best, held, seed)


def played(trial: Trial, best: DataFrame, held: DataFrame, seed: int) -> Iterator[dict[str, Any]]:
    """The rows of `measure`, from the chosen forecasts `best` of `trial`."""
    stock = best.groupBy("unique_id").agg((F.sum("yhat") * (_LEAD + _REVIEW) / trial.h).alias("on_hand"))
    usual = {days: best.sparkSession.createDataFrame(moments(trial.train, days)) for days in _PASTS}
    for level in _LEVELS:
        asked: dict[str, Any] = {"review": _REVIEW, "service_level": level, "warm_up": _LEAD + _REVIEW, "seed": seed}
        first = _PASTS[0]
        runs = {first: ("newsvendor", NORMAL, NORMAL_PAST), **dict.fromkeys(_PASTS[1:], (NORMAL_PAST,))}
        for days, policies in runs.items():
            rows = simulate(best, held, stock, _COSTS, _LEAD, policies, past=usual[days], **asked)
            for row in _figures(rows):
                name = row["policy"] if row["policy"] != NORMAL_PAST else f"{NORMAL_PAST}, {days} days"
                yield {"data": trial.data, "service_level": level, **row, "policy": name}


def moments(train: pd.DataFrame, days: int) -> pd.DataFrame:
    """[unique_id, mean, sd] of the last `days` of `train`[unique_id, ds, y], or those since a product's first; a day without a row
    is 0."""
    last = train["ds"].max()
    first = train.groupby("unique_id")["ds"].min()
    n = ((last - first).dt.days + 1).clip(upper=days).astype(float)
    of_late = train[train["ds"] > last - pd.Timedelta(days=days)].groupby("unique_id")["y"]
    mean = of_late.sum().reindex(n.index, fill_value=0.0) / n
    square = of_late.agg(lambda y: float((y**2).sum())).reindex(n.index, fill_value=0.0) / n
    sd = ((square - mean**2).clip(lower=0) * n / (n - 1).clip(lower=1)) ** 0.5
    return pd.DataFrame({"unique_id": n.index, "mean": mean.to_numpy(), "sd": sd.to_numpy()})


def _figures(rows: DataFrame) -> list[dict[str, Any]]:
    """One row a policy of `simulate`."""
    demand = F.sum("demand")
    figures = (
        rows.where("reason IS NULL")
        .groupBy("policy")
        .agg(
            F.count("*").alias("series"),
            (1 - F.sum("short") / demand).alias("fill_rate"),
            (F.sum("stock_outs") / F.sum("periods")).alias("days_short"),
            F.avg("mean_stock").alias("mean_stock"),
            (F.sum("cost") / demand).alias("cost"),
        )
    )
    return [row.asDict() for row in figures.orderBy("policy").collect()]
