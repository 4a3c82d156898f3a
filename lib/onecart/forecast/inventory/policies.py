"""The policies on drawn demand: from draws and costs to reorder point, order-up-to level or order quantity."""

from dataclasses import dataclass
from math import ceil, floor, sqrt

import numpy as np
from scipy.special import ndtri

from onecart.forecast.inventory.lead_time_demand import Demand, demand_of, moments
from onecart.forecast.inventory.optimal_policies import quantile, r_Q, s_S
from onecart.forecast.inventory.sku_inputs import Case, Plan, aimed_at, shortage_cost

POLICIES = ("newsvendor", "sS", "rQ", "base_stock")
NORMAL, NORMAL_PAST = NORMALS = ("normal", "normal_past")  # for comparison only, see `normal_target`
_GRID = 400  # levels that the (s, S) search tells apart


@dataclass(frozen=True)
class Target:
    """When the position is at or below `reorder_point`, order up to `order_up_to` or, if that is None, whole numbers of
    `order_quantity`. service_level: the probability aimed at that demand over lead time and review period is met."""

    reorder_point: float
    order_up_to: float | None
    order_quantity: float | None
    service_level: float

    def wanted(self, position: float) -> float:
        """Units to order, before packs and limits."""
        if position > self.reorder_point:
            return 0.0
        if self.order_up_to is not None:
            return max(0.0, self.order_up_to - position)
        if not self.order_quantity:
            return 0.0
        return self.order_quantity * (floor((self.reorder_point - position) / self.order_quantity) + 1)


def draws_of(case: Case, plan: Plan, starts: int = 1) -> Demand:
    """Demand of a series over lead time plus review period, from its first `starts` periods on."""
    whole = len(case.quantiles) if plan.policy in ("sS", "base_stock") else 1
    return demand_of(
        np.array(plan.probabilities),
        case.quantiles,
        case.lead,
        plan.review,
        draws=plan.draws,
        seed=case.seed,
        correlation=plan.correlation,
        starts=max(starts, whole),
    )


def target(case: Case, plan: Plan, demand: Demand, start: int = 0) -> Target:
    """The target of the plan's policy for an order placed at the beginning of period `start` of the forecast.

    newsvendor: the level that meets demand over lead time plus review period, from `start` on, with the probability of
        the critical ratio shortage / (shortage + holding * review) or the service level.
    base_stock: the same for a standing level, with the lead time beginning in any period of the forecast.
    sS: exact (s, S) (see `optima.s_S`); one period of it is one review period; demand rounded at random to units, or to
        coarser steps where more than 400 levels would come into question.
    rQ: expected-inventory-level (r, Q) (see `optima.r_Q`), covering lead time plus review period.

    All reckon with unmet demand that waits. Where it is lost, or demand falls steeply after a peak, demand is met more
    often than aimed at, and a lower service level may cost less: `simulate` tells.
    """
    ratio = aimed_at(case.costs, plan)
    if plan.policy == "base_stock":
        level = quantile(demand.over_anywhere(plan.review), ratio)
        return Target(level, level, None, ratio)
    cover = demand.over(plan.review, start)
    if plan.policy == "newsvendor":
        level = quantile(cover, ratio)
        return Target(level, level, None, ratio)
    if not demand.total[:, -1].any():
        return Target(0.0, 0.0 if plan.policy == "sS" else None, None if plan.policy == "sS" else 0.0, ratio)
    return _order_by_quantity(case, plan, demand, cover) if plan.policy == "rQ" else _s_S(case, plan, demand, cover)


Law = tuple[np.ndarray, np.ndarray]  # mean and standard deviation of each period's demand


def normal_law(case: Case, plan: Plan) -> Law:
    """What a Normal policy knows of demand: normal, the moments of the forecast's quantiles in each of its periods; normal_past,
    those of the past, the same in all."""
    if plan.policy == NORMAL_PAST:
        assert case.past is not None
        return np.array([case.past[0]]), np.array([case.past[1]])
    return moments(np.array(plan.probabilities), case.quantiles)


def normal_target(case: Case, plan: Plan, law: Law, start: int = 0) -> Target:
    """The textbook's safety stock: order up to mean + z sd, demand over lead time plus review period taken as Normal.

    law: of the forecast or of the past, see `normal_law`. Periods are independent, and the lead time's sd counts as in Silver,
    Pyke & Thomas (2017), section 6.10.
    """
    mean_lead, sd_lead = case.lead
    periods = mean_lead + plan.review
    share = np.clip(periods - np.arange(ceil(periods)), 0, 1)
    at = (start + np.arange(len(share))) % len(law[0])
    mean, sd = float(share @ law[0][at]), law[1][at]
    ratio = aimed_at(case.costs, plan)
    level = mean + ndtri(ratio) * sqrt(float(share @ sd**2) + (mean / periods * sd_lead) ** 2)
    return Target(float(level), float(level), None, ratio)


def _s_S(case: Case, plan: Plan, demand: Demand, cover: np.ndarray) -> Target:
    costs, review = case.costs, plan.review
    holding, shortage = costs.holding * review, shortage_cost(costs, plan)
    widest = float(cover.max()) + sqrt(2 * costs.order * demand.rate / costs.holding)
    step = max(min(1.0, case.stock.pack_size), widest / _GRID)
    rng = np.random.default_rng(case.seed)
    period = _whole(demand.blocks(review).ravel() / step, rng)
    if not period.any():
        return Target(0.0, 0.0, None, aimed_at(costs, plan))
    found = s_S(
        holding * step, shortage * step, costs.order, np.bincount(period), np.bincount(_whole(cover / step, rng))
    )
    return Target(found.s * step, found.S * step, None, aimed_at(costs, plan))


def _order_by_quantity(case: Case, plan: Plan, demand: Demand, cover: np.ndarray) -> Target:
    costs, rate = case.costs, demand.rate
    shortage = shortage_cost(costs, plan)
    asked = None if plan.service_level is None else quantile(cover, plan.service_level)
    found = r_Q(
        costs.holding,
        shortage,
        costs.order,
        rate,
        quantile=lambda p: quantile(cover, p),
        loss=lambda r: float(np.maximum(cover - r, 0).mean()),
        mean=float(cover.mean()),
        reorder_point=asked,
    )
    return Target(found.r, None, found.Q, float((cover <= found.r).mean()) if asked is None else aimed_at(costs, plan))


def _whole(units: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rounded up or down at random, so that the mean stays."""
    return np.floor(units + rng.random(units.shape)).astype(int)
