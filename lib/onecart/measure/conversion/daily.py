"""Conversion by day and channel. Conversion rate = buyers / visitors."""

import logging

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Shop
from onecart.context import Context
from onecart.contracts import contract
from onecart.facts.shop import at_doors, in_shop_currency, of_kind, with_totals
from onecart.frames import day_of
from onecart.stats.proportions import wilson_ends

NO_CURRENCY = "XXX"  # as ISO 4217 says it: of a shop without orders
_SHOWN = 5  # currencies, at most
_log = logging.getLogger(__name__)


def write_conversion_daily(ctx: Context) -> str:
    """Replaces gold.conversion_daily. Revenue is in the shop's currency, or that of most order lines; that in other
    currencies, and without a rate, is left out, and warned of."""
    shop = ctx.settings.shop
    sessions, orders = (ctx.lake.read_if_exists(name) for name in ("gold.sessions", "silver.orders"))
    orders = orders.transform(in_shop_currency, shop)
    lines = orders.groupBy("currency").count().orderBy(F.desc("count"), "currency").limit(_SHOWN).collect()
    currency = shop.currency or (lines[0]["currency"] if lines else NO_CURRENCY)
    if left_out := [row["currency"] for row in lines if row["currency"] != currency]:
        _log.warning(
            "revenue is in %s; that of orders in %s is left out: say what 1 of it is worth with --set shop.rates.%s=...",
            currency,
            ", ".join(left_out),
            left_out[0],
        )
    footfall = ctx.lake.read_if_exists("silver.footfall")
    ctx.lake.replace(
        "gold.conversion_daily", conversion_daily(sessions, orders, footfall, currency=currency, shop=shop)
    )
    both = F.col("channel").isin(shop.all_online, shop.all_stores)
    known = ctx.lake.read("gold.conversion_daily").where(both & (F.col("visitors") > 0))
    sums = known.groupBy("channel").agg(F.sum("buyers"), F.sum("visitors")).orderBy("channel").collect()
    found = [f"{channel} {b / v:.1%}" for channel, b, v in sums]
    return f"conversion {', '.join(found)}" if found else "no visitors counted"


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
    low, high = wilson_ends(F.col("buyers"), F.nullif(F.col("visitors"), F.lit(0)))
    return (
        rows.withColumn("visitors", seen)
        .withColumns(
            {
                "conversion_rate": F.col("buyers") / F.nullif(F.col("visitors"), F.lit(0)),
                "rate_low": low,
                "rate_high": high,
                "revenue": F.coalesce("revenue", F.lit(0)).cast("decimal(18,4)"),
                "currency": F.lit(currency),
            }
        )
        .select(*contract("gold.conversion_daily").schema.fieldNames())
    )
