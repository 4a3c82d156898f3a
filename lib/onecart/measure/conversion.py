"""The job `measure`: gold.sessions and silver.orders -> gold.conversion_daily. Conversion rate = buyers / visitors."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.errors import OneCartError
from onecart.lake import contract


def run(ctx: Context) -> Result:
    """Replaces gold.conversion_daily. Revenue is in the currency of most order lines; other currencies are left out."""
    sessions, orders = ctx.lake.read("gold.sessions"), ctx.lake.read("silver.orders")
    main = orders.groupBy("currency").count().orderBy(F.desc("count"), "currency").first()
    if main is None:
        raise OneCartError("silver.orders is empty, so there is nothing to measure; ingest orders first")
    written = ctx.lake.replace("gold.conversion_daily", conversion_daily(sessions, orders, currency=main["currency"]))
    online = ctx.lake.read("gold.conversion_daily").where("channel = 'online' AND visitors > 0")
    row = online.agg(F.sum("buyers"), F.sum("visitors"), F.count("*")).first()
    buyers, visitors, days = row or (None, None, 0)
    return Result(
        rows_in=sessions.count(),
        rows_out=written.inserted,
        headline=f"online conversion {buyers / visitors:.1%} over {days} days" if visitors else "no online visitors",
    )


def conversion_daily(sessions: DataFrame, orders: DataFrame, *, currency: str) -> DataFrame:
    """One row per day (UTC) and channel, its key: the columns of gold.conversion_daily.

    A visitor counts once a day and channel however many visits they make, and once in `online`, which is web and app
    together. Nobody counts the visitors of a store, so it has no rate. Orders and revenue are those placed that day;
    returns are taken off on the day they came back.

    sessions: gold.sessions; orders: silver.orders.
    """
    visitors = (
        sessions.withColumn("day", F.to_date("started_ts"))
        .transform(_and_online)
        .groupBy("day", "channel", "visitor_id")
        .agg(F.max("purchased").alias("bought"))
        .groupBy("day", "channel")
        .agg(F.count("*").alias("seen"), F.count_if("bought").alias("buyers"))
        .withColumn("visitors", F.when(F.col("channel") != "store", F.col("seen")))
    )
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
    rows = visitors.join(sales, ["day", "channel"], how="full").na.fill(0, ["buyers", "orders"])
    return rows.withColumns(
        {
            "conversion_rate": F.col("buyers") / F.col("visitors"),
            "revenue": F.coalesce("revenue", F.lit(0)).cast("decimal(18,4)"),
            "currency": F.lit(currency),
        }
    ).select(*contract("gold.conversion_daily").schema.fieldNames())


def _and_online(df: DataFrame) -> DataFrame:
    online = F.when(F.col("channel").isin("web", "app"), F.array("channel", F.lit("online")))
    return df.withColumn("channel", F.explode(F.coalesce(online, F.array("channel"))))
