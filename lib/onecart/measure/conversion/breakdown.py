"""Conversion by day and one dimension at a time, with each step of the funnel and its interval."""

from itertools import pairwise

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Shop
from onecart.context import Context
from onecart.contracts import contract
from onecart.facts.shop import is_online, of_kind
from onecart.facts.visit_steps import STEPS, steps
from onecart.frames import day_of
from onecart.stats.proportions import wilson_ends

_GRAIN = ("day", "dimension", "value")
_RATES = (  # step -> (how many took it, of how many)
    *((after.removesuffix("_visits"), after, before) for before, after in pairwise(STEPS)),
    ("visit", "purchase_visits", "visits"),
    ("visitor", "buyers", "visitors"),
)


def write_conversion_breakdown(ctx: Context) -> str:
    """Replaces gold.conversion_breakdown, from gold.sessions, gold.segments and gold.conversion_daily. No words."""
    sessions, segments = (ctx.lake.read_if_exists(name) for name in ("gold.sessions", "gold.segments"))
    daily = ctx.lake.read_if_exists("gold.conversion_daily")
    ctx.lake.replace("gold.conversion_breakdown", conversion_breakdown(sessions, segments, daily, ctx.settings.shop))
    return ""


def conversion_breakdown(sessions: DataFrame, segments: DataFrame, daily: DataFrame, shop: Shop) -> DataFrame:
    """One row per day, dimension, value and step, its key: the columns of gold.conversion_breakdown.

    Online each dimension's values share out all visits: channel, device_type and campaign of the visit, and the customer's segment
    as it is now. In `place`, all online channels together stand beside the stores, whose visitors are those counted at the doors
    (`daily`, gold.conversion_daily); of the way through a store nothing is seen.
    """
    named = sessions.where(is_online(shop)).join(segments.select("customer_id", "segment"), "customer_id", how="left")
    values = {
        "channel": F.col("channel"),
        "device_type": F.coalesce("device_type", F.lit("unknown")),
        "campaign": F.coalesce("campaign", F.lit("none")),
        "segment": F.coalesce("segment", F.lit("unknown")),
        "place": F.lit(shop.all_online),
    }
    pairs = [F.struct(F.lit(name).alias("dimension"), value.alias("value")) for name, value in values.items()]
    counted = (
        named.withColumn("day", day_of("started_ts", shop.time_zone))
        .withColumn("pair", F.explode(F.array(*pairs)))
        .select("*", "pair.dimension", "pair.value")
        .transform(steps, by=_GRAIN)
    )
    rates = [
        F.struct(F.lit(step).alias("step"), F.col(hits).alias("hits"), F.col(of).alias("of"))
        for step, hits, of in _RATES
    ]
    online = counted.withColumn("rate", F.explode(F.array(*rates))).select(*_GRAIN, "rate.step", "rate.hits", "rate.of")
    rows = online.unionByName(_stores(daily, shop)).where(F.col("of") > 0)
    low, high = wilson_ends(F.col("hits"), F.col("of"))
    found = rows.withColumns({"rate": F.col("hits") / F.col("of"), "rate_low": low, "rate_high": high})
    return found.select(*contract("gold.conversion_breakdown").schema.fieldNames())


def _stores(daily: DataFrame, shop: Shop) -> DataFrame:
    """The stores' buyers of the people at their doors, each channel and all together."""
    counted = daily.where(of_kind(shop, "store")).select(
        "day", F.col("channel").alias("value"), F.col("buyers").alias("hits"), F.col("visitors").alias("of")
    )
    together = counted.where(F.col("value") == shop.all_stores).withColumn("dimension", F.lit("place"))
    alone = counted.where(F.col("value").isin(*shop.channels)).withColumn("dimension", F.lit("channel"))
    both = together.unionByName(alone)
    return both.withColumn("step", F.lit("visitor")).select(*_GRAIN, "step", "hits", "of")
