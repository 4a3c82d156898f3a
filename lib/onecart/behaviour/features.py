"""Features of customers as they could have been known on a day: point-in-time in event time and in received time.

A fact (an order, a return, an event, the start of a visit, a ticket) has the day it happened and the day it was known,
the later of happening and being received. A feature of as_of counts facts known before as_of only. Facts are first
summed by day; then every as_of is computed in one pass over these sums.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.behaviour.sessions import ONLINE
from onecart.lake import contract
from onecart.lake.gold import FEATURE_WINDOWS

_COUNTS = (
    *("orders", "web_orders", "app_orders", "store_orders", "revenue", "returns"),
    *("visits", "events", "product_views", "cart_adds", "searches", "tickets"),
)


def as_of_dates(as_of: date, *, horizon_days: int, cutoffs: int) -> list[date]:
    """The days to have features of: `as_of`, to be scored, and `cutoffs` earlier ones, a horizon apart."""
    return [as_of - timedelta(days=i * horizon_days) for i in range(cutoffs, -1, -1)]


def features(
    orders: DataFrame, events: DataFrame, tickets: DataFrame, as_of_dates: Sequence[date], *, gap_minutes: int
) -> DataFrame:
    """One row per customer and as_of, its key: the columns of gold.customer_features.

    A customer appears once an order or an online event of theirs was known before the as_of. Windows of n days hold the
    n days before as_of. Revenue is summed as it is written, so all orders must be in one currency. An order counts when
    all its lines are known. What a visit is, see `sessions`; here it is decided anew for every as_of, so that an event
    received late cannot change the visits counted before it came.

    orders, events, tickets: silver.orders, silver.interactions and silver.tickets with customer_id; rows without one
    are left out.
    """
    facts = visit_facts(events, gap_minutes=gap_minutes)
    for part in (order_facts(orders), event_facts(events), ticket_facts(tickets)):
        facts = facts.unionByName(part, allowMissingColumns=True)
    daily = (
        facts.where(F.col("customer_id").isNotNull())
        .groupBy("customer_id", "day", "known_day", "joined_day")
        .agg(*[F.coalesce(F.sum(c), F.lit(0)).alias(c) for c in _COUNTS])
    )
    days = orders.sparkSession.createDataFrame([(d,) for d in as_of_dates], "as_of DATE")
    known = daily.join(F.broadcast(days), F.col("known_day") < F.col("as_of"), how="inner")
    return known.transform(_summed)


def order_facts(orders: DataFrame) -> DataFrame:
    """One row per order that sold something, known when all its lines are; and one per returned line."""
    known = orders.select("customer_id", "order_id", "channel", "quantity", "amount", *_days("order_ts", "received_ts"))
    sold = (
        known.where("quantity > 0")
        .groupBy("customer_id", "order_id")
        .agg(
            F.min("day").alias("day"),
            F.max("known_day").alias("known_day"),
            F.lit(1).alias("orders"),
            *[F.max(F.col("channel") == c).cast("int").alias(f"{c}_orders") for c in ("web", "app", "store")],
            F.sum("amount").alias("revenue"),
        )
    )
    returned = known.where("quantity < 0").select(
        "customer_id", "day", "known_day", F.col("amount").alias("revenue"), F.lit(1).alias("returns")
    )
    return sold.drop("order_id").unionByName(returned, allowMissingColumns=True)


def event_facts(events: DataFrame) -> DataFrame:
    """One row per online event: what it counts as."""
    kinds = {"product_views": "product_view", "cart_adds": "add_to_cart", "searches": "search"}
    return _online(events).select(
        "customer_id",
        *_days("event_ts", "received_ts"),
        F.lit(1).alias("events"),
        *[(F.col("event_type") == kind).cast("int").alias(name) for name, kind in kinds.items()],
    )


def visit_facts(events: DataFrame, *, gap_minutes: int) -> DataFrame:
    """One row per moment that begins a visit, at least for a while.

    joined_day: the day an event was known that happened up to `gap_minutes` before and was received later; from the
    next day on the two are one visit. null: never.
    """
    us = F.unix_micros("event_ts")
    visitor = ("customer_id", "channel", "session_key")
    moments = (
        _online(events)
        .select(*visitor, us.alias("us"), *_days("event_ts", "received_ts"))
        .groupBy(*visitor, "us", "day")
        .agg(F.min("known_day").alias("known_day"))
    )
    just_before = Window.partitionBy(*visitor).orderBy("us").rangeBetween(-gap_minutes * 60_000_000, -1)
    return (
        moments.withColumn("joined_day", F.min("known_day").over(just_before))
        .where(F.col("joined_day").isNull() | (F.col("joined_day") > F.col("known_day")))
        .select("customer_id", "day", "known_day", "joined_day", F.lit(1).alias("visits"))
    )


def ticket_facts(tickets: DataFrame) -> DataFrame:
    """One row per ticket."""
    day = F.to_date("opened_ts")
    return tickets.select("customer_id", day.alias("day"), day.alias("known_day"), F.lit(1).alias("tickets"))


def _online(events: DataFrame) -> DataFrame:
    return events.where(F.col("channel").isin(*ONLINE) & F.col("customer_id").isNotNull())


def _days(happened: str, received: str) -> tuple[Column, Column]:
    """The day of a fact and the day it was known, UTC. As_of is a midnight, so days say all that is needed."""
    return F.to_date(happened).alias("day"), F.greatest(F.to_date(happened), F.to_date(received)).alias("known_day")


def _summed(known: DataFrame) -> DataFrame:
    """Facts known before as_of, by day -> the features of the contract."""
    begun = F.when(F.col("joined_day").isNull() | (F.col("joined_day") >= F.col("as_of")), F.col("visits"))
    counted = known.withColumn("visits", F.coalesce(begun, F.lit(0)))

    def within(column: str, days: int) -> Column:
        recent = F.col("day") >= F.date_sub("as_of", days)
        return F.coalesce(F.sum(F.when(recent, F.col(column))), F.lit(0)).alias(f"{column}_{days}d")

    ordered, seen = F.when(F.col("orders") > 0, F.col("day")), F.when(F.col("events") > 0, F.col("day"))
    totals = counted.groupBy("customer_id", "as_of").agg(
        *[within(c, n) for c in ("orders", "revenue", "visits", "product_views", "cart_adds") for n in FEATURE_WINDOWS],
        *[within(c, n) for c, n in (("searches", 28), ("returns", 365), ("tickets", 90))],
        *[F.sum(c).alias(c) for c in ("orders", "web_orders", "app_orders", "store_orders", "revenue")],
        F.min(ordered).alias("first_order"),
        F.max(ordered).alias("last_order"),
        F.max(seen).alias("last_visit"),
        F.min(F.coalesce(ordered, seen)).alias("first_seen"),
    )
    orders = F.nullif(F.col("orders"), F.lit(0))
    between = F.datediff("last_order", "first_order") / F.nullif(F.col("orders") - 1, F.lit(0))
    named = totals.where(F.col("first_seen").isNotNull()).withColumns(
        {
            "days_since_order": F.datediff("as_of", "last_order"),
            "days_since_visit": F.datediff("as_of", "last_visit"),
            "tenure_days": F.datediff("as_of", "first_seen"),
            "average_basket": F.col("revenue").cast("double") / orders,
            "order_gap_days": between,
            **{f"{c}_share": F.col(f"{c}_orders") / orders for c in ("web", "app", "store")},
        }
    )
    return named.select(
        *[F.col(f.name).cast(f.dataType).alias(f.name) for f in contract("gold.customer_features").schema.fields]
    )
