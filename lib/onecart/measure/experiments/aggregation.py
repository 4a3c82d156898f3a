"""From units to moments per arm, in one pass, on Spark or in pandas."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from onecart.errors import UsageError, nearest
from onecart.measure.experiments.moments import Arm, Metric, Moments, named, parts

MOST_ARMS = 10_000  # arms x segments; more is no segment but an id


@dataclass(frozen=True)
class Columns:
    """Which columns of the units mean what. unit None: each row is a unit of its own."""

    metrics: tuple[Metric, ...]
    covariates: Mapping[str, str]  # metric's name -> covariate
    arm: str = "arm"
    unit: str | None = "unit_id"
    segment: str | None = None

    @property
    def keys(self) -> list[str]:
        return [self.arm, *([self.segment] if self.segment else [])]

    @property
    def covariate_names(self) -> list[str]:
        return [*dict.fromkeys(self.covariates.values())]

    @property
    def numbers(self) -> list[str]:
        return [*dict.fromkeys(c for m in self.metrics for c in self.parts(m))]

    def parts(self, metric: Metric) -> tuple[str, ...]:
        return parts(metric, self.covariates.get(named(metric)))

    def require(self, found: Sequence[str]) -> None:
        """UsageError unless the units have all columns."""
        wanted = [*self.keys, *self.numbers, *([self.unit] if self.unit else [])]
        for name in wanted:
            if name not in found:
                hint = ", or say unit=None where each row is a unit" if name == self.unit else ""
                raise UsageError(f"experiment: units has no column '{name}'{nearest(name, found)}{hint}")


@dataclass(frozen=True)
class Aggregates:
    """All arms (in segments where there are), and what was counted beside: units without an arm, covariates that were missing
    (taken as 0: any figure from before the start is fair)."""

    arms: list[Arm]
    without_arm: int
    covariates_missing: dict[str, int]


def aggregate(units: Any, columns: Columns) -> Aggregates:
    """The moments of each arm, and each segment of it. A unit whose metric is null or NaN is left out of that metric.

    units: one row per unit, Spark or pandas. UsageError: a column is not there or no number, a value is infinite, a unit has
    two rows, or the column of arms or segments holds too many values.
    """
    if isinstance(units, pd.DataFrame):
        return _of_pandas(units, columns)
    from onecart.measure.experiments import on_spark

    return on_spark.aggregate(units, columns)


def _of_pandas(units: pd.DataFrame, columns: Columns) -> Aggregates:
    if len(set(units.columns)) < len(units.columns):
        raise UsageError("experiment: units has a column twice; drop or rename one, as of two that a join left")
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


def require_one_row(twice: int, crossed: int, example: Any) -> None:
    if twice:
        also = f", {crossed:,} of them in several arms" if crossed else ""
        raise UsageError(
            f"experiment: {twice:,} units have more than one row (for example {example!r}){also}; "
            "add their rows up to one row per unit that was assigned"
        )


def require_finite(name: str, infinite: int) -> None:
    if infinite:
        raise UsageError(
            f"experiment: column '{name}' is infinite in {infinite:,} units; repair them, or make them null"
        )


def require_few(found: int, columns: Columns) -> None:
    if found > MOST_ARMS:
        names = " and ".join(f"'{key}'" for key in columns.keys)
        raise UsageError(
            f"experiment: column {names} holds more than {MOST_ARMS:,} values; name arms or segments, not ids"
        )


def _segment(row: Any, columns: Columns) -> str | None:
    return None if columns.segment is None else text(row[columns.segment])


def text(value: Any) -> str:
    return "unknown" if value is None or value is pd.NA or value != value else str(plain(value))


def plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def unit_columns(
    metrics: Iterable[Metric], covariate: str | Mapping[str, str] | None
) -> tuple[tuple[Metric, ...], dict[str, str]]:
    """`metrics` as a tuple, and each metric's covariate by its name. UsageError: none, one twice, or a covariate of an unknown
    metric."""
    wanted = (metrics,) if isinstance(metrics, str) else tuple(tuple(m) if isinstance(m, list) else m for m in metrics)
    names = []
    for metric in wanted:
        pair = isinstance(metric, tuple) and len(metric) == 2 and all(isinstance(part, str) for part in metric)
        if not (isinstance(metric, str) or pair):
            raise UsageError(f"metrics: give column names, or (numerator, denominator) of a ratio; found {metric!r}")
        names.append(named(metric))
    if not names or len({*names}) < len(names):
        raise UsageError(f"metrics: name at least one, and each once; found {names}")
    of = dict.fromkeys(names, covariate) if isinstance(covariate, str) else dict(covariate or {})
    for name in of:
        if name not in names:
            raise UsageError(f"covariate: there is no metric '{name}'{nearest(name, names)}")
    return wanted, of
