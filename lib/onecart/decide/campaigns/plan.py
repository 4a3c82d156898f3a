"""Plans a campaign with a control group: who would be contacted is decided without regard to who is held back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.decide.assignment.assign import assign
from onecart.decide.assignment.distributed import HERE
from onecart.decide.assignment.plan import Plan

_TRIES = 6
_LESS = 0.999  # of what a try came out above a limit by: sums are of whole contacts


@dataclass(frozen=True)
class Use:
    """What the treated of a plan come to."""

    spent: float
    counts: Mapping[str, int]

    def keeps(self, budget: float | None, caps: Mapping[str, float | None]) -> bool:
        within = budget is None or self.spent <= budget * (1 + 1e-9)
        return within and all(cap is None or self.counts.get(name, 0) <= cap for name, cap in caps.items())


def planned(
    offers: DataFrame | pd.DataFrame,
    budget: float | None,
    caps: Mapping[str, float | None],
    control_share: float,
) -> Plan:
    """The plan of treated and control together whose treated keep the limits.

    offers: [customer_id, offer, value, cost, held_back (in the control group)], key (customer_id, offer).

    Both groups go through the same choice, so that they can be compared, with limits that are larger by the share held back;
    where the treated of a plan are above theirs, it is made again with less. The control group costs nothing.
    """
    offers = gathered(offers)
    present = {*(offers["offer"].unique() if isinstance(offers, pd.DataFrame) else _names(offers))}
    own = {name: cap for name, cap in caps.items() if cap is not None and name in present}
    treated = 1 - control_share
    money = None if budget is None else budget / treated
    most: dict[str, float] = {name: math.floor(cap / treated) for name, cap in own.items()}
    for _ in range(_TRIES):
        plan = assign(offers, money, most)
        use = used(plan.chosen, offers)
        if use.keeps(budget, own):
            return plan
        if money is not None and budget is not None and use.spent > budget:
            money *= budget / use.spent * _LESS
        for name, cap in own.items():
            if (count := use.counts.get(name, 0)) > cap:
                most[name] = min(most[name] - 1, math.floor(most[name] * cap / count))
    return assign(offers, budget, own)


def used(chosen: Any, offers: Any) -> Use:
    """What those of `chosen` come to that are not held back."""
    if isinstance(chosen, pd.DataFrame):
        held = offers.loc[offers["held_back"], "customer_id"]
        mine = chosen[~chosen["customer_id"].isin(held)]
        return Use(float(mine["cost"].sum()), {str(k): int(n) for k, n in mine["offer"].value_counts().items()})
    held = offers.where("held_back").select("customer_id").distinct()
    sums = chosen.join(held, "customer_id", how="left_anti").groupBy("offer").agg(F.sum("cost"), F.count("*")).collect()
    return Use(float(sum(row[1] for row in sums)), {row[0]: row[2] for row in sums})


def gathered(offers: DataFrame | pd.DataFrame) -> DataFrame | pd.DataFrame:
    """The offers in this process where they are few, so that trying again costs no pass."""
    if isinstance(offers, pd.DataFrame):
        return offers
    first = offers.limit(HERE + 1).toPandas()
    return offers if len(first) > HERE else first


def _names(offers: DataFrame) -> list[str]:
    return [row[0] for row in offers.select("offer").distinct().collect()]
