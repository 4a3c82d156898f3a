"""Prophet, imported when asked for."""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import pandas as pd

from onecart.forecast.inputs.series import History, Setup


def prophet(history: History, setup: Setup) -> np.ndarray:
    """Prophet (Taylor & Letham 2018): trend, weekly and yearly seasons, holidays, and the history's regressors.

    Its defaults. Daily series have a weekly season and holidays; the yearly season needs two years.
    """
    with warnings.catch_warnings(), _scratch() as folder:
        warnings.simplefilter("ignore")
        from prophet import Prophet

        logging.getLogger("prophet").setLevel(logging.CRITICAL)  # after the import, which sets it to INFO
        daily = setup.freq.step == "D"
        dates = history.ds.append(history.ahead)
        model = Prophet(
            weekly_seasonality=daily or setup.freq.step == "h",
            yearly_seasonality=setup.yearly,
            daily_seasonality=setup.freq.step == "h",
            holidays=_holidays(setup.country, dates[0].year, dates[-1].year) if daily and setup.country else None,
            uncertainty_samples=0,
        )
        for name in history.x.columns:
            model.add_regressor(name)
        past = history.x.reset_index(drop=True).assign(ds=history.ds, y=history.y)
        future = history.x_ahead.reset_index(drop=True).assign(ds=history.ahead)
        model.fit(past, output_dir=folder)
        return np.asarray(model.predict(future)["yhat"], float)


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
