"""One series as it comes, put on a regular grid of dates. Plain pandas: runs inside the workers."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from onecart.errors import UsageError, nearest

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
    "QS": "the first of every third month",
    "QE": "the last of every third month",
    "YS": "the first of the same month of every year",
    "YE": "the last of the same month of every year",
}
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_OLD = {"H": "h", "M": "ME", "Q": "QE", "Y": "YE", "A": "YE", "AS": "YS"}
ALIASES = {
    **_OLD,
    **{f"W-{day}": "W" for day in _DAYS},
    **{
        f"{name}-{month}": _OLD.get(name, name)
        for name in ("QS", "QE", "Q", "YS", "YE", "Y", "A", "AS")
        for month in _MONTHS
    },
}
"""Other names -> those of FREQS. Weeks begin on the weekday, quarters and years in the month, of the series' own dates."""
_REFUSED = {
    r"\d*(min|T|s|S|ms|us|ns|L|U|N)": "is finer than hours; sum the values to hours and ask for 'h'",
    r"\d*[BC]": "has business days only; ask for 'D': a day without a row counts as 0, one whose y is null is unknown",
    r"\d*(C?B[MQYA]|SM).*": "has dates that move with the weekdays; date the values on the first of their months and ask for "
    "'MS', 'QS' or 'YS'",
    r"\d+.+": "joins several steps; sum the values to hours, days, weeks, months, quarters or years and ask for that",
}
"""Patterns of pandas' names that are no grid here, and what to do."""


def frequency(freq: str) -> str:
    """The name in FREQS of what was asked for; UsageError: there is none."""
    for pattern, why in _REFUSED.items():
        if re.fullmatch(pattern, str(freq)):
            raise UsageError(f"forecast: freq '{freq}' {why}")
    found = ALIASES.get(freq, freq)
    if found not in FREQS:
        raise UsageError(f"forecast: no freq '{freq}'{nearest(str(freq), FREQS)}")
    return found


@dataclass(frozen=True)
class History:
    """A series on its grid: no date is missing, `y` is NaN where the value is unknown, `x` holds known regressors.

    `ahead` are the dates after it that are to be forecast, `x_ahead` the regressors there. `notes` say what was repaired on the
    way.
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
        n = len(self.ds)
        x, notes = _completed(shared.reindex(self.ds.append(self.ahead)), n)
        both = pd.concat([pd.concat([self.x, self.x_ahead]), x], axis=1)
        return replace(self, x=both[:n], x_ahead=both[n:], notes=(*self.notes, *notes))

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


def read_history(
    rows: pd.DataFrame, freq: Freq, h: int, regressors: tuple[str, ...] = (), end: pd.Timestamp | None = None
) -> History:
    """Rows [ds, y, known_ahead, *regressors] of one series -> History; Rejected says why there is none.

    Rows on one date are summed; dates without a row count as 0 (nothing sold), dates whose y is null stay unknown;
    negative values (more returned than sold) become 0. The history runs from the first known value to `end`, rows after which
    are left out; None: to the last known value. A regressor that lacks a value has the last one before it. Rows with
    `known_ahead` only bring regressors for the dates to come.
    """
    notes = []
    given, dated = ~rows["known_ahead"].to_numpy(bool), rows["ds"].notna().to_numpy()
    late = (rows["ds"] > end).to_numpy() if end is not None else np.zeros(len(rows), bool)
    for count, what in (
        (given & ~dated, "rows without a usable date, left out"),
        (given & late, f"rows after {str(end).removesuffix(' 00:00:00')}, left out"),
    ):
        if count.any():
            notes.append(f"{what}: {int(count.sum())}")
    usable = given & dated & ~late
    y_given = rows["y"].to_numpy(float)[usable]
    y_given = np.where(np.isfinite(y_given), y_given, np.nan)
    if not np.isfinite(y_given).any():
        raise Rejected("; ".join(["no value of y is known", *notes]))
    days, values = _by_date(pd.DatetimeIndex(rows["ds"].to_numpy()[usable]), y_given)
    if len(days) < len(y_given):
        notes.append(f"rows on a date that had one, added to it: {len(y_given) - len(days)}")
    known = np.flatnonzero(np.isfinite(values))
    last = len(days) if end is not None else known[-1] + 1
    days, values = days[known[0] : last], values[known[0] : last]
    step = _anchored(freq.step, days[0])
    grid = pd.date_range(days[0], days[-1] if end is None else end, freq=step)
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
    ahead = pd.date_range(grid[-1], periods=h + 1, freq=step)[1:]
    x = rows[dated].groupby("ds")[list(regressors)].mean() if regressors else pd.DataFrame(index=grid)
    x, of_x = _completed(x.reindex(grid.append(ahead)), len(grid))
    return History(grid, np.maximum(y, 0.0), x[: len(grid)], ahead, x[len(grid) :], (*notes, *of_x))


def _by_date(dates: pd.DatetimeIndex, y: np.ndarray) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Sorted, the values of one date summed; unknown only where all of them are."""
    if dates.is_unique:
        order = np.argsort(seconds(dates), kind="stable")
        return dates[order], y[order]
    summed = pd.Series(y, dates).groupby(level=0).sum(min_count=1)
    return pd.DatetimeIndex(summed.index), summed.to_numpy(float)


def _anchored(step: str, first: pd.Timestamp) -> str:
    """`step` with quarters and years counted from the month of `first`: seasons and fiscal years begin in any."""
    return f"{step}-{_MONTHS[first.month - 1]}" if step[0] in "QY" else step


def _completed(x: pd.DataFrame, n: int) -> tuple[pd.DataFrame, list[str]]:
    """Regressors by date, the first `n` dates of the past: what is missing is the last value before, else the first after, else 0;
    and what to say of it."""
    notes: list[str] = []
    if x.columns.empty:
        return x, notes
    x = x.where(np.isfinite(x.astype(float)))
    for name in x.columns:
        missing = x[name].isna().to_numpy()
        instead = "0 is taken" if missing.all() else "the last one before is taken"
        if missing.any():
            counts = f"{missing[:n].sum()} dates of the past and {missing[n:].sum()} ahead"
            notes.append(f"regressor {name} has no value on {counts}, {instead}")
    return x.ffill().bfill().fillna(0.0), notes


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
