"""Recency, frequency and monetary value as fifths of the buyers (Hughes, Strategic Database Marketing, 1994)."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_FIFTHS = "array(0.2, 0.4, 0.6, 0.8)"
# Revenue in steps of 1.2 %: a few thousand distinct values however many customers, so the percentiles are exact,
# small and the same in every run; equal steps get equal scores.
_MONEY_STEP = "floor(200 * log10(greatest(cast(revenue as double), 0.01)))"


def with_rfm(purchases: DataFrame) -> DataFrame:
    """Adds rfm_r, rfm_f, rfm_m (1 to 5, 5 best) and rfm, as in '545', to the frame of `activity.purchases`; null for who
    only brought things back.

    The fifths are of those who bought; revenue is compared with buyers of the same currency. Equal values get equal
    scores, so where many are alike a fifth may be larger, or empty.
    """
    stepped = purchases.withColumn("money_step", F.expr(_MONEY_STEP))
    buyers = stepped.where("orders > 0")
    overall = buyers.agg(
        F.expr(f"percentile(recency_days, {_FIFTHS})").alias("r_edges"),
        F.expr(f"percentile(orders, {_FIFTHS})").alias("f_edges"),
    )
    by_currency = buyers.groupBy("currency").agg(F.expr(f"percentile(money_step, {_FIFTHS})").alias("m_edges"))
    scores = {
        "rfm_r": 5 - _above("recency_days", "r_edges"),
        "rfm_f": 1 + _above("orders", "f_edges"),
        "rfm_m": 1 + _above("money_step", "m_edges"),
    }
    bought = F.col("orders") > 0
    return (
        stepped.join(F.broadcast(by_currency), "currency", how="left")
        .crossJoin(F.broadcast(overall))
        .withColumns({name: F.when(bought, score) for name, score in scores.items()})
        .withColumn("rfm", F.concat("rfm_r", "rfm_f", "rfm_m"))
        .drop("money_step", "r_edges", "f_edges", "m_edges")
    )


def _above(value: str, edges: str) -> Column:
    """How many edges the value is above."""
    return F.size(F.filter(edges, lambda edge: F.col(value) > edge))
