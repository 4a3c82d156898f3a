"""Finds the prices at which many customers together keep the limits, and settles those few whom a price leaves in doubt."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from onecart.decide.assignment.plan import LARGEST_SHARE_OF_DOUBT, Limits, Prices
from onecart.decide.assignment.pricing import (
    Block,
    Scarce,
    Use,
    after_prices,
    bound,
    taken,
    use_of,
)
from onecart.decide.assignment.solvers import best_choice, prices_of

SAMPLE = 5_000  # customers whose linear program gives the prices
IN_DOUBT = 500  # customers that are settled exactly in the end
_ROUNDS = 9
_SAMPLED = 4  # of them, those whose prices the sample gives
_GOOD = LARGEST_SHARE_OF_DOUBT / 5
_AIM = 0.5  # of the customers that one of the sample stands for: so far below a limit is aimed, to be seldom above it
_SECONDS = 5.0  # for the customers in doubt
_OVER = 1e-3  # of a limit, that those in doubt could bring in again
_MANY = 5_000  # customers from whom on the search among those in doubt may end at a thousandth of what they bring


class Customers(Protocol):
    """All customers, wherever they lie. `use` is one pass over them, `in_doubt` another."""

    size: int
    scale: float

    def sample(self, n: int) -> Block: ...

    def use(self, prices: Prices, per_customer: int) -> Use: ...

    def in_doubt(self, prices: Prices, per_customer: int, n: int, scarce: Scarce) -> tuple[Any, Block]: ...


@dataclass(frozen=True)
class Found:
    """A plan: prices, and the choice of those in doubt at them: `ids` as Customers has them, and [customer, offer]. locally:
    the prices that the linear program of those in doubt gives."""

    prices: Prices
    ids: Any
    choice: np.ndarray
    use: Use
    bound: float
    locally: Prices


def search(customers: Customers, limits: Limits) -> Found:
    """The plan with the smallest gap of those tried.

    A sample's linear program gives the first prices. What all customers use at them says by how much the sample's own limits
    have to be moved for the next ones, which brings the sum near its limit by about the root of the sample's size each
    time; in the end prices that keep the limits and prices that break them are brought together. Prices that those in
    doubt give are tried, too: of what only few can have, a sample knows little.
    """
    block = customers.sample(SAMPLE)
    values, share = block.told_apart(customers.scale), len(block) / customers.size
    goal, lowest = limits, np.inf
    best: Found | None = None
    local = keeping = breaking = (
        None  # the last prices that kept the limits before anybody was settled, and that did not
    )
    for tried in range(_ROUNDS):
        if tried >= _SAMPLED and keeping and breaking:
            prices = _between(keeping, breaking)
        else:
            prices = local or prices_of(block, values, _scaled(goal, share))
        all_use = customers.use(prices, limits.per_customer)
        lowest = min(lowest, bound(prices, limits, all_use.surplus))
        found = _settled(customers, limits, prices, all_use)
        if found and (best is None or found.use.value > best.use.value):
            best = found
        if best and best.use.value >= lowest * (1 - _GOOD):
            break
        if local is None:
            spare = _AIM * (customers.size / len(block) - 1)
            goal = _moved(goal, limits, prices, all_use, spare)
        if limits.hold(all_use.spent, all_use.counts):
            keeping = prices
        else:
            breaking = prices
        scarce = _scarce(limits, all_use)
        short = scarce.budget or bool(np.any(scarce.offers & (all_use.counts > limits.caps)))
        local = found.locally if found and local is None and short else None
    if best is None:
        best = _cautious(customers, limits, block, values, share)
    return replace(best, bound=min(lowest, best.bound))


def _between(one: Prices, other: Prices) -> Prices:
    return Prices((one.budget + other.budget) / 2, (one.caps + other.caps) / 2)


def _scaled(limits: Limits, share: float) -> Limits:
    return Limits(limits.budget * share, limits.caps * share, limits.per_customer)


def _scarce(limits: Limits, found: Use) -> Scarce:
    capped = np.isfinite(limits.caps)
    few = IN_DOUBT / 2 / max(1, int(capped.sum()))
    return Scarce(
        capped & (found.counts <= few), bool(np.isfinite(limits.budget) and found.counts.sum() <= IN_DOUBT / 2)
    )


def _hopeless(limits: Limits, found: Use, scarce: Scarce) -> bool:
    """Whether those in doubt cannot bring the sums within the limits."""
    costly = not scarce.budget and found.spent > limits.budget * (1 + _OVER)
    return bool(costly or np.any(~scarce.offers & (found.counts > limits.caps * (1 + _OVER) + IN_DOUBT)))


def _moved(goal: Limits, limits: Limits, prices: Prices, found: Use, below: float) -> Limits:
    """The limits to give the sample next: moved by what all customers are away from theirs, where a limit counts. below: customers
    fewer than a limit would have."""
    spare = limits.budget - found.spent * (1 + below / max(1.0, found.counts.sum()))
    budget = max(0.0, goal.budget + spare) if prices.budget > 0 or spare < 0 else goal.budget
    room = limits.caps - np.minimum(below, limits.caps / 2) - found.counts
    counts = np.isfinite(limits.caps) & ((prices.caps > 0) | (room < 0))
    caps = np.where(counts, np.maximum(0.0, goal.caps + np.where(counts, room, 0.0)), goal.caps)
    return Limits(budget, caps, goal.per_customer)


def _settled(customers: Customers, limits: Limits, prices: Prices, all_use: Use) -> Found | None:
    """The plan at the prices, those in doubt settled with what the others leave; None: the others leave less than nothing."""
    scarce = _scarce(limits, all_use)
    if _hopeless(limits, all_use, scarce):
        return None
    ids, few = customers.in_doubt(prices, limits.per_customer, IN_DOUBT, scarce)
    values = few.told_apart(customers.scale)
    theirs = use_of(few, taken(after_prices(values, few.costs, prices), limits.per_customer))
    left = limits.less(all_use.spent - theirs.spent, all_use.counts - theirs.counts)
    if not left.hold(0.0, np.zeros(len(limits.caps))):
        return None
    choice, _ = best_choice(few, left, gap=1e-3 if customers.size > _MANY else 1e-4, seconds=_SECONDS)
    mine = use_of(few, choice)
    if not left.hold(mine.spent, mine.counts):
        return None
    value, spent = all_use.value - theirs.value + mine.value, all_use.spent - theirs.spent + mine.spent
    whole = Use(value, spent, all_use.counts - theirs.counts + mine.counts, all_use.surplus)
    return Found(prices, ids, choice, whole, bound(prices, limits, all_use.surplus), prices_of(few, values, left))


def _cautious(customers: Customers, limits: Limits, block: Block, values: np.ndarray, share: float) -> Found:
    """A plan that keeps the limits for certain: the sample is given less and less of them, in the end nothing."""
    for part in (0.99, 0.95, 0.8, 0.5):
        prices = prices_of(block, values, _scaled(limits, share * part))
        found = _settled(customers, limits, prices, customers.use(prices, limits.per_customer))
        if found:
            return found
    forbidding = Prices(np.inf if np.isfinite(limits.budget) else 0.0, np.where(np.isfinite(limits.caps), np.inf, 0.0))
    last = _settled(customers, limits, forbidding, customers.use(forbidding, limits.per_customer))
    assert last is not None, "at prices without end nothing is chosen that has a limit"
    return replace(last, bound=np.inf)
