"""Exponential smoothing, Theta, ARIMA and models of intermittent demand, by the library statsforecast."""

from collections.abc import Callable
from typing import Any

import numpy as np

from onecart.forecast.inputs.series import History, Model, Setup

_LONG = 24  # longer seasons are taken out first: the models' own cost grows with the season


def _of(make: Callable[[Any, int], Any]) -> Model:
    """A model that `make`(statsforecast.models, periods of the season or 1) gives, on the values as they are."""

    def model(history: History, setup: Setup) -> np.ndarray:
        from statsforecast import models

        y, season = _values(history, setup)
        found = make(models, season).forecast(y=y, h=len(history.ahead))["mean"]
        return np.asarray(found, float)

    return model


def _in_one_form(make: Callable[..., Any], said: str) -> Model:
    """The same of a model that fits each of its forms and takes the best, which it tells as `said`. Of a series' histories
    it chooses on the first (`Setup.forms`): to fit all takes longest of all, and what is tested is what is used."""

    def model(history: History, setup: Setup) -> np.ndarray:
        from statsforecast import models

        y, season = _values(history, setup)
        forms = {} if setup.forms is None else setup.forms
        one = make(models, season, **({"model": forms[said]} if said in forms else {})).fit(y)
        forms.setdefault(said, getattr(one, "trend_forecaster", one).model_[said])
        return np.asarray(one.predict(h=len(history.ahead))["mean"], float)

    return model


def _values(history: History, setup: Setup) -> tuple[np.ndarray, int]:
    """(what the model is fitted on, periods of its season; 1: none)."""
    y = history.known(setup.freq.season)
    return y, setup.freq.season if setup.seasonal and len(y) >= 2 * setup.freq.season else 1


def _deseasonalised(models: Any, season: int, trend: Any) -> Any:
    return models.MSTL(season_length=season, trend_forecaster=trend)


def _ets(models: Any, season: int) -> Any:
    if season > _LONG:
        return _deseasonalised(models, season, models.AutoETS(model="ZZN"))
    return models.AutoETS(season_length=season)


def _arima(models: Any, season: int) -> Any:
    flat = models.AutoARIMA(season_length=1, max_p=3, max_q=3)
    return _deseasonalised(models, season, flat) if season > 1 else flat


def _theta(models: Any, season: int, **form: str) -> Any:
    if season > _LONG:
        return _deseasonalised(models, season, models.AutoTheta(season_length=1, **form))
    return models.AutoTheta(season_length=season, **form)


def _ces(models: Any, season: int, **form: str) -> Any:
    return models.AutoCES(season_length=season if season <= _LONG else 1, **form)


def mstl(history: History, setup: Setup) -> np.ndarray:
    """All seasons of the frequency (hourly: day and week) taken out one after the other by loess, the rest by exponential
    smoothing (Bandara, Hyndman & Bergmeir 2021)."""
    from statsforecast import models

    y = history.known(setup.freq.season)
    given = [s for s in setup.freq.seasons if s > 1 and setup.seasonal] if setup.seasons is None else setup.seasons
    seasons = [s for s in given if len(y) >= 2 * s]
    trend = models.AutoETS(model="ZZN")
    model = models.MSTL(season_length=seasons, trend_forecaster=trend) if seasons else trend
    return np.asarray(model.forecast(y=y, h=len(history.ahead))["mean"], float)


CLASSIC: dict[str, Model] = {
    "ets": _of(_ets),
    "theta": _in_one_form(_theta, "modeltype"),
    "arima": _of(_arima),
    "ces": _in_one_form(_ces, "seasontype"),
    "mstl": mstl,
    "croston": _of(lambda models, season: models.CrostonClassic()),
    "sba": _of(lambda models, season: models.CrostonSBA()),
    "tsb": _of(lambda models, season: models.TSB(alpha_d=0.1, alpha_p=0.1)),
    "adida": _of(lambda models, season: models.ADIDA()),
    "imapa": _of(lambda models, season: models.IMAPA()),
}
