"""Segments by rules: the profile's fifths of how lately, how often and for how much a customer bought, 5 the best, and whatever
else the profile knows; the first rule that holds names the segment.
"""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config.sections.decide.segments import SegmentRule
from onecart.decide.conditions import kinds, to_sql

OTHER = "other"  # the segment of those for whom no rule holds
_SCORES = {"recency_score": "rfm_r", "frequency_score": "rfm_f", "monetary_score": "rfm_m"}


def segments(profile: DataFrame, scores: DataFrame, rules: Sequence[SegmentRule]) -> DataFrame:
    """One row per customer of `profile`, the key: the columns of gold.segments but as_of and the learned segment.

    `scores`[customer_id, decile] is unique on customer_id, and holds only those who agreed to profiling: a rule that asks for
    the intent of others does not hold. UsageError: a rule is none, see `conditions`.
    """
    known = scores.select("customer_id", F.col("decile").alias("intent_decile"))
    scored = profile.withColumnsRenamed({theirs: name for name, theirs in _SCORES.items()})
    scored = scored.join(known, "customer_id", how="left")
    columns = kinds(scored.schema)
    held = [
        F.when(F.expr(to_sql(rule.where, columns, f"decide.segments: the segment '{rule.name}'")), F.lit(rule.name))
        for rule in rules
    ]
    by_email = F.col("consent_email") & F.col("email").isNotNull()
    by_sms = F.col("consent_sms") & F.col("phone").isNotNull()
    return scored.select(
        "customer_id",
        F.coalesce(*held, F.lit(OTHER)).alias("segment"),
        *_SCORES,
        "intent_decile",
        (by_email | by_sms).alias("reachable"),
    )
