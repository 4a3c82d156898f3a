"""Segments by rules: the profile's fifths of how lately, how often and for how much a customer bought, 5 the best, and whatever
else the profile knows; the first rule that holds names the segment.
"""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config.sections.decide.segments import SegmentRule
from onecart.decide.conditions import NAMES, holds

OTHER = "other"  # the segment of those for whom no rule holds


def segments(profile: DataFrame, scores: DataFrame, rules: Sequence[SegmentRule]) -> DataFrame:
    """One row per customer of `profile`, the key: the columns of gold.segments but as_of and the learned segment.

    `scores`[customer_id, decile] is unique on customer_id, and holds only those who agreed to profiling: a rule that asks for
    the intent of others does not hold. UsageError: a rule is none, see `conditions`.
    """
    scored = profile.join(scores.select("customer_id", "decile"), "customer_id", how="left")
    held = [
        F.when(holds(scored, rule.where, f"decide.segments: the segment '{rule.name}'"), F.lit(rule.name))
        for rule in rules
    ]
    by_email = F.col("consent_email") & F.col("email").isNotNull()
    by_sms = F.col("consent_sms") & F.col("phone").isNotNull()
    return scored.select(
        "customer_id",
        F.coalesce(*held, F.lit(OTHER)).alias("segment"),
        *[F.col(column).alias(name) for column, name in NAMES.items()],
        (by_email | by_sms).alias("reachable"),
    )
