"""One series from rows to forecasts, backtest and ledger row: the function that Spark runs once per series."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from onecart.forecast.backtest import BENCHMARK, COVERAGE, Score, backtest, choose, one_line, windows_that_fit
from onecart.forecast.models import MODELS, Prediction, Setup
from onecart.forecast.series import FREQS, History, Rejected, read_history

SHORT = "naive"  # for a series too short for the benchmark


@dataclass(frozen=True)
class Plan:
    """What is asked of every series."""

    h: int
    freq: str
    levels: tuple[int, ...]
    models: tuple[str, ...]  # the benchmark is tried with them in any case
    regressors: tuple[str, ...]
    windows: int
    country: str | None
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What became of a series: a prediction by every model that works on it, and which of them is chosen."""

    status: str
    reason: str
    chosen: str
    predictions: dict[str, Prediction]
    scores: list[Score] = field(default_factory=list)


def solve(rows: pd.DataFrame, plan: Plan) -> list[dict[str, Any]]:
    """Rows [unique_id, ds, y, known_ahead, *regressors] of one series -> rows with `part` forecast, backtest, ledger.

    Exactly one row is the ledger's. A series that comes with regressors ahead only is none and gives no rows.
    """
    if rows["known_ahead"].all():
        return []
    unique_id = rows["unique_id"].iloc[0]
    return [{"unique_id": unique_id, **row} for row in _parts(rows, unique_id, plan)]


def _parts(rows: pd.DataFrame, unique_id: str | None, plan: Plan) -> Iterator[dict[str, Any]]:
    try:
        if unique_id is None:
            raise Rejected("unique_id is null")
        history = read_history(rows, FREQS[plan.freq], plan.h, plan.regressors)
    except Rejected as e:
        yield {"part": "ledger", "status": "rejected", "reason": str(e), "periods": 0, "units": 0.0}
        return
    outcome = _outcome(history, plan, seed=plan.seed + crc32(unique_id.encode()))
    yield from ({"part": "backtest", **asdict(score)} for score in outcome.scores)
    for model, prediction in outcome.predictions.items():
        yield from _forecast_rows(history, model, prediction, model == outcome.chosen, plan.levels)
    yield {
        "part": "ledger",
        "status": outcome.status,
        "reason": "; ".join([outcome.reason, *history.notes]),
        "periods": len(history.y),
        "units": float(np.nansum(history.y)),
    }


def _outcome(history: History, plan: Plan, seed: int) -> Outcome:
    """Tests the models and lets them forecast, or takes a naive one where there is too little to test them on."""
    freq, n = FREQS[plan.freq], len(history.y)
    windows = windows_that_fit(n, plan.h, freq.season, plan.windows)
    # What is tested is what is shipped: a yearly season only where the shortest training part, too, has two years.
    yearly = n - plan.h * windows >= 2 * freq.year
    setup = Setup(freq, tuple(sorted({*plan.levels, COVERAGE})), yearly, plan.country, seed)
    needed = 2 * freq.season + plan.h
    if not np.nansum(history.y):
        return _untested(SHORT, "nothing sold in the whole history, the forecast is 0", history, setup)
    if n < 2 * freq.season:
        return _untested(SHORT, f"{n} periods are less than two seasons ({2 * freq.season})", history, setup)
    if windows == 0:
        return _untested(BENCHMARK, f"{n} periods are too few to test {plan.h} ahead ({needed} needed)", history, setup)
    models = {name: MODELS[name] for name in dict.fromkeys((BENCHMARK, *plan.models))}
    scores, failed = backtest(history, models, setup, plan.h, windows)
    predictions = {}
    for name in [name for name in models if name not in failed]:
        try:
            predictions[name] = models[name](history, setup)
        except Exception as e:  # as in the backtest: the series goes on without this model
            failed[name] = one_line(e)
    chosen, reason = choose([s for s in scores if s.model not in failed])
    beaten = chosen != BENCHMARK or set(plan.models) == {BENCHMARK}
    reason = "; ".join([reason, *(f"{name} failed: {error}" for name, error in failed.items())])
    return Outcome("forecast" if beaten else "fallback", reason, chosen, predictions, scores)


def _untested(model: str, why: str, history: History, setup: Setup) -> Outcome:
    return Outcome("fallback", f"{model}: {why}", model, {model: MODELS[model](history, setup)})


def _forecast_rows(
    history: History, model: str, prediction: Prediction, chosen: bool, levels: tuple[int, ...]
) -> Iterator[dict[str, Any]]:
    for i, ds in enumerate(history.ahead):
        ends = {
            f"yhat-{side}-{level}": values[level][i]
            for level in levels
            for side, values in (("lo", prediction.lo), ("hi", prediction.hi))
        }
        yield {
            "part": "forecast",
            "ds": ds.date(),
            "model": model,
            "chosen": chosen,
            "yhat": prediction.yhat[i],
            **ends,
        }
