"""Training rows of the model of visits: one moment of each past visit, and whether the visit bought after it."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.behaviour.sessions import SESSION_ID, as_sessions, visits_so_far
from onecart.behaviour.visits import online_events, visit_keys, with_visit
from onecart.config import Behaviour

BOUGHT, STARTED = "bought", "started_ts"
# Columns of gold.sessions that say how a visit has gone so far and how late into it we are.
FEATURES = (
    *("channel", "device_type", "campaign", "landing", "duration_s", "events", "page_views", "product_views"),
    *("searches", "cart_adds", "checkouts", "pages", "products", "product_dwell_s", "dwell_per_view_s"),
)


def snapshots(events: DataFrame, rules: Behaviour, *, seed: int) -> DataFrame:
    """One row per online visit that did something before it bought, or never bought; key session_id. Columns STARTED
    (UTC), FEATURES as they stood at one moment of the visit, and BOUGHT, 0/1: it bought after the moment.

    The moment is that of one event, drawn by a seeded hash of event_id among those before the first purchase. No event
    after it is looked at, but for BOUGHT.

    events: silver.interactions with customer_id.
    """
    cut = online_events(events, max_events_per_day=rules.max_events_per_day).transform(with_visit, rules)
    visit = Window.partitionBy(*visit_keys(rules), "visit")
    place = F.struct("event_ts", "event_id")
    purchase = F.min(F.when(F.col("event_type") == "purchase", place)).over(visit)
    placed = cut.withColumns({"purchase": purchase, "first_event": F.min_by("event_id", place).over(visit)})
    before = F.col("purchase").isNull() | (place < F.col("purchase"))
    draw = F.when(before, F.struct(F.xxhash64("event_id", F.lit(seed)), "event_id"))
    seen = placed.withColumn("moment", F.min_by(place, draw).over(visit)).where(place <= F.col("moment"))
    bought = F.col("purchase").isNotNull().cast("int").alias(BOUGHT)
    outcomes = seen.select(F.expr(SESSION_ID).alias("session_id"), bought).distinct()
    # Cut short, a visit could run into the next one: each has a key of its own from here on.
    apart = seen.withColumn("session_key", F.col("first_event")).select(*events.columns)
    so_far = apart.transform(visits_so_far, rules).transform(as_sessions)
    return so_far.join(outcomes, "session_id", how="inner").select("session_id", STARTED, *FEATURES, BOUGHT)
