"""What a customer did: orders, visits, habits. Every input frame carries customer_id and only rows before as_of."""

from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.contracts.base.table import MONEY
from onecart.frames import day_of, local_time


def baskets(lines: DataFrame) -> DataFrame:
    """Order lines -> one row per customer_id, order_id, currency and channel, each of which counts its own orders: order_ts,
    `units` and `revenue` net of returns (revenue in `currency`), `bought` (false: nothing but returns)."""
    return lines.groupBy("customer_id", "order_id", "currency", "channel").agg(
        F.min("order_ts").alias("order_ts"),
        F.sum("quantity").alias("units"),
        F.sum("amount").alias("revenue"),
        F.max(~F.col("is_return")).alias("bought"),
    )


def purchases(baskets: DataFrame, *, as_of: date, zone: str) -> DataFrame:
    """Baskets -> one row per customer_id: orders, units, revenue, currency, recency_days, average_basket, and what the
    lifetime models ask for: order_days (days with an order, in the time zone `zone`), first_day and last_day of them, day_value (revenue per
    order day).

    Money of two currencies is never added: revenue, average_basket and day_value are of the currency most ordered in, named in
    `currency`; a day with orders in two currencies is two order days.
    """
    day = F.when(F.col("bought"), day_of("order_ts", zone))
    by_currency = baskets.groupBy("customer_id", "currency").agg(
        F.sum(F.col("bought").cast("long")).alias("orders"),
        F.sum("units").alias("units"),
        F.sum("revenue").alias("revenue"),
        F.size(F.collect_set(day)).alias("order_days"),
        F.min(day).alias("first_day"),
        F.max(day).alias("last_day"),
    )
    main = F.max_by(F.struct("orders", "revenue", "currency", "order_days"), F.struct("orders", "currency"))
    summed = by_currency.groupBy("customer_id").agg(
        F.sum("orders").alias("orders"),
        F.sum("units").cast("double").alias("units"),
        main.alias("main"),
        F.sum("order_days").cast("int").alias("order_days"),
        F.min("first_day").alias("first_day"),
        F.max("last_day").alias("last_day"),
    )
    average, day_value = (
        F.when(F.col(f"main.{per}") > 0, F.col("main.revenue") / F.col(f"main.{per}")).cast(MONEY)
        for per in ("orders", "order_days")
    )
    return summed.select(
        "customer_id",
        "orders",
        "units",
        F.col("main.revenue").cast(MONEY).alias("revenue"),
        "main.currency",
        F.datediff(F.lit(as_of), "last_day").alias("recency_days"),
        average.alias("average_basket"),
        "order_days",
        "first_day",
        "last_day",
        day_value.alias("day_value"),
    )


def visits(events: DataFrame) -> DataFrame:
    """Events -> one row per customer_id: `visits`, those online, as gold.sessions has them."""
    return events.groupBy("customer_id").agg(F.count_distinct("session_id").alias("visits"))


def touches(events: DataFrame, baskets: DataFrame, zone: str) -> DataFrame:
    """Events and baskets -> one row per customer_id, channel and hour (in the time zone `zone`): orders, events, first_ts, last_ts."""
    seen = [
        events.select(
            "customer_id", "channel", F.col("event_ts").alias("ts"), F.lit(0).alias("bought"), F.lit(1).alias("event")
        ),
        baskets.select(
            "customer_id",
            "channel",
            F.col("order_ts").alias("ts"),
            F.col("bought").cast("int"),
            F.lit(0).alias("event"),
        ),
    ]
    return (
        seen[0]
        .unionByName(seen[1])
        .groupBy("customer_id", "channel", F.hour(local_time("ts", zone)).alias("hour"))
        .agg(
            F.sum("bought").alias("orders"),
            F.sum("event").alias("events"),
            F.min("ts").alias("first_ts"),
            F.max("ts").alias("last_ts"),
        )
    )


def preferences(touches: DataFrame) -> DataFrame:
    """Touches -> one row per customer_id: channels (sorted), first_seen_ts, last_seen_ts, preferred_channel (most
    orders, then most events), preferred_hour (most events and orders; of equals the earliest)."""
    in_channel, in_hour = Window.partitionBy("customer_id", "channel"), Window.partitionBy("customer_id", "hour")
    weighed = touches.withColumns(
        {
            "channel_weight": F.struct(F.sum("orders").over(in_channel), F.sum("events").over(in_channel), "channel"),
            "hour_weight": F.struct(F.sum(F.col("orders") + F.col("events")).over(in_hour), -F.col("hour")),
        }
    )
    return weighed.groupBy("customer_id").agg(
        F.array_sort(F.collect_set("channel")).alias("channels"),
        F.min("first_ts").alias("first_seen_ts"),
        F.max("last_ts").alias("last_seen_ts"),
        F.max_by("channel", "channel_weight").alias("preferred_channel"),
        F.max_by("hour", "hour_weight").alias("preferred_hour"),
    )


def top_categories(lines: DataFrame, products: DataFrame, purchases: DataFrame) -> DataFrame:
    """Order lines -> one row per customer_id: `top_categories`, up to three categories by net spend above 0, in the
    currency that `purchases` names."""
    of_currency = lines.join(purchases.select("customer_id", "currency"), ["customer_id", "currency"], how="left_semi")
    sold = of_currency.join(products.where("category IS NOT NULL").select("sku", "category"), "sku", how="inner")
    spent = sold.groupBy("customer_id", "category").agg(F.sum("amount").alias("spend")).where("spend > 0")
    ranked = F.sort_array(F.collect_list(F.struct(-F.col("spend"), "category")))
    return spent.groupBy("customer_id").agg(F.slice(ranked, 1, 3)["category"].alias("top_categories"))


def counted(**facts: DataFrame) -> DataFrame:
    """One row per customer_id: how many rows each of `facts` has for it, as a column of its name."""
    marked = [
        frame.select("customer_id", *[F.lit(int(name == other)).alias(other) for other in facts])
        for name, frame in facts.items()
    ]
    every = reduce(lambda left, right: left.unionByName(right), marked)
    return every.groupBy("customer_id").agg(*[F.sum(name).alias(name) for name in facts])
