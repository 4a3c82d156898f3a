"""From the lake's orders and events to the interactions that the models learn from."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.frames import literal_map


def interactions(
    orders: DataFrame,
    events: DataFrame,
    *,
    values: Mapping[str, float],
    before: date | None = None,
    had: DataFrame | None = None,
) -> DataFrame:
    """One row an order line bought or a product viewed or put into a cart, before the day `before` (None: at any time), by a known
    customer.

    user_id (customer), item_id (sku), value (`values` of product_view, add_to_cart, purchase and repeat: a purchase after
    another of the same product, in `orders` or among the pairs `had`[user_id, item_id] of earlier ones, without a value of
    its own worth a purchase; an event without a value is left out), ts, bought. Lines that give something back do not count. Purchases come from `orders` alone: events repeat them.

    orders, events: gold.customer_orders and gold.customer_events, of goods.
    """
    bought = orders.where("quantity > 0").select(
        "customer_id", "sku", F.col("order_ts").alias("ts"), F.lit("purchase").alias("kind")
    )
    looked = events.where(F.col("event_type").isin("product_view", "add_to_cart"))
    looked = looked.select("customer_id", "sku", F.col("event_ts").alias("ts"), F.col("event_type").alias("kind"))
    rows = bought.unionByName(looked).where(F.col("customer_id").isNotNull())
    rows = rows if before is None else rows.where(F.col("ts") < F.lit(before))
    if "repeat" in values:
        mine = Window.partitionBy("customer_id", "sku", "kind")
        again = F.col("ts") > F.min("ts").over(mine)
        if had is not None:
            before_all = had.select(
                F.col("user_id").alias("customer_id"), F.col("item_id").alias("sku"), F.lit(True).alias("had")
            )
            rows = rows.join(before_all.distinct(), on=["customer_id", "sku"], how="left")
            again = again | F.col("had").isNotNull()
        again = again & (F.col("kind") == "purchase")
        rows = rows.withColumn("kind", F.when(again, "repeat").otherwise(F.col("kind")))
    value = literal_map(values)[F.col("kind")]
    return (
        rows.withColumn("value", value)
        .where("value > 0")
        .select(
            F.col("customer_id").alias("user_id"),
            F.col("sku").alias("item_id"),
            "value",
            "ts",
            F.col("kind").isin("purchase", "repeat").alias("bought"),
        )
    )


def pairs(rows: DataFrame) -> DataFrame:
    """[user_id, item_id], key both: who has had to do with what."""
    return rows.select("user_id", "item_id").distinct()


def purchases(rows: DataFrame) -> DataFrame:
    """[user_id, item_id], key both: who has bought what."""
    return rows.where("bought").transform(pairs)


def split(rows: DataFrame, cut: date) -> tuple[DataFrame, DataFrame]:
    """(interactions before the day `cut`, [user_id, item_id] bought from `cut` on and never before)."""
    train = rows.where(F.col("ts") < F.lit(cut))
    later = purchases(rows.where(F.col("ts") >= F.lit(cut)))
    return train, later.join(purchases(train), on=["user_id", "item_id"], how="left_anti")
