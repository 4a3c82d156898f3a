"""The models by name, which of them suit which demand, and how one is run."""

from importlib import import_module

import numpy as np

from onecart.forecast.inputs.series import History, Model, Setup
from onecart.forecast.local import baselines
from onecart.forecast.local.prophet_model import prophet
from onecart.forecast.local.regression import calendar, regression
from onecart.forecast.local.statistical import CLASSIC

BENCHMARK = "seasonal_naive"
PLAIN = ("naive", BENCHMARK)  # what others are measured by: nothing is added to what they say
MODELS: dict[str, Model] = {
    "naive": baselines.naive,
    "seasonal_naive": baselines.seasonal_naive,
    "moving_average": baselines.moving_average,
    **CLASSIC,
    "regression": regression,
    "calendar": calendar,
    "prophet": prophet,
}
_REGULAR = ("moving_average", "ets", "theta", "ces", "mstl", "regression", "calendar")
_RARE = ("moving_average", "theta", "ces", "sba", "tsb", "adida", "imapa", "regression", "calendar")
ROUTES = {"smooth": _REGULAR, "erratic": _REGULAR, "intermittent": _RARE, "lumpy": _RARE}
"""Class of demand -> the models that are tried unless others are named, beside the benchmark."""


def loaded(name: str) -> None:
    """Imports what the model needs."""
    if name == "prophet" or name in CLASSIC:
        import_module("prophet" if name == "prophet" else "statsforecast.models")


def suits(name: str, setup: Setup, *, regressors: bool) -> bool:
    """Whether the model says something that no other says: without a season, or with one long season, mstl is ets, and
    without regressors calendar is regression."""
    if name == "calendar":
        return regressors
    return name != "mstl" or (setup.seasonal and 1 < setup.freq.season <= 24)


def predicted(name: str, history: History, setup: Setup) -> np.ndarray:
    """What the model says of the dates ahead; nothing below 0. ValueError: it gave no numbers."""
    yhat = np.asarray(MODELS[name](history, setup), float)
    if yhat.shape != (len(history.ahead),) or not np.isfinite(yhat).all():
        raise ValueError("the model gave no number for some date")
    return np.asarray(np.maximum(yhat, 0.0))
