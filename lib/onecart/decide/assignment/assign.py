"""`decide.assign`: which offer goes to whom under a budget."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from onecart.decide.assignment import distributed
from onecart.decide.assignment.in_memory import COLUMNS, assigned, table_of
from onecart.decide.assignment.plan import Plan, checked_limits
from onecart.errors import UsageError, nearest


def assign(
    offers: DataFrame | pd.DataFrame,
    budget: float | None,
    caps: Mapping[Any, float | None] | None = None,
    per_customer: int = 1,
) -> Plan:
    """Chooses offers so that the sum of their values is as large as the limits allow.

    offers: [customer_id, offer, value, cost], key (customer_id, offer); value: expected profit before the cost, or after it,
    as you like: the cost only counts against the budget. An offer without a positive value is not made. budget: what the costs
    may come to; None: no limit. caps: offer -> how many of it; one left out, or None: no limit. per_customer: offers that one
    customer may get.

    Up to 500 customers the plan is exact (mixed-integer program); above, each customer chooses at the prices of budget and
    caps (Lagrangian dual), and those whom a small change of a price would move are settled exactly with what is left.
    Limits are never broken; time grows with the number of customers. `Plan.chosen` is a frame of the kind given.
    UsageError: columns, nulls, infinite numbers, negative costs, an offer twice to one customer, limits that are none.
    """
    if isinstance(offers, DataFrame):
        return distributed.assign(offers, budget, caps, per_customer)
    if not isinstance(offers, pd.DataFrame):
        raise UsageError(f"decide.assign: offers must be a DataFrame of Spark or pandas, found {type(offers).__name__}")
    return assign_pandas(offers, budget, caps, per_customer)


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
    if missing := [name for name in COLUMNS if name not in offers.columns]:
        hint = nearest(missing[0], map(str, offers.columns))
        raise UsageError(f"decide.assign: offers has no column '{missing[0]}'{hint}")
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
