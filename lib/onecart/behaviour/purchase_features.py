"""What customers buy: how they stand to prices, over which categories they spread, and where they are."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Shop
from onecart.contracts.base.features import DISCOUNT
from onecart.facts.sessionization import with_days


def taste(orders: DataFrame, products: DataFrame, dates: DataFrame, shop: Shop, *, window_days: int = 365) -> DataFrame:
    """One row per customer_id and as_of with a line bought in the `window_days` before it: price_index, discount_share,
    categories, top_category_share, category_entropy (Shannon, bits), country (that of the newest line).

    A product's usual price at an as_of is the median of its lines of the window known by then, of all customers (in each
    currency): a list price is of today, and would tell the past what comes. Its category is that of the catalogue,
    which keeps no history. Lines without a category count for the prices only.

    orders: gold.customer_orders; products: silver.products; dates: as_of.
    """
    priced = orders.where("quantity > 0 AND unit_price > 0").transform(with_days, "order_ts", shop)
    lines = priced.select(
        *("customer_id", "sku", "currency", "country", "order_ts", "order_line_id", "day", "known_day"),
        F.col("unit_price").cast("double").alias("price"),
    )
    inside = (F.col("known_day") < F.col("as_of")) & (F.col("day") >= F.date_sub("as_of", window_days))
    seen = lines.join(F.broadcast(dates), inside, how="inner")
    usual = seen.groupBy("as_of", "sku", "currency").agg(F.percentile_approx("price", 0.5).alias("usual"))
    own = seen.where(F.col("customer_id").isNotNull()).join(usual, ["as_of", "sku", "currency"], how="inner")
    ratio = F.col("price") / F.col("usual")
    place = F.struct("order_ts", "order_line_id", "country")
    by_category = (
        own.join(products.select("sku", "category"), "sku", how="left")
        .groupBy("customer_id", "as_of", "category")
        .agg(
            F.count("*").alias("lines"),
            F.sum(ratio).alias("ratios"),
            F.count_if(ratio < DISCOUNT).alias("cheap"),
            F.max(F.when(F.col("country").isNotNull(), place)).alias("place"),
        )
    )
    known = F.when(F.col("category").isNotNull(), F.col("lines"))
    sums = by_category.groupBy("customer_id", "as_of").agg(
        F.sum("lines").alias("lines"),
        F.sum("ratios").alias("ratios"),
        F.sum("cheap").alias("cheap"),
        F.count("category").alias("categories"),
        F.sum(known).alias("known"),
        F.max(known).alias("top"),
        F.sum(known * F.log2(known)).alias("weighed"),
        F.max("place").alias("place"),
    )
    entropy = F.greatest(F.log2("known") - F.col("weighed") / F.col("known"), F.lit(0.0))
    return sums.select(
        *("customer_id", "as_of", F.col("place.country").alias("country")),
        (F.col("ratios") / F.col("lines")).alias("price_index"),
        (F.col("cheap") / F.col("lines")).alias("discount_share"),
        "categories",
        (F.col("top") / F.col("known")).alias("top_category_share"),
        F.when(F.col("known").isNotNull(), entropy).alias("category_entropy"),
    )
