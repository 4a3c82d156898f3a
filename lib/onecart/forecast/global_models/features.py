"""What the trees see of a series at an origin, of one date after it: all of it relative to the level at the origin, so that one
model can learn from series of every size."""

from typing import Any

import numpy as np
import pandas as pd

from onecart.forecast.global_models.origins import Series
from onecart.forecast.inputs.series import FREQS, Freq
from onecart.forecast.local.backtest import Plan
from onecart.forecast.local.regression import holiday_dates

_WINDOWS = {  # by the periods of a year
    8766: (6, 24, 72, 168, 672),
    365: (3, 7, 14, 28, 91, 364),
    52: (2, 4, 8, 13, 26, 52),
    12: (2, 3, 6, 12, 24),
    4: (2, 4, 8),
    1: (2, 3, 5),
}
_LAGS = 8


def features(one: Series, t: np.ndarray, k: np.ndarray, plan: Plan) -> dict[str, np.ndarray]:
    """Name -> [row]: of the k-th date after the first t values, from those values, the calendar and the regressors.

    NaN where a history does not reach back so far. The names are the same for all series of a plan.
    """
    freq = FREQS[plan.freq]
    level = np.maximum(one.levels[t], 1e-9)
    target = t + k - 1
    return {
        "step": k.astype(float),
        "age": t.astype(float),
        "log_level": np.log1p(level),
        **_recent(one.y, t, level, freq),
        **_seasonal(one.y, t, target, level, freq),
        **_calendar(one.dates, target, plan),
        **_given(one.x, t, target, freq),
        **{f"static_{at}": np.full(len(t), value) for at, value in enumerate(one.static)},
    }


def _recent(y: np.ndarray, t: np.ndarray, level: np.ndarray, freq: Freq) -> dict[str, np.ndarray]:
    sums, squares, zeros = (np.r_[0.0, np.cumsum(values)] for values in (y, y * y, y == 0))
    last_sale = np.r_[-1, np.maximum.accumulate(np.where(y > 0, np.arange(len(y)), -1))]
    found = {"since_sale": (t - 1 - last_sale[t]).astype(float)}
    for lag in range(1, _LAGS + 1):
        found[f"lag_{lag}"] = _at(y, t - lag) / level
    for window in _WINDOWS[freq.year]:
        reached = np.where(t >= window, 1.0, np.nan)
        mean = _mean(sums, t, window)
        found[f"mean_{window}"] = reached * mean / level
        found[f"zeros_{window}"] = reached * _mean(zeros, t, window)
        spread = np.sqrt(np.maximum(_mean(squares, t, window) - mean**2, 0))
        found[f"spread_{window}"] = reached * spread / np.maximum(mean, 1e-9)
    return found


def _seasonal(y: np.ndarray, t: np.ndarray, target: np.ndarray, level: np.ndarray, freq: Freq) -> dict[str, np.ndarray]:
    sums = np.r_[0.0, np.cumsum(y)]
    found = {}
    for season in dict.fromkeys((*freq.seasons, freq.year)):
        if season == 1:
            continue
        same = target - season * (-(-(target - t + 1) // season))  # the newest that is known at the same place
        for back in range(2):
            found[f"season_{season}_{back + 1}"] = _at(y, same - back * season) / level
        if season == freq.year or season == freq.season:
            several = [_at(y, same - back * season) for back in range(4)]
            found[f"season_{season}_mean"] = _mean_known(several) / level
        if season == freq.year:
            around = [_at(y, np.where(same + near < t, same + near, -1)) for near in (-1, 0, 1)]
            found["year_around"] = _mean_known(around) / level
            before = np.where(t - season >= freq.window, t - season, 0)
            then = np.where(before > 0, _mean(sums, before, freq.window), np.nan)
            found["year_growth"] = np.log1p(level) - np.log1p(then)
            found["year_ratio"] = _mean_known(around) / np.maximum(then, 1e-9)
    return found


def _calendar(dates: np.ndarray, target: np.ndarray, plan: Plan) -> dict[str, np.ndarray]:
    step, days = FREQS[plan.freq].step, pd.DatetimeIndex(dates.astype("datetime64[s]"))
    parts: dict[str, Any] = {"month": days.month, "day_of_year": days.dayofyear}
    if step in ("D", "h"):
        parts |= {"day_of_week": days.dayofweek, "day": days.day}
    if step == "h":
        parts["hour"] = days.hour
    if step == "D" and plan.country:
        parts["holiday"] = days.isin(holiday_dates(plan.country, days[0].year, days[-1].year))
    return {name: np.asarray(values, float)[target] for name, values in parts.items()}


def _given(x: np.ndarray, t: np.ndarray, target: np.ndarray, freq: Freq) -> dict[str, np.ndarray]:
    """Each regressor at the date, and less its mean before the origin."""
    found = {}
    for at, values in enumerate(x):
        known = np.isfinite(values)
        sums, counts = np.r_[0.0, np.cumsum(np.where(known, values, 0.0))], np.r_[0.0, np.cumsum(known)]
        before = _mean(sums, t, freq.window) / np.maximum(_mean(counts, t, freq.window), 1e-9)
        found[f"x_{at}"] = values[target]
        found[f"x_{at}_change"] = values[target] - before
    return found


def _mean(sums: np.ndarray, t: np.ndarray, window: int) -> np.ndarray:
    """Of the `window` values before t, or as many as there are; sums[t]: of the first t."""
    first = np.maximum(t - window, 0)
    return np.asarray((sums[t] - sums[first]) / np.maximum(t - first, 1))


def _at(y: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.where(at >= 0, y[np.maximum(at, 0)], np.nan)


def _mean_known(parts: list[np.ndarray]) -> np.ndarray:
    """The mean of those that are not NaN; NaN where none is."""
    values = np.stack(parts)
    known = np.isfinite(values)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
