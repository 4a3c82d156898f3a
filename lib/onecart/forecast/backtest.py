"""Rolling-origin backtest of one series, its metrics, and which model they pick. Plain numpy, inside the workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from onecart.forecast.models import Model, Setup
from onecart.forecast.series import History

BENCHMARK = "seasonal_naive"
COVERAGE = 80  # the interval whose coverage is reported, per cent


@dataclass(frozen=True)
class Score:
    """One model on one window. NaN: not defined (mase: the in-sample error is 0; wape: nothing sold)."""

    model: str
    cutoff: date  # last date of the training part
    periods: int  # periods of the window whose value is known
    mae: float
    mase: float
    wape: float
    bias: float
    coverage_80: float
    units: float


def mae(y: np.ndarray, yhat: np.ndarray) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(y - yhat)))


def bias(y: np.ndarray, yhat: np.ndarray) -> float:
    """Mean of forecast less actual."""
    return float(np.mean(yhat - y))


def wape(y: np.ndarray, yhat: np.ndarray) -> float:
    """Sum of absolute errors over the sum of actual values; NaN where nothing was sold."""
    return float(np.sum(np.abs(y - yhat)) / np.sum(y)) if np.sum(y) > 0 else float("nan")


def mase(y: np.ndarray, yhat: np.ndarray, train: np.ndarray, season: int) -> float:
    """Mean absolute error over that of seasonal naive inside the training part (Hyndman & Koehler 2006)."""
    scale = float(np.nanmean(np.abs(train[season:] - train[:-season])))
    return mae(y, yhat) / scale if scale > 0 else float("nan")


def coverage(y: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> float:
    """Share of values inside the interval, ends included."""
    return float(np.mean((lo <= y) & (y <= hi)))


def windows_that_fit(periods: int, h: int, season: int, wanted: int) -> int:
    """How many windows of `h` leave two seasons to train on."""
    return max(0, min(wanted, (periods - 2 * season) // h))


def backtest(
    history: History, models: Mapping[str, Model], setup: Setup, h: int, windows: int
) -> tuple[list[Score], dict[str, str]]:
    """Each model on each window: trained on everything before its cutoff, tested on the `h` periods after it.

    Returns the scores, and for each model that failed the error (its scores are left out: it has not been tested).
    """
    ends = [len(history.y) - h * window for window in range(windows, 0, -1)]
    testable = [n for n in ends if not np.isnan(history.y[n : n + h]).all()]
    scores: list[Score] = []
    failed: dict[str, str] = {}
    for name, model in models.items():
        try:
            scores += [_score(history, name, model, setup, h, n) for n in testable]
        except Exception as e:  # a model may fail in its own ways (Stan, bad regressors); the series goes on without it
            failed[name] = one_line(e)
    return scores, failed


def choose(scores: list[Score]) -> tuple[str, str]:
    """The model with the least mean absolute error over the windows, and why; the benchmark unless it is beaten."""
    error = {
        name: float(np.mean([s.mae for s in scores if s.model == name])) for name in {s.model: None for s in scores}
    }
    best = min(error, key=lambda name: (error[name], name != BENCHMARK))
    others = ", ".join(f"{name} {value:.4g}" for name, value in error.items() if name != best)
    if best == BENCHMARK and others:
        return best, f"{best}: not beaten on the backtest, mean absolute error {error[best]:.4g} against {others}"
    return best, f"{best}: mean absolute error {error[best]:.4g} on the backtest" + (
        f" against {others}" if others else ""
    )


def one_line(error: Exception) -> str:
    """The first line of an error's message, for the ledger."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _score(history: History, name: str, model: Model, setup: Setup, h: int, n: int) -> Score:
    train = history.until(n, h)
    prediction = model(train, setup)
    known = ~np.isnan(history.y[n : n + h])
    y, yhat = history.y[n : n + h][known], prediction.yhat[known]
    return Score(
        model=name,
        cutoff=train.ds[-1].date(),
        periods=len(y),
        mae=mae(y, yhat),
        mase=mase(y, yhat, train.y, setup.freq.season),
        wape=wape(y, yhat),
        bias=bias(y, yhat),
        coverage_80=coverage(y, prediction.lo[COVERAGE][known], prediction.hi[COVERAGE][known]),
        units=float(np.sum(y)),
    )
