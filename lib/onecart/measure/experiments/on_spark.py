"""The same aggregates from a Spark frame: built-in sums, so that nothing but a row per arm and segment leaves the workers."""

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from onecart.frames import FLAGS, NUMBERS, library_function, quoted, require_type
from onecart.measure.experiments.columns import (
    MOST_ARMS,
    Aggregates,
    Columns,
    require_few,
    require_finite,
    require_one_row,
    text,
)
from onecart.measure.experiments.moments import Arm, Metric, Moments, named


@library_function()
def experiment(units: DataFrame, columns: Columns) -> Aggregates:
    """The moments of each arm, and each segment of it, in one pass; a second one looks for units with several rows."""
    columns.require(units.columns)
    for name in columns.numbers:
        require_type(units, name, (NUMBERS[0] + FLAGS[0], "numbers or yes and no"), "experiment: units")
    rows = units.select(
        *[quoted(name).alias(f"k{i}") for i, name in enumerate(columns.keys)],
        *[quoted(name).cast("double").alias(f"v{i}") for i, name in enumerate(columns.numbers)],
    )
    at = {name: F.col(f"v{i}") for i, name in enumerate(columns.numbers)}
    sums = [F.count("*").alias("units")]
    sums += [F.count_if(F.abs(c) == float("inf")).alias(f"inf{i}") for i, c in enumerate(at.values())]
    sums += [F.count_if(_absent(at[c])).alias(f"absent{i}") for i, c in enumerate(columns.covariate_names)]
    for i, metric in enumerate(columns.metrics):
        sums += _sums(i, metric, [at[c] for c in columns.parts(metric)])
    groups = [f"k{i}" for i in range(len(columns.keys))]
    found = rows.groupBy(*groups).agg(*sums).limit(MOST_ARMS + 1).collect()
    require_few(len(found), columns)
    for i, name in enumerate(at):
        require_finite(name, sum(row[f"inf{i}"] for row in found))
    if columns.unit:
        require_one_row(*_twice_on_spark(units, columns.unit, columns.arm))
    arms = [_arm(row.asDict(), columns) for row in found if _has_arm(row)]
    missing = {c: sum(row[f"absent{i}"] for row in found) for i, c in enumerate(columns.covariate_names)}
    return Aggregates(arms, sum(row["units"] for row in found if not _has_arm(row)), missing)


def _has_arm(row: Row) -> bool:
    return row["k0"] is not None and row["k0"] == row["k0"]  # NaN is none, as in pandas


def _absent(column: Column) -> Column:
    return column.isNull() | F.isnan(column)


def _sums(i: int, metric: Metric, values: list[Column]) -> list[Column]:
    """Count, means and covariances of the parts of metric number `i`, over units that have it."""
    own = 1 if isinstance(metric, str) else 2
    known = ~_absent(values[0])
    for value in values[1:own]:
        known = known & ~_absent(value)
    values = [v if j < own else F.when(_absent(v), 0.0).otherwise(v) for j, v in enumerate(values)]
    values = [F.when(known, v) for v in values]
    pairs = combinations_with_replacement(range(len(values)), 2)
    return [
        F.count_if(known).alias(f"n{i}"),
        *[F.avg(v).alias(f"mean{i}_{j}") for j, v in enumerate(values)],
        *[F.covar_samp(values[j], values[k]).alias(f"cov{i}_{j}_{k}") for j, k in pairs],
    ]


def _arm(row: dict[str, Any], columns: Columns) -> Arm:
    def of(name: str) -> float:
        return float("nan") if row[name] is None else float(row[name])

    metrics = {}
    for i, metric in enumerate(columns.metrics):
        size = range(len(columns.parts(metric)))
        covariance = np.array([[of(f"cov{i}_{min(j, k)}_{max(j, k)}") for k in size] for j in size])
        metrics[named(metric)] = Moments(row[f"n{i}"], np.array([of(f"mean{i}_{j}") for j in size]), covariance)
    segment = None if columns.segment is None else text(row["k1"])
    return Arm(row["k0"], row["units"], metrics, segment)


def _twice_on_spark(units: DataFrame, unit: str, arm: str) -> tuple[int, int, Any]:
    arms = units.groupBy(quoted(unit).alias("unit")).agg(
        F.count("*").alias("rows"), (F.min(quoted(arm)) != F.max(quoted(arm))).alias("crossed")
    )
    again = arms.where("rows > 1").agg(F.count("*"), F.count_if("crossed"), F.min(F.col("unit").cast("string"))).first()
    return (again[0], again[1], again[2]) if again else (0, 0, None)
