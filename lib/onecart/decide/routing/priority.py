"""How urgent a ticket is: points for what it says and who wrote it, and more with every hour it waits."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config.sections.decide.routing import Routing
from onecart.frames import begin_of

ANGRY = "angry"  # as gold.ticket_intent gives it among its reasons
_NEUTRAL = 0.5  # value of a customer of whom nothing is known, or who did not agree to profiling
_VALUABLE = 0.75
_HOUR_S = 3600


def open_tickets(tickets: DataFrame, as_of: date, zone: str) -> DataFrame:
    """The tickets opened before `as_of` that are not solved; one of which the feed says nothing is open."""
    unsolved = F.coalesce(F.lower("status"), F.lit("open")) != "solved"
    return tickets.where(unsolved & (F.col("opened_ts") < begin_of(as_of, zone)))


def people(profile: DataFrame, profiled: DataFrame, reviews: DataFrame, sentiment: DataFrame) -> DataFrame:
    """[customer_id, value, complains] of the customers in `profiled`, who agreed to profiling; key customer_id.

    value: v / (v + m), 0 to 1, with v the lifetime value and m the median (1/2 for the customer in the middle); null where v
    is. complains: the last review is negative. reviews: silver.reviews with customer_id; sentiment: gold.review_sentiment.
    """
    worth = F.col("lifetime_value_12m").cast("double")
    known = profile.select("customer_id", F.when(worth >= 0, worth).alias("worth"))
    known = profiled.join(known, "customer_id", how="left")
    middle = known.agg(F.percentile_approx("worth", 0.5).alias("middle"))
    value = F.col("worth") / F.nullif(F.col("worth") + F.col("middle"), F.lit(0))
    scored = reviews.join(
        sentiment.where("sentiment IS NOT NULL").select("review_id", "sentiment"), "review_id", how="inner"
    )
    last = scored.groupBy("customer_id").agg(F.max_by("sentiment", F.struct("review_ts", "review_id")).alias("last"))
    return (
        known.crossJoin(F.broadcast(middle))
        .join(last, "customer_id", how="left")
        .select("customer_id", value.alias("value"), F.col("last").eqNullSafe("negative").alias("complains"))
    )


def with_priority(
    tickets: DataFrame,
    intents: DataFrame,
    customers: DataFrame,
    *,
    rules: Routing,
    as_of: date,
    zone: str,
) -> DataFrame:
    """One row per ticket, its key: ticket_id, customer_id, intent, urgency, waited_hours, priority, why and model_version.

    priority: points for urgency, for the customer's value and for annoyance (angry words, or a last review that complains), and
    points_per_hour for the time waited until as_of. As every ticket gains alike, an order among tickets never changes, and
    none is overtaken by one that came more than (most - least points) / points_per_hour hours after it: nobody waits
    for ever. why: the reasons as text.

    tickets: of `open_tickets`, with customer_id; customers: of `people`; intents: gold.ticket_intent (a ticket not in it: intent other, urgency normal).
    """
    read = intents.select("ticket_id", "intent", "urgency", "reasons", "model_version")
    rows = (
        tickets.select("ticket_id", "customer_id", "opened_ts")
        .join(read, "ticket_id", how="left")
        .join(customers, "customer_id", how="left")
    )
    urgency = F.coalesce("urgency", F.lit("normal"))
    complains = F.coalesce("complains", F.lit(False))
    annoyed = F.coalesce(F.array_contains("reasons", ANGRY), F.lit(False)) | complains
    moment = begin_of(as_of, zone).cast("long")
    waited = (moment - F.col("opened_ts").cast("long")) / _HOUR_S
    value = F.coalesce("value", F.lit(_NEUTRAL))
    points = (
        _points(urgency, rules)
        + value * rules.value_points
        + F.when(annoyed, rules.annoyed_points).otherwise(0.0)
        + waited * rules.points_per_hour
    )
    said = F.when(F.size("reasons") > 0, F.concat(F.lit(" ("), F.array_join("reasons", ", "), F.lit(")")))
    why = F.concat_ws(
        ", ",
        F.concat(urgency, F.lit(" urgency"), F.coalesce(said, F.lit(""))),
        F.when(complains, "last review complains"),
        F.when(value >= _VALUABLE, "valuable customer"),
        F.concat(F.lit("waited "), F.format_number(waited, 0), F.lit(" h")),
    )
    return rows.select(
        "ticket_id",
        "customer_id",
        F.coalesce("intent", F.lit("other")).alias("intent"),
        urgency.alias("urgency"),
        waited.alias("waited_hours"),
        points.alias("priority"),
        why.alias("why"),
        "model_version",
    )


def _points(urgency: Column, rules: Routing) -> Column:
    given = F.lit(0.0)
    for level, points in rules.urgency_points.items():
        given = F.when(urgency == level, points).otherwise(given)
    return given
