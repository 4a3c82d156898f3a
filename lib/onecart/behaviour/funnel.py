"""How far visits get: visit -> product -> cart -> checkout -> purchase."""

from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Shop
from onecart.contracts import contract
from onecart.facts.shop import at_doors, of_kind, with_totals
from onecart.facts.visit_steps import STEPS, steps
from onecart.frames import day_of

GRAIN = ("day", "channel", "device_type", "campaign")


def funnel(sessions: DataFrame, footfall: DataFrame, shop: Shop) -> DataFrame:
    """One row per day, channel, device_type and campaign, its key: the columns of gold.funnel.

    footfall: silver.footfall; all stores together, as the channel `shop.all_stores` is. A count below the visits that bought is a broken counter's, and
    taken as none.
    """
    dated = sessions.transform(with_totals, shop).withColumn("day", day_of("started_ts", shop.time_zone))
    counted = dated.transform(steps, by=GRAIN)
    joined = counted.join(at_doors(footfall, shop), ["day", "channel"], how="full").na.fill(
        0, [*STEPS, "visitors", "buyers"]
    )
    whole = F.col("footfall") >= F.greatest("purchase_visits", "buyers")
    return joined.withColumn("footfall", F.when(whole, F.col("footfall"))).transform(with_rates, shop)


def with_rates(counted: DataFrame, shop: Shop) -> DataFrame:
    """STEPS, visitors, buyers and footfall -> the columns of gold.funnel: each step's share of the step before it, and
    the conversion rates, buyers / visitors. null where nobody came, or nobody counted them."""
    store = of_kind(shop, "store")
    rates = {f"{after.removesuffix('_visits')}_rate": _share(after, F.col(before)) for before, after in pairwise(STEPS)}
    came = {"conversion_rate": ("purchase_visits", "visits"), "visitor_conversion_rate": ("buyers", "visitors")}
    for name, (bought, seen) in came.items():
        rates[name] = _share(bought, F.when(store, F.col("footfall")).otherwise(F.col(seen)))
    return counted.withColumns(rates).select(*contract("gold.funnel").schema.fieldNames())


def _share(part: str, of: Column) -> Column:
    return F.col(part) / F.nullif(of, F.lit(0))
