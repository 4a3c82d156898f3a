"""Lifetime value: fits the models of `lifetime_models` on counted patterns and applies them to every buyer.

A purchase is a day with an order: two invoices of one afternoon are one visit to the shop.
"""

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from onecart.config import Profile
from onecart.contracts.base.table import MONEY
from onecart.profile.lifetime_models import BgNbd, GammaGamma, fit_bg_nbd, fit_gamma_gamma

AHEAD_DAYS = 90
_MONTH_WEEKS = 365 / 12 / 7
_MIN_REPEATERS = 10  # with fewer who came back, a and b say nothing
_EXACT = 50  # larger counts are rounded to two digits in the patterns, so that these stay few


@dataclass(frozen=True)
class Lifetime:
    """The fitted models: `frequency` (None: not fitted, `why` says it) and one of values a currency."""

    buyers: int
    frequency: BgNbd | None = None
    values: dict[str, GammaGamma] = field(default_factory=dict)
    why: str = ""

    def figures(self) -> dict[str, dict[str, float]]:
        """model -> parameter -> value, for gold.model_health; empty where nothing was fitted."""
        if self.frequency is None:
            return {}
        fitted = {"profile.bg_nbd": {"buyers": float(self.buyers), **asdict(self.frequency)}}
        return fitted | {f"profile.gamma_gamma.{currency}": asdict(m) for currency, m in self.values.items()}


def fit(purchases: DataFrame, settings: Profile, *, as_of: date) -> Lifetime:
    """Fits BG/NBD to all buyers of the frame of `activity.purchases`, and Gamma-Gamma to each currency that has enough.

    What reaches the driver is patterns with counts: whole weeks by purchases, and purchases by values in steps of 5 %.
    Their number is bounded by the length of the history, not by the customers.
    """
    buyers_of = purchases.where("orders > 0")
    past = _past(as_of)
    weeks = [F.round(past[w]).cast("int").alias(w) for w in ("t_x", "t")]
    seen = _patterns(buyers_of.groupBy(_two_digits(past["x"]).alias("x"), *weeks).agg(F.count("*").alias("count")))
    buyers, repeaters = int(seen["count"].sum()), int(seen.loc[seen.x > 0, "count"].sum())
    if buyers < settings.lifetime_min_buyers or repeaters < _MIN_REPEATERS:
        return Lifetime(buyers, why=f"{buyers:,} buyers, {repeaters:,} of them came back: too few")
    frequency = fit_bg_nbd(seen.x, seen.t_x, seen.t, seen["count"])
    if frequency is None:
        return Lifetime(buyers, why="the likelihood has no maximum")
    step = F.floor(F.log(F.col("day_value").cast("double")) / 0.05).alias("step")
    by_value = buyers_of.where("day_value > 0").groupBy("currency", _two_digits(F.col("order_days")).alias("n"), step)
    spent = _patterns(by_value.agg(F.count("*").alias("count"), F.avg("day_value").cast("double").alias("mean")))
    values = {}
    for currency, rows in spent.groupby("currency"):
        if rows["count"].sum() >= settings.lifetime_min_buyers:
            model = fit_gamma_gamma(rows.n, rows["mean"], rows["count"])
            if model is not None:
                values[str(currency)] = model
    return Lifetime(buyers, frequency, values)


def with_scores(purchases: DataFrame, model: Lifetime, *, as_of: date, discount_rate: float) -> DataFrame:
    """Adds p_alive, expected_orders_90d and lifetime_value_12m (revenue, no margin) to the frame of
    `activity.purchases`.

    The value is the purchases expected in each of the next 12 months times the expected value of one, discounted by
    `discount_rate` a year. All null for who never bought and where no model was fitted; the value alone where its
    currency has no model.
    """
    if model.frequency is None:
        nothing = dict.fromkeys(("p_alive", "expected_orders_90d", "lifetime_value_12m"), F.lit(None).cast("double"))
        return purchases.withColumns(nothing)
    score = pandas_udf(  # type: ignore[call-overload]
        _scorer(model.frequency, model.values, discount_rate), "p_alive double, orders double, value double"
    )
    past = [F.when(F.col("orders") > 0, column.cast("double")) for column in _past(as_of).values()]
    scored = purchases.withColumn("score", score("currency", *past, F.col("day_value").cast("double")))
    return scored.withColumns(
        {
            "p_alive": F.col("score.p_alive"),
            "expected_orders_90d": F.col("score.orders"),
            "lifetime_value_12m": F.col("score.value").cast(MONEY),
        }
    ).drop("score")


def _past(as_of: date) -> dict[str, Column]:
    """What BG/NBD knows of a buyer: repeat purchases, weeks from the first to the last and from the first to `as_of`."""
    return {
        "x": F.col("order_days") - 1,
        "t_x": F.datediff("last_day", "first_day") / 7,
        "t": F.datediff(F.lit(as_of), "first_day") / 7,
    }


def _scorer(frequency: BgNbd, values: dict[str, GammaGamma], discount_rate: float) -> Any:
    def score(currency: pd.Series, x: pd.Series, t_x: pd.Series, t: pd.Series, day_value: pd.Series) -> pd.DataFrame:
        past = x.to_numpy(float), t_x.to_numpy(float), t.to_numpy(float)
        months = np.array([frequency.expected(m * _MONTH_WEEKS, *past) for m in range(13)])
        discounts = (1 + discount_rate) ** (-np.arange(1, 13) / 12)
        purchases = discounts @ np.diff(months, axis=0)
        each = np.full(len(x), np.nan)
        for name, model in values.items():
            mine = (currency == name).to_numpy(bool)
            each[mine] = model.mean_value(past[0][mine] + 1, day_value.to_numpy(float)[mine])
        never_bought = np.isnan(past[0])
        alive = np.where(never_bought, np.nan, frequency.p_alive(*past))
        orders = frequency.expected(AHEAD_DAYS / 7, *past)
        return pd.DataFrame({"p_alive": alive, "orders": orders, "value": purchases * each})

    return score


def _two_digits(number: Column) -> Column:
    size = F.pow(F.lit(10.0), F.floor(F.log10(number)) - 1)
    return F.when(number > _EXACT, F.round(number / size) * size).otherwise(number.cast("double"))


def _patterns(frame: DataFrame) -> pd.DataFrame:
    rows = frame.toPandas()
    return rows.sort_values(list(rows.columns)).reset_index(drop=True)  # so that sums are always taken in one order
