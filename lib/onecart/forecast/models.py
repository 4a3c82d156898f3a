"""The models, behind one signature: `model(history, setup) -> Prediction`. Prophet is imported when asked for."""

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from onecart.forecast.series import Freq, History

PROPHET_DRAWS = 200  # of the predictive distribution: a 95 % interval stands on 5 draws a tail


@dataclass(frozen=True)
class Setup:
    """What a fit must know beside the history. `levels`: coverage of the intervals, per cent."""

    freq: Freq
    levels: tuple[int, ...]
    yearly: bool = False  # the history has two years to learn a year's shape from
    country: str | None = None  # whose holidays, ISO 3166
    seed: int = 0


@dataclass(frozen=True)
class Prediction:
    """Arrays with one element per date ahead; `lo` and `hi` by level. Nothing is below 0 and lo <= yhat <= hi."""

    yhat: np.ndarray
    lo: dict[int, np.ndarray]
    hi: dict[int, np.ndarray]


Model = Callable[[History, Setup], Prediction]


def naive(history: History, setup: Setup) -> Prediction:
    """The last value; the interval from the errors it would have made in the past at the same distance."""
    return _lagged(history, setup, np.arange(1, len(history.ahead) + 1))


def seasonal_naive(history: History, setup: Setup) -> Prediction:
    """The value of one season before (Hyndman & Athanasopoulos, Forecasting 3rd ed., 5.2), interval as in `naive`."""
    season = setup.freq.season
    step = np.arange(1, len(history.ahead) + 1)
    return _lagged(history, setup, season * np.ceil(step / season).astype(int))


def moving_average(history: History, setup: Setup) -> Prediction:
    """The mean of the last `freq.window` values; the interval from the errors such means made in the past."""
    y = _known(history.y, setup.freq.season)
    window = max(1, min(setup.freq.window, len(y) // 2))
    means = np.convolve(y, np.ones(window) / window, mode="valid")  # means[i] ends at y[i + window - 1]
    farthest = max(1, (len(means) - 1) // 2)
    steps = [min(k, farthest) for k in range(1, len(history.ahead) + 1)]
    errors = [y[window - 1 + k :] - means[:-k] for k in steps]
    return _prediction(np.full(len(steps), means[-1]), _around(means[-1], errors, setup.levels), setup.levels)


def prophet(history: History, setup: Setup) -> Prediction:
    """Prophet (Taylor & Letham 2018): trend, weekly and yearly seasons, holidays, and the history's regressors.

    Its defaults, with `PROPHET_DRAWS` draws for the intervals. Daily series have a weekly season and holidays; the
    yearly season needs two years. Negative forecasts become 0.
    """
    with warnings.catch_warnings(), _scratch() as folder:
        warnings.simplefilter("ignore")
        from prophet import Prophet

        logging.getLogger("prophet").setLevel(logging.CRITICAL)  # after the import, which sets it to INFO
        daily = setup.freq.step == "D"
        dates = history.ds.append(history.ahead)
        model = Prophet(
            weekly_seasonality=daily,
            yearly_seasonality=setup.yearly,
            daily_seasonality=False,
            holidays=_holidays(setup.country, dates[0].year, dates[-1].year) if daily and setup.country else None,
            uncertainty_samples=0,
        )
        for name in history.x.columns:
            model.add_regressor(name)
        past = history.x.reset_index(drop=True).assign(ds=history.ds, y=history.y)
        future = history.x_ahead.reset_index(drop=True).assign(ds=history.ahead)
        model.fit(past, output_dir=folder)
        yhat = model.predict(future)["yhat"].to_numpy()
        model.uncertainty_samples = PROPHET_DRAWS  # predict() gives one interval only, the draws give every level
        np.random.seed(setup.seed % 2**32)  # Prophet draws from numpy's global state
        draws = model.predictive_samples(future)["yhat"]
    return _prediction(yhat, np.quantile(draws, _quantiles(setup.levels), axis=1), setup.levels)


MODELS: dict[str, Model] = {
    "naive": naive,
    "seasonal_naive": seasonal_naive,
    "moving_average": moving_average,
    "prophet": prophet,
}


def _lagged(history: History, setup: Setup, lags: np.ndarray) -> Prediction:
    """Forecasts `y[t - lag]`; lags beyond half the history have too few past errors and take those of half of it."""
    y = _known(history.y, setup.freq.season)
    step = np.arange(1, len(lags) + 1)
    yhat = y[len(y) - 1 + step - lags]
    farthest = max(1, len(y) // 2)
    errors = [y[k:] - y[:-k] for k in np.minimum(lags, farthest)]
    return _prediction(yhat, _around(yhat, errors, setup.levels), setup.levels)


def _known(y: np.ndarray, season: int) -> np.ndarray:
    """`y` with unknown values taken from one season before, else from the nearest value before, else after."""
    values = pd.Series(y)
    return np.asarray(values.fillna(values.shift(season)).ffill().bfill(), dtype=float)


def _quantiles(levels: tuple[int, ...]) -> list[float]:
    tails = [(100 - level) / 200 for level in levels]
    return [*tails, *[1 - t for t in tails]]


def _around(yhat: np.ndarray | float, errors: list[np.ndarray], levels: tuple[int, ...]) -> np.ndarray:
    return np.asarray(yhat + np.array([np.quantile(e, _quantiles(levels)) for e in errors]).T)


def _prediction(yhat: np.ndarray, ends: np.ndarray, levels: tuple[int, ...]) -> Prediction:
    """`ends`: the lower ends by level, then the upper ends, as rows."""
    yhat, ends = np.maximum(yhat, 0.0), np.maximum(ends, 0.0)
    lower, upper = np.minimum(ends[: len(levels)], yhat), np.maximum(ends[len(levels) :], yhat)
    return Prediction(yhat, dict(zip(levels, lower, strict=True)), dict(zip(levels, upper, strict=True)))


@lru_cache(maxsize=64)
def _holidays(country: str, first: int, last: int) -> pd.DataFrame:
    from prophet.make_holidays import make_holidays_df

    return make_holidays_df(year_list=list(range(first, last + 1)), country=country)


@contextmanager
def _scratch() -> Iterator[str]:
    """A folder for one fit's files, gone afterwards: Prophet fills the temp folder otherwise (prophet#2668)."""
    import cmdstanpy
    from cmdstanpy.utils import filesystem

    logging.getLogger("cmdstanpy").disabled = True  # a level would be reset when it first logs
    # The import makes a folder that it would remove at exit, which a Spark worker never reaches.
    cmdstanpy._cleanup_tmpdir()
    with tempfile.TemporaryDirectory(prefix="onecart-prophet-") as folder:
        before, filesystem._TMPDIR = filesystem._TMPDIR, folder  # type: ignore[attr-defined]
        try:
            yield folder
        finally:
            filesystem._TMPDIR = before  # type: ignore[attr-defined]
