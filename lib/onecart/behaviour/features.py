"""Features of customers as they could have been known on a day: point-in-time in event time and in received time.

A fact (an order, a return, an event, the start of a visit, a ticket) has the day it happened and the day it was known,
the later of happening and being received. A feature of as_of counts facts known before as_of only. Facts are first
summed by day; then every as_of is computed in one pass over these sums. What each feature means is declared in
contracts/base/features.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.behaviour.context_features import with_conditions
from onecart.behaviour.daily import KINDS, daily
from onecart.behaviour.purchase_features import taste
from onecart.config import Behaviour, Shop
from onecart.contracts.base.features import FEATURES, HALF_LIFE_DAYS, LONG, SHORT, Feature
from onecart.frames import DIGITS

_TOTALS = ("orders", *(f"{c}_orders" for c in KINDS), "revenue", "visits", "app_visits")


@dataclass(frozen=True)
class Sources:
    """What features are made of: gold.customer_orders and customer_events, silver.tickets with customer_id (rows without
    one make no row), silver.products, weather and calendar."""

    orders: DataFrame
    events: DataFrame
    tickets: DataFrame
    products: DataFrame
    weather: DataFrame
    calendar: DataFrame


def as_of_dates(as_of: date, *, horizon_days: int, cutoffs: int) -> list[date]:
    """The days to have features of: `as_of`, to be scored, and `cutoffs` earlier ones, a horizon apart."""
    return [as_of - timedelta(days=i * horizon_days) for i in range(cutoffs, -1, -1)]


def features(sources: Sources, as_of_dates: Sequence[date], rules: Behaviour, shop: Shop) -> DataFrame:
    """One row per customer and as_of, its key: the columns of gold.customer_features.

    A customer appears once an order or an online event of theirs was known before the as_of. Windows of n days hold the
    n days before as_of. Money of two currencies is never added: revenue and average_basket are of the one that a customer
    had most orders in by then, as in the profile. An order counts when all its lines are known. Events of no visit (those
    of machines and of other channels) are left out.
    """
    dates = sources.orders.sparkSession.createDataFrame([(d,) for d in as_of_dates], "as_of DATE")
    facts = daily(sources.orders, sources.events, sources.tickets, as_of_dates, rules, shop)
    facts = facts.withColumnRenamed("as_of", "only")
    counts_for = (F.col("known_day") < F.col("as_of")) & (F.col("only").isNull() | (F.col("only") == F.col("as_of")))
    known = facts.join(F.broadcast(dates), counts_for, how="inner")
    bought = taste(sources.orders, sources.products, dates, shop)
    rows = known.transform(summed).join(bought, ["customer_id", "as_of"], how="left")
    rows = rows.transform(with_conditions, sources.weather, sources.calendar, dates)
    values = [F.round(F.col(f.name).cast("double"), DIGITS).alias(f.name) for f in FEATURES]
    return rows.select("customer_id", "as_of", *values)


def summed(known: DataFrame) -> DataFrame:
    """Facts of an as_of by day and currency -> one row per customer and as_of: the features that are sums of them."""
    aged = known.withColumn("age", F.datediff("as_of", "day"))
    ordered, seen = F.when(F.col("orders") > 0, F.col("age")), F.when(F.col("events") > 0, F.col("age"))
    in_cart = F.when(F.col("cart_adds") > 0, F.col("age"))
    sums = [f for f in FEATURES if f.kind in ("window", "decayed")]
    in_currency = aged.groupBy("customer_id", "as_of", "currency").agg(
        *[_sum(f) for f in sums],
        *[F.sum(m).alias(m) for m in _TOTALS],
        F.max(ordered).alias("first_order"),
        F.min(ordered).alias("days_since_order"),
        F.min(seen).alias("days_since_visit"),
        F.min(in_cart).alias("days_since_cart"),
        F.max(F.coalesce(ordered, seen)).alias("tenure_days"),
    )
    money = ["revenue", *[f.name for f in sums if f.measure == "revenue"]]
    counts = [*_TOTALS, *[f.name for f in sums if f.measure != "revenue"]]
    most = F.when(F.col("currency").isNotNull(), F.struct("orders", "currency"))
    totals = in_currency.groupBy("customer_id", "as_of").agg(
        *[F.sum(name).alias(name) for name in counts if name != "revenue"],
        *[F.coalesce(F.max_by(name, most), F.lit(0)).alias(name) for name in money],
        F.max_by("orders", most).alias("orders_in_currency"),
        *[F.max(name).alias(name) for name in ("first_order", "tenure_days")],
        *[F.min(name).alias(name) for name in ("days_since_order", "days_since_visit", "days_since_cart")],
    )
    orders = F.nullif(F.col("orders"), F.lit(0))
    between = (F.col("first_order") - F.col("days_since_order")) / F.nullif(F.col("orders") - 1, F.lit(0))
    more = {
        "average_basket": F.col("revenue").cast("double") / F.nullif(F.col("orders_in_currency"), F.lit(0)),
        "order_gap_days": between,
        **{f"{c}_share": F.col(f"{c}_orders") / orders for c in KINDS},
        "app_visit_share": F.col("app_visits") / F.nullif(F.col("visits"), F.lit(0)),
        **{f.name: _trend(f) for f in FEATURES if f.kind == "trend"},
    }
    return totals.where(F.col("tenure_days").isNotNull()).withColumns(more)


def _sum(feature: Feature) -> Column:
    value = F.col(feature.measure)
    if feature.kind == "decayed":
        value = value * F.pow(F.lit(0.5), F.col("age") / HALF_LIFE_DAYS)
    else:
        value = F.when(F.col("age") <= F.lit(feature.window_days), value)
    return F.coalesce(F.sum(value), F.lit(0)).alias(feature.name)


def _trend(feature: Feature) -> Column:
    """A customer of fewer than LONG days has had the days since the first seen only."""
    days = F.least(F.greatest(F.col("tenure_days"), F.lit(SHORT)), F.lit(LONG))
    short, long = (F.col(f"{feature.measure}_{n}d").cast("double") for n in (SHORT, LONG))
    return (short / SHORT) / F.nullif(long / days, F.lit(0.0))
