"""The doors: judge an experiment from its units, or from sums that somebody else has made."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from onecart.errors import UsageError, nearest
from onecart.measure.experiments import on_pandas, on_spark
from onecart.measure.experiments.columns import Columns, composed, plain, text, unit_columns
from onecart.measure.experiments.judgement import Experiment, Rules, judged
from onecart.measure.experiments.moments import Arm, Metric, Moments, named, parts


def experiment(
    units: DataFrame | pd.DataFrame,
    metrics: str | Iterable[Metric],
    control: Any,
    covariate: str | Mapping[str, str] | None = None,
    expected: Mapping[Any, float] | None = None,
    *,
    arm: str = "arm",
    unit: str | None = "unit_id",
    segment: str | None = None,
    **rules: Any,
) -> Experiment:
    """Judges an experiment: each metric, arm (and segment) against `control`.

    units: one row per unit that was assigned, of Spark or pandas: `unit` (None: each row is one), `arm`, metrics. A unit whose
    metric is null or NaN is left out of that metric and counted in `missing`; one without an arm is counted in the notes.
    metrics: column names (numbers, or yes and no); (numerator, denominator) is a ratio, as ("revenue", "visits").
    covariate: a column from before the start that is taken off (CUPED); by metric where they differ. A missing one counts as 0.
    expected: arm -> planned share (any scale); None: equal. segment: a column; each value is judged, too.
    rules: see `Rules`: alpha, correction, tuned_to, group_sequential, sample_ratio_alpha.

    UsageError: a column that is not there or no number, infinite values, a unit with several rows, an unknown control.
    """
    wanted, covariates = unit_columns(metrics, covariate)
    columns = Columns(wanted, covariates, *map(composed, (arm, unit, segment)))
    judge_by = _rules(control=control, expected=expected, covariates=covariates, **rules)
    if isinstance(units, pd.DataFrame):
        found = on_pandas.aggregate(units, columns)
    else:
        found = on_spark.experiment(units, columns)
    notes = [f"{found.without_arm:,} units without an arm are left out."] if found.without_arm else []
    notes += [
        f"'{name}' is missing in {n:,} units, and counts as 0 there."
        for name, n in found.covariates_missing.items()
        if n
    ]
    return judged(found.arms, wanted, judge_by, notes)


def judge(
    aggregates: DataFrame | pd.DataFrame,
    metrics: str | Iterable[Metric],
    control: Any,
    covariate: str | Mapping[str, str] | None = None,
    expected: Mapping[Any, float] | None = None,
    *,
    arm: str = "arm",
    segment: str | None = None,
    **rules: Any,
) -> Experiment:
    """Judges an experiment from what a warehouse has summed up; everything else as in `experiment`.

    aggregates: one row per arm (and segment): `arm`, `units`, and per column c of a metric or covariate `c_mean` and
    `c_variance` (sample variance, n - 1), or `c_successes` alone where c is yes or no; for ratios and covariates also
    `a_b_covariance`, the names in either order. UsageError: one of them is not there, or is no finite number.
    """
    wanted, covariates = unit_columns(metrics, covariate)
    judge_by = _rules(control=control, expected=expected, covariates=covariates, **rules)
    if not isinstance(aggregates, pd.DataFrame):
        aggregates = aggregates.toPandas()  # a row per arm
    aggregates, arm, segment = aggregates.rename(columns=composed), composed(arm), composed(segment)
    for name in [arm, "units", *([segment] if segment else [])]:
        if name not in aggregates.columns:
            raise UsageError(f"judge: aggregates has no column '{name}'{nearest(name, map(str, aggregates.columns))}")
    keys = [arm, *([segment] if segment else [])]
    if aggregates.duplicated(keys).any():
        raise UsageError(f"judge: aggregates has several rows of one {' and '.join(keys)}; it needs one of each")
    arms = []
    for row in aggregates.to_dict("records"):
        found = {named(m): _given(row, parts(m, covariates.get(named(m)))) for m in wanted}
        arms.append(Arm(plain(row[arm]), _count(row, "units"), found, text(row[segment]) if segment else None))
    return judged(arms, wanted, judge_by)


def _rules(**given: Any) -> Rules:
    for name in given:
        if name not in Rules.__dataclass_fields__:
            raise UsageError(f"experiment has no parameter '{name}'{nearest(name, Rules.__dataclass_fields__)}")
    return Rules(**given)


def _given(row: Mapping[Any, Any], columns: tuple[str, ...]) -> Moments:
    n = _count(row, "units")
    means, variances = zip(*(_mean_and_variance(row, c, n) for c in columns), strict=True)
    covariance = np.diag(np.array(variances, float))
    for (i, a), (j, b) in combinations(enumerate(columns), 2):
        names = [f"{a}_{b}_covariance", f"{b}_{a}_covariance"]
        covariance[i, j] = covariance[j, i] = _number(row, next((name for name in names if name in row), names[0]))
    return Moments(n, np.array(means, float), covariance)


def _mean_and_variance(row: Mapping[Any, Any], column: str, n: int) -> tuple[float, float]:
    if (name := f"{column}_successes") not in row:
        mean = _number(row, f"{column}_mean")
        return mean, _number(row, f"{column}_variance", least=0) if n > 1 else np.nan  # one unit has none
    hits = _number(row, name, least=0)
    if hits > n:
        raise UsageError(f"judge: aggregates: {name} is {hits:g}, more than the {n:,} units")
    share = hits / n if n else np.nan
    return share, share * (1 - share) * n / (n - 1) if n > 1 else np.nan


def _count(row: Mapping[Any, Any], name: str) -> int:
    count = _number(row, name, least=0)
    if count != int(count):
        raise UsageError(f"judge: aggregates: {name} must be a whole number, found {count:g}")
    return int(count)


def _number(row: Mapping[Any, Any], name: str, least: float = -np.inf) -> float:
    if name not in row:
        raise UsageError(f"judge: aggregates has no column '{name}'{nearest(name, map(str, row))}")
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        value = np.nan
    if not (np.isfinite(value) and value >= least):
        raise UsageError(
            f"judge: aggregates: {name} must be a finite number{' of 0 or more' if least == 0 else ''}, found {row[name]!r}"
        )
    return value
