"""One order: what the policy wants, in whole packs and within capacity and shelf life, and what to expect of it."""

from dataclasses import dataclass
from math import ceil, floor, inf

import numpy as np

from onecart.forecast.inventory.lead_time_demand import Demand
from onecart.forecast.inventory.policies import Target, draws_of, target
from onecart.forecast.inventory.sku_inputs import Case, Plan, Stock

_NEAR = 1e-9  # rounding noise in packs


@dataclass(frozen=True)
class Order:
    """One order, in units; see `replenish` for the meaning of each field. None: unknown."""

    reason: str
    order: float | None = None
    reorder_point: float | None = None
    order_up_to: float | None = None
    order_quantity: float | None = None
    position: float | None = None
    expected_demand: float | None = None
    service_level: float | None = None
    expected_fill_rate: float | None = None
    expected_short: float | None = None
    expected_left: float | None = None


def decide(case: Case, plan: Plan) -> Order:
    """The order to place now for one series."""
    demand = draws_of(case, plan)
    aim = target(case, plan, demand)
    units, notes = order_now(aim, case.stock, shelf_limit(case, plan, demand, aim))
    cover = demand.over(plan.review)
    position, mean = case.stock.position, float(cover.mean())
    short, met = np.maximum(cover - position - units, 0), np.minimum(cover, max(0.0, position + units))
    needed = ceil(round(float(demand.lead.max()) + plan.review, 9))
    if needed > len(case.quantiles):
        notes = [*notes, f"the forecast's {len(case.quantiles)} periods were repeated to cover {needed}"]
    return Order(
        reason="; ".join([*notes, *case.notes]),
        order=units,
        reorder_point=aim.reorder_point,
        order_up_to=aim.order_up_to,
        order_quantity=aim.order_quantity,
        position=position,
        expected_demand=mean,
        service_level=aim.service_level,
        expected_fill_rate=float(met.mean()) / mean if mean > 0 else 1.0,
        expected_short=float(short.mean()),
        expected_left=float(np.maximum(position + units - cover, 0).mean()),
    )


def shelf_limit(case: Case, plan: Plan, demand: Demand, aim: Target, start: int = 0) -> float:
    """The highest position after an order whose units still sell before they spoil.

    What arrives is good for the lead time plus the shelf life from now, after all stock before it. It may cover the
    demand expected until then; or the service level, for the review period or the shelf life if that is shorter, since
    the last units of a safety stock are expected to be left over anyway.
    """
    shelf = case.stock.shelf_life
    if shelf == inf:
        return inf
    safe = demand.over(min(shelf, plan.review), start)
    return max(demand.expected(shelf, start), float(np.quantile(safe, aim.service_level)))


def order_now(aim: Target, stock: Stock, shelf: float = inf) -> tuple[float, list[str]]:
    """(units, reasons): the order at the stock's position. `shelf`: highest position that the shelf life allows."""
    position = stock.position
    wanted = aim.wanted(position)
    if wanted <= _NEAR * stock.pack_size:
        return 0.0, [f"position {position:g} is enough: an order is due at {_short(aim.reorder_point)}"]
    goal = f"up to {_short(aim.order_up_to)}" if aim.order_up_to is not None else f"by {_short(aim.order_quantity)}"
    units, notes = wanted, [f"ordered {goal}"]
    if units < stock.min_order:
        units = stock.min_order
        notes.append(f"raised to the smallest order of {stock.min_order:g}")
    packs = max(0, ceil(units / stock.pack_size - _NEAR))
    if stock.pack_size != 1 and packs * stock.pack_size > units + _NEAR * stock.pack_size:
        notes.append(f"rounded up to packs of {stock.pack_size:g}")
    return _within(packs, position, stock, shelf, notes)


def _within(packs: int, position: float, stock: Stock, shelf: float, notes: list[str]) -> tuple[float, list[str]]:
    limits = {
        f"capped by shelf life of {stock.shelf_life:g} periods": shelf,
        f"capped by capacity of {stock.capacity:g}": stock.capacity,
    }
    why, limit = min(limits.items(), key=lambda item: item[1])
    fits = packs if limit == inf else floor(max(0.0, limit - position) / stock.pack_size + _NEAR)
    if packs <= fits:
        return packs * stock.pack_size, notes
    units = fits * stock.pack_size
    if units < stock.min_order:
        return 0.0, [why, f"nothing ordered: the smallest order of {stock.min_order:g} does not fit"]
    kept = [note for note in notes if not note.startswith("rounded")]
    if not fits:
        return 0.0, [why, "nothing ordered" if stock.pack_size == 1 else "nothing ordered: not one pack fits"]
    return units, [*kept, why]


def _short(value: float | None) -> str:
    return f"{value:.6g}"
