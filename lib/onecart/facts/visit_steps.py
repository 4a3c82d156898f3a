"""How far a visit got: visit -> product -> cart -> checkout -> purchase, counted the same wherever it is shown."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

STEPS = ("visits", "product_visits", "cart_visits", "checkout_visits", "purchase_visits")


def steps(sessions: DataFrame, *, by: Sequence[str]) -> DataFrame:
    """One row per `by`, its key (columns of gold.sessions): STEPS, visitors, buyers.

    A visit that went further has passed the steps before it, recorded or not, so that no step has more visits than the
    one before it. A visit to a store is known by its receipt, so it has passed them all.
    """
    passed = {
        "product_visits": _any("product_views", "cart_adds", "checkouts"),
        "cart_visits": _any("cart_adds", "checkouts"),
        "checkout_visits": _any("checkouts"),
        "purchase_visits": F.col("purchased"),
    }
    per_visitor = sessions.groupBy(*by, "visitor_id").agg(
        F.count("*").alias("visits"), *[F.count_if(step).alias(name) for name, step in passed.items()]
    )
    return per_visitor.groupBy(*by).agg(
        *[F.sum(name).alias(name) for name in STEPS],
        F.count("*").alias("visitors"),
        F.count_if(F.col("purchase_visits") > 0).alias("buyers"),
    )


def _any(*names: str) -> Column:
    found = F.col("purchased")
    for name in names:
        found = found | (F.col(name) > 0)
    return found
