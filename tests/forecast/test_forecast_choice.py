"""Backtest metrics against loops, which model is chosen, and what the ledger says of each kind of series."""

import numpy as np
import pandas as pd
import pytest

from onecart.forecast import backtest, solve
from onecart.forecast.models import MODELS
from onecart.forecast.solve import Plan


def plan(h=7, models=("moving_average", "naive"), windows=1, freq="D"):
    return Plan(h, freq, (80, 95), models, (), windows, None, 0)


def series(y, unique_id="a"):
    ds = pd.date_range("2024-01-01", periods=len(y))
    return pd.DataFrame({"unique_id": unique_id, "ds": ds, "y": np.array(y, dtype=float), "known_ahead": False})


def parts(y, plan):
    found = solve.solve(series(y), plan)
    return {name: [r for r in found if r["part"] == name] for name in ("forecast", "backtest", "ledger")}


def test_metrics_agree_with_loops():
    y, yhat, train = np.array([3.0, 0, 5]), np.array([1.0, 1, 6]), np.array([1.0, 4, 2, 2])
    assert backtest.mae(y, yhat) == pytest.approx((2 + 1 + 1) / 3)
    assert backtest.bias(y, yhat) == pytest.approx((-2 + 1 + 1) / 3)
    assert backtest.wape(y, yhat) == pytest.approx((2 + 1 + 1) / 8)
    assert backtest.mase(y, yhat, train, season=2) == pytest.approx((4 / 3) / ((1 + 2) / 2))
    assert backtest.coverage(y, np.array([3.0, 1, 0]), np.array([4.0, 2, 9])) == pytest.approx(2 / 3)
    assert np.isnan(backtest.wape(np.zeros(2), np.ones(2)))
    assert np.isnan(backtest.mase(y, yhat, np.ones(4), season=2))


def test_each_window_is_trained_on_what_was_before_it():
    y = np.arange(60.0)
    found = parts(y, plan(models=("naive",), windows=2))
    naive = [(r["cutoff"].isoformat(), r["mae"]) for r in found["backtest"] if r["model"] == "naive"]
    assert naive == [("2024-02-15", 4.0), ("2024-02-22", 4.0)]  # naive is 1 to 7 too low on a line of slope 1


@pytest.mark.parametrize("seed", range(5))
def test_the_chosen_model_is_never_worse_than_seasonal_naive_in_the_backtest(seed):
    rng = np.random.default_rng(seed)
    found = parts(rng.poisson(3 + 3 * rng.random() * np.tile([0, 1, 2, 0, 1, 2, 5], 20)), plan(windows=3))
    error = {m: np.mean([r["mae"] for r in found["backtest"] if r["model"] == m]) for m in MODELS if m != "prophet"}
    (chosen,) = {r["model"] for r in found["forecast"] if r["chosen"]}
    assert error[chosen] == min(error.values())
    assert found["ledger"][0]["status"] == ("fallback" if chosen == "seasonal_naive" else "forecast")


@pytest.mark.parametrize(
    ("y", "status", "model", "reason"),
    [
        ([1, 2], "rejected", None, "2 periods of history, 3 are needed"),
        ([1, 2, 3], "fallback", "naive", "naive: 3 periods are less than two seasons (14)"),
        ([0] * 40, "fallback", "naive", "naive: nothing sold in the whole history, the forecast is 0"),
        ([1] * 20, "fallback", "seasonal_naive", "seasonal_naive: 20 periods are too few to test 7 ahead (21 needed)"),
    ],
)
def test_series_that_cannot_be_tested_get_a_naive_forecast_or_none(y, status, model, reason):
    found = parts(y, plan())
    (ledger,) = found["ledger"]
    assert (ledger["status"], ledger["reason"]) == (status, reason)
    assert {r["model"] for r in found["forecast"]} == ({model} if model else set())
    assert len(found["forecast"]) == (7 if model else 0)
    assert found["backtest"] == []


def test_a_model_that_fails_is_left_out_with_its_reason(monkeypatch):
    def broken(history, setup):
        raise RuntimeError("no luck\nand a long trace")

    monkeypatch.setitem(solve.MODELS, "prophet", broken)
    found = parts([1, 2, 3, 4, 5, 6, 7] * 4, plan(models=("prophet",)))
    assert {r["model"] for r in found["forecast"]} == {"seasonal_naive"}
    assert (found["ledger"][0]["status"], found["ledger"][0]["reason"]) == (
        "fallback",
        "seasonal_naive: mean absolute error 0 on the backtest; prophet failed: no luck",
    )


def test_seasonal_naive_asked_for_alone_is_no_fallback():
    assert parts([1, 2, 3, 4, 5, 6, 7] * 4, plan(models=("seasonal_naive",)))["ledger"][0]["status"] == "forecast"
