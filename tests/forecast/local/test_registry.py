"""The models against plain loops and the library that they come from, and what each must find."""

import tempfile

import numpy as np
import pandas as pd
import pytest
from statsforecast import models as library

from onecart.forecast.inputs.series import FREQS, History, Setup
from onecart.forecast.local.registry import BENCHMARK, MODELS, ROUTES, predicted, suits
from onecart.forecast.metrics import mae

DAILY = Setup(FREQS["D"])
WEEKLY = Setup(FREQS["W"])


def history(y, h, start="2023-01-02", freq="D", **x):
    grid = pd.date_range(start, periods=len(y) + h, freq=FREQS[freq].step)
    known = pd.DataFrame({name: np.asarray(values, float) for name, values in x.items()}, index=grid)
    n = len(y)
    return History(grid[:n], np.array(y, dtype=float), known[:n], grid[n:], known[n:])


def demand(n, seed=1):
    return np.random.default_rng(seed).poisson(5, n).astype(float)


def weekly_shape(n, noise=1.0, seed=1):
    shape = np.array([20.0, 22, 24, 26, 40, 60, 10])
    return np.maximum(0, shape[np.arange(n) % 7] + np.random.default_rng(seed).normal(0, noise, n))


def test_naive_repeats_the_last_value():
    assert list(MODELS["naive"](history([1, 2, 9], 3), DAILY)) == [9, 9, 9]


def test_seasonal_naive_repeats_the_last_season():
    y = demand(30)
    expected = []
    for k in range(1, 17):
        t = 29 + k
        while t > 29:
            t -= 7
        expected.append(y[t])
    assert list(MODELS["seasonal_naive"](history(y, 16), DAILY)) == expected


@pytest.mark.parametrize(
    ("y", "expected"), [([1, 2, 3, 4, 5, 6], [6] * 8), ([1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7, 1])]
)
def test_seasonal_naive_needs_one_season_and_else_says_the_last_value(y, expected):
    assert list(MODELS["seasonal_naive"](history(y, 8), DAILY)) == expected


def test_seasonal_naive_is_the_last_value_where_a_training_part_has_no_season():
    assert list(MODELS["seasonal_naive"](history(demand(30), 2), Setup(FREQS["D"], flat=True))) == [demand(30)[-1]] * 2


@pytest.mark.parametrize(("n", "window"), [(100, 28), (20, 10), (1, 1)])
def test_moving_average_is_the_mean_of_the_window_or_of_half_of_a_short_history(n, window):
    y = demand(n)
    assert MODELS["moving_average"](history(y, 2), DAILY) == pytest.approx([sum(y[-window:]) / window] * 2)


def test_an_unknown_last_value_is_taken_from_the_season_before():
    y = demand(21)
    y[-1] = np.nan
    assert MODELS["naive"](history(y, 1), DAILY)[0] == y[-8]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_gives_a_finite_number_for_every_date(name):
    y = weekly_shape(70)
    y[[20, 69]] = np.nan
    found = predicted(name, history(y, 9), DAILY)
    assert found.shape == (9,)
    assert np.isfinite(found).all()
    assert 0 < found.mean() < 2 * np.nanmean(y)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("ets", lambda: library.AutoETS(season_length=7)),
        ("theta", lambda: library.AutoTheta(season_length=7)),
        (
            "arima",
            lambda: library.MSTL(
                season_length=7, trend_forecaster=library.AutoARIMA(season_length=1, max_p=3, max_q=3)
            ),
        ),
        ("ces", lambda: library.AutoCES(season_length=7)),
        ("mstl", lambda: library.MSTL(season_length=[7], trend_forecaster=library.AutoETS(model="ZZN"))),
        ("croston", lambda: library.CrostonClassic()),
        ("sba", lambda: library.CrostonSBA()),
        ("tsb", lambda: library.TSB(alpha_d=0.1, alpha_p=0.1)),
        ("adida", lambda: library.ADIDA()),
        ("imapa", lambda: library.IMAPA()),
    ],
)
def test_the_classic_models_are_those_of_statsforecast(name, make):
    y = weekly_shape(56, noise=6)
    expected = make().forecast(y=y, h=7)["mean"]
    assert MODELS[name](history(y, 7), DAILY) == pytest.approx(np.asarray(expected, float))


@pytest.mark.parametrize(
    ("name", "trend"),
    [("ets", lambda: library.AutoETS(model="ZZN")), ("theta", lambda: library.AutoTheta(season_length=1))],
)
def test_a_long_season_is_taken_out_before_smoothing(name, trend):
    y = 50 + 30 * np.sin(np.arange(120) * 2 * np.pi / 52) + np.random.default_rng(0).normal(0, 3, 120)
    expected = library.MSTL(season_length=52, trend_forecaster=trend()).forecast(y=y, h=4)["mean"]
    assert MODELS[name](history(y, 4, freq="W"), WEEKLY) == pytest.approx(np.asarray(expected, float))


@pytest.mark.parametrize("name", ["theta", "mstl"])
def test_no_season_is_sought_where_the_setup_or_the_history_says_so(name):
    y = weekly_shape(56)
    without = MODELS[name](history(y, 7), Setup(FREQS["D"], seasonal=False))
    assert np.ptp(MODELS[name](history(y, 7), DAILY)) > 30
    assert np.ptp(without) < 10
    short = MODELS[name](history(y[:13], 7), DAILY)
    assert short == pytest.approx(MODELS[name](history(y[:13], 7), Setup(FREQS["D"], seasonal=False)))


def test_mstl_finds_the_day_and_the_week_of_an_hourly_series():
    at = np.arange(21 * 24)
    y = 20 + 10 * np.sin(at * 2 * np.pi / 24) + 15 * (at // 24 % 7 == 5)
    past, truth = history(y[:-48], 48, freq="h"), y[-48:]
    assert mae(truth, MODELS["mstl"](past, Setup(FREQS["h"]))) < 1


@pytest.mark.parametrize(("name", "rate"), [("croston", 2.0), ("sba", 2.0 * 0.95)])
def test_six_units_every_third_day_are_two_a_day_and_sba_takes_its_share_off(name, rate):
    found = MODELS[name](history([0.0, 0, 6] * 20, 4), DAILY)
    assert found == pytest.approx([rate] * 4)


def test_regression_finds_a_weekday_shape():
    y = weekly_shape(210, noise=2)
    past, truth = history(y[:196], 14), weekly_shape(210, noise=0)[196:]
    found = MODELS["regression"](past, DAILY)
    assert mae(truth, found) < 0.2 * mae(truth, MODELS["moving_average"](past, DAILY))
    assert mae(truth, found) < 3


def test_regression_finds_holidays_of_the_country_only():
    from holidays import country_holidays

    grid = pd.date_range("2021-01-01", "2023-12-31")
    free = grid.isin([pd.Timestamp(day) for day in country_holidays("GB", years=[2021, 2022, 2023])])
    y = np.where(free, 30.0, 10.0) + np.random.default_rng(0).normal(0, 0.5, len(grid))
    h = 20  # from 12 December
    past = history(y[:-h], h, start="2021-01-01")
    knows = MODELS["regression"](past, Setup(FREQS["D"], country="GB"))
    does_not = MODELS["regression"](past, Setup(FREQS["D"]))
    assert knows[free[-h:]].min() > 24
    assert knows[~free[-h:]].max() < 13
    assert does_not.max() < 15


def test_regression_uses_a_regressor_that_is_known_ahead():
    price = np.random.default_rng(5).choice([2.0, 3.0, 4.0], 154)
    y = 120 / price + np.random.default_rng(6).normal(0, 1, 154)
    with_price, without = history(y[:140], 14, price=price), history(y[:140], 14)
    error = mae(y[140:], MODELS["regression"](with_price, DAILY))
    assert error < 0.4 * mae(y[140:], MODELS["regression"](without, DAILY))


def test_regression_does_not_learn_from_unknown_days():
    """Each unknown day is a week after a promotion, whose sales are put in its place for the means of the past."""
    promo = (np.arange(217) % 4 == 0).astype(float)
    promo[210:] = [0, 1, 0, 0, 1, 0, 0]
    y = np.where(promo > 0, 50.0, 10.0)
    y[np.r_[np.zeros(7, bool), promo[:-7] > 0] & (promo == 0)] = np.nan
    found = MODELS["regression"](history(y[:210], 7, promo=promo), DAILY)
    assert found == pytest.approx([10, 50, 10, 10, 50, 10, 10], rel=0.15)


def test_regression_follows_a_year_where_the_history_has_two():
    at = np.arange(3 * 365)
    y = 50 + 30 * np.cos(2 * np.pi * at / 365.25)
    past, truth = history(y[:-56], 56, start="2021-01-01"), y[-56:]
    found = MODELS["regression"](past, Setup(FREQS["D"], yearly=True))
    assert mae(truth, found) < 0.4 * mae(truth, MODELS["moving_average"](past, DAILY))


def test_prophet_beats_seasonal_naive_on_a_weekly_pattern_and_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    days = np.arange(120)
    clean = 40 + 0.2 * days + 15 * np.sin(2 * np.pi * days / 7)
    noisy = np.maximum(0, clean + np.random.default_rng(3).normal(0, 6, 120))
    past, truth = history(noisy[:106], 14), clean[106:]
    setup = Setup(FREQS["D"], country="GB", seed=1)
    found = predicted("prophet", past, setup)
    assert mae(truth, found) < 0.7 * mae(truth, predicted("seasonal_naive", past, setup))
    assert list(tmp_path.iterdir()) == []


def test_nothing_below_0_is_predicted(monkeypatch):
    monkeypatch.setitem(MODELS, "naive", lambda history, setup: np.array([-3.0, 4.0]))
    assert list(predicted("naive", history([1, 2, 3], 2), DAILY)) == [0, 4]


@pytest.mark.parametrize("said", [[1.0, np.nan], [1.0, np.inf], [1.0], [[1.0, 1.0]]])
def test_what_is_no_number_for_every_date_is_refused(monkeypatch, said):
    monkeypatch.setitem(MODELS, "naive", lambda history, setup: np.array(said))
    with pytest.raises(ValueError, match="no number for some date"):
        predicted("naive", history([1, 2, 3], 2), DAILY)


@pytest.mark.parametrize(
    ("name", "freq", "seasonal", "expected"),
    [
        ("mstl", "D", True, True),
        ("mstl", "h", True, True),
        ("mstl", "D", False, False),
        ("mstl", "W", True, False),
        ("mstl", "YS", True, False),
        ("ets", "D", False, True),
        ("ets", "W", True, True),
    ],
)
def test_mstl_suits_where_it_says_something_else_than_ets(name, freq, seasonal, expected):
    assert suits(name, Setup(FREQS[freq], seasonal=seasonal), regressors=False) is expected


@pytest.mark.parametrize("regressors", [True, False])
def test_calendar_suits_where_regression_has_more_than_the_calendar(regressors):
    assert suits("calendar", DAILY, regressors=regressors) is regressors


def test_where_mstl_does_not_suit_it_is_ets():
    y = 50 + 30 * np.sin(np.arange(120) * 2 * np.pi / 52) + np.random.default_rng(0).normal(0, 3, 120)
    past = history(y, 4, freq="W")
    assert MODELS["mstl"](past, WEEKLY) == pytest.approx(MODELS["ets"](past, WEEKLY))


def test_routes_name_known_models_and_every_class_that_is_tested():
    assert {name for names in ROUTES.values() for name in names} <= set(MODELS)
    assert set(ROUTES) == {"smooth", "erratic", "intermittent", "lumpy"}
    assert BENCHMARK in MODELS
