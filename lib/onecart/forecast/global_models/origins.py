"""Series as arrays, and which of their dates a model may learn from: origins, at which the first t values are known."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.forecast.inputs.series import FREQS, filled
from onecart.forecast.local.backtest import Plan
from onecart.forecast.yearly_season import YearlySeason

COLUMNS = ("unique_id", "history", "dates", "starts", "x", "static")
_LEAST_LEVEL = 0.2  # of the mean of all before: what sold nothing of late still has a size
_EARLY = (0.1, 0.01, 0.0)  # shares of the series whose windows may begin before a model's cutoff


@dataclass(frozen=True)
class Series:
    """A series as arrays. y: the history, unknown values taken from a season before or from the last one known, so that none
    comes from later; known: whether a value was; dates: of the history and ahead, s since 1970; x[regressor, date]; window:
    periods of the level; starts: of the backtest windows, in periods; static: numbers that hold at all dates, see `Plan.static`;
    season: of all series together."""

    unique_id: str
    y: np.ndarray
    known: np.ndarray
    dates: np.ndarray
    x: np.ndarray
    window: int
    starts: tuple[int, ...]
    static: np.ndarray
    season: YearlySeason | None = None

    @cached_property
    def levels(self) -> np.ndarray:
        """[len(y) + 1]: the level when t values are known: the mean of the last `window`, or a fifth of the mean of all where
        that is more; 0 before the first sale."""
        t = np.arange(len(self.y) + 1)
        sums = np.r_[0.0, np.cumsum(self.y)]
        first = np.maximum(t - self.window, 0)
        newest, all_of_it = (sums[t] - sums[first]) / np.maximum(t - first, 1), sums / np.maximum(t, 1)
        return np.asarray(np.maximum(newest, _LEAST_LEVEL * all_of_it))

    def expected(self, t: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The level when t values are known, times what the year does to all series from there to the dates at the places `at`."""
        level = self.levels[t]
        if self.season is None:
            return np.asarray(level + 0.0 * at)
        return np.asarray(level * self.season.factor(self.dates[t], self.dates[at]))

    def periods_before(self, cutoff: int | None) -> int:
        """How many values of the history are older than `cutoff`, s since 1970; None: all."""
        return len(self.y) if cutoff is None else int(np.searchsorted(self.dates[: len(self.y)], cutoff))


def series_of(row: Any, plan: Plan) -> Series:
    """A row of SOLVED as `Series`."""
    freq, y = FREQS[plan.freq], np.asarray(row.history, float)
    known = np.isfinite(y)
    y = filled(y, freq.season)
    dates = np.asarray(row.dates, np.int64)
    x = np.stack([np.asarray(one, float) for one in row.x]) if len(row.x) else np.zeros((0, len(dates)))
    starts, static = tuple(int(at) for at in row.starts), np.asarray(row.static, float)
    return Series(row.unique_id, y, known, dates, x, freq.window, starts, static, plan.season)


def cutoffs(found: DataFrame) -> list[int]:
    """Dates, s since 1970, oldest first, before which the models for the windows are trained: three at most.

    A window is predicted by a model that saw nothing, of any series, at or after the date on which the series' oldest window
    begins. Series end at different dates, so the latest cutoff is the date that nine of ten series' windows begin at or after;
    the others get the date of the first hundredth, or the first of all.
    """
    first = F.expr("dates[starts[0]]").alias("first")
    counts = found.select(first).groupBy("first").count().toPandas().sort_values("first")
    if counts.empty:
        return []
    share = counts["count"].cumsum().to_numpy() / counts["count"].sum()
    places = {int(np.searchsorted(share, early, side="right")) for early in _EARLY}
    return [int(counts["first"].iloc[min(at, len(counts) - 1)]) for at in sorted(places)]


def cutoff_of(one: Series, of_models: list[int]) -> int | None:
    """The latest of `of_models` that is not after the beginning of the series' oldest window; None: there is none."""
    first = one.dates[one.starts[0]]
    return max((cutoff for cutoff in of_models if cutoff <= first), default=None)


def training_origins(found: DataFrame, plan: Plan, cutoff: int | None) -> tuple[int, int]:
    """(series that have origins before `cutoff`, how many these have together)."""
    history = F.slice("dates", F.lit(1), F.size("history"))
    before = F.size("history") if cutoff is None else F.size(F.filter(history, lambda ds: ds < cutoff))
    counted = found.select(F.greatest(before - _least(plan), F.lit(0)).alias("n"))
    total = counted.agg(F.count_if(F.col("n") > 0).alias("series"), F.sum("n").alias("origins")).first()
    return (int(total["series"]), int(total["origins"] or 0)) if total is not None else (0, 0)


def drawn(one: Series, plan: Plan, cutoff: int | None, share: float, *, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(t, k) to learn from, sorted: a share of all, drawn by the series' name and the seed, whose k-th date, 1 to `steps`, after
    the first t values is known and older than `cutoff`, and before which something was sold."""
    n, least = one.periods_before(cutoff), _least(plan)
    total = max(0, n - least) * steps
    rng = np.random.default_rng([plan.seed % 2**32, crc32(one.unique_id.encode())])
    some = (
        np.sort(rng.choice(total, rng.binomial(total, min(share, 1.0)), replace=False))
        if share < 1
        else np.arange(total)
    )
    t, k = least + some // steps, 1 + some % steps
    usable = t + k <= n
    usable[usable] &= one.known[(t + k - 1)[usable]]
    usable &= one.levels[t] > 0
    return t[usable], k[usable]


def asked(ones: list[Series], of_models: list[int]) -> dict[int | None, list[tuple[int, int, int]]]:
    """Cutoff -> (place in `ones`, place in its path, t): what the model of the cutoff, None: of the dates ahead, is asked.
    Series whose windows no model may predict are not asked about."""
    found: dict[int | None, list[tuple[int, int, int]]] = {}
    for place, one in enumerate(ones):
        cutoff = cutoff_of(one, of_models)
        if cutoff is not None:
            found.setdefault(None, []).append((place, 0, len(one.y)))
            found.setdefault(cutoff, []).extend((place, 1 + at, start) for at, start in enumerate(one.starts))
    return found


def _least(plan: Plan) -> int:
    """Periods before the first origin: later ones alone would not show what short histories look like."""
    freq = FREQS[plan.freq]
    return max(3, min(freq.window, freq.season + plan.h))
