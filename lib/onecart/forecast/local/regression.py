"""Linear regression of one series on trend, season, holidays, weather and what else is known ahead, and its own past."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd

from onecart.forecast.inputs.series import History, Setup

_RIDGE = 10.0  # in observations: what a standardised column must explain before it counts
_SMEAR = 20.0  # times: what seldom sells has a mean far above that of its logs
_WAVES = 2  # pairs of a year's sine and cosine


def regression(history: History, setup: Setup) -> np.ndarray:
    """Ridge regression of how far ln(1 + y) is from its mean over the season that ended h periods earlier, the newest that is
    known for all dates ahead, on: the place in the week (daily; hourly also in the day), two waves of a year where the history
    has two, public holidays of `setup.country` (daily), the regressors, and how far that mean is from the one a
    season before."""
    y, h = history.known(setup.freq.season), len(history.ahead)
    dates = pd.DatetimeIndex(history.ds.append(history.ahead))
    season = max(1, min(setup.freq.window, len(y) // 3))
    level, before = _past(np.log1p(y), h, season)
    given = pd.concat([history.x, history.x_ahead]).ffill().to_numpy(float)
    columns = [level - before, *_calendar(dates, setup), *(given[:, at] for at in range(given.shape[1]))]
    x = np.stack(columns, axis=1)
    rows = np.arange(min(h + season, len(y) // 2), len(y))
    rows = rows[np.isfinite(history.y[rows])]
    mean, spread = x[rows].mean(axis=0), x[rows].std(axis=0)
    z = (x - mean) / np.where(spread > 1e-9, spread, np.inf)
    target = np.log1p(y[rows]) - level[rows]
    a = z[rows].T @ z[rows] + _RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(a, z[rows].T @ (target - target.mean()))
    fitted = np.minimum(level + z @ weights + target.mean(), np.log1p(2 * y.max()))
    smear = np.sum(y[rows]) / max(1e-9, np.sum(np.expm1(fitted[rows])))  # Duan 1983: logs lose the mean
    return np.asarray(np.maximum(np.expm1(fitted[len(y) :]), 0) * np.clip(smear, 0.5, _SMEAR))


def calendar(history: History, setup: Setup) -> np.ndarray:
    """`regression` without the regressors: what they add shows beside it."""
    none, none_ahead = history.x.iloc[:, :0], history.x_ahead.iloc[:, :0]
    return regression(replace(history, x=none, x_ahead=none_ahead), setup)


def _calendar(dates: pd.DatetimeIndex, setup: Setup) -> list[np.ndarray]:
    found = []
    if setup.freq.step in ("D", "h"):
        found += [*(dates.dayofweek.to_numpy() == np.arange(6)[:, None]).astype(float)]
    if setup.freq.step == "h":
        found += [*(dates.hour.to_numpy() == np.arange(23)[:, None]).astype(float)]
    if setup.freq.step == "D" and setup.country:
        found.append(np.asarray(dates.isin(holiday_dates(setup.country, dates[0].year, dates[-1].year)), float))
    if setup.yearly and setup.freq.year > 1:
        angle = 2 * np.pi * dates.dayofyear.to_numpy() / 365.25
        found += [wave(k * angle) for k in range(1, _WAVES + 1) for wave in (np.sin, np.cos)]
    return found


def _past(y: np.ndarray, h: int, season: int) -> list[np.ndarray]:
    """Means of the `season` values that end h, and h + season, before each date; before the first the first."""
    sums = np.r_[0.0, np.cumsum(y)]
    at = np.arange(len(y) + h)
    found = []
    for back in (h, h + season):
        last = np.clip(at - back + 1, 1, len(y))
        first = np.clip(last - season, 0, None)
        found.append((sums[last] - sums[first]) / (last - first))
    return found


@lru_cache(maxsize=64)
def holiday_dates(country: str, first: int, last: int) -> list[pd.Timestamp]:
    """The public holidays of the years `first` to `last`."""
    import holidays

    return [pd.Timestamp(day) for day in holidays.country_holidays(country, years=range(first, last + 1))]
