"""The aggregates of units in a pandas frame."""

from typing import Any

import numpy as np
import pandas as pd

from onecart.errors import UsageError
from onecart.frames import require_unique
from onecart.measure.experiments.columns import (
    Aggregates,
    Columns,
    composed,
    plain,
    require_few,
    require_finite,
    require_one_row,
    text,
)
from onecart.measure.experiments.moments import Arm, Metric, Moments, named


def aggregate(units: pd.DataFrame, columns: Columns) -> Aggregates:
    """The moments of each arm, and each segment of it."""
    units = units.rename(columns=composed)
    require_unique(map(str, units.columns), "measure.experiment: units")
    columns.require(list(units.columns))
    if columns.unit:
        require_one_row(*_twice(units, columns.unit, columns.arm))
    values = {name: _numbers(units[name], name) for name in columns.numbers}
    for name, of in values.items():
        require_finite(name, int(np.isinf(of).sum()))
    missing = {name: int(np.isnan(values[name]).sum()) for name in columns.covariate_names}
    codes = units.groupby(columns.keys, dropna=False, sort=False, observed=True).ngroup().to_numpy()
    arms, without = [], int(units[columns.arm].isna().sum())
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.diff(codes[order], prepend=-2))
    require_few(len(edges), columns)
    for rows in np.split(order, edges[1:]) if len(order) else []:
        first = {
            key: units[key].iloc[rows[0]] for key in columns.keys
        }  # a row as a whole would make whole numbers floats
        if pd.isna(first[columns.arm]):
            continue
        metrics = {named(m): _moments({c: values[c][rows] for c in columns.parts(m)}, m) for m in columns.metrics}
        arms.append(Arm(plain(first[columns.arm]), len(rows), metrics, _segment(first, columns)))
    return Aggregates(arms, without, missing)


def _numbers(column: pd.Series, name: str) -> Any:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind not in ("integer", "floating", "boolean", "decimal", "mixed-integer-float", "empty"):
        raise UsageError(f"experiment: column '{name}' must hold numbers or yes and no, found {kind}")
    return column.astype("Float64" if kind == "boolean" else float).to_numpy(float, na_value=np.nan)


def _moments(values: dict[str, Any], metric: Metric) -> Moments:
    own = 1 if isinstance(metric, str) else 2
    table = np.stack([v if i < own else np.nan_to_num(v) for i, v in enumerate(values.values())])
    known = table[:, ~np.isnan(table).any(axis=0)]
    k, n = known.shape
    if n == 0:
        return Moments(0, np.full(k, np.nan), np.full((k, k), np.nan))
    covariance = np.cov(known, ddof=1).reshape(k, k) if n > 1 else np.full((k, k), np.nan)
    return Moments(n, known.mean(axis=1), covariance)


def _twice(units: pd.DataFrame, unit: str, arm: str) -> tuple[int, int, Any]:
    again = units[units[unit].duplicated(keep=False)]
    if again.empty:
        return 0, 0, None
    arms = again.groupby(unit, dropna=False)[arm].nunique()
    return len(arms), int((arms > 1).sum()), arms.index[0]


def _segment(row: Any, columns: Columns) -> str | None:
    return None if columns.segment is None else text(row[columns.segment])
