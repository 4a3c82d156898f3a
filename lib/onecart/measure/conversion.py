"""Conversion by day and channel. Conversion rate = buyers / visitors."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.contracts import contract


def conversion_daily(sessions: DataFrame, orders: DataFrame, footfall: DataFrame, *, currency: str) -> DataFrame:
    """One row per day (UTC) and channel, its key: the columns of gold.conversion_daily.

    A visitor counts once a day and channel however many visits they make, and once in `online`, which is web and app
    together. A store's visitors are the people counted at its doors, all stores together, and none are known (null)
    where nobody counts or fewer were counted than bought. Orders and revenue are those placed that day; returns are
    taken off on the day they came back.

    sessions: gold.sessions; orders: silver.orders; footfall: silver.footfall.
    """
    visitors = (
        sessions.withColumn("day", F.to_date("started_ts"))
        .transform(_and_online)
        .groupBy("day", "channel", "visitor_id")
        .agg(F.max("purchased").alias("bought"))
        .groupBy("day", "channel")
        .agg(F.count("*").alias("seen"), F.count_if("bought").alias("buyers"))
    )
    counted = footfall.groupBy("day").agg(F.sum("visitors").alias("people")).withColumn("channel", F.lit("store"))
    sales = (
        orders.groupBy(F.to_date("order_ts").alias("day"), "channel", "order_id")
        .agg(
            F.max(F.col("quantity") > 0).cast("int").alias("sold"),
            F.sum(F.when(F.col("currency") == currency, F.col("amount"))).alias("amount"),
        )
        .transform(_and_online)
        .groupBy("day", "channel")
        .agg(F.sum("sold").alias("orders"), F.sum("amount").alias("revenue"))
    )
    rows = visitors.join(sales, ["day", "channel"], how="full").join(counted, ["day", "channel"], how="full")
    rows = rows.na.fill(0, ["buyers", "orders"])
    people = F.when(F.col("people") >= F.col("buyers"), F.col("people"))
    seen = F.when(F.col("channel") == "store", people).otherwise(F.col("seen"))
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


def _and_online(df: DataFrame) -> DataFrame:
    online = F.when(F.col("channel").isin("web", "app"), F.array("channel", F.lit("online")))
    return df.withColumn("channel", F.explode(F.coalesce(online, F.array("channel"))))
