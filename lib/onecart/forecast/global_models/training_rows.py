"""Rows to learn from and rows to be scored, made in the workers, a row an origin and a step."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from onecart.forecast.global_models.features import features
from onecart.forecast.global_models.origins import Series, asked, drawn, series_of, training_origins
from onecart.forecast.global_models.settings import Training
from onecart.forecast.local.backtest import Plan

TRAINING = "unique_id STRING, t INT, k INT, features ARRAY<FLOAT>, ratio DOUBLE, weight DOUBLE"
SCORED = "unique_id STRING, cutoff LONG, at INT, features ARRAY<FLOAT>, level DOUBLE"
AHEAD = -1  # stands for the model of the dates ahead where a column must say which
FEWEST = 200  # rows; from fewer nothing is learnt
_HIGHEST = 200.0  # levels; single sales of many times the usual are most of what seldom sells, until they are mistyped
_SERIES_AT_ONCE = 256


def training_rows(found: DataFrame, plan: Plan, cutoff: int | None, training: Training) -> DataFrame:
    """TRAINING, key unique_id, t, k: about `training.rows`, or `training.rows_per_series` of each series where that is less, of
    all that lie before `cutoff`, drawn by `origins.drawn`. ratio: of the value to `Series.expected`; weight: the root of the level,
    between errors in units, which the large series make, and errors in levels."""
    series, origins = training_origins(found, plan, cutoff)
    share = min(training.rows, training.rows_per_series * series) / max(1, origins * plan.h)

    def run(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for ones in series_in(batches, plan):
            yield from together(_learnt(one, *drawn(one, plan, cutoff, share, steps=plan.h), plan) for one in ones)

    return found.mapInPandas(run, TRAINING)


def _learnt(one: Series, t: np.ndarray, k: np.ndarray, plan: Plan) -> dict[str, Any]:
    ratio, weight = targets(one, t, t + k - 1)
    names = np.full(len(t), one.unique_id, object)
    return {"unique_id": names, "t": t, "k": k, "features": stacked(one, t, k, plan), "ratio": ratio, "weight": weight}


def targets(one: Series, t: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(ratio, weight) of the values at the places `at`, when the first t are known."""
    return np.minimum(one.y[at] / np.maximum(one.expected(t, at), 1e-9), _HIGHEST), np.sqrt(one.levels[t])


def scored_rows(found: DataFrame, plan: Plan, cutoffs: list[int]) -> DataFrame:
    """SCORED, key unique_id, at: a row for every number of a path, at its place; cutoff: of the model that is asked, or AHEAD."""

    def run(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for ones in series_in(batches, plan):
            for cutoff, asks in asked(ones, cutoffs).items():
                model = AHEAD if cutoff is None else cutoff
                yield from together(_asked(ones[place], model, path, t, plan) for place, path, t in asks)

    return found.mapInPandas(run, SCORED)


def _asked(one: Series, model: int, path: int, t: int, plan: Plan) -> dict[str, Any]:
    k, ts = np.arange(1, plan.h + 1), np.full(plan.h, t)
    names, models = np.full(plan.h, one.unique_id, object), np.full(plan.h, model)
    x, level = stacked(one, ts, k, plan), one.expected(ts, ts + k - 1)
    return {"unique_id": names, "cutoff": models, "at": path * plan.h + k - 1, "features": x, "level": level}


def together(parts: Iterable[dict[str, Any]]) -> Iterator[pd.DataFrame]:
    """One frame of all, as each crosses to Spark at a cost; arrays of two dimensions as a list a row."""
    found = [part for part in parts if len(part["unique_id"])]
    if found:
        whole = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
        yield pd.DataFrame({name: list(values) if values.ndim > 1 else values for name, values in whole.items()})


def stacked(one: Series, t: np.ndarray, k: np.ndarray, plan: Plan) -> np.ndarray:
    """[row, feature] float32."""
    return np.stack([*features(one, t, k, plan).values()], axis=1).astype(np.float32)


def series_in(batches: Iterable[pd.DataFrame], plan: Plan) -> Iterator[list[Series]]:
    """The rows of SOLVED in `batches` as series, some hundred at a time."""
    for batch in batches:
        for start in range(0, len(batch), _SERIES_AT_ONCE):
            part = batch.iloc[start : start + _SERIES_AT_ONCE]
            yield [series_of(row, plan) for row in part.itertuples(index=False)]
