"""What to order now, for every series of a forecast: `replenish`."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest
from onecart.forecast.inventory.checked_inputs import (
    Costing,
    LeadTime,
    check_rows,
    forecast_frame,
    packed,
    quantile_columns,
)
from onecart.forecast.inventory.order import Order, decide
from onecart.forecast.inventory.policies import POLICIES
from onecart.forecast.inventory.sku_inputs import Plan, Unusable, read_case
from onecart.forecast.workers import mapped
from onecart.frames import library_function

_NUMBERS = tuple(f.name for f in fields(Order) if f.name != "reason")


@library_function()
def replenish(
    forecast: Any,
    stock: DataFrame,
    costs: Costing,
    lead_time: LeadTime,
    policy: str = "newsvendor",
    *,
    review: int = 1,
    service_level: float | None = None,
    seed: int = 0,
    correlation: float = 0.0,
    draws: int = 2000,
) -> DataFrame:
    """The order to place now for every series, at the beginning of the first period of its forecast.

    forecast: [unique_id (text or integer), ds, yhat, yhat-lo-L, yhat-hi-L for any levels L, chosen?], key unique_id, ds;
        or an object with such a frame as `best`. Demand is drawn from these quantiles and the median yhat-median (where there is
        none, yhat counts as it), and added up over the lead time plus `review` periods; a forecast that is shorter is repeated.
    stock: [unique_id, on_hand, and optionally on_order, backorders, pack_size (default 1: whole units), min_order,
        capacity (all in units; room for stock and what is on order), shelf_life (periods)].
    costs: [unique_id, holding (a unit and period), shortage (a unit short), order (an order; optional)] or one mapping of
        these names to numbers for all. shortage may be left out where `service_level` is given.
    lead_time: periods, a pair (mean, sd), or [unique_id, mean, sd].
    policy: newsvendor, base_stock, sS or rQ, see `policies.target`.
    service_level: takes the place of the cost ratio shortage / (shortage + holding * review).
    correlation: of the forecast errors of neighbouring periods; above 0 where errors come in runs.

    Result, key unique_id, one row a series of the forecast: unique_id (type as given), policy, order (units), reorder_point,
    order_up_to or (rQ) order_quantity, position (on hand + on order - backorders), expected_demand (units over lead time
    and review period), service_level, expected_fill_rate (share of that demand met), expected_short, expected_left (units
    short and left at its end, after the order), reason. A series that nothing can be said of has nulls and the reason;
    one without a stock row counts as 0 on hand, and says so. Same inputs and seed: same result.

    UsageError for missing columns, wrong types, unknown names and repeated keys; to find repeated keys, all
    frames are read once before.
    """
    frame = forecast_frame("replenish", forecast)
    columns = quantile_columns("replenish", frame)
    plan = checked_plan("replenish", policy, tuple(columns.values()), review, service_level, correlation, draws, seed)
    needed = ("holding", "shortage") if service_level is None else ("holding",)
    rows = packed("replenish", frame, tuple(columns), stock, costs, lead_time, needed)
    check_rows("replenish", forecast=frame, stock=stock, costs=costs, lead_time=lead_time)

    numbers = [T.StructField(name, T.DoubleType()) for name in _NUMBERS]
    text = [T.StructField(name, T.StringType()) for name in ("unique_id", "reason")]
    orders = mapped(rows, lambda row: [_order(row._asdict(), plan)], T.StructType(text + numbers))
    unique_id = F.col("unique_id").cast(frame.schema["unique_id"].dataType).alias("unique_id")
    return orders.select(unique_id, F.lit(policy).alias("policy"), *_NUMBERS, "reason")


def checked_plan(
    who: str,
    policy: str,
    probabilities: tuple[float, ...],
    review: int,
    service_level: float | None,
    correlation: float,
    draws: int,
    seed: int,
    known: Iterable[str] = POLICIES,
) -> Plan:
    """What is asked, or UsageError."""
    if policy not in known:
        raise UsageError(f"{who}: no policy '{policy}'{nearest(str(policy), known)}")
    for name, value, least in (("review", review, 1), ("draws", draws, 100)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UsageError(f"{who}: {name} must be a whole number from {least}, found {value!r}")
    if service_level is not None and (not isinstance(service_level, float) or not 0 < service_level < 1):
        raise UsageError(f"{who}: service_level must lie between 0 and 1, as in 0.95, found {service_level!r}")
    if isinstance(correlation, bool) or not isinstance(correlation, int | float) or not -1 < correlation < 1:
        raise UsageError(f"{who}: correlation must lie between -1 and 1, found {correlation!r}")
    return Plan(policy, probabilities, review, service_level, float(correlation), draws, seed)


def _order(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    try:
        found = decide(read_case(row, plan), plan)
    except Unusable as e:
        found = Order(reason=f"no order: {e}")
    except Exception as e:  # one odd series must not stop the others
        found = Order(reason=f"no order: {type(e).__name__}: {(str(e).splitlines() or [''])[0][:200]}")
    return {"unique_id": row["unique_id"], **asdict(found)}
