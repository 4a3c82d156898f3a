"""Training rows of the model of visits: one moment of each past visit, and whether the visit bought after it."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.behaviour.session_metrics import as_sessions, visits_so_far

BOUGHT, STARTED = "bought", "started_ts"
# Columns of gold.sessions that say how a visit has gone so far and how late into it we are.
FEATURES = (
    *("channel", "device_type", "campaign", "landing", "duration_s", "events", "page_views", "product_views"),
    *("searches", "cart_adds", "checkouts", "pages", "products", "product_dwell_s", "dwell_per_view_s"),
)


def snapshots(events: DataFrame, *, seed: int) -> DataFrame:
    """One row per online visit that did something before it bought, or never bought; key session_id. Columns STARTED
    (UTC), FEATURES as they stood at one moment of the visit, and BOUGHT, 0/1: it bought after the moment.

    The moment is that of one event, drawn by a seeded hash of event_id among those before the first purchase. No event
    after it is looked at, but for BOUGHT.

    events: gold.customer_events.
    """
    visit = Window.partitionBy("session_id")
    place = F.struct("event_ts", "event_id")
    purchase = F.min(F.when(F.col("event_type") == "purchase", place)).over(visit)
    placed = events.where("session_id IS NOT NULL").withColumn("purchase", purchase)
    before = F.col("purchase").isNull() | (place < F.col("purchase"))
    draw = F.when(before, F.struct(F.xxhash64("event_id", F.lit(seed)), "event_id"))
    seen = placed.withColumn("moment", F.min_by(place, draw).over(visit)).where(place <= F.col("moment"))
    bought = F.col("purchase").isNotNull().cast("int").alias(BOUGHT)
    outcomes = seen.select("session_id", bought).distinct()
    so_far = seen.transform(visits_so_far).transform(as_sessions)
    return so_far.join(outcomes, "session_id", how="inner").select("session_id", STARTED, *FEATURES, BOUGHT)
