"""The plain models, and intervals from the errors that they made in the past."""

import numpy as np

from onecart.forecast.inputs.series import History, Setup


def naive(history: History, setup: Setup) -> np.ndarray:
    """The last value."""
    return np.full(len(history.ahead), history.known(setup.freq.season)[-1])


def seasonal_naive(history: History, setup: Setup) -> np.ndarray:
    """The value of one season before (Hyndman & Athanasopoulos, Forecasting 3rd ed., 5.2); in a history shorter than a
    season the last value."""
    y, season = history.known(setup.freq.season), setup.freq.season
    if setup.flat or len(y) < season:
        return np.full(len(history.ahead), y[-1])
    return np.asarray(y[len(y) - season + np.arange(len(history.ahead)) % season])


def moving_average(history: History, setup: Setup) -> np.ndarray:
    """The mean of the last `freq.window` values."""
    y = history.known(setup.freq.season)
    return np.full(len(history.ahead), y[-max(1, min(setup.freq.window, len(y) // 2)) :].mean())


def zero(history: History, setup: Setup) -> np.ndarray:
    """Nothing: what is not sold any more."""
    return np.zeros(len(history.ahead))


def ends(history: History, setup: Setup, yhat: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """[quantile, date ahead]: `yhat` and the quantiles of the errors that a naive forecast, seasonal where there is a season,
    made at the same distance; distances that the history has too few of take those of half of it."""
    y, season = history.known(setup.freq.season), setup.freq.season
    step = np.arange(1, len(yhat) + 1)
    lags = season * -(-step // season) if len(y) > season else step
    farthest = max(1, len(y) // 2)
    errors = [y[lag:] - y[:-lag] for lag in np.minimum(lags, farthest)]
    found = [e + np.quantile(error, quantiles) for e, error in zip(yhat, errors, strict=True)]
    return np.stack(found, axis=1)
