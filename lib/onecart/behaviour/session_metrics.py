"""Visits as rows: online events and store receipts, each cut into sessions and counted."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import Behaviour, Shop
from onecart.contracts import contract
from onecart.facts.sessionization import session_id, visit_keys, with_visit, with_visitor
from onecart.facts.shop import of_kind

# What counts as what: columns of gold.sessions and the events they count.
COUNTED = {
    "page_views": "page_view",
    "product_views": "product_view",
    "searches": "search",
    "cart_adds": "add_to_cart",
    "checkouts": "checkout",
}


def online_sessions(events: DataFrame) -> DataFrame:
    """One row per online visit; key session_id, columns of gold.sessions.

    Dwell time is the time to the visit's next event, so that of its last event is unknown.

    events: gold.customer_events; what has no session_id is left out.
    """
    return events.transform(visits_so_far).transform(as_sessions)


def visits_so_far(events: DataFrame) -> DataFrame:
    """One row per online visit; key session_id. What `as_sessions` counts, in a form that later events of the visit can be
    added to (see live.py): sets of hashes for distinct pages and products, and the type of the last event. timed_views:
    product views whose dwell time is known. events: as for `online_sessions`."""
    cut = events.where("session_id IS NOT NULL").transform(with_visitor)
    following = F.lead("event_ts").over(Window.partitionBy("session_id").orderBy("event_ts", "event_id"))
    dwell = seconds("event_ts", following)
    viewed = F.col("event_type") == "product_view"
    looked = F.when(viewed, F.col("dwell_s"))
    position = F.struct("event_ts", "event_id")
    return (
        cut.withColumn("dwell_s", dwell)
        .groupBy("session_id", "visitor_id", "channel", "session_key")
        .agg(
            F.max("customer_id").alias("customer_id"),
            F.min_by("event_id", position).alias("first_event"),
            F.min_by("event_type", position).alias("landing"),
            F.max_by("event_type", position).alias("last_type"),
            F.min("event_ts").alias("started_ts"),
            F.max("event_ts").alias("ended_ts"),
            F.count("*").alias("events"),
            *[F.count_if(F.col("event_type") == kind).alias(name) for name, kind in COUNTED.items()],
            F.collect_set(F.xxhash64("event_type", "sku", "query")).alias("page_set"),
            F.collect_set(F.when(viewed & F.col("sku").isNotNull(), F.xxhash64("sku"))).alias("product_set"),
            F.sum(looked).alias("product_dwell_s"),
            F.count(looked).alias("timed_views"),
            F.max(F.col("event_type") == "purchase").alias("purchased"),
            *[
                F.min_by(name, F.when(F.col(name).isNotNull(), position)).alias(name)
                for name in ("device_type", "campaign")
            ],
        )
    )


def as_sessions(visits: DataFrame) -> DataFrame:
    """Rows of `visits_so_far` -> the columns of gold.sessions."""
    counts = {"pages": F.size("page_set"), "products": F.size("product_set")}
    counts["dwell_per_view_s"] = F.col("product_dwell_s") / F.nullif(F.col("timed_views"), F.lit(0))
    return visits.withColumns(counts).transform(_finished)


def store_sessions(orders: DataFrame, rules: Behaviour, shop: Shop) -> DataFrame:
    """One row per visit to a store that bought something; key session_id, columns of gold.sessions.

    Receipts of one customer are cut into visits by the same rules as online events; a receipt of nobody is one visit.
    Only receipts are seen in a store, so each visit bought, and nothing is known of the others but their number, where
    silver.footfall has it.

    orders: gold.customer_orders.
    """
    receipts = (
        orders.where(of_kind(shop, "store") & (F.col("quantity") > 0))
        .transform(with_visitor, visit="order_id")
        .groupBy("channel", "order_id")
        .agg(
            F.min("visitor_id").alias("visitor_id"),
            F.min("customer_id").alias("customer_id"),
            F.min("order_ts").alias("event_ts"),
            F.max("order_ts").alias("until_ts"),
            F.count_distinct("sku").alias("products"),
        )
        .withColumn("event_id", F.col("order_id"))
    )
    no_keys = {name: F.lit(None).cast("string") for name in ("session_key", "campaign")}
    visits = (
        receipts.withColumns(no_keys)
        .transform(with_visit, rules, shop)
        .groupBy(*visit_keys(rules), "visit")
        .agg(
            F.max("customer_id").alias("customer_id"),
            F.min_by("event_id", F.struct("event_ts", "event_id")).alias("first_event"),
            F.min("event_ts").alias("started_ts"),
            F.max("until_ts").alias("ended_ts"),
            F.count("*").alias("events"),
            F.sum("products").alias("products"),
        )
    )
    unseen = {**{name: F.lit(0) for name in (*COUNTED, "pages")}, "purchased": F.lit(True)}
    unseen |= {name: F.lit(None).cast("double") for name in ("product_dwell_s", "dwell_per_view_s")}
    unseen |= {name: F.lit(None).cast("string") for name in ("device_type", "campaign", "landing")}
    return visits.withColumns(unseen).transform(_finished)


def _finished(visits: DataFrame) -> DataFrame:
    """Counts of visits -> the columns of gold.sessions."""
    lone = (F.col("events") == 1) & ~F.col("purchased")
    more = {
        "session_id": session_id(),
        "duration_s": F.unix_timestamp("ended_ts") - F.unix_timestamp("started_ts"),
        "clicks": F.col("events") - 1,
        "bounced": lone,
    }
    return visits.withColumns(more).select(*contract("gold.sessions").schema.fieldNames())


def seconds(start: str, end: Column) -> Column:
    """Seconds from one time to another, to the microsecond."""
    return (F.unix_micros(end) - F.unix_micros(start)) / 1e6
