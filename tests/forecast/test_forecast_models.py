"""The models against plain loops, and Prophet on a series it must understand."""

import tempfile

import numpy as np
import pandas as pd
import pytest

from onecart.forecast.backtest import mae
from onecart.forecast.models import Setup, moving_average, naive, prophet, seasonal_naive
from onecart.forecast.series import FREQS, History

DAILY = Setup(FREQS["D"], levels=(80,))


def history(y, h, start="2023-01-02"):
    grid = pd.date_range(start, periods=len(y) + h)
    past, ahead = grid[: len(y)], grid[len(y) :]
    return History(past, np.array(y, dtype=float), pd.DataFrame(index=past), ahead, pd.DataFrame(index=ahead))


def demand(n, seed=1):
    return np.random.default_rng(seed).poisson(5, n).astype(float)


def test_naive_repeats_the_last_value_with_the_errors_it_made_at_that_distance():
    y = demand(30)
    got = naive(history(y, 3), DAILY)
    assert list(got.yhat) == [y[-1]] * 3
    for k in (1, 2, 3):
        errors = [y[t + k] - y[t] for t in range(30 - k)]
        low, high = np.quantile(errors, [0.1, 0.9])
        assert got.lo[80][k - 1] == pytest.approx(max(0, min(y[-1], y[-1] + low)))
        assert got.hi[80][k - 1] == pytest.approx(max(y[-1], y[-1] + high))


def test_seasonal_naive_repeats_the_last_season():
    y = demand(30)
    got = seasonal_naive(history(y, 10), DAILY)
    expected = []
    for k in range(1, 11):
        t = 29 + k
        while t > 29:
            t -= 7
        expected.append(y[t])
    assert list(got.yhat) == expected
    errors = [y[t] - y[t - 14] for t in range(14, 30)]  # the tenth day ahead is two seasons away
    assert got.hi[80][9] == pytest.approx(max(expected[9], expected[9] + np.quantile(errors, 0.9)))


def test_moving_average_is_the_mean_of_the_window():
    y = demand(100)
    got = moving_average(history(y, 2), DAILY)
    assert got.yhat == pytest.approx([sum(y[-28:]) / 28] * 2)
    errors = [y[t + 2] - sum(y[t - 27 : t + 1]) / 28 for t in range(27, 98)]
    assert got.hi[80][1] == pytest.approx(got.yhat[1] + np.quantile(errors, 0.9))


def test_an_unknown_value_is_taken_from_the_season_before():
    y = demand(21)
    holed = y.copy()
    holed[-1] = np.nan
    assert naive(history(holed, 1), DAILY).yhat[0] == y[-8]


def test_prophet_beats_seasonal_naive_on_a_weekly_pattern_and_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    days = np.arange(120)
    clean = 40 + 0.2 * days + 15 * np.sin(2 * np.pi * days / 7)
    noisy = np.maximum(0, clean + np.random.default_rng(3).normal(0, 6, 120))
    past, truth = history(noisy[:106], 14), clean[106:]
    setup = Setup(FREQS["D"], levels=(80, 95), country="GB", seed=1)
    got = prophet(past, setup)
    assert mae(truth, got.yhat) < 0.7 * mae(truth, seasonal_naive(past, setup).yhat)
    assert (got.lo[95] <= got.lo[80]).all()
    assert (got.hi[95] >= got.hi[80]).all()
    assert (got.lo[80] <= got.yhat).all()
    assert list(tmp_path.iterdir()) == []


def test_prophet_forecasts_no_negative_demand():
    falling = np.maximum(0, 60 - np.arange(60.0) * 1.2)
    got = prophet(history(falling, 14), DAILY)
    assert got.yhat.min() == got.lo[80].min() == 0
