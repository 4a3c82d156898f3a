"""One series before a model is chosen: the windows of its past, and models that fail, sleep or see too much."""

import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from onecart.forecast.inputs.series import FREQS
from onecart.forecast.local.backtest import Plan, backtest_series, starts
from onecart.forecast.local.registry import BENCHMARK, MODELS, ROUTES

WEEK = [1.0, 2, 3, 4, 5, 6, 7]


def plan(**changes):
    asked = {
        "h": 7, "freq": "D", "levels": (80, 95), "models": ("naive",), "regressors": (), "windows": 3, "step": 7,
        "country": None, "seconds": 60.0, "seed": 0,
    }  # fmt: skip
    return Plan(**(asked | changes))


def series(y, freq="D"):
    ds = pd.date_range("2024-01-01", periods=len(y), freq=FREQS[freq].step)
    return pd.DataFrame({"ds": ds, "y": np.array(y, dtype=float), "known_ahead": False})


def solved(y, **changes):
    asked = plan(**changes)
    return backtest_series(series(y, asked.freq), "a", asked)


@pytest.fixture
def model(monkeypatch):
    """`model("ets", function)` puts the function in the model's place."""
    return lambda name, said: monkeypatch.setitem(MODELS, name, said)


@pytest.mark.parametrize(
    ("periods", "changes", "expected"),
    [
        (60, {}, [39, 46, 53]),
        (60, {"step": 1}, [51, 52, 53]),
        (60, {"windows": 1}, [53]),
        (28, {}, [14, 21]),  # a season and h are left to train on
        (21, {}, [14]),
        (20, {}, []),
        (20, {"h": 3, "step": 3}, [11, 14, 17]),  # a season and h are 10
        (90, {"h": 8, "step": 8, "freq": "W"}, [66, 74, 82]),
        (75, {"h": 8, "step": 8, "freq": "W"}, [67]),  # 51 and 59 have less than a season and h
        (50, {"h": 8, "step": 8, "freq": "W"}, [26, 34, 42]),  # none has them: two times h do
        (23, {"h": 8, "step": 8, "freq": "W"}, []),
        (40, {"h": 12, "step": 12}, [28]),  # two times h
        (9, {"h": 1, "step": 1, "freq": "YS"}, []),
        (12, {"h": 1, "step": 1, "freq": "YS"}, [10, 11]),  # ten periods
    ],
)
def test_windows_begin_oldest_first_where_enough_is_left_to_train_on(periods, changes, expected):
    asked = plan(**changes)
    assert starts(periods, FREQS[asked.freq], asked) == expected


def test_a_tested_series_has_the_values_of_its_windows_and_what_each_model_said_of_them():
    found = solved(np.arange(60.0))
    assert (found.status, found.demand, found.starts) == ("forecast", "smooth", [39, 46, 53])
    assert found.y.tolist() == [list(np.arange(at, at + 7.0)) for at in (39, 46, 53)]
    assert [*found.yhats] == [BENCHMARK, "naive"]
    assert found.yhats["naive"].tolist() == [[last] * 7 for last in (59.0, 38.0, 45.0, 52.0)]
    assert found.scale == 7


def test_each_window_is_trained_only_on_what_was_before_it(model):
    seen = []

    def spy(history, setup):
        seen.append((len(history.y), history.y[-1], len(history.x), str(history.ahead[0].date())))
        return np.ones(len(history.ahead))

    model("ets", spy)
    solved(np.arange(60.0), models=("ets",), windows=2)
    assert seen == [(46, 45, 46, "2024-02-16"), (53, 52, 53, "2024-02-23"), (60, 59, 60, "2024-03-01")]


@pytest.mark.parametrize("name", ["theta", "ces"])
def test_theta_and_ces_choose_their_form_on_the_oldest_part_and_keep_it(monkeypatch, name):
    from statsforecast import models

    asked, make = [], getattr(models, {"theta": "AutoTheta", "ces": "AutoCES"}[name])
    form = {"theta": "modeltype", "ces": "seasontype"}[name]

    class Spy(make):
        def fit(self, y, X=None):
            told = super().fit(y, X)
            asked.append((len(y), self.model, self.model_[form]))
            return told

    monkeypatch.setattr(models, make.__name__, Spy)
    y = np.random.default_rng(1).poisson(5, 60) + np.tile(WEEK, 9)[:60]
    found = solved(y, models=(name,), windows=2)
    first = asked[0][2]
    assert [n for n, _, _ in asked] == [46, 53, 60]
    assert asked[0][1] not in ("STM", "OTM", "DSTM", "DOTM", "N", "S", "P", "F")  # all were tried
    assert [(tried, chosen) for _, tried, chosen in asked[1:]] == [(first, first)] * 2
    ahead = make(season_length=7, model=first).forecast(y=y.astype(float), h=7)["mean"]
    assert found.yhats[name][0] == pytest.approx(np.maximum(ahead, 0))


@pytest.mark.parametrize(("n", "seasonal"), [(23, True), (22, False)])  # the first window begins after 14, and after 13
def test_a_season_is_sought_only_where_the_shortest_training_part_has_two(model, n, seasonal):
    seen = set()

    def spy(history, setup):
        seen.add(setup.seasonal)
        return np.ones(len(history.ahead))

    model("ets", spy)
    solved(np.ones(n), h=3, step=3, models=("ets",))
    assert seen == {seasonal}


@pytest.mark.parametrize(("n", "flat"), [(76, False), (58, True)])
def test_the_benchmark_is_the_last_value_where_the_shortest_training_part_has_no_season(n, flat):
    found = solved(np.arange(1.0, n + 1), h=8, step=8, windows=1, freq="W")
    said = found.yhats[BENCHMARK]
    assert (said == said[:, :1]).all() == flat


def test_models_see_the_regressors_of_all_series(model):
    seen = []

    def spy(history, setup):
        seen.append((list(history.x.columns), history.x_ahead["rain"].sum()))
        return np.ones(len(history.ahead))

    model("ets", spy)
    shared = pd.DataFrame({"rain": np.arange(67.0)}, index=pd.date_range("2024-01-01", periods=67))
    solved(np.ones(60), models=("ets",), windows=1, shared=shared)
    assert seen == [(["rain"], sum(range(53, 60))), (["rain"], sum(range(60, 67)))]


def test_a_year_is_sought_only_where_the_shortest_training_part_has_two(model):
    seen = []

    def spy(history, setup):
        seen.append(setup.yearly)
        return np.ones(len(history.ahead))

    model("prophet", spy)
    for n in (2 * 365 + 20, 2 * 365 + 21):
        solved(np.ones(n), models=("prophet",))
    assert seen == [False] * 4 + [True] * 4


def test_a_window_of_unknown_values_is_no_test():
    y = np.arange(60.0)
    y[46:53] = np.nan
    assert solved(y).starts == [39, 53]


@pytest.mark.parametrize(
    ("y", "name", "reason"),
    [
        ([1, 2, 3], "naive", "naive: 3 periods are too few to test 7 ahead on"),
        (WEEK, "seasonal_naive", "seasonal_naive: 7 periods are too few to test 7 ahead on"),
        ([1] * 20, "seasonal_naive", "seasonal_naive: 20 periods are too few to test 7 ahead on"),
    ],
)
def test_a_series_too_short_to_test_falls_back_with_its_reason(y, name, reason):
    found = solved(y)
    assert (found.status, found.reason) == ("fallback", reason)
    expected = y if len(y) == 7 else [y[-1]] * 7
    assert {name: said.tolist() for name, said in found.yhats.items()} == {name: [expected]}


def test_what_is_not_sold_any_more_gets_zeros():
    found = solved([3.0] * 40 + [0.0] * 30)
    assert (found.status, found.demand) == ("fallback", "dead")
    assert found.reason == "zero: nothing sold for long, or ever: the forecast is 0"
    assert found.yhats["zero"].tolist() == [[0.0] * 7]


@pytest.mark.parametrize(
    ("rows", "unique_id", "reason"),
    [
        (series([1, 2]), "a", "2 periods of history, 3 are needed"),
        (series([np.nan] * 30), "a", "no value of y is known"),
        (
            series(WEEK * 4).iloc[::-1].assign(ds=pd.NaT),
            "a",
            "no value of y is known; rows without a usable date, left out: 28",
        ),
        (series(WEEK * 4), None, "unique_id is null"),
    ],
)
def test_a_series_that_cannot_be_forecast_is_rejected_with_its_reason(rows, unique_id, reason):
    found = backtest_series(rows, unique_id, plan())
    assert (found.status, found.reason, found.yhats, found.history) == ("rejected", reason, {}, None)


def test_repairs_are_noted():
    assert solved([*WEEK * 5, -1, np.nan, 2]).notes == ["unknown values: 1", "negative values, counted as 0: 1"]


@pytest.mark.parametrize(
    ("y", "demand"),
    [
        (np.full(60, 5.0), "smooth"),
        (np.tile([1.0, 1, 1, 30], 15), "erratic"),
        (np.tile([0.0, 0, 5], 20), "intermittent"),
        (np.tile([0.0, 1, 0, 30], 15), "lumpy"),
    ],
)
def test_without_names_the_models_of_the_class_are_tried(model, y, demand):
    for name in {name for names in ROUTES.values() for name in names}:
        model(name, lambda history, setup: np.ones(len(history.ahead)))
    found = solved(y, models=None)
    assert found.demand == demand
    expected = [name for name in ROUTES[demand] if name != "calendar"]  # regression without what is not there
    assert [*found.yhats] == [BENCHMARK, *expected]


def test_a_model_named_twice_is_tried_once():
    assert [*solved(WEEK * 8, models=("naive", BENCHMARK, "naive")).yhats] == [BENCHMARK, "naive"]


def test_a_model_that_does_not_suit_is_not_tried():
    assert [*solved(np.ones(80), models=("mstl", "naive"), freq="W", step=1, h=1).yhats] == [BENCHMARK, "naive"]


def test_a_model_that_fails_is_noted_and_the_others_go_on(model):
    def broken(history, setup):
        raise RuntimeError("no luck\nand a long trace")

    model("ets", broken)
    model("theta", lambda history, setup: np.full(len(history.ahead), np.nan))
    found = solved(WEEK * 8, models=("ets", "theta", "naive"))
    assert [*found.yhats] == [BENCHMARK, "naive"]
    assert found.notes == ["ets failed: no luck", "theta failed: the model gave no number for some date"]


def test_a_model_that_fails_on_one_window_alone_is_left_out(model):
    def young(history, setup):
        if len(history.y) < 40:
            raise ArithmeticError
        return np.ones(len(history.ahead))

    model("ets", young)
    found = solved(WEEK * 8, models=("ets",))
    assert ([*found.yhats], found.notes) == ([BENCHMARK], ["ets failed: ArithmeticError"])


def test_a_model_that_takes_long_is_stopped_and_no_other_is_begun(model):
    def asleep(history, setup):
        time.sleep(20)

    model("ets", asleep)
    began = time.monotonic()
    found = solved(WEEK * 8, models=("moving_average", "ets", "naive"), seconds=0.05)
    assert time.monotonic() - began < 5
    assert [*found.yhats] == [BENCHMARK, "moving_average"]
    stopped, not_begun = found.notes
    assert stopped.startswith("ets failed: stopped after 0.")
    assert not_begun == "naive not begun after 0.05 s"


def test_what_ends_in_time_is_not_stopped_later(model):
    model("ets", lambda history, setup: np.ones(len(history.ahead)))
    assert [*solved(WEEK * 8, models=("ets",), seconds=0.05).yhats] == [BENCHMARK, "ets"]
    time.sleep(0.15)  # an alarm left on would end the process here


@pytest.mark.parametrize("caught", [OSError, Exception, BaseException])
def test_a_model_that_catches_errors_is_stopped_all_the_same(model, caught):
    """cmdstanpy makes a RuntimeError of every OSError, on which prophet fits once more by Newton's method; statsforecast has
    its bare `except:`."""

    def stubborn(history, setup):
        try:
            time.sleep(1.5)
        except caught:
            time.sleep(1.5)
        return np.ones(len(history.ahead))

    model("ets", stubborn)
    began = time.monotonic()
    found = solved(WEEK * 8, models=("ets",), seconds=0.05, windows=1)
    assert time.monotonic() - began < 1.4
    assert [*found.yhats] == [BENCHMARK]


def test_the_benchmark_is_there_however_little_time_is_given():
    assert [*solved(WEEK * 8, seconds=0.0).yhats] == [BENCHMARK]


def test_a_stop_while_a_library_is_imported_does_not_break_it_for_the_series_after():
    """In a process of its own, as a worker is; prophet's import takes seconds and cannot be begun again half done."""
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from test_backtest import WEEK, solved
solved(WEEK * 8, models=("prophet",), seconds=0.15)
print(solved(WEEK * 8, models=("prophet",)).notes)
"""
    folder = __file__.rpartition("/")[0]
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_the_same_series_gives_the_same_numbers():
    y = np.random.default_rng(0).poisson(5, 70)
    one, two = (solved(y, models=("theta", "ces", "regression")) for _ in range(2))
    for name in one.yhats:
        np.testing.assert_array_equal(one.yhats[name], two.yhats[name])
