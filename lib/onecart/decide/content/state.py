"""What the policies know: sums per customer and day in gold.content_state. Days are made anew from facts until late events can
no longer come, so that a repeated run changes nothing and a late answer counts; an erased customer's rows are gone from the sum."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config.sections.decide.content import Placement
from onecart.context import Context
from onecart.facts.horizons import within
from onecart.frames import DIGITS, begin_of, day_of

STATE = "gold.content_state"


@dataclass(frozen=True)
class Known:
    """Sums over all customers, one entry per item of a placement: trials, rewards, and of linucb xx[item, number, number] and
    xr[item, number]."""

    trials: Any
    rewards: Any
    xx: Any
    xr: Any


def update_state(ctx: Context, placements: Mapping[str, Placement]) -> None:
    """Makes the days of gold.content_state anew whose answers can still come, from the choices and events before as_of."""
    as_of, zone = ctx.as_of(), ctx.settings.shop.time_zone
    agreed = ctx.lake.for_purpose("profiling")
    cutoff = as_of - timedelta(days=max(p.window_days + p.late_days for p in placements.values()))
    between = F.col("as_of").between(F.lit(cutoff), F.lit(as_of - timedelta(days=1)))
    log = agreed.read_if_exists("gold.decision_log").where(between & (F.col("kind") == "content"))
    contexts = agreed.read_if_exists("gold.content_choice").where(between)
    choices = log.select(F.col("subject").alias("placement"), "customer_id", "as_of", F.col("action").alias("item"))
    choices = choices.join(
        contexts.select("placement", "customer_id", "as_of", "context"),
        ["placement", "customer_id", "as_of"],
        how="left",
    )
    events = agreed.read_if_exists("gold.customer_events")
    events = events.where((F.col("event_ts") >= begin_of(cutoff, zone)) & (F.col("event_ts") < begin_of(as_of, zone)))
    rows = answers(choices, events.withColumn("event_day", day_of("event_ts", zone)), placements)
    ctx.lake.replace_where(STATE, rows, f"day >= '{cutoff}'")


def answers(choices: DataFrame, events: DataFrame, placements: Mapping[str, Placement]) -> DataFrame:
    """The rows of gold.content_state: one per choice whose customer came while it held.

    choices: placement, customer_id, as_of, item, context; events: event_id, customer_id, event_day, event_type, sku, campaign.
    An event is an answer to the newest choice of its placement only, within the placement's window; any event shows that the
    customer came, one of the reward's types about the item is a reward.
    """
    days, rewarded = F.lit(None).cast("int"), F.lit(False)
    for name, p in placements.items():
        here = F.col("placement") == name
        days = F.when(here, F.lit(p.window_days)).otherwise(days)
        about = (F.col("sku") == F.col("item")) | (F.col("campaign") == F.col("item"))
        rewarded = F.when(here, F.col("event_type").isin(*p.reward) & about).otherwise(rewarded)
    pairs = choices.join(events, "customer_id", how="inner").where(within("event_day", "as_of", days))
    held = F.max_by(
        F.struct("as_of", "item", "context", F.coalesce(rewarded, F.lit(False)).alias("answered")), "as_of"
    ).alias("held")
    newest = pairs.groupBy("placement", "customer_id", "event_id").agg(held)
    keys = [F.col(f"held.{c}").alias(c) for c in ("item", "context")]
    seen = newest.select("placement", "customer_id", F.col("held.as_of").alias("day"), *keys, "held.answered")
    sums = seen.groupBy("placement", "item", "customer_id", "day").agg(
        F.lit(1).cast("long").alias("trials"),
        F.max("answered").cast("double").alias("rewards"),
        F.first("context").alias("context"),
    )
    return sums.withColumns({"xx": _outer(F.col("context")), "xr": _times(F.col("context"))}).drop("context")


def known(state: DataFrame, placements: Mapping[str, Placement]) -> dict[str, Known]:
    """Placement -> what is known of its items: one pass over gold.content_state."""
    widest = max((1 + len(p.context) for p in placements.values() if p.policy == "linucb"), default=0)
    arrays = [("xx", widest**2), ("xr", widest)]
    parts = [
        F.round(F.sum(F.get(name, F.lit(i))), DIGITS).alias(f"{name}_{i}") for name, size in arrays for i in range(size)
    ]
    sums = state.groupBy("placement", "item").agg(
        F.sum("trials").alias("trials"), F.sum("rewards").alias("rewards"), *parts
    )
    rows = {(r["placement"], r["item"]): r for r in sums.collect()}  # placements x items
    found = {}
    for name, p in placements.items():
        d = 1 + len(p.context) if p.policy == "linucb" else 0
        mine = [rows.get((name, item)) for item in p.items]
        flat = {
            key: np.array([[(r[f"{key}_{i}"] or 0.0) if r else 0.0 for i in range(size)] for r in mine])
            for key, size in (("xx", d * d), ("xr", d))
        }
        trials, rewards = (np.array([float(r[c]) if r else 0.0 for r in mine]) for c in ("trials", "rewards"))
        found[name] = Known(trials, rewards, flat["xx"].reshape(len(mine), d, d), flat["xr"])
    return found


def _outer(x: Column) -> Column:
    return F.flatten(F.transform(x, lambda a: F.transform(x, lambda b: a * b)))


def _times(x: Column) -> Column:
    return F.transform(x, lambda a: a * F.col("rewards"))
