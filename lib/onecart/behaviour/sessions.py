"""Visits: online events cut into sessions by silence, and store receipts, each one visit."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.lake import contract

ONLINE = ("web", "app")


def with_visitor(df: DataFrame, *, visit: str) -> DataFrame:
    """Adds visitor_id: the customer, else the record, else `session:` and the value of the SQL expression `visit`."""
    unknown = F.concat(F.lit("session:"), F.expr(visit))
    return df.withColumn("visitor_id", F.coalesce("customer_id", "record_id", unknown))


def online_sessions(events: DataFrame, *, gap_minutes: int) -> DataFrame:
    """One row per visit to web or app; key session_id, columns of gold.sessions, times in UTC.

    A visitor's visit to a channel ends when nothing happens for more than `gap_minutes`, the usual rule of web
    analytics, or when the channel gives a new session_key; the events of one key stay together when two devices of a
    visitor take turns. The id is that of the visit's first event, so a repeated run names a visit alike.

    events: silver.interactions with customer_id.
    """
    same_key = Window.partitionBy("visitor_id", "channel", "session_key").orderBy("event_ts", "event_id")
    silent = F.lag("event_ts").over(same_key) + F.expr(f"INTERVAL {gap_minutes} MINUTES") < F.col("event_ts")
    position = F.struct("event_ts", "event_id")
    visits = (
        events.where(F.col("channel").isin(*ONLINE))
        .transform(with_visitor, visit="coalesce(session_key, event_id)")
        .withColumn("begins", F.coalesce(silent, F.lit(False)).cast("int"))
        .withColumn("visit", F.sum("begins").over(same_key))
        .groupBy("visitor_id", "customer_id", "channel", "session_key", "visit")
        .agg(
            F.min_by("event_id", position).alias("first_event"),
            F.min("event_ts").alias("started_ts"),
            F.max("event_ts").alias("ended_ts"),
            F.count("*").alias("events"),
            *[
                F.count_if(F.col("event_type") == kind).alias(name)
                for kind, name in (
                    ("product_view", "product_views"),
                    ("search", "searches"),
                    ("add_to_cart", "cart_adds"),
                    ("checkout", "checkouts"),
                )
            ],
            F.max(F.col("event_type") == "purchase").alias("purchased"),
            *[
                F.min_by(name, F.when(F.col(name).isNotNull(), position)).alias(name)
                for name in ("device_type", "campaign")
            ],
        )
    )
    return visits.select(
        F.concat_ws(":", "channel", "first_event").alias("session_id"),
        "visitor_id",
        "customer_id",
        "channel",
        "started_ts",
        "ended_ts",
        (F.unix_timestamp("ended_ts") - F.unix_timestamp("started_ts")).alias("duration_s"),
        "events",
        "product_views",
        "searches",
        "cart_adds",
        "checkouts",
        "purchased",
        ((F.col("events") == 1) & ~F.col("purchased")).alias("bounced"),
        "device_type",
        "campaign",
    )


def store_sessions(orders: DataFrame) -> DataFrame:
    """One row per store receipt that sold something; key session_id, columns of gold.sessions.

    Only receipts are seen in a store, so each is a visit that bought and nothing is known of the others.

    orders: silver.orders with customer_id.
    """
    receipts = (
        orders.where("channel = 'store' AND quantity > 0")
        .transform(with_visitor, visit="order_id")
        .groupBy("order_id")
        .agg(
            F.min("visitor_id").alias("visitor_id"),
            F.min("customer_id").alias("customer_id"),
            F.min("order_ts").alias("started_ts"),
            F.max("order_ts").alias("ended_ts"),
        )
        .withColumns(
            {
                "session_id": F.concat(F.lit("store:"), "order_id"),
                "channel": F.lit("store"),
                "duration_s": F.unix_timestamp("ended_ts") - F.unix_timestamp("started_ts"),
                "events": F.lit(1),
                "purchased": F.lit(True),
                "bounced": F.lit(False),
                **{name: F.lit(0) for name in ("product_views", "searches", "cart_adds", "checkouts")},
                **{name: F.lit(None).cast("string") for name in ("device_type", "campaign")},
            }
        )
    )
    return receipts.select(*contract("gold.sessions").schema.fieldNames())
