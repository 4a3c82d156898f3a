"""What an assignment gives back, and the limits it keeps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onecart.errors import UsageError, nearest

LARGEST_SHARE_OF_DOUBT = 0.005  # gap to the bound that a plan by prices is asked to keep
_ROUNDING = 1e-9  # of a limit, by which a sum of doubles may be above it


@dataclass(frozen=True)
class Plan:
    """An assignment of offers to customers.

    chosen: [customer_id, offer, value, cost], key (customer_id, offer), a frame of the kind that was given. value: sum of
    the values chosen. bound: no plan within the limits is worth more (Lagrangian dual). gap: (bound - value) / bound, 0 where
    the plan is proved to be the best. price_of_budget: what 1 more of budget would bring; price_of_cap: offer -> what one
    more of it would. spent: sum of the costs chosen. exact: proved to be the best.
    """

    chosen: Any
    value: float
    bound: float
    gap: float
    price_of_budget: float
    price_of_cap: dict[Any, float]
    spent: float
    exact: bool

    def __str__(self) -> str:
        how = "the best there is" if self.exact else f"at most {self.gap:.2%} below the best there is"
        return f"value {self.value:,.2f} ({how}), spent {self.spent:,.2f}; 1 more of budget would bring {self.price_of_budget:,.2f}"


@dataclass(frozen=True)
class Prices:
    """What one more of each limit is worth: of the budget, and of each offer's cap in the order of the offers."""

    budget: float
    caps: np.ndarray


@dataclass(frozen=True)
class Limits:
    """The budget, each offer's cap (inf: none) in the order of the offers, and offers per customer."""

    budget: float
    caps: np.ndarray
    per_customer: int

    def less(self, spent: float, counts: np.ndarray) -> "Limits":
        """What is left of them."""
        return Limits(self.budget - spent, self.caps - counts, self.per_customer)

    def hold(self, spent: float, counts: np.ndarray) -> bool:
        """Whether they are kept."""
        within = spent <= self.budget + _ROUNDING * max(1.0, abs(self.budget) if math.isfinite(self.budget) else 1.0)
        return bool(within and np.all(counts <= self.caps))


def checked_limits(
    budget: float | None, caps: Mapping[Any, float | None] | None, per_customer: int, offers: Sequence[Any]
) -> Limits:
    """The limits as numbers. UsageError: one is negative, no number, or of an offer that is not there."""
    if budget is not None and not (isinstance(budget, int | float) and budget >= 0):
        raise UsageError(f"decide.assign: budget must be a number from 0 on, or None for no limit; found {budget!r}")
    if not isinstance(per_customer, int) or isinstance(per_customer, bool) or per_customer < 1:
        raise UsageError(f"decide.assign: per_customer must be a whole number from 1 on, found {per_customer!r}")
    given = dict(caps or {})
    if unknown := [name for name in given if name not in set(offers)]:
        hint = nearest(str(unknown[0]), [str(name) for name in offers])
        raise UsageError(f"decide.assign: caps names the offer {unknown[0]!r}, which no row has{hint}")
    for name, cap in given.items():
        if cap is not None and not (isinstance(cap, int | float) and cap >= 0):
            raise UsageError(f"decide.assign: the cap of {name!r} must be a number from 0 on, or None; found {cap!r}")
    most = [math.inf if (cap := given.get(name)) is None else cap for name in offers]
    whole = np.array([cap if math.isinf(cap) else math.floor(cap) for cap in most], dtype=float)
    return Limits(math.inf if budget is None else float(budget), whole, per_customer)
