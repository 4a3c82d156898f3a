"""From what the models said of each series to the rows of the three tables, without Spark."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from onecart.forecast import metrics
from onecart.forecast.local.backtest import Plan, backtest_series
from onecart.forecast.local.registry import BENCHMARK
from onecart.forecast.local.serialization import _arrays, backtest_result
from onecart.forecast.selection.choice import Path, choose, priors_of
from onecart.forecast.selection.intervals import Spread
from onecart.forecast.selection.results import Known, Law, fit_selector
from onecart.forecast.selection.selector import ABSOLUTE, ENSEMBLE, BacktestResult, error_prior

PLAN = Plan(7, "D", (80, 95), ("moving_average", "naive", "theta"), (), 3, 7, None, 60.0, 0)


def row(y, unique_id="a", plan=PLAN):
    ds = pd.date_range("2024-01-01", periods=len(y))
    rows = pd.DataFrame({"ds": ds, "y": np.asarray(y, float), "known_ahead": False})
    return SimpleNamespace(unique_id=unique_id, **_arrays(backtest_series(rows, unique_id, plan)))


def noisy(seed, n=70):
    rng = np.random.default_rng(seed)
    return rng.poisson(np.array([4, 5, 6, 7, 12, 20, 2.0])[np.arange(n) % 7])


def parts(row, others=(), plan=PLAN):
    tested = [one for one in (row, *others) if one.status == "forecast"]
    found = fit_selector(tested, plan).rows(row)
    assert {r["unique_id"] for r in found} == {row.unique_id}
    return {name: [r for r in found if r["part"] == name] for name in ("forecast", "backtest", "ledger")}


@pytest.fixture(scope="module")
def panel():
    return [row(noisy(seed), str(seed)) for seed in range(12)]


@pytest.fixture(scope="module")
def first(panel):
    return parts(panel[0], panel[1:])


def test_every_model_is_in_the_forecast_for_every_date_and_one_is_chosen(first):
    frame = pd.DataFrame(first["forecast"])
    days = list(pd.date_range("2024-03-11", periods=7))
    assert {name: list(rows["ds"]) for name, rows in frame.groupby("model")} == dict.fromkeys(frame["model"], days)
    assert {BENCHMARK, "moving_average", "naive", "theta"} <= set(frame["model"])
    assert frame.groupby("model")["chosen"].nunique().eq(1).all()
    assert frame[frame["chosen"]]["model"].nunique() == 1


def test_intervals_hold_their_forecast_and_narrower_ones_and_nothing_below_0(first):
    frame = pd.DataFrame(first["forecast"])
    assert (frame["yhat-lo-80"] <= frame["yhat-median"]).all()
    assert (frame["yhat-median"] <= frame["yhat-hi-80"]).all()
    columns = ["yhat-lo-95", "yhat-lo-80", "yhat", "yhat-hi-80", "yhat-hi-95"]
    values = np.column_stack([np.zeros(len(frame)), frame[columns]])
    assert (np.diff(values, axis=1) >= 0).all()
    assert (values[:, -1] > values[:, 1]).all()


def test_the_backtest_has_the_figures_of_every_model_and_window(panel, first):
    y = noisy(0).astype(float)
    found = {(r["model"], str(r["cutoff"].date())): r for r in first["backtest"]}
    assert {cutoff for _, cutoff in found} == {"2024-02-18", "2024-02-25", "2024-03-03"}
    naive = found["naive", "2024-02-25"]  # 56 days are before it
    sold, said, train = y[56:63], np.full(7, y[55]), y[:56]
    expected = {
        "periods": 7,
        "mae": metrics.mae(sold, said),
        "mase": metrics.mase(sold, said, train, 7),
        "rmsse": metrics.rmsse(sold, said, train),
        "wape": metrics.wape(sold, said),
        "rmse": metrics.rmse(sold, said),
        "bias": metrics.bias(sold, said),
        "units": sold.sum(),
    }
    assert {name: naive[name] for name in expected} == pytest.approx(expected)
    assert naive["coverage_80"] <= naive["coverage_95"]
    assert naive["pinball"] > 0


def test_coverage_over_a_panel_is_near_the_level(panel):
    judge = fit_selector(panel, PLAN)
    rows = [r for one in panel for r in judge.rows(one) if r["part"] == "backtest" and r["model"] == BENCHMARK]
    assert np.mean([r["coverage_80"] for r in rows]) == pytest.approx(0.80, abs=0.06)
    assert np.mean([r["coverage_95"] for r in rows]) == pytest.approx(0.95, abs=0.04)


def test_the_expected_value_adds_up_and_the_median_is_nearest_on_seldom_sold_products():
    """Sold on one day of four, 1 to 15 units: half of all days sell nothing, the mean is 2."""
    plan = dataclasses.replace(PLAN, models=("moving_average", "tsb", "sba"))
    rng = np.random.default_rng(3)
    rare = [row((rng.random(126) < 0.25) * rng.integers(1, 16, 126), str(n), plan) for n in range(25)]
    judge = fit_selector(rare, plan)
    rows = pd.DataFrame([r for one in rare for r in judge.rows(one)])
    back, ahead = (
        rows[(rows["part"] == "backtest") & rows["chosen"]],
        rows[(rows["part"] == "forecast") & rows["chosen"]],
    )
    assert (back["bias"] * back["periods"]).sum() / back["units"].sum() == pytest.approx(0, abs=0.1)
    assert ahead["yhat"].mean() == pytest.approx(2.0, rel=0.1)
    assert ahead["yhat-median"].mean() < 0.5


def test_the_expected_value_and_the_median_are_of_the_models_that_are_nearest_to_each():
    """Of a series with rare peaks a model of 3 misses squares least, one of 1 absolute values."""
    y = np.tile([1.0, 1, 1, 1, 1, 1, 15], (3, 1))
    yhats = {BENCHMARK: 8.0, "naive": 9.0, "ets": 3.0, "theta": 1.0, "ces": 9.5, "mstl": 9.2}
    one = BacktestResult("erratic", 4.0, y, {name: np.full((4, 7), value) for name, value in yhats.items()})
    paths = {name: Path(path, path, (name,)) for name, path in one.yhats.items()}
    found = choose(one, paths, priors_of([(one, paths)]))
    assert found.words == "ets; its median: theta"
    assert (found.model, found.beaten, found.ensemble.names) == (ENSEMBLE, True, ("ets",))
    assert (found.ensemble.mean[0, 0], found.ensemble.median[0, 0]) == (3.0, 1.0)


@pytest.mark.parametrize("at", [60, 100, 176, 185])
def test_one_mistyped_value_moves_neither_its_series_nor_the_choice_of_others(panel, at):
    """1e5 in 200 days of a steady week: before the windows, just before them, and in one."""
    week = np.array([4, 5, 6, 7, 12, 20, 2.0])[np.arange(200) % 7]
    steady = week + np.random.default_rng(5).integers(-1, 2, 200)
    wrong = steady.copy()
    wrong[at] = 1e5
    found = parts(row(wrong, "odd"), panel)
    assert sum(r["yhat"] for r in found["forecast"] if r["chosen"]) == pytest.approx(week[:7].sum(), rel=0.08)
    assert "values above 1000 usual sales, taken for mistyped" in found["ledger"][0]["reason"]


def test_a_bulk_order_among_rare_sales_is_no_mistyped_value():
    rare = np.zeros(200)
    rare[::12], rare[96] = 2, 500
    assert "mistyped" not in parts(row(rare))["ledger"][0]["reason"]


def test_unknown_days_of_a_window_are_not_counted():
    y = noisy(0).astype(float)
    y[57:60] = np.nan
    found = [r for r in parts(row(y))["backtest"] if r["model"] == "naive"]
    assert [r["periods"] for r in found] == [7, 4, 7]
    assert found[1]["mae"] == pytest.approx(np.abs(y[[56, 60, 61, 62]] - y[55]).mean())


def test_the_ledger_says_which_models_and_what_each_was_off(panel, first):
    (ledger,) = first["ledger"]
    assert (ledger["demand"], ledger["periods"]) == ("erratic", 70)
    assert ledger["units"] == noisy(0).sum()
    taken = {r["model"] for r in first["forecast"] if r["chosen"]}
    assert ledger["status"] == ("fallback" if taken == {BENCHMARK} else "forecast")
    assert ledger["reason"].startswith("ensemble of " if taken == {ENSEMBLE} else taken.pop())
    assert all(f"{name} " in ledger["reason"] for name in (BENCHMARK, "moving_average", "naive", "theta"))
    assert "3 windows" in ledger["reason"]


def test_a_benchmark_without_error_is_a_fallback_with_its_reason():
    found = parts(row([1, 2, 3, 4, 5, 6, 7] * 10))
    (ledger,) = found["ledger"]
    assert ledger["status"] == "fallback"
    assert ledger["reason"].startswith(
        "seasonal_naive: not beaten on the backtest; root mean squared errors, of days and their sum: seasonal_naive 0"
    )
    best = [r for r in found["forecast"] if r["chosen"]]
    assert [(r["model"], r["yhat"]) for r in best] == [(BENCHMARK, y) for y in (1, 2, 3, 4, 5, 6, 7)]
    assert [r["yhat-hi-95"] for r in best] == [1, 2, 3, 4, 5, 6, 7]  # what never was off has no width


def test_the_benchmark_asked_for_alone_is_no_fallback():
    plan = Plan(7, "D", (80,), (BENCHMARK,), (), 3, 7, None, 60.0, 0)
    assert parts(row(noisy(0), plan=plan), plan=plan)["ledger"][0]["status"] == "forecast"


def test_figures_that_are_not_defined_are_null():
    flat = [r for r in parts(row([3.0] * 70))["backtest"] if r["model"] == "naive"]
    assert [(r["mase"], r["rmsse"], r["wape"]) for r in flat] == [(None, None, 0.0)] * 3
    silent = row([*[9.0, 1, 4] * 15, *[0.0] * 6, *[5.0] * 3, *[0.0] * 8])
    last = [r for r in parts(silent)["backtest"] if r["model"] == "naive"][-1]
    assert (last["wape"], last["units"]) == (None, 0)


def test_a_series_that_was_not_tested_has_a_forecast_with_intervals_and_no_backtest():
    found = parts(row([5, 1, 7, 3, 9, 2, 8, 4, 6]))
    assert found["backtest"] == []
    assert found["ledger"][0]["reason"] == "seasonal_naive: 9 periods are too few to test 7 ahead on"
    rows = pd.DataFrame(found["forecast"])
    assert rows["chosen"].all()
    assert list(rows["yhat"]) == [7, 3, 9, 2, 8, 4, 6]
    assert (rows["yhat-lo-95"] <= rows["yhat-lo-80"]).all()
    assert (rows["yhat-lo-80"] <= rows["yhat"]).all()
    assert (rows["yhat-hi-80"] <= rows["yhat-hi-95"]).all()
    assert (rows["yhat-hi-95"] > rows["yhat-lo-95"]).any()


def test_a_rejected_series_has_its_ledger_row_alone():
    found = parts(row([5]))
    assert (found["forecast"], found["backtest"]) == ([], [])
    (ledger,) = found["ledger"]
    assert (ledger["status"], ledger["demand"], ledger["periods"], ledger["units"]) == ("rejected", None, 0, 0)
    assert ledger["reason"] == "1 periods of history, 3 are needed"


def test_repairs_and_failures_are_in_the_reason():
    found = row([*noisy(0), -1, 4])
    found.notes = [*found.notes, "prophet failed: no luck"]
    assert parts(found)["ledger"][0]["reason"].endswith("; negative values, counted as 0: 1; prophet failed: no luck")


def test_levels_that_are_asked_for_come_in_their_order_beside_the_coverage_of_80_and_95():
    plan = Plan(7, "D", (90, 50), ("naive",), (), 3, 7, None, 60.0, 0)
    found = parts(row(noisy(0), plan=plan), plan=plan)
    assert [k for k in found["forecast"][0] if k.startswith("yhat-")] == [
        *("yhat-median", "yhat-lo-90", "yhat-hi-90", "yhat-lo-50", "yhat-hi-50")
    ]
    assert {"coverage_80", "coverage_95"} <= set(found["backtest"][0])


def test_models_that_the_sample_did_not_try_get_intervals_too(panel):
    """The judges are a sample: a rare class, and its models, may be in none of them."""
    plan = Plan(7, "D", (80, 95), ("sba",), (), 3, 7, None, 60.0, 0)
    rare = row(np.random.default_rng(0).poisson(0.4, 90), "rare", plan)
    rows = fit_selector(panel, plan).rows(rare)
    sba = [r for r in rows if r["part"] == "forecast" and r["model"] == "sba"]
    assert len(sba) == 7
    assert all(r["yhat-hi-95"] > r["yhat"] for r in sba)


def test_a_panel_of_which_none_was_tested_is_judged():
    judge = fit_selector([], PLAN)
    assert [r["part"] for r in judge.rows(row([1, 2, 3]))] == ["forecast"] * 7 + ["ledger"]


def test_a_model_that_learns_medians_says_its_own_median_and_every_interval_holds_it():
    seldom = [row(np.where(np.arange(70) % 10 == seed % 10, 40.0, 1.0 + seed % 3), str(seed)) for seed in range(8)]
    ones = [backtest_result(one, PLAN.h) for one in seldom]
    said = [dataclasses.replace(one, yhats={**one.yhats, "extra_trees": np.full((4, 7), 1.5)}) for one in ones]
    sold = np.mean([one.y.mean() for one in ones])
    known = Known(error_prior(dataclasses.replace(one, loss=ABSOLUTE) for one in said))
    known.learn("extra_trees", [(one, one.yhats["extra_trees"], ("extra_trees",)) for one in said], (80, 95))
    path = known.path("extra_trees", said[0])
    assert (path.median == 1.5).all()  # however far the units sold, mostly of a few days, are above it
    assert 1.5 < path.mean[0].mean() <= 1.5 * 2.0 < sold
    spread = Spread(np.ones(7), {80: 1.0, 95: 4.0}, {80: 1.0, 95: 4.0})
    far = Law.of(np.full(7, 9.0), np.full(7, 6.0), 1.0, spread, (80, 95))
    assert (far.median == 6).all()  # not moved to 8, the lower end of 80 %
    assert far.lo[:, 0].tolist() == [6.0, 5.0]
    assert (Law.of(np.full(7, 9.0), np.zeros(7), 1.0, spread, (80, 95)).median == 5).all()
