"""What an arm has to say about a metric: number of units, means and covariances. Two sets of units merge exactly, so a billion
rows are as cheap to judge as a thousand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Metric = str | tuple[str, str]  # a column, or (numerator, denominator) of a ratio as revenue per visit


@dataclass(frozen=True)
class Moments:
    """`units` that have the metric; means and sample covariances (n - 1) of its parts: the metric's column, the denominator's
    where it is a ratio, the covariate's where there is one."""

    units: int
    mean: Any
    covariance: Any


@dataclass(frozen=True)
class Arm:
    """One arm (in one segment): `units` assigned to it, and the moments of each metric by name, over those that have it."""

    name: Any
    units: int
    metrics: dict[str, Moments]
    segment: str | None = None


def named(metric: Metric) -> str:
    """The metric's name in results: `revenue`, or `revenue / visits`."""
    return metric if isinstance(metric, str) else f"{metric[0]} / {metric[1]}"


def parts(metric: Metric, covariate: str | None) -> tuple[str, ...]:
    """The columns whose moments a metric needs, in the order of its moments."""
    own = (metric,) if isinstance(metric, str) else metric
    return (*own, covariate) if covariate else tuple(own)


def merged(several: Iterable[Moments]) -> Moments:
    """The moments of all units together (Chan, Golub and LeVeque 1983). Sets without units count for nothing."""
    some = [one for one in several if one.units > 0]
    if not some:
        return Moments(0, np.array([np.nan]), np.array([[np.nan]]))
    units = sum(one.units for one in some)
    mean = sum(one.units * one.mean for one in some) / units
    # A set of one unit has no covariance of its own.
    within = sum((one.units - 1) * one.covariance for one in some if one.units > 1)
    between = sum(one.units * np.outer(one.mean - mean, one.mean - mean) for one in some)
    scatter = within + between
    covariance = scatter / (units - 1) if units > 1 else np.full(np.shape(scatter), np.nan)
    return Moments(units, mean, covariance)


def merged_arms(several: list[Arm]) -> Arm:
    """One arm's segments as one."""
    metrics = {name: merged(one.metrics[name] for one in several) for name in several[0].metrics}
    return Arm(several[0].name, sum(one.units for one in several), metrics)
