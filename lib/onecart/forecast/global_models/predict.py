"""Models that are trained once over all series, and what they say of each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from onecart.errors import UsageError, nearest
from onecart.forecast.global_models.boosted import KINDS, Predict, fit_boosted, open_boosted
from onecart.forecast.global_models.lstm import fit_lstm, open_lstm
from onecart.forecast.global_models.mllib import fit_gbt, paths_gbt
from onecart.forecast.global_models.origins import COLUMNS, Series, asked, cutoffs
from onecart.forecast.global_models.settings import Training
from onecart.forecast.global_models.training_rows import series_in
from onecart.forecast.local.backtest import Plan

_FAMILIES = {"boosted": (*KINDS,), "gbt": ("gbt",), "lstm": ("lstm",)}
"""Models that learn from the same rows, together."""
BOOSTED = _FAMILIES["boosted"]
MODELS = tuple(name for names in _FAMILIES.values() for name in names)
PATHS = "unique_id STRING, model STRING, yhats ARRAY<DOUBLE>"
_FIT: dict[str, Callable[[Sequence[str], DataFrame, Plan, int | None, Training], dict[str, Any]]] = {
    "boosted": fit_boosted,
    "gbt": fit_gbt,
    "lstm": fit_lstm,
}
_OPEN: dict[str, Callable[[dict[str, bytes], Plan], Predict]] = {"boosted": open_boosted, "lstm": open_lstm}


def paths(found: DataFrame, plan: Plan, models: Sequence[str], training: Training | None = None) -> DataFrame:
    """[unique_id, model, yhats], key unique_id, model: what each of `models` says of every series of `found`, of schema SOLVED,
    whose status is forecast. yhats, in units of y, none below 0: the h dates ahead, then window by window from the oldest.

    Every model is trained twice: on all there is, for the dates ahead, and on what is older than the oldest window, for all
    windows; so no number of a window comes from a value, of any series, at or after the window's first date, and the newer
    windows are predicted by a model that is somewhat old, which is honest and cheap. Where series end at different dates there
    may be up to three models for windows, see `origins.cutoffs`. Series, or all of them, are left out where fewer than 200 rows
    lie before the windows.

    The models are trained when this is called, scored when the frame is read, each time: keep it. `found` is read several
    times for each training: keep it before. The same seed gives the same numbers. UsageError: there is no such model, or its
    packages are missing.
    """
    names, training = tuple(dict.fromkeys(models)), training or Training()
    for name in names:
        if name not in MODELS:
            raise UsageError(f"forecast: no model '{name}' over all series{nearest(name, MODELS)}")
    if "lstm" in names:
        _require_torch()
    tried = found.where("status = 'forecast' AND size(starts) > 0").select(*COLUMNS)
    empty = found.sparkSession.createDataFrame([], PATHS)
    if not names:
        return empty
    before = cutoffs(tried)
    wanted = {family: [name for name in members if name in names] for family, members in _FAMILIES.items()}
    parts = [_paths(tried, plan, family, some, before, training) for family, some in wanted.items() if some]
    return reduce(DataFrame.unionByName, [part for part in parts if part is not None], empty)


def _paths(
    found: DataFrame, plan: Plan, family: str, names: Sequence[str], before: list[int], training: Training
) -> DataFrame | None:
    trained = {cutoff: _FIT[family](names, found, plan, cutoff, training) for cutoff in (None, *before)}
    trained = {cutoff: models for cutoff, models in trained.items() if models}
    if None not in trained or len(trained) < 2:
        return None
    if family == "gbt":
        return paths_gbt(found, plan, trained)
    return found.mapInPandas(_scored(trained, plan, family), PATHS)


def _scored(trained: dict[int | None, dict[str, bytes]], plan: Plan, family: str) -> Any:
    cutoffs = [cutoff for cutoff in trained if cutoff is not None]

    def run(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        opened = {cutoff: _OPEN[family](stored, plan) for cutoff, stored in trained.items()}
        for ones in series_in(batches, plan):
            yield _of_batch(ones, opened, cutoffs, plan.h)

    return run


def _of_batch(ones: list[Series], opened: dict[int | None, Predict], cutoffs: list[int], h: int) -> pd.DataFrame:
    """[unique_id, model, yhats] of the series that all asked models said something of."""
    found: dict[tuple[int, str], np.ndarray] = {}
    for cutoff, asks in asked(ones, cutoffs).items():
        for name, yhats in opened[cutoff]([(ones[place], t) for place, _, t in asks]).items():
            for (place, path, _), yhat in zip(asks, yhats, strict=True):
                found.setdefault((place, name), np.zeros((1 + len(ones[place].starts), h)))[path] = yhat
    rows = [(ones[place].unique_id, name, path.ravel()) for (place, name), path in found.items()]
    return pd.DataFrame(rows, columns=["unique_id", "model", "yhats"])


def _require_torch() -> None:
    try:
        import lightning
        import torch  # noqa: F401

        del lightning
    except ImportError as e:
        raise UsageError("the model 'lstm' needs torch and lightning: pip install 'onecart[deep]'") from e
