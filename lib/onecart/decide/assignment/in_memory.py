"""Assignment of offers that fit into this process: exact up to EXACT customers, by prices above."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from onecart.decide.assignment.plan import LARGEST_SHARE_OF_DOUBT, Limits, Plan, checked_limits
from onecart.decide.assignment.pricing import (
    Block,
    Scarce,
    Use,
    after_prices,
    bound,
    choice_at,
    doubt,
    possible,
    taken,
    use,
    use_of,
)
from onecart.decide.assignment.search import Found, search
from onecart.decide.assignment.solvers import best_choice, prices_of
from onecart.errors import UsageError
from onecart.frames import require_columns, require_unique

EXACT = 500  # customers up to whom the plan is proved to be the best
COLUMNS = ("customer_id", "offer", "value", "cost")
_PROMISING = 5_000  # offers among which the best plan is looked for, where prices leave it in doubt
_PASS = 200_000  # customers a pass looks at together, to bound its memory


def assign_pandas(
    offers: pd.DataFrame, budget: float | None, caps: Mapping[Any, float | None] | None, per_customer: int
) -> Plan:
    """`assign` in this process; `chosen` is of pandas, in the order of customers and offers."""
    rows = _checked(offers)
    names = sorted(rows["offer"].unique(), key=lambda name: (str(type(name)), name))
    limits = checked_limits(budget, caps, per_customer, names)
    table = table_of(rows, names)
    chosen, plan = assigned(table, limits)
    customers, columns = np.nonzero(chosen)
    frame = pd.DataFrame(
        {
            "customer_id": pd.Series(np.asarray(table.customers)[customers], dtype=offers["customer_id"].dtype),
            "offer": pd.Series([names[at] for at in columns], dtype=offers["offer"].dtype),
            "value": table.block.values[chosen],
            "cost": table.block.costs[chosen],
        }
    )
    return replace(plan, chosen=frame)


def _checked(offers: pd.DataFrame) -> pd.DataFrame:
    require_unique(map(str, offers.columns), "decide.assign: offers")
    require_columns(offers, COLUMNS, "decide.assign: offers")
    rows = offers[[*COLUMNS]].copy()
    if nameless := int(rows[["customer_id", "offer"]].isna().any(axis=1).sum()):
        raise UsageError(f"decide.assign: {nameless:,} rows have no customer_id or offer; leave them out")
    for name in ("value", "cost"):
        try:
            rows[name] = pd.to_numeric(rows[name]).astype(float)
        except (TypeError, ValueError) as e:
            raise UsageError(f"decide.assign: column '{name}' must hold numbers") from e
    refuse(int((~np.isfinite(rows[["value", "cost"]])).any(axis=1).sum()), int((rows["cost"] < 0).sum()))
    return rows


def refuse(unknown: int, negative: int) -> None:
    """UsageError if rows have no finite value or cost, or a cost below 0."""
    if unknown:
        raise UsageError(
            f"decide.assign: {unknown:,} rows have a value or cost that is null, NaN or infinite; fill them or leave them out"
        )
    if negative:
        raise UsageError(f"decide.assign: {negative:,} rows have a cost below 0; take what is earned into the value")


@dataclass(frozen=True)
class Table:
    """The offers worth making as a block, and what its rows and columns are."""

    block: Block
    customers: Any
    offers: list[Any]


def table_of(offers: pd.DataFrame, names: list[Any]) -> Table:
    """`offers`, checked, with the columns in the order of `names`. UsageError: a customer has one offer twice."""
    worth = offers[offers["value"] > 0]
    if offers.duplicated(["customer_id", "offer"]).any():
        one = offers[offers.duplicated(["customer_id", "offer"])].iloc[0]
        raise UsageError(
            f"decide.assign: customer {one['customer_id']!r} has the offer {one['offer']!r} twice; keep one row of each"
        )
    rows, customers = pd.factorize(worth["customer_id"], sort=True)
    columns = pd.Categorical(worth["offer"], categories=names).codes
    shape = (len(customers), len(names))
    values, costs = np.zeros(shape), np.zeros(shape)
    values[rows, columns] = worth["value"]
    costs[rows, columns] = worth["cost"]
    keys = pd.util.hash_array(np.asarray(customers, dtype=object), categorize=False) >> np.uint64(1)
    return Table(Block(values, costs, keys), customers, names)


def assigned(table: Table, limits: Limits) -> tuple[np.ndarray, Plan]:
    """([customer, offer]: whether it is chosen, the plan without its frame)."""
    block = possible(table.block, limits)
    exact = len(block) <= EXACT
    if not (block.values > 0).any():
        zero = dict.fromkeys(table.offers, 0.0)
        return np.zeros(block.values.shape, dtype=bool), Plan(None, 0.0, 0.0, 0.0, 0.0, zero, 0.0, True)
    if exact:
        chosen, proved = best_choice(block, limits)
        prices = prices_of(block, block.values, limits)
        net = after_prices(block.values, block.costs, prices)
        highest = bound(prices, limits, float(net[taken(net, limits.per_customer)].sum()))
        mine = use_of(block, chosen)
        return chosen, plan_of(Found(prices, None, chosen, mine, highest, prices), table.offers, exact=proved)
    customers = InMemory(block)
    found = search(customers, limits)
    plan = plan_of(found, table.offers, exact=False)
    if plan.gap > LARGEST_SHARE_OF_DOUBT and (better := _of_promising(block, limits, found)):
        chosen, found = better
        return chosen, plan_of(found, table.offers, exact=True)
    return customers.chosen(found, limits.per_customer), plan


def _of_promising(block: Block, limits: Limits, found: Found) -> tuple[np.ndarray, Found] | None:
    """The best plan, from the offers that a plan better than `found` could hold; None: too many of them. Where only few can be
    chosen the bound lies above what whole offers can bring, and no price tells them apart. An offer that falls short of what the
    customer takes at the prices by more than the gap is in no better plan (reduced-cost fixing)."""
    net = after_prices(block.values, block.costs, found.prices)
    ranked = -np.sort(-np.pad(net, ((0, 0), (0, limits.per_customer))), axis=1)
    least = np.maximum(ranked[:, [limits.per_customer - 1]], 0.0)
    highest = bound(found.prices, limits, float(net[taken(net, limits.per_customer)].sum()))
    worth = np.where(least - net <= highest - found.use.value + 1e-9, block.values, 0.0)
    if (worth > 0).sum() > _PROMISING:
        return None
    chosen, proved = best_choice(Block(worth, block.costs, block.keys), limits)
    mine = use_of(block, chosen)
    return (chosen, replace(found, use=mine, bound=mine.value)) if proved and mine.value >= found.use.value else None


def plan_of(found: Found, offers: list[Any], *, exact: bool) -> Plan:
    """The plan without its frame."""
    value = found.use.value
    highest = max(found.bound, value)
    gap = 0.0 if exact or highest <= 0 else (highest - value) / highest
    prices = dict(zip(offers, map(float, found.prices.caps), strict=True))
    budget = found.prices.budget
    return Plan(None, value, highest, gap, float(budget), prices, found.use.spent, exact)


class InMemory:
    """Customers of one block, see `search.Customers`."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self.size = len(block)
        positive = block.values[block.values > 0]
        self.scale = float(positive.mean()) if len(positive) else 1.0

    def sample(self, n: int) -> Block:
        """Those with the smallest keys: keys are hashes."""
        return self._block[np.argsort(self._block.keys, kind="stable")[:n]]

    def use(self, prices: Any, per_customer: int) -> Use:
        parts = (use(self._block[rows], prices, per_customer, self.scale) for rows in self._passes())
        return sum(parts, Use(0.0, 0.0, np.zeros(self._block.values.shape[1]), 0.0))

    def in_doubt(self, prices: Any, per_customer: int, n: int, scarce: Scarce) -> tuple[Any, Block]:
        parts = [doubt(self._block[rows], prices, per_customer, self.scale, scarce) for rows in self._passes()]
        doubts = np.concatenate(parts)
        ids = np.sort(np.argsort(doubts, kind="stable")[:n])
        return ids, self._block[ids]

    def chosen(self, found: Found, per_customer: int) -> np.ndarray:
        """[customer, offer] at the prices found, those in doubt as they were settled."""
        parts = [choice_at(self._block[rows], found.prices, per_customer, self.scale) for rows in self._passes()]
        all_of_them = np.concatenate(parts)
        all_of_them[found.ids] = found.choice
        return all_of_them

    def _passes(self) -> list[slice]:
        return [slice(at, at + _PASS) for at in range(0, self.size, _PASS)]
