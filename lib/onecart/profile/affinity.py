"""What a customer is interested in: shares of decayed attention over categories and brands."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.frames import DIGITS, day_of

DIMENSIONS = ("category", "brand")
_EVENTS = {"product_view": "view", "add_to_cart": "cart"}  # purchases are counted from the orders of every channel


def affinities(
    events: DataFrame,
    lines: DataFrame,
    products: DataFrame,
    *,
    weights: Mapping[str, float],
    half_life_days: float,
    as_of: date,
    zone: str,
) -> DataFrame:
    """One row per customer_id, dimension and value: the columns of gold.customer_affinity.

    `events`: silver.interactions, `lines`: silver.orders, both with customer_id and before `as_of`. A view, an add to
    cart and a bought order line count their weight, halved with every half-life of age in days of the time zone `zone`; of a product whose units all
    went back, no purchase counts. `score` is the value's share of the customer's sum in its dimension. A product without
    a category or brand counts for neither: a retailer whose feed names no brands, such as Online Retail II, has no rows
    of dimension `brand`.
    """
    kind = F.coalesce(*[F.when(F.col("event_type") == k, F.lit(float(weights.get(w, 0)))) for k, w in _EVENTS.items()])
    looked = events.where(F.col("event_type").isin(*_EVENTS) & F.col("sku").isNotNull()).select(
        "customer_id", "sku", F.col("event_ts").alias("ts"), kind.alias("weight")
    )
    bought = lines.select("customer_id", "sku", F.col("order_ts").alias("ts"), "quantity")
    age = F.datediff(F.lit(as_of), day_of("ts", zone))
    decay = F.pow(F.lit(0.5), age / F.lit(float(half_life_days)))
    paid = F.when(F.col("quantity") > 0, decay * float(weights.get("purchase", 0)))
    looks, kept = F.coalesce(F.sum(F.col("weight") * decay), F.lit(0.0)), F.sum("quantity") > 0
    # Per product first: the catalogue is then joined once per customer and product, not per event.
    by_sku = (
        looked.unionByName(bought, allowMissingColumns=True)
        .groupBy("customer_id", "sku")
        .agg((looks + F.when(kept, F.sum(paid)).otherwise(0.0)).alias("weight"))
    )
    named = F.array(*[F.struct(F.lit(d).alias("dimension"), F.col(d).alias("value")) for d in DIMENSIONS])
    values = by_sku.join(products.select("sku", *DIMENSIONS), "sku", how="inner").select(
        "customer_id", F.inline(named), "weight"
    )
    weight = F.round(F.sum("weight"), DIGITS).alias("weight")
    summed = values.where("value IS NOT NULL").groupBy("customer_id", "dimension", "value").agg(weight)
    whole = Window.partitionBy("customer_id", "dimension")
    above = summed.where("weight > 0").withColumn("score", F.col("weight") / F.sum("weight").over(whole))
    return above.select("customer_id", "dimension", "value", "score", F.lit(as_of).alias("as_of"))
