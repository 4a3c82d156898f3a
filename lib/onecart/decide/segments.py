"""Segments of customers: the profile's fifths of how lately, how often and for how much a customer bought, 5 the best, named by
the first rule below that holds.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_SCORES = {"recency_score": "rfm_r", "frequency_score": "rfm_f", "monetary_score": "rfm_m"}

RULES = (
    # segment, condition, who that is
    ("browser", "orders = 0", "never bought"),
    ("champion", "recency_score >= 4 AND frequency_score >= 4 AND monetary_score >= 4", "lately, often, for much"),
    ("loyal", "recency_score >= 3 AND frequency_score >= 3", "often, and not long ago"),
    ("at_risk", "frequency_score >= 3", "used to buy often, silent for long"),
    ("new", "recency_score >= 4 AND orders = 1", "a first order, lately"),
    ("promising", "recency_score >= 3 OR intent_decile <= 3", "seldom, but lately or likely to buy"),
    ("lapsed", "true", "seldom and long ago"),
)


def segments(profile: DataFrame, scores: DataFrame) -> DataFrame:
    """One row per customer of `profile`, the key: the columns of gold.segments but as_of.

    `scores` is unique on customer_id and may lack customers.
    """
    scored = profile.join(
        scores.select("customer_id", F.col("decile").alias("intent_decile")), "customer_id", how="left"
    )
    scored = scored.withColumnsRenamed({theirs: name for name, theirs in _SCORES.items()})
    segment = F.coalesce(*[F.when(F.expr(condition), F.lit(name)) for name, condition, _ in RULES])
    by_email = F.col("consent_email") & F.col("email").isNotNull()
    by_sms = F.col("consent_sms") & F.col("phone").isNotNull()
    return scored.select(
        "customer_id",
        segment.alias("segment"),
        *_SCORES,
        "intent_decile",
        (by_email | by_sms).alias("reachable"),
    )
