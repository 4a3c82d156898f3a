"""How far visits get."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def funnel(sessions: DataFrame) -> DataFrame:
    """One row per (day, channel), its key: visits, and those that reached each step.

    A step is counted by itself: a purchase without a recorded checkout counts as a purchase and not as a checkout. A
    store's visits are its receipts, so they all buy.
    """
    reached = {
        "product_visits": F.col("product_views") > 0,
        "cart_visits": F.col("cart_adds") > 0,
        "checkout_visits": F.col("checkouts") > 0,
        "purchase_visits": F.col("purchased"),
    }
    return sessions.groupBy(F.to_date("started_ts").alias("day"), "channel").agg(
        F.count("*").alias("visits"), *[F.count_if(step).alias(name) for name, step in reached.items()]
    )
