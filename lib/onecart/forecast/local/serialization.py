"""Packs a series and its backtest into one row: what goes into the workers, and what every model said, as arrays. Nothing else crosses between Spark and
Python, so that the cost of a crossing is spread over all the values of a series."""

from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.forecast.inputs.series import seconds
from onecart.forecast.local.backtest import Plan, SeriesBacktest, backtest_series
from onecart.forecast.selection.selector import BacktestResult
from onecart.forecast.workers import mapped, spread_out
from onecart.frames import quoted

_DOUBLES = T.ArrayType(T.DoubleType())
_CODES = 255  # LightGBM's bins of a feature
_KINDS: dict[str, T.DataType] = {
    **{name: T.StringType() for name in ("unique_id", "status", "reason", "demand")},
    "notes": T.ArrayType(T.StringType()),
    "periods": T.IntegerType(),
    "units": T.DoubleType(),
    "scale": T.DoubleType(),
    "history": _DOUBLES,
    "dates": T.ArrayType(T.LongType()),
    "starts": T.ArrayType(T.IntegerType()),
    "models": T.ArrayType(T.StringType()),
    "yhats": T.ArrayType(_DOUBLES),
    "x": T.ArrayType(_DOUBLES),
    "static": _DOUBLES,
}
SOLVED = T.StructType([T.StructField(name, kind) for name, kind in _KINDS.items()])
"""One series. history: y on its grid; dates: of the history and ahead, s since 1970; starts: of the windows, in periods;
yhats: a model each, the h dates ahead and then window by window; x: a regressor each, over dates; static: see `with_static`."""


def packed(rows: DataFrame, regressors: tuple[str, ...]) -> DataFrame:
    """[unique_id, ds, y, known_ahead, x0, x1, ...], key unique_id: an array each, of `rows`[unique_id, ds, y, known_ahead,
    *regressors]; ds in s since 1970, see `clock`."""
    named = [quoted(name).alias(f"x{at}") for at, name in enumerate(regressors)]
    columns = ("ds", "y", "known_ahead", *(f"x{at}" for at in range(len(regressors))))
    timed = rows.select("unique_id", "ds", "y", "known_ahead", *named)
    entry = F.collect_list(F.struct(*columns)).alias("rows")
    whole = spread_out(timed, "unique_id").groupBy("unique_id").agg(entry)
    return whole.select("unique_id", *[F.col(f"rows.{name}").alias(name) for name in columns])


def backtests(series: DataFrame, plan: Plan) -> DataFrame:
    """`series` of `packed` -> SOLVED, one row each that has rows of its own."""
    return mapped(series, lambda one: _rows(one, plan), SOLVED)


def with_static(found: DataFrame, static: DataFrame | None) -> DataFrame:
    """`found` of SOLVED with the attributes of each series as numbers: what is text or true or false as a code from 0 to
    254, by hash, so that two kinds share one now and then. NaN: unknown."""
    if static is None:
        return found
    names = [name for name in static.columns if name != "unique_id"]
    numbers = [_number(quoted(name), kind=is_kind(static, name)) for name in names]
    values = static.select(F.col("unique_id").cast("string"), F.array(*numbers).alias("static"))
    unknown = F.array_repeat(F.lit(float("nan")), len(names))
    joined = found.drop("static").join(values, on="unique_id", how="left")
    return joined.withColumn("static", F.coalesce("static", unknown)).select(*found.columns)


def is_kind(static: DataFrame, name: str) -> bool:
    """Whether a column is of kinds (text, true or false), not of numbers."""
    return not isinstance(static.schema[name].dataType, T.NumericType)


def _number(value: Column, *, kind: bool) -> Column:
    code = F.when(value.isNotNull(), F.pmod(F.xxhash64(value.cast("string")), F.lit(_CODES))) if kind else value
    return F.coalesce(code.cast("double"), F.lit(float("nan")))


def _rows(one: Any, plan: Plan) -> list[dict[str, Any]]:
    ahead = np.asarray(one.known_ahead, bool)
    if ahead.all():
        return []
    x = {name: np.asarray(getattr(one, f"x{at}"), float) for at, name in enumerate(plan.regressors)}
    ds, y = pd.to_datetime(np.asarray(one.ds, float), unit="s"), np.asarray(one.y, float)
    found = backtest_series(pd.DataFrame({"ds": ds, "known_ahead": ahead, "y": y, **x}), one.unique_id, plan)
    return [{"unique_id": one.unique_id, **_arrays(found)}]


def _arrays(found: SeriesBacktest) -> dict[str, Any]:
    row: dict[str, Any] = {
        "status": found.status, "reason": found.reason, "demand": found.demand, "notes": found.notes, "scale": found.scale,
        "starts": found.starts, "models": [*found.yhats], "yhats": [paths.ravel() for paths in found.yhats.values()],
        "periods": 0, "units": 0.0, "history": [], "dates": [], "x": [], "static": [],
    }  # fmt: skip
    if found.history is not None:
        history = found.history
        dates = seconds(history.ds.append(history.ahead))
        row |= {"periods": len(history.y), "units": float(np.nansum(history.y)), "history": history.y, "dates": dates}
        row["x"] = [pd.concat([history.x[name], history.x_ahead[name]]).to_numpy(float) for name in history.x.columns]
    return row


def of_windows(found: DataFrame) -> DataFrame:
    """The tested series of `found` of SOLVED as `backtest_result` needs them: histories and starts from the oldest window on,
    without dates and regressors. What is older is most of an hourly series, and thousands of them go to the driver."""
    first = F.element_at("starts", 1)
    return found.where("status = 'forecast'").select(
        "unique_id", "demand", "scale", "models", "yhats",
        F.transform("starts", lambda at: at - first).alias("starts"),
        F.slice("history", first + 1, F.size("history") - first).alias("history"),
    )  # fmt: skip


def backtest_result(row: Any, h: int) -> BacktestResult:
    """A row of SOLVED whose status is forecast."""
    history = np.asarray(row.history, float)
    y = np.stack([history[at : at + h] for at in row.starts])
    yhats = {name: np.asarray(flat, float).reshape(-1, h) for name, flat in zip(row.models, row.yhats, strict=True)}
    scale = float(row.scale) if row.scale is not None else float("nan")
    return BacktestResult(row.demand, scale, y, yhats)
