"""One series as the policies see it: forecast, stock, costs, lead time; and what makes it unusable. Plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite, isnan
from typing import Any
from zlib import crc32

import numpy as np

LONGEST = 1000  # periods; a longer lead time is taken for a mistake in units


@dataclass(frozen=True)
class Plan:
    """What is asked of every series. probabilities: those of the forecast's quantile columns, ascending, with 0.5."""

    policy: str
    probabilities: tuple[float, ...]
    review: int = 1
    service_level: float | None = None
    correlation: float = 0.0
    draws: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class Stock:
    """Units; shelf life in periods."""

    on_hand: float = 0.0
    on_order: float = 0.0
    backorders: float = 0.0
    pack_size: float = 1.0
    min_order: float = 0.0
    shelf_life: float = inf
    capacity: float = inf

    @property
    def position(self) -> float:
        return self.on_hand + self.on_order - self.backorders


@dataclass(frozen=True)
class Costs:
    """Money: holding a unit and period, shortage a unit short (NaN: not given), an order."""

    holding: float
    shortage: float
    order: float = 0.0


@dataclass(frozen=True)
class Case:
    """A series; `quantiles` has a row a period and a column a probability of the plan; `lead` is mean and sd in periods; `past`
    mean and sd of what was asked for a period, None: not given."""

    quantiles: np.ndarray
    stock: Stock
    costs: Costs
    lead: tuple[float, float]
    seed: int = 0
    notes: tuple[str, ...] = ()
    past: tuple[float, float] | None = None


class Unusable(ValueError):
    """Nothing can be ordered for the series; the message says why."""


def read_case(row: Mapping[str, Any], plan: Plan) -> Case:
    """A packed row (see `inputs`) -> Case; Unusable says why there is none."""
    if row["unique_id"] is None:
        raise Unusable("unique_id is null")
    if row["undated"]:
        raise Unusable("a row of the forecast has no usable date")
    if row["repeated"]:
        raise Unusable("the forecast has several rows on one date")
    quantiles = np.asarray(row["quantiles"], dtype=float).reshape(-1, len(plan.probabilities))
    if not np.isfinite(quantiles).all():
        raise Unusable("the forecast holds a null or infinite value")
    notes = () if row["has_stock"] else ("no stock row: stock counted as 0",)
    seed = plan.seed + crc32(str(row["unique_id"]).encode())
    return Case(quantiles, _stock(row), _costs(row, plan), _lead(row), seed, notes, _past(row))


def aimed_at(costs: Costs, plan: Plan) -> float:
    """The service level: as asked, else the critical ratio; a unit left over is held for one review period."""
    if plan.service_level is not None:
        return plan.service_level
    return costs.shortage / (costs.shortage + costs.holding * plan.review)


def shortage_cost(costs: Costs, plan: Plan) -> float:
    """The cost of a unit short that `aimed_at` stands for."""
    ratio = aimed_at(costs, plan)
    return costs.shortage if plan.service_level is None else costs.holding * plan.review * ratio / (1 - ratio)


def _stock(row: Mapping[str, Any]) -> Stock:
    if not row["has_stock"]:
        return Stock()
    if missing(row["on_hand"]) or not isfinite(row["on_hand"]):
        raise Unusable("on_hand is null or infinite")
    given = {name: float(row[name]) for name in Stock.__dataclass_fields__ if not missing(row[name])}
    for name, least, above in (
        ("on_order", 0, False),
        ("backorders", 0, False),
        ("pack_size", 0, True),
        ("min_order", 0, False),
        ("shelf_life", 0, True),
        ("capacity", 0, False),
    ):
        value = given.get(name, 1.0)
        if value < least or (above and value == least):
            raise Unusable(f"{name} is {value:g}, it must be {'above 0' if above else '0 or more'}")
        if name not in ("shelf_life", "capacity") and not isfinite(value):
            raise Unusable(f"{name} is infinite")
    return Stock(**given)


def _costs(row: Mapping[str, Any], plan: Plan) -> Costs:
    if not row["has_costs"]:
        raise Unusable("no costs row")
    needed = ("holding", "shortage") if plan.service_level is None else ("holding",)
    for name in ("holding", "shortage"):
        if missing(row[name]):
            if name in needed:
                raise Unusable(f"the cost {name} is null")
        elif not (isfinite(row[name]) and row[name] > 0):
            raise Unusable(f"the cost {name} is {row[name]:g}, it must be above 0")
    order = 0.0 if missing(row["order"]) else float(row["order"])
    if not (isfinite(order) and order >= 0):
        raise Unusable(f"the cost order is {order:g}, it must be 0 or more")
    return Costs(float(row["holding"]), np.nan if missing(row["shortage"]) else float(row["shortage"]), order)


def _lead(row: Mapping[str, Any]) -> tuple[float, float]:
    if not row["has_lead"]:
        raise Unusable("no lead_time row")
    if missing(row["lead_mean"]):
        raise Unusable("the mean lead time is null")
    mean, sd = float(row["lead_mean"]), 0.0 if missing(row["lead_sd"]) else float(row["lead_sd"])
    if why := lead_fault(mean, sd):
        raise Unusable(why)
    return mean, sd


def _past(row: Mapping[str, Any]) -> tuple[float, float] | None:
    if missing(row.get("past_mean")) or missing(row["past_sd"]):
        return None
    mean, sd = float(row["past_mean"]), float(row["past_sd"])
    if not (0 <= mean < inf and 0 <= sd < inf):
        raise Unusable(f"a past demand of mean {mean:g} and sd {sd:g}; both must be 0 or more")
    return mean, sd


def lead_fault(mean: float, sd: float) -> str | None:
    """What is wrong with a lead time; None: nothing."""
    if not (0 <= mean <= LONGEST and 0 <= sd <= LONGEST):
        return f"a lead time of mean {mean:g} and sd {sd:g} periods; both must be between 0 and {LONGEST}"
    if sd > 2 * mean:
        return f"a lead time of mean {mean:g} and sd {sd:g} periods; the sd is more than twice the mean"
    return None


def missing(value: Any) -> bool:
    """None or NaN."""
    return value is None or isnan(value)
