"""Optimal inventory policies of the textbooks, on plain numbers: exact where the model has an exact answer.

Costs are money: `holding` a unit and period, `shortage` a unit short, `fixed` an order. Demand is units.
"""

from collections.abc import Callable
from math import ceil, inf, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri
from scipy.stats import norm, poisson

from onecart.errors import UsageError


class BaseStock(NamedTuple):
    """Order up to `base_stock` every time. cost: expected holding and shortage cost a period."""

    base_stock: float
    cost: float


class ReorderUpTo(NamedTuple):
    """When the inventory position is at or below `s`, order up to `S`. cost: expected cost a period."""

    s: int
    S: int
    cost: float


class ReorderQuantity(NamedTuple):
    """When the inventory position falls to `r`, order `Q`. cost: expected cost per unit of time."""

    r: float
    Q: float
    cost: float


def critical_ratio(holding: float, shortage: float) -> float:
    """shortage / (shortage + holding): the share of periods without shortage that costs least."""
    _positive(holding=holding, shortage=shortage)
    return shortage / (shortage + holding)


def newsvendor_normal(holding: float, shortage: float, mean: float, sd: float) -> BaseStock:
    """Newsvendor with Normal demand: mean + z sd, cost (holding + shortage) sd phi(z), z at the critical ratio.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory (2nd ed., 2019), section 4.3.
    """
    _positive(sd=sd)
    z = float(ndtri(critical_ratio(holding, shortage)))
    return BaseStock(mean + z * sd, (holding + shortage) * sd * float(norm.pdf(z)))


def newsvendor_poisson(holding: float, shortage: float, mean: float) -> BaseStock:
    """Newsvendor with Poisson demand: the smallest level S with P(demand <= S) at or above the critical ratio.

    Source: Snyder & Shen (2019), section 4.3.
    """
    _positive(mean=mean)
    level = float(poisson.ppf(critical_ratio(holding, shortage), mean))
    # k P(k) = mean P(k - 1): the expected shortage needs no sum.
    short = mean * float(poisson.sf(level - 2, mean)) - level * float(poisson.sf(level - 1, mean))
    return BaseStock(level, holding * (level - mean + short) + shortage * short)


def newsvendor_discrete(
    holding: float, shortage: float, values: ArrayLike, weights: ArrayLike | None = None
) -> BaseStock:
    """Newsvendor on any finite distribution: `values` with `weights` (None: equal ones, as for draws), in any order.

    The smallest value whose cumulative share is at or above the critical ratio (Arrow, Harris & Marschak 1951).
    """
    demand, share = _distribution(values, weights)
    level = quantile(demand, critical_ratio(holding, shortage), share)
    over, under = np.maximum(level - demand, 0) @ share, np.maximum(demand - level, 0) @ share
    return BaseStock(level, float(holding * over + shortage * under))


def quantile(values: ArrayLike, probability: float, weights: ArrayLike | None = None) -> float:
    """The smallest of `values` whose cumulative share is at or above `probability`."""
    demand, share = _distribution(values, weights)
    order = np.argsort(demand, kind="stable")
    # A share that misses the probability by rounding alone has reached it.
    at = int(np.searchsorted(np.cumsum(share[order]), probability - 1e-12))
    return float(demand[order][min(at, len(demand) - 1)])


def s_S(
    holding: float, shortage: float, fixed: float, demand: ArrayLike, cover: ArrayLike | None = None
) -> ReorderUpTo:
    """The best (s, S) for whole units reviewed every period, with backorders; exact.

    demand: probabilities of 0, 1, 2, ... units in one period. cover: those of the demand over the lead time plus one
    period; None: no lead time. Source: Zheng & Federgruen, Finding Optimal (s, S) Policies Is About As Simple As
    Evaluating a Single Policy, Operations Research 39 (1991), whose algorithm this is.
    """
    _positive(holding=holding, shortage=shortage)
    if fixed < 0:
        raise UsageError(f"stock: fixed must be 0 or more, found {fixed}")
    one = _probabilities(demand)
    if one[0] >= 1:
        raise UsageError("stock: demand is 0 for certain; an (s, S) policy needs some")
    ahead = one if cover is None else _probabilities(cover)
    expected = _period_cost(holding, shortage, ahead)
    renewals = _Renewals(one)

    def cost(s: int, S: int) -> float:
        visits, length = renewals.until(S - s)
        return (fixed + float(visits @ expected(np.arange(S, s, -1)))) / length

    def at(level: int) -> float:
        return float(expected(level))

    best = int(quantile(np.arange(len(ahead)), critical_ratio(holding, shortage), ahead))  # where a period costs least
    s = best - 1
    while cost(s, best) > at(s):
        s -= 1
    least, S = cost(s, best), best + 1
    while at(S) <= least:
        if cost(s, S) < least:
            best = S
            while cost(s, best) <= at(s + 1):
                s += 1
            least = cost(s, best)
        S += 1
    return ReorderUpTo(s, best, least)


def r_Q(
    holding: float,
    stockout: float,
    fixed: float,
    rate: float,
    quantile: Callable[[float], float],
    loss: Callable[[float], float],
    mean: float,
    reorder_point: float | None = None,
) -> ReorderQuantity:
    """(r, Q) by the expected-inventory-level approximation, for any lead-time demand.

    rate: demand per unit of time; mean, quantile(p), loss(r) = E(demand - r)+: of the demand over the lead time.
    Minimises holding (r - mean + Q/2) + fixed rate/Q + stockout rate loss(r)/Q by turns: Q = sqrt(2 rate (fixed +
    stockout loss(r)) / holding), then P(demand > r) = Q holding / (stockout rate), from the economic order quantity on.
    `reorder_point`: taken as given, only Q is sought. Source: Hadley & Whitin, Analysis of Inventory Systems (1963),
    section 4.2; Snyder & Shen (2019), section 5.3.
    """
    _positive(holding=holding, stockout=stockout, rate=rate)
    Q = sqrt(2 * rate * fixed / holding)
    for _ in range(1000):
        r = quantile(max(0.0, 1 - Q * holding / (stockout * rate))) if reorder_point is None else reorder_point
        before, Q = Q, sqrt(2 * rate * (fixed + stockout * loss(r)) / holding)
        if abs(Q - before) <= 1e-10 * Q:
            break
    orders = rate / Q if Q > 0 else 0.0
    return ReorderQuantity(r, Q, holding * (r - mean + Q / 2) + orders * (fixed + stockout * loss(r)))


def r_Q_normal(
    holding: float, stockout: float, fixed: float, mean: float, sd: float, lead_time: float
) -> ReorderQuantity:
    """`r_Q` with Normal demand of `mean` and `sd` per unit of time, independent between units of time."""
    _positive(sd=sd, lead_time=lead_time, mean=mean, fixed=fixed)
    center, spread = mean * lead_time, sd * sqrt(lead_time)

    def loss(r: float) -> float:
        z = (r - center) / spread
        return spread * float(norm.pdf(z) - z * norm.sf(z))

    found = r_Q(
        holding, stockout, fixed, mean, lambda p: center + spread * float(ndtri(p)) if p else -inf, loss, center
    )
    if not np.isfinite(found.r):
        raise UsageError("stock: a stockout costs too little for an (r, Q) policy: holding an order costs more")
    return found


def base_stock_normal(
    holding: float, shortage: float, mean: float, sd: float, lead_time: float, lead_time_sd: float, review: float = 1
) -> BaseStock:
    """Base stock with Normal demand a period and a lead time that varies, covering lead time plus review period.

    Demand over them has mean m (L + R) and variance sd^2 (L + R) + m^2 lead_time_sd^2.
    Source: Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains (4th ed., 2017), section 6.10.
    """
    periods = lead_time + review
    return newsvendor_normal(holding, shortage, mean * periods, sqrt(sd**2 * periods + (mean * lead_time_sd) ** 2))


def _period_cost(holding: float, shortage: float, cover: np.ndarray) -> Callable[[Any], Any]:
    """Expected holding and shortage cost by whole level or levels: E(y - D)+ is the sum of P(D <= k) over k < y."""
    mean = float(np.arange(len(cover)) @ cover)
    left = np.concatenate([[0.0], np.cumsum(np.cumsum(cover))])
    one = left.tolist()  # a list gives single numbers several times faster

    def cost(level: Any) -> Any:
        if isinstance(level, int):
            over = one[min(max(level, 0), len(cover))] + max(level - len(cover), 0)
        else:
            over = left[np.minimum(np.maximum(level, 0), len(cover))] + np.maximum(level - len(cover), 0)
        return holding * over + shortage * (over - level + mean)

    return cost


class _Renewals:
    """Expected visits to a level j units below S before an order, and the expected periods between orders."""

    def __init__(self, demand: np.ndarray) -> None:
        self._demand = demand
        self._visits = np.array([1 / (1 - demand[0])])

    def until(self, distance: int) -> tuple[np.ndarray, float]:
        if distance > len(self._visits):
            self._extend(2 ** ceil(np.log2(distance)))
        visits = self._visits[:distance]
        return visits, float(visits.sum())

    def _extend(self, length: int) -> None:
        p, known = self._demand, len(self._visits)
        m = np.concatenate([self._visits, np.zeros(length - known)])
        for j in range(known, length):
            back = min(j, len(p) - 1)
            m[j] = p[1 : back + 1] @ m[j - back : j][::-1] / (1 - p[0])
        self._visits = m


def _distribution(values: ArrayLike, weights: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    demand = np.asarray(values, dtype=float).ravel()
    if not len(demand) or not np.isfinite(demand).all():
        raise UsageError("stock: demand must be one or more finite numbers")
    if weights is None:
        return demand, np.full(len(demand), 1 / len(demand))
    share = np.asarray(weights, dtype=float).ravel()
    if share.shape != demand.shape or (share < 0).any() or not share.sum() > 0:
        raise UsageError(f"stock: weights must be one a value ({len(demand)}), none below 0 and some above")
    return demand, share / share.sum()


def _probabilities(p: ArrayLike) -> np.ndarray:
    return _distribution(np.arange(len(np.asarray(p))), p)[1]


def _positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not (np.isfinite(value) and value > 0):
            raise UsageError(f"stock: {name} must be above 0, found {value}")
