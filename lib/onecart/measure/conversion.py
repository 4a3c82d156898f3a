"""Conversion by day and channel. Conversion rate = buyers / visitors."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Shop
from onecart.contracts import contract
from onecart.facts.shop import at_doors, of_kind, with_totals
from onecart.frames import day_of


def conversion_daily(
    sessions: DataFrame, orders: DataFrame, footfall: DataFrame, *, currency: str, shop: Shop
) -> DataFrame:
    """One row per day and channel, its key: the columns of gold.conversion_daily.

    A visitor counts once a day and channel however many visits they make, and once in `online`, which is all online channels
    together; so does one of several stores in `stores`. A store's visitors are the people counted at its doors, all stores together, and none are known (null)
    where nobody counts or fewer were counted than bought. Orders and revenue are those placed that day; returns are
    taken off on the day they came back.

    sessions: gold.sessions; orders: silver.orders; footfall: silver.footfall.
    """
    visitors = (
        sessions.withColumn("day", day_of("started_ts", shop.time_zone))
        .transform(with_totals, shop, online=True)
        .groupBy("day", "channel", "visitor_id")
        .agg(F.max("purchased").alias("bought"))
        .groupBy("day", "channel")
        .agg(F.count("*").alias("seen"), F.count_if("bought").alias("buyers"))
    )
    counted = at_doors(footfall, shop)
    sales = (
        orders.groupBy(day_of("order_ts", shop.time_zone).alias("day"), "channel", "order_id")
        .agg(
            F.max(F.col("quantity") > 0).cast("int").alias("sold"),
            F.sum(F.when(F.col("currency") == currency, F.col("amount"))).alias("amount"),
        )
        .transform(with_totals, shop, online=True)
        .groupBy("day", "channel")
        .agg(F.sum("sold").alias("orders"), F.sum("amount").alias("revenue"))
    )
    rows = visitors.join(sales, ["day", "channel"], how="full").join(counted, ["day", "channel"], how="full")
    rows = rows.na.fill(0, ["buyers", "orders"])
    people = F.when(F.col("footfall") >= F.col("buyers"), F.col("footfall"))
    seen = F.when(of_kind(shop, "store"), people).otherwise(F.col("seen"))
    return (
        rows.withColumn("visitors", seen)
        .withColumns(
            {
                "conversion_rate": F.col("buyers") / F.nullif(F.col("visitors"), F.lit(0)),
                "revenue": F.coalesce("revenue", F.lit(0)).cast("decimal(18,4)"),
                "currency": F.lit(currency),
            }
        )
        .select(*contract("gold.conversion_daily").schema.fieldNames())
    )
