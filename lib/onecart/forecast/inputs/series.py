"""One series as it comes, put on a regular grid of dates. Plain pandas: runs inside the workers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

MIN_PERIODS = 3
_DEAD_GAPS, _DEAD_PERIODS = 10, 13  # nothing sold for so many usual gaps, and so many periods: it is not sold any more


@dataclass(frozen=True)
class Freq:
    """A grid: its pandas step, the periods of a season and of all seasons, the periods that the moving average looks back,
    and those of a year."""

    step: str
    season: int
    window: int
    year: int
    seasons: tuple[int, ...]


FREQS = {
    "h": Freq("h", 24, 168, 8766, (24, 168)),
    "D": Freq("D", 7, 28, 365, (7,)),
    "W": Freq("7D", 52, 8, 52, (52,)),
    "MS": Freq("MS", 12, 6, 12, (12,)),
    "ME": Freq("ME", 12, 6, 12, (12,)),
    "QS": Freq("QS", 4, 4, 4, (4,)),
    "QE": Freq("QE", 4, 4, 4, (4,)),
    "YS": Freq("YS", 1, 3, 1, (1,)),
    "YE": Freq("YE", 1, 3, 1, (1,)),
}
_GRIDS = {
    "h": "whole hours apart",
    "D": "whole days",
    "7D": "whole weeks apart",
    "MS": "the first of a month",
    "ME": "the last of a month",
    "QS": "the first of a quarter",
    "QE": "the last of a quarter",
    "YS": "the first of a year",
    "YE": "the last of a year",
}
ALIASES = {
    "H": "h",
    "M": "ME",
    "Q": "QE",
    "Y": "YE",
    "A": "YE",
    **{f"W-{day}": "W" for day in ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]},
}


@dataclass(frozen=True)
class History:
    """A series on its grid: no date is missing, `y` is NaN where the value is unknown, `x` holds known regressors.

    `ahead` are the dates after it that are to be forecast, `x_ahead` the regressors there (NaN where nobody gave them).
    `notes` say what was repaired on the way.
    """

    ds: pd.DatetimeIndex
    y: np.ndarray
    x: pd.DataFrame
    ahead: pd.DatetimeIndex
    x_ahead: pd.DataFrame
    notes: tuple[str, ...] = ()

    def until(self, n: int, h: int) -> "History":
        """The first `n` periods as a history of their own, with the next `h` as the dates ahead."""
        return History(self.ds[:n], self.y[:n], self.x[:n], self.ds[n : n + h], self.x[n : n + h])

    def knowing(self, shared: pd.DataFrame) -> "History":
        """The same with regressors by date beside its own; a date that they lack takes those of the last that they have."""
        dates = self.ds.append(self.ahead)
        x = shared.reindex(dates).ffill().bfill()
        both = pd.concat([pd.concat([self.x, self.x_ahead]), x], axis=1)
        return replace(self, x=both[: len(self.ds)], x_ahead=both[len(self.ds) :])

    def known(self, season: int) -> np.ndarray:
        return filled(self.y, season)


@dataclass(frozen=True)
class Setup:
    """What a fit must know beside the history. seasonal, yearly: even the shortest history that the model is tried on has
    two seasons, two years, so that what is tried is what is used; flat: it has not even one, and the benchmark is the last
    value."""

    freq: Freq
    seasonal: bool = True
    yearly: bool = False
    country: str | None = None  # whose holidays, ISO 3166
    seed: int = 0
    flat: bool = False
    seasons: tuple[int, ...] | None = None  # those of the frequency that it has two of; None: by each history's length
    forms: dict[str, str] | None = (
        None  # of theta and ces: chosen on the first history, kept on the next; None: on each
    )


Model = Callable[[History, Setup], np.ndarray]
"""Forecasts of the dates ahead, one number a date."""


class Rejected(ValueError):
    """The series cannot be forecast; the message says why."""


def read_history(rows: pd.DataFrame, freq: Freq, h: int, regressors: tuple[str, ...] = ()) -> History:
    """Rows [ds, y, known_ahead, *regressors] of one series -> History; Rejected says why there is none.

    Rows on one date are summed; dates without a row count as 0 (nothing sold), dates whose y is null stay unknown;
    negative values (more returned than sold) become 0. The history runs from the first to the last known value. A gap's
    regressors are carried forward. Rows with `known_ahead` only bring regressors for the dates to come.
    """
    notes = []
    given, dated = ~rows["known_ahead"].to_numpy(bool), rows["ds"].notna().to_numpy()
    if dateless := int((given & ~dated).sum()):
        notes.append(f"rows without a usable date, left out: {dateless}")
    usable = given & dated
    y_given = rows["y"].to_numpy(float)[usable]
    y_given = np.where(np.isfinite(y_given), y_given, np.nan)
    if not np.isfinite(y_given).any():
        raise Rejected("; ".join(["no value of y is known", *notes]))
    dates = pd.DatetimeIndex(rows["ds"].to_numpy()[usable])
    if dates.is_unique:
        order = np.argsort(seconds(dates), kind="stable")
        days, values = dates[order], y_given[order]
    else:
        by_date = pd.Series(y_given, dates).groupby(level=0).sum(min_count=1)
        days, values = pd.DatetimeIndex(by_date.index), by_date.to_numpy(float)
        notes.append(f"rows on a date that had one, added to it: {len(dates) - len(days)}")
    known = np.flatnonzero(np.isfinite(values))
    days, values = days[known[0] : known[-1] + 1], values[known[0] : known[-1] + 1]
    grid = pd.date_range(days[0], days[-1], freq=freq.step)
    places = grid.get_indexer(days)
    if len(grid) == 0 or grid[0] != days[0] or (places < 0).any():
        raise Rejected(f"dates are not {_GRIDS[freq.step]}")
    if len(grid) < MIN_PERIODS:
        raise Rejected(f"{len(grid)} periods of history, {MIN_PERIODS} are needed")
    y = np.zeros(len(grid))
    y[places] = values
    for count, what in (
        (len(grid) - len(days), "dates without a row, counted as 0"),
        (np.isnan(y).sum(), "unknown values"),
        ((y < 0).sum(), "negative values, counted as 0"),
    ):
        if count:
            notes.append(f"{what}: {count}")
    ahead = pd.date_range(grid[-1], periods=h + 1, freq=freq.step)[1:]
    x = rows[dated].groupby("ds")[list(regressors)].mean() if regressors else pd.DataFrame(index=grid)
    on_grid, x_ahead = (
        (x.reindex(grid).ffill().bfill(), x.reindex(ahead)) if regressors else (x, pd.DataFrame(index=ahead))
    )
    return History(grid, np.maximum(y, 0.0), on_grid, ahead, x_ahead, tuple(notes))


def seconds(dates: pd.Index) -> np.ndarray:
    """s since 1970."""
    return np.asarray(dates.to_numpy().astype("datetime64[s]").astype(np.int64))


def filled(y: np.ndarray, season: int) -> np.ndarray:
    """`y`, whose first value is known, with unknown values taken from one season before, else from the nearest value before:
    none comes from later."""
    if not np.isnan(y).any():
        return y
    values = pd.Series(y)
    return np.asarray(values.fillna(values.shift(season)).ffill(), dtype=float)


def demand_class(y: np.ndarray) -> str:
    """smooth | erratic | intermittent | lumpy, by the mean gap between sales (ADI, 1.32) and the squared coefficient of
    variation of what is sold then (CV^2, .49): Syntetos, Boylan & Croston (2005). dead: nothing sold for ten usual gaps, and
    13 periods, or ever."""
    known = y[np.isfinite(y)]
    sold = np.flatnonzero(known > 0)
    if not len(sold):
        return "dead"
    gap = (len(known) - sold[0]) / len(sold)
    since = len(known) - 1 - sold[-1]
    if since >= max(_DEAD_PERIODS, _DEAD_GAPS * gap):
        return "dead"
    varied = np.var(known[sold]) / np.mean(known[sold]) ** 2 >= 0.49
    if gap >= 1.32:
        return "lumpy" if varied else "intermittent"
    return "erratic" if varied else "smooth"
