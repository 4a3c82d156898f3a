"""One series sold from stock, period by period, against what was really asked for. Plain numbers."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from onecart.forecast.inventory.lead_time_demand import lead_times
from onecart.forecast.inventory.order import order_now, shelf_limit
from onecart.forecast.inventory.policies import NORMALS, draws_of, normal_law, normal_target, target
from onecart.forecast.inventory.sku_inputs import Case, Costs, Plan, Stock

Orders = Callable[[int, float, float], float]  # (period, on hand, on order) -> units


@dataclass(frozen=True)
class Outcome:
    """What a policy led to over the periods counted; see `simulate` for the meaning of each field."""

    periods: int
    demand: float
    short: float
    stock_outs: int
    orders: int
    waste: float
    mean_stock: float
    holding: float
    shortage: float
    order_cost: float

    @property
    def cost(self) -> float:
        return self.holding + self.shortage + self.order_cost

    @property
    def fill_rate(self) -> float | None:
        return 1 - self.short / self.demand if self.demand > 0 else None


def play(case: Case, plan: Plan, actual: np.ndarray, warm_up: int = 0) -> Outcome:
    """`plan.policy` over the periods of `actual`, reviewed every `plan.review` periods from the first on.

    At a review the policy sees the forecast from that period on. Lead times are drawn by the case's seed, one for every
    period, so that all policies meet the same ones.
    """
    law = normal_law(case, plan) if plan.policy in NORMALS else None
    drawn = law is None or case.stock.shelf_life < inf
    draws = draws_of(case, plan, starts=len(actual)) if drawn else None

    def orders(period: int, on_hand: float, on_order: float) -> float:
        if period % plan.review:
            return 0.0
        if law is not None:
            aim = normal_target(case, plan, law, period)
        else:
            assert draws is not None
            aim = target(case, plan, draws, period)
        limit = inf if draws is None else shelf_limit(case, plan, draws, aim, period)
        now = replace(case.stock, on_hand=on_hand, on_order=on_order, backorders=0.0)
        return order_now(aim, now, limit)[0]

    rng = np.random.default_rng(case.seed + 1)
    leads = np.rint(rng.choice(lead_times(*case.lead, plan.draws), len(actual))).astype(int)
    return sell(case.stock, case.costs, actual, leads, orders, warm_up)


def sell(
    stock: Stock, costs: Costs, actual: np.ndarray, leads: np.ndarray, orders: Orders, warm_up: int = 0
) -> Outcome:
    """Stock over the periods of `actual`. In each: goods arrive, an order is placed, demand comes, old goods are thrown.

    What is asked for and not there is lost. The oldest goods are sold first; goods that arrive in period a with a shelf
    life of s are thrown at the end of period a + s - 1. An order of period t arrives at the beginning of period t +
    leads[t], at once if that is 0. Stock at hand counts as fresh, what is on order arrives after leads[0] periods,
    backorders are served first. Periods before `warm_up` are played and not counted.
    """
    shelf = _Shelf(stock.shelf_life)
    shelf.add(0, stock.on_hand)
    due: dict[int, float] = {}
    on_order = stock.on_order
    if on_order > 0:
        due[max(int(leads[0]), 0)] = on_order
    owed = stock.backorders
    rows = []
    for t, asked in enumerate(np.maximum(actual, 0.0)):
        arrived = due.pop(t, 0.0)
        on_order -= arrived
        shelf.add(t, arrived)
        owed -= shelf.take(owed)
        units = orders(t, shelf.units - owed, on_order)
        if units > 0 and leads[t] == 0:
            shelf.add(t, units)
        elif units > 0:
            due[t + int(leads[t])] = due.get(t + int(leads[t]), 0.0) + units
            on_order += units
        sold = shelf.take(float(asked))
        waste = shelf.throw(t)
        rows.append((asked, asked - sold, units > 0, waste, shelf.units))
    demand, short, ordered, waste, left = np.array(rows[warm_up:], dtype=float).reshape(-1, 5).T
    return Outcome(
        periods=len(demand),
        demand=float(demand.sum()),
        short=float(short.sum()),
        stock_outs=int((short > 1e-9).sum()),
        orders=int(ordered.sum()),
        waste=float(waste.sum()),
        mean_stock=float(left.mean()),
        holding=float(costs.holding * left.sum()),
        shortage=float(costs.shortage * short.sum()),
        order_cost=float(costs.order * ordered.sum()),
    )


class _Shelf:
    """Goods by the period at whose end they are thrown, oldest first."""

    def __init__(self, life: float) -> None:
        self._life = life
        self._goods: deque[list[float]] = deque()

    @property
    def units(self) -> float:
        return sum(units for _, units in self._goods)

    def add(self, period: int, units: float) -> None:
        if units > 0:
            self._goods.append([period + self._life - 1, units])

    def take(self, units: float) -> float:
        """Takes up to `units`; returns how many there were."""
        left = units
        while left > 0 and self._goods:
            some = min(left, self._goods[0][1])
            self._goods[0][1] -= some
            left -= some
            if self._goods[0][1] <= 0:
                self._goods.popleft()
        return units - left

    def throw(self, period: int) -> float:
        thrown = 0.0
        while self._goods and self._goods[0][0] <= period:
            thrown += self._goods.popleft()[1]
        return thrown
