"""What `train_uplift` is asked, and what it refuses to learn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from onecart.decide.uplift import mllib
from onecart.decide.uplift.learners import LEARNERS
from onecart.errors import UsageError, nearest
from onecart.frames import require_columns, require_unique
from onecart.stats import boosting

MIN_ROWS = 100  # of each arm: fewer tell nothing of differences between rows
WHO = "decide.train_uplift"
ENGINES = ("auto", "lightgbm", "mllib")


@dataclass(frozen=True)
class Question:
    outcome: str
    treatment: str
    control: str
    model: str
    engine: str
    columns: tuple[str, ...]
    propensity: float | str | None
    costs: dict[str, float]
    value: float
    folds: int
    seed: int
    params: dict[str, Any]

    def engine_for(self, numbers: int) -> str:
        """lightgbm | mllib: what was asked for; of auto the one that the names of the parameters are of, and without them
        LightGBM where so many numbers fit a worker."""
        if self.engine != "auto":
            return self.engine
        fits = set(self.params) <= {*boosting.NAMES} if self.params else numbers <= boosting.NUMBERS
        return "lightgbm" if fits else "mllib"


def question(given: dict[str, Any]) -> Question:
    frame, model, folds, propensity = (given[n] for n in ("experiment", "model", "folds", "propensity"))
    names = {n: given[n] for n in ("outcome", "treatment")}
    if not isinstance(frame, DataFrame | pd.DataFrame):
        raise UsageError(f"{WHO}: experiment must be a DataFrame of Spark or pandas, found {type(frame).__name__}")
    require_unique(map(str, frame.columns), f"{WHO}: experiment")
    if isinstance(propensity, str):
        names["propensity"] = propensity
    for role, name in names.items():
        require_columns(frame, [name], f"{WHO}: experiment", role=role)
    if model not in LEARNERS:
        raise UsageError(f"{WHO}: no model '{model}'{nearest(str(model), LEARNERS)}")
    if isinstance(propensity, int | float) and not 0 < propensity < 1:
        raise UsageError(f"{WHO}: propensity must be between 0 and 1, found {propensity}")
    if not isinstance(folds, int) or folds < 2:
        raise UsageError(f"{WHO}: folds must be 2 or more, found {folds}")
    _engine_checked(given["engine"], frame, given["params"])
    columns = given["columns"]
    wanted = [c for c in frame.columns if c not in names.values()] if columns is None else [*columns]
    require_columns(frame, wanted, f"{WHO}: experiment", role="feature")
    if leaks := [c for c in wanted if c in names.values()]:
        raise UsageError(f"{WHO}: '{leaks[0]}' cannot be a feature, it is the outcome, the treatment or the propensity")
    costs = {arm_name(k): float(v) for k, v in (given["costs"] or {}).items()}
    return Question(
        given["outcome"], given["treatment"], arm_name(given["control"]), model,
        given["engine"], tuple(wanted), propensity, costs,
        float(given["value"]), folds, given["seed"], given["params"],
    )  # fmt: skip


def arm_name(value: Any) -> str:
    """An arm's value as text: 1, 1.0 and "1" are one arm, and so are True and "true"."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _engine_checked(engine: str, frame: Any, params: dict[str, Any]) -> None:
    if engine not in ENGINES:
        raise UsageError(f"{WHO}: no engine '{engine}'{nearest(str(engine), ENGINES)}")
    if engine == "mllib" and isinstance(frame, pd.DataFrame):
        raise UsageError(f"{WHO}: engine='mllib' learns from a frame of Spark; give one, or leave the engine out")
    if engine == "mllib" or (engine == "auto" and params and set(params) <= {*mllib.NAMES}):
        mllib.checked(params)
    else:
        boosting.checked(params)


@dataclass(frozen=True)
class Facts:
    """Of all rows: arm -> how many, rows without one, rows whose outcome is no number, the least and the largest outcome, and
    whether all are 0 or 1."""

    arms: Mapping[str, int]
    nameless: int
    broken: int
    low: float
    high: float
    binary: bool


def facts(arms: pd.Series, y: Any) -> Facts:
    """Of rows in memory."""
    known = y[np.isfinite(y)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    counts = {str(arm): int(n) for arm, n in arms.value_counts().items()}
    return Facts(counts, int(arms.isna().sum()), len(y) - len(known), low, high, bool(np.isin(known, (0, 1)).all()))


def check(found: Facts, q: Question) -> None:
    """UsageError unless the rows are an experiment that can be learned from."""
    counts = found.arms
    if found.nameless:
        raise UsageError(f"{WHO}: {found.nameless:,} rows have no '{q.treatment}'; leave them out")
    if q.control not in counts:
        raise UsageError(f"{WHO}: no row has the control '{q.control}' in '{q.treatment}'{nearest(q.control, counts)}")
    if len(counts) < 2:
        raise UsageError(f"{WHO}: all rows are controls; '{q.treatment}' needs another value")
    if small := [f"'{a}' ({n:,})" for a, n in counts.items() if n < MIN_ROWS]:
        raise UsageError(f"{WHO}: an arm needs {MIN_ROWS} rows at least; {', '.join(small)} has fewer: leave it out")
    if unknown := sorted({*q.costs} - {*counts}):
        raise UsageError(f"{WHO}: costs name the offer '{unknown[0]}', which no row has{nearest(unknown[0], counts)}")
    if found.broken:
        raise UsageError(f"{WHO}: {found.broken:,} rows have no number in '{q.outcome}'; leave them out")
    if found.low == found.high:
        raise UsageError(f"{WHO}: '{q.outcome}' is {found.low:g} in every row, so nothing can be learned")
    if q.model == "class_transformation" and not found.binary:
        raise UsageError(
            f"{WHO}: model='class_transformation' needs an outcome of 0 and 1; take 'x' or 't' for '{q.outcome}'"
        )


def check_overlap(offer: str, treated: int, controls: int) -> None:
    """UsageError unless both arms have rows left that have their like in the other one."""
    lacking = [name for name, n in (("treated", treated), ("controls", controls)) if n < MIN_ROWS]
    if lacking:
        raise UsageError(
            f"{WHO}: of the offer '{offer}' fewer than {MIN_ROWS} {lacking[0]} have their like in the other arm; the two "
            "cannot be compared"
        )
