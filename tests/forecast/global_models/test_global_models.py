"""Models over all series: what they may see, what they learn from the others, and the paths that they give."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from onecart.errors import UsageError
from onecart.forecast import global_models
from onecart.forecast.global_models.features import features
from onecart.forecast.global_models.lstm import inputs
from onecart.forecast.global_models.origins import Series, asked, cutoff_of, cutoffs, drawn, series_of
from onecart.forecast.inputs.series import FREQS
from onecart.forecast.local.backtest import Plan
from onecart.forecast.local.serialization import SOLVED, with_static

DAY, H = 86_400, 3
SMALL = global_models.Training(rows=1500, windows=600, steps=60, batch_size=32, iterations=6)


def plan(freq: str = "D", regressors: tuple[str, ...] = (), seed: int = 0) -> Plan:
    return Plan(H, freq, (80,), None, regressors, 2, H, None, 60.0, seed)


def solved_row(
    name: str, y: np.ndarray, *, first: int = 0, x: list[np.ndarray] | None = None, windows: int = 2
) -> dict[str, Any]:
    """A row of SOLVED of a daily series that begins `first` days after 1970-01-05, a Monday."""
    n = len(y)
    dates = [(4 + first + i) * DAY for i in range(n + H)]
    empty: dict[str, Any] = {"reason": "", "demand": "smooth", "notes": [], "models": [], "yhats": []}
    return {
        **empty, "unique_id": name, "status": "forecast", "periods": n, "units": 0.0, "scale": 1.0, "history": [float(v) for v in y],
        "dates": dates, "starts": [n - H * back for back in range(windows, 0, -1)], "x": [[float(v) for v in one] for one in x or []],
        "static": [],
    }  # fmt: skip


@pytest.fixture
def frame(spark):
    """`frame(rows)`: rows of SOLVED as a frame."""

    def make(rows: list[dict[str, Any]]) -> Any:
        return spark.createDataFrame([tuple(row[name] for name in SOLVED.fieldNames()) for row in rows], SOLVED)

    return make


def one(row: dict[str, Any], asked_of: Plan | None = None) -> Series:
    return series_of(SimpleNamespace(**row), asked_of or plan())


def paths_of(found: Any, asked_of: Plan, *models: str) -> dict[str, np.ndarray]:
    rows = global_models.paths(found, asked_of, models, SMALL).collect()
    assert {r["model"] for r in rows} == set(models)
    return {r["unique_id"]: np.array(r["yhats"]).reshape(-1, H) for r in rows}


def promoted(shops: int = 12, days: int = 60) -> list[dict[str, Any]]:
    """Series of many sizes that sell twice as much on days of promotion, of which the dates ahead and windows have some."""
    rng, rows = np.random.default_rng(0), []
    for at in range(shops):
        promotion = (rng.random(days + H) < 0.3).astype(float)
        y = 5.0 * (1 + at) * (1 + promotion[:days])
        rows.append(solved_row(f"shop {at}", y, x=[promotion]))
    return rows


def truth(row: dict[str, Any]) -> np.ndarray:
    """What `promoted` sells: [1 + windows, h], the dates ahead first."""
    size, promotion = min(row["history"]), np.array(row["x"][0])
    begins = [len(row["history"]), *row["starts"]]
    return np.stack([size * (1 + promotion[at : at + H]) for at in begins])


@pytest.mark.parametrize(
    "model", [pytest.param(m, marks=pytest.mark.heavy) if m == "lstm" else m for m in global_models.MODELS]
)
def test_a_regressor_that_doubles_sales_is_learnt_and_paths_are_ahead_then_windows(frame, model):
    new = solved_row("new", np.r_[np.zeros(57), 1.0, 2.0, 3.0], x=[np.zeros(60 + H)])  # nothing of it to learn from
    rows = promoted()
    found = paths_of(frame([*rows, new]).coalesce(1), plan(regressors=("promotion",)), model)
    del found["new"]
    assert found.keys() == {row["unique_id"] for row in rows}
    errors = [np.abs(found[row["unique_id"]] / truth(row) - 1) for row in rows]
    assert np.mean(errors) < 0.15


def test_a_week_that_all_short_series_share_is_told_better_than_from_each_alone(frame):
    rng, week = np.random.default_rng(3), np.array([1, 1, 1, 1, 2, 6, 2.0])
    rates = np.tile(week, 4)[: 24 + H]
    rows = [solved_row(f"s{at}", rng.poisson(2 * rates[:24])) for at in range(40)]
    found = paths_of(frame(rows), plan(), "lightgbm")
    begins = [24, *rows[0]["starts"]]
    expected = np.stack([2 * rates[at : at + H] for at in begins])
    ours = [np.abs(found[row["unique_id"]] - expected).mean() for row in rows]
    last_week = np.stack([[row["history"][at - 7 : at - 7 + H] for at in begins] for row in rows])
    assert np.mean(ours) < 0.8 * np.abs(last_week - expected).mean()


@pytest.mark.parametrize("model", ["lightgbm", "extra_trees"])
def test_what_a_series_is_tells_what_its_own_past_cannot(frame, spark, model):
    """Two kinds of shop, of which one sells more at weekends; some are younger than a weekend that they could show it by."""
    rng, week = np.random.default_rng(5), np.array([1, 1, 1, 1, 1, 3, 3.0])
    rows, kinds = [], []
    for at in range(60):
        weekend = at % 2 == 0
        rate = 6 * (np.tile(week, 9) if weekend else np.ones(63))
        first = 49 if at >= 50 else 0
        rows.append(solved_row(f"s{at}", rng.poisson(rate[first:60]), first=first))
        kinds.append((f"s{at}", "leisure" if weekend else "work", 1.0))
    static = spark.createDataFrame(kinds, "unique_id string, kind string, size double")
    asked_of = replace(plan(), static=(True, False))
    young = [f"s{at}" for at in range(50, 60)]
    truth = {name: 6 * (np.tile(week, 9) if int(name[1:]) % 2 == 0 else np.ones(63))[60 : 60 + H] for name in young}
    known = paths_of(with_static(frame(rows), static), asked_of, model)
    guessed = paths_of(frame(rows), plan(), model)
    error = [np.mean([np.abs(found[name][0] - truth[name]).mean() for name in young]) for found in (known, guessed)]
    assert error[0] < 0.9 * error[1]


@pytest.mark.parametrize("model", ["lightgbm", pytest.param("lstm", marks=pytest.mark.heavy)])
def test_windows_know_nothing_that_is_not_older_than_them_and_a_seed_gives_the_same_numbers(frame, model):
    rng = np.random.default_rng(1)
    rows = [solved_row(f"s{at}", rng.poisson(4 + at, 50)) for at in range(8)]
    rows.append(solved_row("ends early", rng.poisson(9, 44)))
    rows[8]["history"][20:22] = [float("nan"), None]
    begins = min(row["dates"][row["starts"][0]] for row in rows[:8])
    changed = []
    for row in rows[:8]:
        later = [100.0 + y if ds >= begins else y for y, ds in zip(row["history"], row["dates"], strict=False)]
        changed.append({**row, "history": later})
    before = paths_of(frame(rows), plan(), model)
    again = paths_of(frame(rows[::-1]).repartition(3), plan(), model)
    after = paths_of(frame([*changed, rows[8]]), plan(), model)
    for name, path in before.items():
        assert path.shape == (3, H)
        np.testing.assert_allclose(path, again[name], rtol=1e-9 if model == "lightgbm" else 1e-4)
        np.testing.assert_allclose(path[1], after[name][1], rtol=1e-4)
    assert np.abs(before["s0"][0] - after["s0"][0]).min() > 10


def test_a_window_is_asked_of_a_model_whose_cutoff_is_not_after_it(frame):
    rows = [solved_row(f"s{at}", np.ones(50)) for at in range(19)]
    rows += [solved_row("early", np.ones(20)), solved_row("late", np.ones(20), first=60)]
    dates = cutoffs(frame(rows))
    assert [ds // DAY - 4 for ds in dates] == [14, 44]
    early, usual, late = one(rows[19]), one(rows[0]), one(rows[20])
    assert [cutoff_of(series, dates) for series in (early, usual, late)] == [dates[0], dates[1], dates[1]]
    assert cutoff_of(early, dates[1:]) is None
    assert asked([early, usual], dates[1:]) == {None: [(1, 0, 50)], dates[1]: [(1, 1, 44), (1, 2, 47)]}


def test_what_is_learnt_from_lies_before_the_cutoff_is_known_and_a_share():
    y = np.arange(1.0, 201.0)
    y[150:160] = np.nan
    series = one(solved_row("a", y))
    t, k = drawn(series, plan(), int(series.dates[180]), 1.0, steps=H)
    assert (t + k).max() == 180
    assert not set(t + k - 1) & set(range(150, 160))
    some, _ = drawn(series, plan(), None, 0.25, steps=H)
    assert len(some) == pytest.approx(0.25 * (190 * H - 33), rel=0.25)
    assert list(drawn(series, plan(), None, 0.25, steps=H)[0]) == list(some)
    assert list(drawn(series, plan(seed=1), None, 0.25, steps=H)[0]) != list(some)
    assert len(drawn(one(solved_row("b", np.zeros(60))), plan(), None, 1.0, steps=H)[0]) == 0


@pytest.mark.parametrize("freq", FREQS)
def test_inputs_at_an_origin_do_not_depend_on_what_comes_later(freq):
    rng, n = np.random.default_rng(2), 120
    y = rng.poisson(3, n).astype(float)
    y[[3, 40, 41, 80]] = np.nan
    dates = (
        pd.date_range("2020-01-31", periods=n + H, freq=FREQS[freq].step)
        .astype("datetime64[s]")
        .astype("int64")
        .tolist()
    )
    x = rng.random(n + H)
    x[[5, n + 1]] = np.nan
    row = {**solved_row("a", y, x=[x]), "dates": dates}
    asked_of = plan(freq, ("price",))
    whole, until = one(row, asked_of), one({**row, "history": list(y[:90])}, asked_of)
    t, k = np.full(H, 90), np.arange(1, H + 1)
    names = features(whole, t, k, asked_of)
    for name, values in features(until, t, k, asked_of).items():
        np.testing.assert_array_equal(values, names[name], err_msg=name)
    for ours, theirs in zip(inputs(whole, t[:1], asked_of), inputs(until, t[:1], asked_of), strict=True):
        assert np.isfinite(ours).all()
        np.testing.assert_array_equal(ours, theirs)


def test_features_say_what_they_are_called():
    y = np.arange(1.0, 29.0)
    found = features(one(solved_row("a", y)), np.array([21, 28]), np.array([1, 2]), plan())
    level = np.array([y[:21].mean(), y.mean()])
    expected = {
        "lag_1": y[[20, 27]] / level,
        "mean_7": np.array([y[14:21].mean(), y[21:].mean()]) / level,
        "mean_28": np.array([np.nan, 1.0]),
        "season_7_1": y[[14, 22]] / level,
        "season_7_2": y[[7, 15]] / level,
        "since_sale": np.zeros(2),
        "day_of_week": np.array([0.0, 1.0]),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, err_msg=name)


def test_too_little_to_learn_from_gives_no_rows_and_other_states_are_left_out(frame):
    rows = [solved_row("a", np.ones(50)), {**solved_row("b", np.ones(50)), "status": "fallback", "starts": []}]
    assert global_models.paths(frame(rows), plan(), ["lightgbm"]).collect() == []
    assert global_models.paths(frame(rows[1:]), plan(), ["gbt"]).collect() == []
    assert global_models.paths(frame(rows), plan(), []).columns == ["unique_id", "model", "yhats"]


def test_what_cannot_be_had_is_said(frame, monkeypatch):
    found = frame([solved_row("a", np.ones(50))])
    with pytest.raises(UsageError, match="no model 'lightgmb' over all series; did you mean 'lightgbm'"):
        global_models.paths(found, plan(), ["lightgmb"])
    with pytest.raises(UsageError, match="steps of training must be a whole number from 1, found 0"):
        global_models.Training(steps=0)
    with pytest.raises(UsageError, match="learning_rate of training must be above 0"):
        global_models.Training(learning_rate=0.0)
    monkeypatch.setitem(sys.modules, "lightning", None)
    with pytest.raises(UsageError, match=r"pip install 'onecart\[deep\]'"):
        global_models.paths(found, plan(), ["lstm"])


@pytest.mark.heavy
def test_torch_distributor_trains_and_tensorboard_gets_its_curve(spark, tmp_path):
    from onecart.deep import trained
    from onecart.forecast.global_models.network import Lstm

    rng = np.random.default_rng(4)
    past, ahead = (rng.random((64, n, 2)).astype(np.float32) for n in (5, H))
    parts = (past, ahead, 3 * ahead[:, :, 0], np.ones((64, H), np.float32))
    network = Lstm(past=2, ahead=2, hidden=8)
    before = network.second.weight.detach().clone()
    how = global_models.Training(steps=20, batch_size=16, processes=1, log_dir=str(tmp_path)).fit(0)
    trained(network, parts, how, "lstm")
    assert not np.array_equal(network.second.weight.detach(), before)
    assert len(list(tmp_path.glob("lstm/*/events*"))) == 1


def test_importing_it_does_not_import_torch_or_lightgbm():
    code = "import sys, onecart.forecast.global_models; sys.exit('torch' in sys.modules or 'lightgbm' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
