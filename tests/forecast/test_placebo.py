"""A regressor that has nothing to do with sales does not help, however many products share what happens by chance."""

import numpy as np
import pandas as pd
import pytest

from onecart.forecast import accuracy
from onecart.forecast.inputs.series import FREQS, History, Setup
from onecart.forecast.local.regression import calendar, regression

pytestmark = pytest.mark.heavy

DAYS, H, WINDOWS, PRODUCTS, SHOPS = 500, 28, 3, 10, 40
BACKTEST = "unique_id string, cutoff int, model string, mae double"


def wandering(rng, memory, sd):
    x = np.zeros(DAYS)
    for day, shock in enumerate(rng.normal(0, sd, DAYS)):
        x[day] = memory * x[day - 1] + shock
    return x


def backtest(seed):
    """Rows of BACKTEST of a shop whose products go up and down together, and of a temperature that has no part in it."""
    rng, days = np.random.default_rng(seed), pd.date_range("2022-01-01", periods=DAYS)
    year, week = (np.sin(2 * np.pi * np.arange(DAYS) / length) for length in (365, 7))
    warm = pd.DataFrame({"temperature": 10 + 8 * year + wandering(rng, 0.8, 2)}, index=days)
    busy = np.exp(wandering(rng, 0.9, 0.12) + 0.3 * week)
    for product in range(PRODUCTS):
        y = rng.poisson(rng.gamma(3, 3) * busy).astype(float)
        whole = History(days, y, warm, days[:0], warm[:0])
        for start in DAYS - H * np.arange(1, WINDOWS + 1):
            part = whole.until(start, H)
            for model in (regression, calendar):
                error = np.abs(y[start : start + H] - model(part, Setup(FREQS["D"]))).mean()
                yield str(product), int(start), model.__name__, float(error)


def test_a_regressor_of_chance_is_hardly_ever_said_to_help(spark):
    by_windows = by_products = 0
    for seed in range(SHOPS):
        rows = [*backtest(seed)]
        by_windows += accuracy.gain(spark.createDataFrame(rows, BACKTEST)).first()["gain_low"] > 0
        maes = pd.DataFrame(rows, columns=["product", "cutoff", "model", "mae"]).pivot_table("mae", "product", "model")
        share = 1 - maes["regression"] / maes["calendar"]
        by_products += share.mean() > 1.96 * share.std() / PRODUCTS**0.5
    assert by_windows <= 3  # 2.5 % are expected, more than three of forty in a hundredth of all cases
    assert by_products > by_windows  # products as cases mistook chance for help
