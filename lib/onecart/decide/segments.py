"""The job `decide`: gold.customer_profile and gold.intent_scores -> gold.segments.

RFM scores (Hughes, Strategic Database Marketing, 1994): buyers cut into fifths by how lately (R), how often (F) and for
how much (M) they bought, 5 the best, then named by the first rule below that holds.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.context import Context, Result

_FIFTHS = [0.2, 0.4, 0.6, 0.8]
_SCORES = {"recency_score": "recency_days", "frequency_score": "orders", "monetary_score": "revenue"}

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


def run(ctx: Context) -> Result:
    """Reads gold.customer_profile and, where there, the intent scores of as_of; replaces gold.segments."""
    as_of, profile = ctx.as_of(), ctx.lake.read("gold.customer_profile")
    scores = ctx.lake.read_if_exists("gold.intent_scores").where(F.col("as_of") == F.lit(as_of))
    written = ctx.lake.replace("gold.segments", segments(profile, scores).withColumn("as_of", F.lit(as_of)))
    counts = ctx.lake.read("gold.segments").groupBy("segment").count().collect()
    n = {row["segment"]: row["count"] for row in counts}
    return Result(
        rows_in=sum(n.values()),
        rows_out=written.inserted,
        headline=f"{n.get('champion', 0):,} champions, {n.get('at_risk', 0):,} at risk of {sum(n.values()):,}",
    )


def segments(profile: DataFrame, scores: DataFrame) -> DataFrame:
    """One row per customer of `profile`, the key: the columns of gold.segments but as_of.

    The fifths are of those who bought; equal values get equal scores, so a fifth may be larger or empty where many are
    alike. `scores` is unique on customer_id and may lack customers.
    """
    buyers = profile.where("orders > 0").select(*[F.col(c).cast("double") for c in _SCORES.values()])
    edges = dict(zip(_SCORES, buyers.approxQuantile(list(_SCORES.values()), _FIFTHS, 0.001), strict=True))
    bought = F.col("orders") > 0
    scored = profile.join(
        scores.select("customer_id", F.col("decile").alias("intent_decile")), "customer_id", how="left"
    )
    scored = scored.withColumns({name: F.when(bought, _score(name, edges[name])) for name in _SCORES})
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


def _score(name: str, edges: list[float]) -> Column:
    """1 to 5 by the edges that the value is above; few days since the last order are best, so recency counts down."""
    above = sum(((F.col(_SCORES[name]) > edge).cast("int") for edge in edges), F.lit(0))
    return 5 - above if name == "recency_score" else 1 + above
