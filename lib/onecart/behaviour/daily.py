"""Facts by day: what features sum up. Each has the day it happened and the day it was known."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.behaviour.session_metrics import COUNTED
from onecart.config import Behaviour, Shop
from onecart.config.sections.shop import ChannelKind
from onecart.facts.sessionization import session_id, visit_keys, with_days, with_local_day, with_visit, with_visitor
from onecart.facts.shop import of_kind
from onecart.frames import day_of

KINDS: Mapping[str, ChannelKind] = {
    "web": "online",
    "app": "app",
    "store": "store",
}  # name in features: kind of channel
EVENTS = ("product_views", "searches", "cart_adds", "checkouts")
MEASURES = (
    *("orders", *(f"{c}_orders" for c in KINDS), "revenue", "returns"),
    *("visits", "app_visits", "events", *EVENTS, "tickets"),
)


def daily(
    orders: DataFrame, events: DataFrame, tickets: DataFrame, as_of_dates: Sequence[date], rules: Behaviour, shop: Shop
) -> DataFrame:
    """One row per customer_id, day, known_day, as_of and currency, its key: MEASURES. as_of null: the row counts for every
    as_of after its known_day; else for that one only. currency: of what orders are in it; null: the row is of no order.

    orders: gold.customer_orders; events: gold.customer_events; tickets: silver.tickets with customer_id. Rows without a
    customer_id and events of no visit are left out.
    """
    online = events.where("customer_id IS NOT NULL AND session_id IS NOT NULL").transform(with_days, "event_ts", shop)
    parts = (
        order_facts(orders, shop),
        event_facts(online),
        visit_facts(online, as_of_dates, rules, shop),
        ticket_facts(tickets, shop),
    )
    facts = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), parts)
    known = facts.where(F.col("customer_id").isNotNull()).groupBy(
        "customer_id", "day", "known_day", "as_of", "currency"
    )
    return known.agg(*[F.coalesce(F.sum(m), F.lit(0)).alias(m) for m in MEASURES])


def order_facts(orders: DataFrame, shop: Shop) -> DataFrame:
    """One row per order that sold something (in each of its currencies), known when all its lines are; and one per returned
    line."""
    known = orders.transform(with_days, "order_ts", shop)
    sold = (
        known.where("quantity > 0")
        .groupBy("customer_id", "channel", "order_id", "currency")
        .agg(
            F.min("day").alias("day"),
            F.max("known_day").alias("known_day"),
            F.lit(1).alias("orders"),
            *[F.max(of_kind(shop, kind)).cast("int").alias(f"{name}_orders") for name, kind in KINDS.items()],
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


def visit_facts(events: DataFrame, as_of_dates: Sequence[date], rules: Behaviour, shop: Shop) -> DataFrame:
    """One row per event that begins a visit, as it was known; see `with_visit` for what a visit is.

    Where an event only depends on events that were known before it, it begins its visit for ever (as_of null). An event
    that was received on a later day than one that happened after it may have joined two visits, or cut one: the events
    it stands among are cut anew for each as_of, of those then known.

    events: gold.customer_events of customers' visits, with day and known_day.
    """
    names = ("visitor_id", "channel", "session_key", "event_ts", "event_id", "campaign")
    own = events.transform(with_visitor).transform(with_local_day, rules, shop)
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
    cut = seen.transform(with_visit, rules, shop, by=("visitor_id", "channel", "session_key", "as_of"))
    begun = cut.where(F.col("as_of").isNull() | F.col("begins"))
    app = of_kind(shop, "app").cast("int").alias("app_visits")
    return begun.select("customer_id", "day", "known_day", "as_of", F.lit(1).alias("visits"), app)


def ticket_facts(tickets: DataFrame, shop: Shop) -> DataFrame:
    """One row per ticket."""
    day = day_of("opened_ts", shop.time_zone)
    return tickets.select("customer_id", day.alias("day"), day.alias("known_day"), F.lit(1).alias("tickets"))
