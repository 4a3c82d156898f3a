"""`decide.assign`: which offer goes to whom under a budget."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

from onecart.decide.assignment import distributed
from onecart.decide.assignment.in_memory import assign_pandas
from onecart.decide.assignment.plan import Plan
from onecart.errors import UsageError


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
