"""One series as it comes, put on a regular grid of dates. Plain pandas: runs inside the workers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

MIN_PERIODS = 3


@dataclass(frozen=True)
class Freq:
    """A grid: its pandas step, the periods of a season, and the periods that the moving average looks back."""

    step: str
    season: int
    window: int
    year: int  # periods of a year


FREQS = {"D": Freq("D", 7, 28, 365), "W": Freq("7D", 52, 8, 52), "MS": Freq("MS", 12, 6, 12)}


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


class Rejected(ValueError):
    """The series cannot be forecast; the message says why."""


def read_history(rows: pd.DataFrame, freq: Freq, h: int, regressors: tuple[str, ...] = ()) -> History:
    """Rows [ds, y, known_ahead, *regressors] of one series -> History; Rejected says why there is none.

    Rows on one date are summed; dates without a row count as 0 (nothing sold), dates whose y is null stay unknown;
    negative values (more returned than sold) become 0. The history runs from the first to the last known value. A gap's
    regressors are carried forward. Rows with `known_ahead` only bring regressors for the dates to come.
    """
    notes = []
    given = rows[~rows["known_ahead"].astype(bool)]
    if dateless := int(given["ds"].isna().sum()):
        notes.append(f"rows without a usable date, left out: {dateless}")
    dated = given[given["ds"].notna()].assign(y=lambda d: d["y"].replace([np.inf, -np.inf], np.nan))
    by_date = dated.groupby("ds")["y"].sum(min_count=1).sort_index()
    if by_date.notna().sum() == 0:
        raise Rejected("; ".join(["no value of y is known", *notes]))
    if repeated := len(dated) - len(by_date):
        notes.append(f"rows on a date that had one, added to it: {repeated}")
    by_date = by_date.loc[by_date.first_valid_index() : by_date.last_valid_index()]
    grid = pd.date_range(by_date.index[0], by_date.index[-1], freq=freq.step)
    if not by_date.index.isin(grid).all():
        raise Rejected("dates are not the first of a month" if freq.step == "MS" else "dates are not whole weeks apart")
    if len(grid) < MIN_PERIODS:
        raise Rejected(f"{len(grid)} periods of history, {MIN_PERIODS} are needed")
    y = by_date.reindex(grid)
    gaps = ~grid.isin(by_date.index)
    y[gaps] = 0.0
    for count, what in (
        (gaps.sum(), "dates without a row, counted as 0"),
        (y.isna().sum(), "unknown values"),
        ((y < 0).sum(), "negative values, counted as 0"),
    ):
        if count:
            notes.append(f"{what}: {count}")
    ahead = pd.date_range(grid[-1], periods=h + 1, freq=freq.step)[1:]
    x = rows[rows["ds"].notna()].groupby("ds")[list(regressors)].mean() if regressors else pd.DataFrame(index=grid)
    return History(
        grid,
        y.clip(lower=0).to_numpy(dtype=float),
        x.reindex(grid).ffill().bfill(),
        ahead,
        x.reindex(ahead),
        tuple(notes),
    )
