"""Figures of forecasts, each a tiny function of arrays. NaN: not defined. Formulas of the M4 and M5 competitions
(Makridakis, Spiliotis & Assimakopoulos 2020, 2022) and Hyndman & Koehler (2006)."""

import numpy as np

_SURE = 1.645  # of a 90 % test, as in M4


def mae(y: np.ndarray, yhat: np.ndarray) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(y - yhat)))


def rmse(y: np.ndarray, yhat: np.ndarray) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(y - yhat))))


def bias(y: np.ndarray, yhat: np.ndarray) -> float:
    """Mean of forecast less actual."""
    return float(np.mean(yhat - y))


def wape(y: np.ndarray, yhat: np.ndarray) -> float:
    """Sum of absolute errors over the sum of actual values; NaN where that is not above 0."""
    return float(np.sum(np.abs(y - yhat)) / np.sum(y)) if np.sum(y) > 0 else float("nan")


def smape(y: np.ndarray, yhat: np.ndarray) -> float:
    """Mean of 2 * |error| / (|actual| + |forecast|), in per cent: 0 to 200. Nothing said and nothing sold is no error."""
    size = np.abs(y) + np.abs(yhat)
    return float(200 * np.mean(np.divide(np.abs(y - yhat), size, out=np.zeros(len(size)), where=size > 0)))


def scale(train: np.ndarray, season: int) -> float:
    """Mean absolute error of seasonal naive inside `train`; NaN where that is shorter than a season or has no error."""
    errors = np.abs(train[season:] - train[:-season])
    found = float(np.nanmean(errors)) if np.isfinite(errors).any() else 0.0
    return found if found > 0 else float("nan")


def mase(y: np.ndarray, yhat: np.ndarray, train: np.ndarray, season: int) -> float:
    """Mean absolute error over `scale`."""
    return mae(y, yhat) / scale(train, season)


def rmsse(y: np.ndarray, yhat: np.ndarray, train: np.ndarray, season: int = 1) -> float:
    """Root of the mean squared error over that of seasonal naive inside `train`; in M5 season is 1."""
    errors = np.square(train[season:] - train[:-season])
    inside = float(np.nanmean(errors)) if np.isfinite(errors).any() else 0.0
    return float(np.sqrt(np.mean(np.square(y - yhat)) / inside)) if inside > 0 else float("nan")


def pinball(y: np.ndarray, quantile: np.ndarray, q: float) -> float:
    """Mean loss of a forecast of the quantile `q`: q * error below the actual, (1 - q) * error above."""
    return float(np.mean(np.maximum(q * (y - quantile), (q - 1) * (y - quantile))))


def coverage(y: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> float:
    """Share of values inside the interval, ends included."""
    return float(np.mean((lo <= y) & (y <= hi)))


def naive2(train: np.ndarray, h: int, season: int) -> np.ndarray:
    """The last value after the season is taken out, and the season put in again; M4's benchmark.

    A season is taken out, by classical multiplicative decomposition, where the autocorrelation at its lag is significant
    at 90 % and the values are above 0.
    """
    y = np.asarray(train, float)
    if season < 2 or len(y) < 3 * season or y.min() <= 0 or not _seasonal(y, season):
        return np.full(h, y[-1])
    index = _seasonal_index(y, season)
    ahead = (len(y) + np.arange(h)) % season
    return np.asarray(y[-1] / index[(len(y) - 1) % season] * index[ahead])


def owa(smape_: float, mase_: float, smape_naive2: float, mase_naive2: float) -> float:
    """Overall weighted average: the mean of sMAPE and MASE, each a mean over series, over those of `naive2`."""
    return (smape_ / smape_naive2 + mase_ / mase_naive2) / 2


def _seasonal(y: np.ndarray, season: int) -> bool:
    x = y - y.mean()
    if not np.any(x):
        return False
    r = np.array([np.sum(x[k:] * x[:-k]) for k in range(1, season + 1)]) / np.sum(x * x)
    return bool(abs(r[-1]) > _SURE * np.sqrt((1 + 2 * np.sum(r[:-1] ** 2)) / len(y)))


def _seasonal_index(y: np.ndarray, season: int) -> np.ndarray:
    weights = np.ones(season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5]
    half = len(weights) // 2
    ratios = y[half : len(y) - half] / np.convolve(y, weights / season, mode="valid")
    place = (half + np.arange(len(ratios))) % season
    index = np.array([ratios[place == at].mean() for at in range(season)])
    return np.asarray(index / index.mean())
