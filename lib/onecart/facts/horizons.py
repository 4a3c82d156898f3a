"""How many days after a decision what its customer does counts: the campaign's own, else those of the one who asks."""

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from onecart.config.sections.decide.settings import Decide


def horizons(decide: Decide) -> dict[str, int]:
    """Campaign -> its horizon_days, of the campaigns that have one."""
    return {name: one.horizon_days for name, one in decide.running.items() if one.horizon_days}


def horizon_of(campaign: Column, own: Mapping[str, int], otherwise: int) -> Column:
    """The days of the campaign of that name; `otherwise` where it has none of its own."""
    days = F.lit(otherwise)
    for name, its in own.items():
        days = F.when(campaign == name, its).otherwise(days)
    return days


def within(day: Column | str, since: Column | str, days: Column | int) -> Column:
    """Whether `day` is one of the `days` from the day `since` on."""
    age = F.datediff(day, since)
    return (age >= 0) & (age < days)


def propensity_treated() -> Column:
    """Of a row of gold.decision_log, treated or control: the probability with which it would be treated."""
    return F.when(F.col("decision") == "treated", F.col("propensity")).otherwise(1 - F.col("propensity"))
