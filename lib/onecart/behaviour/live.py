"""Visits of a stream: sessions so far, brought up to date by each micro-batch of events.

visits = update(visits, batch, rules, shop)  # in foreachBatch; `visits` begins as spark.createDataFrame([], STATE)
as_sessions(visits)                          # rows like gold.sessions, to be scored as the nightly ones are
visits = visits.where(still_open(now, rules))
"""

from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.behaviour.session_metrics import COUNTED, as_sessions, seconds, visits_so_far
from onecart.config import Behaviour, Shop
from onecart.contracts import contract
from onecart.facts.sessionization import visit_keys, with_session, with_visit

_SETS, _SUMS = ("page_set", "product_set"), ("events", *COUNTED, "timed_views")
_BESIDE = ("session_id", "stream", "batch")  # columns of the table that say which visit, and how far it is
STATE = T.StructType([f for f in contract("gold.live_visits").schema.fields if f.name not in _BESIDE])


def update(visits: DataFrame, batch: DataFrame, rules: Behaviour, shop: Shop) -> DataFrame:
    """`visits` (one row per visit, columns of STATE) with the events of `batch` added: rows like it.

    In the order of events the result is that of `visits_so_far` over all of them. An event that comes after later ones
    of its visit joins it, but cuts nothing that was whole, and dwell times stay as they were; the nightly job sets that
    right. max_events_per_day holds for each batch by itself.

    batch: silver.interactions with customer_id.
    """
    names = STATE.fieldNames()
    new = batch.transform(with_session, rules, shop).transform(visits_so_far)
    rows = visits.select(*names).unionByName(new.select(*names))
    placed = rows.withColumnsRenamed({"started_ts": "event_ts", "first_event": "event_id"})
    cut = placed.transform(with_visit, rules, shop, until="ended_ts")
    order = Window.partitionBy(*visit_keys(rules)).orderBy("event_ts", "event_id")
    following = F.lead(F.struct("event_ts", "begins")).over(order)
    goes_on = (
        (F.col("last_type") == "product_view") & ~following["begins"] & (following["event_ts"] >= F.col("ended_ts"))
    )
    dwell = F.when(goes_on, seconds("ended_ts", following["event_ts"]))
    both = F.coalesce(F.col("product_dwell_s") + F.col("dwell"), "product_dwell_s", "dwell")
    timed = F.col("timed_views") + F.col("dwell").isNotNull().cast("long")
    longer = cut.withColumn("dwell", dwell).withColumns({"product_dwell_s": both, "timed_views": timed})
    return longer.transform(_joined, rules).select(
        *[F.col(f.name).cast(f.dataType).alias(f.name) for f in STATE.fields]
    )


def _joined(parts: DataFrame, rules: Behaviour) -> DataFrame:
    """Parts of visits, cut by `with_visit` -> one row per visit."""
    first, last = F.struct("event_ts", "event_id"), F.struct("ended_ts", "event_ts", "event_id")
    return parts.groupBy(*visit_keys(rules), "visit").agg(
        F.max("customer_id").alias("customer_id"),
        F.min_by("event_id", first).alias("first_event"),
        F.min_by("landing", first).alias("landing"),
        F.max_by("last_type", last).alias("last_type"),
        F.min("event_ts").alias("started_ts"),
        F.max("ended_ts").alias("ended_ts"),
        *[F.sum(name).alias(name) for name in (*_SUMS, "product_dwell_s")],
        *[F.array_distinct(F.flatten(F.collect_list(name))).alias(name) for name in _SETS],
        F.max("purchased").alias("purchased"),
        *[F.min_by(name, F.when(F.col(name).isNotNull(), first)).alias(name) for name in ("device_type", "campaign")],
    )


def still_open(now: datetime, rules: Behaviour) -> Column:
    """Whether a visit may go on at `now` (UTC): it has not been silent for longer than the gap."""
    return F.col("ended_ts") >= F.lit(now) - F.expr(f"INTERVAL {rules.session_gap_minutes} MINUTES")


__all__ = ["STATE", "as_sessions", "still_open", "update"]
