"""Backtests all models on one series: forecasts for windows of its past and for the dates ahead. Runs in a Spark worker."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from onecart.forecast.inputs.series import FREQS, Freq, History, Rejected, Setup, demand_class, read_history, seconds
from onecart.forecast.local.baselines import zero
from onecart.forecast.local.registry import BENCHMARK, PLAIN, ROUTES, loaded, predicted, suits
from onecart.forecast.metrics import scale
from onecart.forecast.yearly_season import YearlySeason

SHORT = "naive"  # for a series too short for the benchmark
_WITH_A_YEAR = ("regression", "calendar", "prophet")  # where the history has two years
_TYPO = 1000.0  # times the median of the values above 0
_FEWEST = 10  # periods that a window leaves to train on at least


@dataclass(frozen=True)
class Plan:
    """What is asked of every series. models: None, those of its class. seconds: after these no other model is begun, and
    after twice these the one that runs is stopped."""

    h: int
    freq: str
    levels: tuple[int, ...]
    models: tuple[str, ...] | None
    regressors: tuple[str, ...]
    windows: int
    step: int
    country: str | None
    seconds: float
    seed: int
    shared: pd.DataFrame | None = None  # regressors that are the same for all series, by date
    static: tuple[bool, ...] = ()  # columns that hold at all dates: whether each is a kind, else a number
    end: pd.Timestamp | None = None  # the last date of every history; None: of each its last known value
    season: YearlySeason | None = None  # of all series together


@dataclass
class SeriesBacktest:
    """What became of a series before a model is chosen. yhats: model -> [1 + windows, h], the first of the dates ahead, then
    window by window from the oldest; y: [windows, h], NaN where unknown. status: forecast, or what it is without a test."""

    status: str
    reason: str
    demand: str = ""
    notes: list[str] = field(default_factory=list)
    history: History | None = None
    scale: float = float("nan")
    starts: list[int] = field(default_factory=list)  # of the windows: periods before them
    y: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    yhats: dict[str, np.ndarray] = field(default_factory=dict)


def starts(periods: int, freq: Freq, plan: Plan) -> list[int]:
    """Where the windows of `plan.h` periods begin, oldest first: `plan.step` apart up to the end of the series, and so many
    as leave two times h, ten periods, and a season and h to train on; a history without room for the last does without."""
    found = [periods - plan.h - plan.step * back for back in range(plan.windows - 1, -1, -1)]
    least = max(2 * plan.h, _FEWEST)
    seasonal = [start for start in found if start >= max(least, freq.season + plan.h)]
    return seasonal or [start for start in found if start >= least]


def backtest_series(rows: pd.DataFrame, unique_id: str | None, plan: Plan) -> SeriesBacktest:
    """Rows [ds, y, known_ahead, *regressors] of one series -> `SeriesBacktest`. Never raises for what the series holds."""
    freq = FREQS[plan.freq]
    try:
        if unique_id is None:
            raise Rejected("unique_id is null")
        history = read_history(rows, freq, plan.h, plan.regressors, plan.end)
        history = _without_typos(history if plan.shared is None else history.knowing(plan.shared))
    except Rejected as e:
        return SeriesBacktest("rejected", str(e))
    n, demand = len(history.y), demand_class(history.y)
    found = SeriesBacktest(
        "forecast", "", demand, [*history.notes], history, scale(history.y, freq.season if n > freq.season else 1)
    )
    found.starts = [at for at in starts(n, freq, plan) if np.isfinite(history.y[at : at + plan.h]).any()]
    shortest = found.starts[0] if found.starts else n
    # What is tested is what is used: a season only where the shortest training part, too, has two of them.
    yearly, seasonal = shortest >= 2 * freq.year, shortest >= 2 * freq.season
    seed = (plan.seed + crc32(unique_id.encode())) % 2**32
    seasons = tuple(s for s in freq.seasons if s > 1 and shortest >= 2 * s)
    setup = Setup(freq, seasonal, yearly, plan.country, seed, shortest < freq.season, seasons, forms={})
    if demand == "dead":
        return _untested(found, "nothing sold for long, or ever: the forecast is 0", "zero", zero(history, setup))
    if not found.starts:
        name = SHORT if n < freq.season else BENCHMARK
        why = f"{n} periods are too few to test {plan.h} ahead on"
        return _untested(found, why, name, predicted(name, history, setup))
    found.y = np.stack([history.y[at : at + plan.h] for at in found.starts])
    wanted = ROUTES[demand] if plan.models is None else plan.models
    _try_all(found, dict.fromkeys((BENCHMARK, *wanted)), setup, plan)
    return found


def _without_typos(history: History) -> History:
    """Values of more than `_TYPO` usual sales count as the largest other one: a mean would follow them for months."""
    sold = history.y[history.y > 0]
    if len(sold) < _FEWEST:
        return history
    typo = history.y > _TYPO * np.median(sold)
    if not typo.any():
        return history
    largest = float(np.nanmax(np.where(typo, np.nan, history.y)))
    note = f"values above {_TYPO:g} usual sales, taken for mistyped and counted as {largest:g}: {typo.sum()}"
    return replace(history, y=np.where(typo, largest, history.y), notes=(*history.notes, note))


def _untested(found: SeriesBacktest, why: str, name: str, yhat: np.ndarray) -> SeriesBacktest:
    found.status, found.reason, found.yhats = "fallback", f"{name}: {why}", {name: yhat[None]}
    return found


def _try_all(found: SeriesBacktest, models: Any, setup: Setup, plan: Plan) -> None:
    history = found.history
    assert history is not None
    wanted = [name for name in models if suits(name, setup, regressors=len(history.x.columns) > 0)]
    for name in wanted:  # a library that is stopped while it is imported stays broken
        loaded(name)
    began = time.monotonic()
    # The whole comes last: what is chosen on the oldest part, nothing of the windows has told.
    parts = [*(history.until(at, plan.h) for at in found.starts), history]
    for name in wanted:
        if found.yhats and time.monotonic() - began > plan.seconds:
            found.notes.append(f"{name} not begun after {plan.seconds:g} s")
            continue
        try:
            with _stopped_after(2 * plan.seconds - (time.monotonic() - began)):
                *tests, ahead = [_predicted(name, part, setup, plan.season) for part in parts]
            found.yhats[name] = np.stack([ahead, *tests])
        except (
            Exception,
            Stopped,
        ) as e:  # a model may fail in its own ways (Stan, bad regressors); the series goes on without it
            found.notes.append(f"{name} failed: {one_line(e)}")


def _predicted(name: str, history: History, setup: Setup, season: YearlySeason | None) -> np.ndarray:
    """What the model says, times what the year does to all series where the model itself knows of no year."""
    yhat = predicted(name, history, setup)
    if season is None or name in PLAIN or (setup.yearly and name in _WITH_A_YEAR):
        return yhat
    dates = seconds(history.ahead)
    return np.asarray(yhat * season.factor(dates[0], dates))


def one_line(error: BaseException) -> str:
    """The first line of an error's message, for the ledger."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


class Stopped(BaseException):
    """It took too long. No Exception: libraries catch those, and try again in other ways."""


@contextmanager
def _stopped_after(seconds: float) -> Iterator[None]:
    """`Stopped`, again and again, in what runs below after `seconds`; only the main thread of a process can be stopped like that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise Stopped(f"stopped after {seconds:.3g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(0.01, seconds), 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
