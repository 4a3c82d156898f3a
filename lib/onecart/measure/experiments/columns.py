"""Which columns of an experiment's units mean what, and what is made of them: counts, means and covariances per arm."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from onecart.errors import UsageError, nearest
from onecart.measure.experiments.moments import Arm, Metric, named, parts

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


def text(value: Any) -> str:
    return "unknown" if value is None or value is pd.NA or value != value else str(plain(value))


def composed(name: Any) -> Any:
    """A name with its letters and marks composed (NFC), as Spark frames are read."""
    return unicodedata.normalize("NFC", name) if isinstance(name, str) else name


def plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def unit_columns(
    metrics: Iterable[Metric], covariate: str | Mapping[str, str] | None
) -> tuple[tuple[Metric, ...], dict[str, str]]:
    """`metrics` as a tuple, and each metric's covariate by its name. UsageError: none, one twice, or a covariate of an unknown
    metric."""
    wanted = (metrics,) if isinstance(metrics, str) else tuple(tuple(m) if isinstance(m, list) else m for m in metrics)
    wanted = tuple(tuple(map(composed, m)) if isinstance(m, tuple) else composed(m) for m in wanted)
    names = []
    for metric in wanted:
        pair = isinstance(metric, tuple) and len(metric) == 2 and all(isinstance(part, str) for part in metric)
        if not (isinstance(metric, str) or pair):
            raise UsageError(f"metrics: give column names, or (numerator, denominator) of a ratio; found {metric!r}")
        names.append(named(metric))
    if not names or len({*names}) < len(names):
        raise UsageError(f"metrics: name at least one, and each once; found {names}")
    by_metric = dict.fromkeys(names, covariate) if isinstance(covariate, str) else dict(covariate or {})
    of = {composed(name): composed(column) for name, column in by_metric.items()}
    for name in of:
        if name not in names:
            raise UsageError(f"covariate: there is no metric '{name}'{nearest(name, names)}")
    return wanted, of
