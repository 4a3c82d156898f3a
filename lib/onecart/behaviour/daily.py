"""Facts by day: what features sum up. Each has the day it happened and the day it was known."""

from collections.abc import Sequence
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.behaviour.session_metrics import COUNTED
from onecart.config import Behaviour
from onecart.facts.sessionization import session_id, visit_keys, with_days, with_local_day, with_visit, with_visitor

CHANNELS = ("web", "app", "store")
EVENTS = ("product_views", "searches", "cart_adds", "checkouts")
MEASURES = (
    *("orders", *(f"{c}_orders" for c in CHANNELS), "revenue", "returns"),
    *("visits", "app_visits", "events", *EVENTS, "tickets"),
)


def daily(
    orders: DataFrame, events: DataFrame, tickets: DataFrame, as_of_dates: Sequence[date], rules: Behaviour
) -> DataFrame:
    """One row per customer_id, day, known_day, as_of and currency, its key: MEASURES. as_of null: the row counts for every
    as_of after its known_day; else for that one only. currency: of what orders are in it; null: the row is of no order.

    orders: gold.customer_orders; events: gold.customer_events; tickets: silver.tickets with customer_id. Rows without a
    customer_id and events of no visit are left out.
    """
    online = events.where("customer_id IS NOT NULL AND session_id IS NOT NULL").transform(with_days, "event_ts")
    parts = (
        order_facts(orders),
        event_facts(online),
        visit_facts(online, as_of_dates, rules),
        ticket_facts(tickets),
    )
    facts = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), parts)
    known = facts.where(F.col("customer_id").isNotNull()).groupBy(
        "customer_id", "day", "known_day", "as_of", "currency"
    )
    return known.agg(*[F.coalesce(F.sum(m), F.lit(0)).alias(m) for m in MEASURES])


def order_facts(orders: DataFrame) -> DataFrame:
    """One row per order that sold something (in each of its currencies), known when all its lines are; and one per returned
    line."""
    known = orders.transform(with_days, "order_ts")
    sold = (
        known.where("quantity > 0")
        .groupBy("customer_id", "channel", "order_id", "currency")
        .agg(
            F.min("day").alias("day"),
            F.max("known_day").alias("known_day"),
            F.lit(1).alias("orders"),
            *[F.max(F.col("channel") == c).cast("int").alias(f"{c}_orders") for c in CHANNELS],
            F.sum("amount").alias("revenue"),
        )
    )
    returned = known.where("quantity < 0").select(
        "customer_id", "currency", "day", "known_day", F.col("amount").alias("revenue"), F.lit(1).alias("returns")
    )
    return sold.drop("channel", "order_id").unionByName(returned, allowMissingColumns=True)


def event_facts(events: DataFrame) -> DataFrame:
    """One row per online event: what it counts as."""
    counts = [(F.col("event_type") == COUNTED[name]).cast("int").alias(name) for name in EVENTS]
    return events.select("customer_id", "day", "known_day", F.lit(1).alias("events"), *counts)


def visit_facts(events: DataFrame, as_of_dates: Sequence[date], rules: Behaviour) -> DataFrame:
    """One row per event that begins a visit, as it was known; see `with_visit` for what a visit is.

    Where an event only depends on events that were known before it, it begins its visit for ever (as_of null). An event
    that was received on a later day than one that happened after it may have joined two visits, or cut one: the events
    it stands among are cut anew for each as_of, of those then known.

    events: gold.customer_events of customers' visits, with day and known_day.
    """
    names = ("visitor_id", "channel", "session_key", "event_ts", "event_id", "campaign")
    own = events.transform(with_visitor).transform(with_local_day, rules)
    keys = visit_keys(rules)
    earlier = Window.partitionBy(*keys).orderBy("event_ts", "event_id").rowsBetween(Window.unboundedPreceding, -1)
    known_before = F.max("known_day").over(earlier)
    late = F.coalesce(known_before > F.col("known_day"), F.lit(False))
    first = (F.col("session_id") == session_id("event_id")).alias("first")
    flagged = own.select(
        *names, "customer_id", "day", "known_day", *[k for k in keys if k not in names], late.alias("late"), first
    )
    among = flagged.withColumn("among_late", F.max("late").over(Window.partitionBy(*keys)))
    among = among.where(F.col("among_late") | F.col("first"))
    dates = F.array(*[F.lit(d).cast("date") for d in as_of_dates])
    then = F.filter(dates, lambda d: d > F.col("known_day"))
    for_ever = F.array(F.lit(None).cast("date"))
    seen = among.withColumn("as_of", F.explode(F.when(F.col("among_late"), then).otherwise(for_ever)))
    cut = seen.transform(with_visit, rules, by=("visitor_id", "channel", "session_key", "as_of"))
    begun = cut.where(F.col("as_of").isNull() | F.col("begins"))
    app = (F.col("channel") == "app").cast("int").alias("app_visits")
    return begun.select("customer_id", "day", "known_day", "as_of", F.lit(1).alias("visits"), app)


def ticket_facts(tickets: DataFrame) -> DataFrame:
    """One row per ticket."""
    day = F.to_date("opened_ts")
    return tickets.select("customer_id", day.alias("day"), day.alias("known_day"), F.lit(1).alias("tickets"))
