"""What policies would have cost on demand that was held back: `simulate`."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.forecast.inventory.checked_inputs import (
    Costing,
    LeadTime,
    check_columns,
    check_numbers,
    check_rows,
    forecast_frame,
    packed,
    quantile_columns,
    with_past,
)
from onecart.forecast.inventory.policies import NORMAL, NORMAL_PAST, NORMALS, POLICIES
from onecart.forecast.inventory.replenish import checked_plan
from onecart.forecast.inventory.simulator import Outcome, play
from onecart.forecast.inventory.sku_inputs import Plan, Unusable, missing, read_case
from onecart.forecast.workers import mapped
from onecart.frames import library_function

_WHOLE = ("periods", "stock_outs", "orders")
_FIGURES = ("cost", "holding", "shortage", "order_cost", "orders", "fill_rate", "stock_outs", "waste", "mean_stock")
_COLUMNS = (*_FIGURES, *(f.name for f in fields(Outcome) if f.name not in _FIGURES))


@library_function()
def simulate(
    forecast: Any,
    actual: DataFrame,
    stock: DataFrame,
    costs: Costing,
    lead_time: LeadTime,
    policies: Sequence[str] = ("newsvendor", NORMAL),
    *,
    review: int = 1,
    service_level: float | None = None,
    warm_up: int = 0,
    seed: int = 0,
    correlation: float = 0.0,
    draws: int = 1000,
    past: DataFrame | None = None,
) -> DataFrame:
    """Plays each policy on what was really asked for, with forecasts that were made without it.

    forecast, stock, costs, lead_time, review, service_level, correlation: as in `replenish`; the cost shortage is needed.
    actual: [unique_id, ds, y], key unique_id, ds: units asked for. The periods of a series are those of its forecast up to
        the last date in `actual` (of any series); a period without a row counts as 0, as does a negative y; a series with
        a null y has null figures and the reason. Periods of the forecast after that only tell policies what is to come.
    policies: of newsvendor, base_stock, sS, rQ, and for comparison mean + z sd with Normal demand (see `policies.normal_target`):
        normal, with the moments of the forecast's quantiles, and normal_past, with those of `past`. All aim at the same service
        level and meet the same demand and lead times.
    past: [unique_id, mean, sd] of what was asked for in a period before, in units, one row a series.
    warm_up: first periods that are played and not counted, as orders of the first period arrive only after a lead time.

    Rules (see `shop.sell`): unmet demand is lost, oldest goods are sold first and spoilt ones thrown, whole packs.
    Result, key unique_id, policy: cost (money: holding + shortage + order_cost), holding, shortage, order_cost (money),
    orders (placed), fill_rate (share of units asked for that were sold; null: nothing asked for), stock_outs (periods with
    unmet demand), waste (units thrown), mean_stock (units at the end of a period), periods, demand, short (units), reason
    (null: played). UsageError as in `replenish`.
    """
    frame = forecast_frame("simulate", forecast)
    columns = quantile_columns("simulate", frame)
    names = (policies,) if isinstance(policies, str) else tuple(dict.fromkeys(policies))
    known = (*POLICIES, *NORMALS)
    if not names:
        raise UsageError(f"simulate: policies is empty; name some of {', '.join(known)}")
    levels = tuple(columns.values())
    plans = [checked_plan("simulate", n, levels, review, service_level, correlation, draws, seed, known) for n in names]
    if isinstance(warm_up, bool) or not isinstance(warm_up, int) or warm_up < 0:
        raise UsageError(f"simulate: warm_up must be a whole number from 0, found {warm_up!r}")
    if NORMAL_PAST in names and past is None:
        raise UsageError("simulate: the policy normal_past needs past[unique_id, mean, sd]")
    asked = _with_actual(frame, actual)
    rows = packed("simulate", asked, tuple(columns), stock, costs, lead_time, ("holding", "shortage"))
    rows = rows if past is None else with_past("simulate", rows, past)
    check_rows("simulate", forecast=frame, actual=actual, stock=stock, costs=costs, lead_time=lead_time, past=past)

    def one_series(row: Any) -> list[dict[str, Any]]:
        known = row._asdict()
        return [{"unique_id": row.unique_id, "policy": plan.policy, **_figures(known, plan, warm_up)} for plan in plans]

    kinds = {name: T.IntegerType() if name in _WHOLE else T.DoubleType() for name in _COLUMNS}
    text = [T.StructField(name, T.StringType()) for name in ("unique_id", "policy", "reason")]
    schema = T.StructType([*text, *(T.StructField(name, kind) for name, kind in kinds.items())])
    played = mapped(rows, one_series, schema)
    unique_id = F.col("unique_id").cast(frame.schema["unique_id"].dataType).alias("unique_id")
    return played.select(unique_id, "policy", *_COLUMNS, "reason")


def _with_actual(forecast: DataFrame, actual: DataFrame) -> DataFrame:
    """The forecast with y: what was asked for, 0 for a date without a row, NaN for a null y, null after the last date."""
    check_columns("simulate", "actual", actual, ("unique_id", "ds", "y"))
    check_numbers("simulate", "actual", actual, ["y"])
    known = actual.select(
        F.col("unique_id").cast("string").alias("_id"),
        F.col("ds").cast("timestamp").alias("_ds"),
        F.coalesce(F.col("y").cast("double"), F.lit(float("nan"))).alias("y"),
    )
    last = known.agg(F.max("_ds").alias("_last"))
    date = F.col("ds").cast("timestamp")
    same = (F.col("unique_id").cast("string") == F.col("_id")) & (date == F.col("_ds"))
    asked = F.when(date <= F.col("_last"), F.coalesce("y", F.lit(0.0)))
    together = forecast.drop("y").join(known, on=same, how="left").crossJoin(F.broadcast(last))
    return together.withColumn("y", asked).drop("_id", "_ds", "_last")


def _figures(row: dict[str, Any], plan: Plan, warm_up: int) -> dict[str, Any]:
    try:
        found = _play(row, plan, warm_up)
    except Unusable as e:
        return {"reason": str(e)}
    except Exception as e:  # one odd series must not stop the others
        return {"reason": f"{type(e).__name__}: {(str(e).splitlines() or [''])[0][:200]}"}
    return {name: getattr(found, name) for name in _COLUMNS}


def _play(row: dict[str, Any], plan: Plan, warm_up: int) -> Outcome:
    case = read_case(row, plan)
    if missing(case.costs.shortage):
        raise Unusable("the cost shortage is null")
    if plan.policy == NORMAL_PAST and case.past is None:
        raise Unusable("no past row")
    actual = np.asarray(row["actual"], dtype=float)
    if len(actual) <= warm_up:
        raise Unusable(f"{len(actual)} periods of the forecast have actual values, more than {warm_up} are needed")
    if not np.isfinite(actual).all():
        raise Unusable("an actual value is null or infinite")
    return play(case, plan, actual, warm_up)
