"""Intervals that hold what they say, on residuals whose distribution is known."""

import numpy as np
import pandas as pd
import pytest

from onecart.forecast.inputs.series import FREQS, History, Setup
from onecart.forecast.local import baselines
from onecart.forecast.metrics import coverage
from onecart.forecast.selection import selector
from onecart.forecast.selection.intervals import Spread, calibrated, ends, spreads

LEVELS = (50, 80, 95)
H = 7
GROWTH = np.linspace(0.5, 1.5, H)  # the farther ahead, the farther off


def normal(rng, shape):
    return np.maximum(0, 40 + GROWTH * rng.normal(0, 6, shape))


def skewed(rng, shape):
    return 10 * rng.lognormal(0, 1, shape)


def rare(rng, shape):
    """Nothing on two days of five, a few units on the others."""
    return rng.gamma(2, 2, shape) * (rng.random(shape) < 0.6)


def bands(draw, yhat, series, windows=3, seed=0, levels=LEVELS):
    """Ends for `yhat` from the residuals of so many series, with `Spread` of their class."""
    rng = np.random.default_rng(seed)
    size = np.ones(1 + windows)
    given = [("smooth", draw(rng, (windows, H)) - yhat, size) for _ in range(series)]
    found = calibrated(given, levels)
    return ends(np.full(H, float(yhat)), 1.0, found.get("smooth", found[""]), levels)


@pytest.mark.parametrize(("draw", "yhat"), [(normal, 40), (skewed, 16.5), (skewed, 10), (rare, 2.4)])
def test_the_share_of_new_values_inside_is_the_level(draw, yhat):
    lo, hi = bands(draw, yhat, series=700)
    new = draw(np.random.default_rng(1), (20_000, H))
    found = [coverage(new, lo[at], hi[at]) for at in range(len(LEVELS))]
    assert found == pytest.approx([level / 100 for level in LEVELS], abs=0.02)


@pytest.mark.parametrize("series", [1, 2, 5])
def test_a_few_residuals_hold_as_much_on_average(series):
    """Three windows of seven days, on average over many such panels."""
    rng, found = np.random.default_rng(1), []
    for seed in range(200):
        lo, hi = bands(normal, 40, series=series, seed=seed, levels=(80, 95))
        new = normal(rng, (100, H))
        found.append([coverage(new, lo[at], hi[at]) for at in range(2)])
    assert np.mean(found, axis=0) == pytest.approx([0.80, 0.95], abs=0.03)


def test_what_moves_all_series_at_once_makes_intervals_wider():
    """Windows that are shifted as a whole, by a tenth to a half of the residuals' own spread: on average over many panels."""
    rng, inside = np.random.default_rng(2), []
    for _ in range(40):
        shift = rng.normal(0, 1, 4)
        z = rng.normal(0, 1, (150, 4, H)) + shift[:, None]
        found = calibrated([("smooth", one[:3], np.ones(4)) for one in z], (80, 95))["smooth"]
        lo, hi = (np.array([side[k] for k in (80, 95)]) for side in (found.lo, found.hi))
        inside.append(
            [
                np.mean((-a * found.growth <= z[:, 3]) & (z[:, 3] <= b * found.growth))
                for a, b in zip(lo, hi, strict=True)
            ]
        )
    assert np.mean(inside, axis=0) == pytest.approx([0.80, 0.95], abs=0.04)


def test_skewed_demand_gets_skewed_intervals():
    lo, hi = bands(skewed, 16.5, series=300)
    assert (hi[1] - 16.5 > 16.5 - lo[1]).all()


def test_steps_that_are_farther_off_get_wider_intervals():
    lo, hi = bands(normal, 40, series=700)
    wide = hi[1] - lo[1]
    assert wide / wide.mean() == pytest.approx(GROWTH / GROWTH.mean(), rel=0.08)


@pytest.mark.parametrize("draw", [normal, skewed, rare])
@pytest.mark.parametrize("series", [1, 40])
def test_a_wider_level_holds_a_narrower_in_any_order_and_none_is_below_0(draw, series):
    levels = (95, 50, 80)
    lo, hi = bands(draw, 3, series, levels=levels)
    assert (lo[0] <= lo[2]).all()
    assert (lo[2] <= lo[1]).all()
    assert (hi[0] >= hi[2]).all()
    assert (hi[2] >= hi[1]).all()
    assert lo.min() >= 0


def test_a_narrow_level_that_reaches_farther_widens_the_wider():
    spread = Spread(np.ones(2), {80: 2.0, 95: 1.0}, {80: 1.0, 95: 3.0})
    lo, hi = ends(np.full(2, 10.0), 2.0, spread, (80, 95))
    assert (lo.tolist(), hi.tolist()) == ([[6, 6], [6, 6]], [[12, 12], [16, 16]])


def test_one_series_with_one_window_gets_a_width_on_both_sides():
    found = calibrated([("smooth", np.array([[1.0, -2.0, 0.5]]), np.ones(2))], (80, 95))
    lo, hi = ends(np.full(3, 10.0), 1.0, found[""], (80, 95))
    assert (lo < 10).all()
    assert (hi > 10).all()


def test_a_step_that_was_met_once_by_chance_gets_a_width():
    residuals = np.array([[1.0, 0.0, -2.0], [-1.0, 0.0, 2.0]])
    found = calibrated([("smooth", residuals, np.ones(3))], (80,))
    lo, hi = ends(np.full(3, 10.0), 1.0, found[""], (80,))
    assert hi[0, 1] > lo[0, 1]


def test_no_error_is_no_width_and_no_test_is_a_normal_one():
    found = calibrated([("smooth", np.zeros((3, 2)), np.ones(4))], (80,))
    assert [end.tolist() for end in ends(np.full(2, 5.0), 1.0, found[""], (80,))] == [[[5, 5]], [[5, 5]]]
    none = calibrated([], (95,))[""]
    assert (none.lo[95], none.hi[95]) == pytest.approx((1.96, 1.96), abs=0.01)


def test_unknown_values_are_no_residuals():
    residuals = np.random.default_rng(0).normal(0, 1, (60, 3))
    holed = np.vstack([residuals, np.full((40, 3), np.nan)])
    plain, found = (calibrated([("smooth", r, np.ones(1 + len(r)))], (80,))[""] for r in (residuals, holed))
    assert found.hi[80] == pytest.approx(plain.hi[80])
    assert found.growth == pytest.approx(plain.growth)


def test_a_class_with_few_residuals_is_taken_with_all_others():
    rng = np.random.default_rng(0)
    many = [("smooth", rng.normal(0, 1, (3, H)), np.ones(4)) for _ in range(5)]  # 105 residuals
    few = [("lumpy", rng.normal(0, 1, (3, H)), np.ones(4)) for _ in range(4)]  # 84
    assert set(calibrated([*many, *few], (80,))) == {"", "smooth"}


def test_residuals_are_counted_in_the_spreads_of_their_window():
    residuals = np.random.default_rng(0).normal(0, 1, (50, 3))
    sizes = np.r_[1.0, np.arange(1.0, 51)]
    plain = calibrated([("smooth", residuals, np.ones(51))], (80,))[""]
    found = calibrated([("smooth", residuals * sizes[1:, None], sizes)], (80,))[""]
    assert (found.lo[80], found.hi[80]) == pytest.approx((plain.lo[80], plain.hi[80]))


def test_the_spread_of_a_window_is_drawn_from_the_other_windows():
    y = np.full((3, 2), 10.0)
    path = np.array([[10.0, 10], [12, 12], [14, 14], [13, 13]])  # off by 2, 4, 3
    one = selector.BacktestResult("smooth", 5.0, y, {"ets": path})
    known = selector.ErrorPrior({}, {("smooth", "ets"): 0.8})  # 4 units, which count for two windows
    ahead, first, second, third = spreads(one, path, ["ets"], known, power=0.0)
    assert ahead == pytest.approx((2 + 4 + 3 + 2 * 4) / 5)
    assert (first, second, third) == pytest.approx(((4 + 3 + 8) / 4, (2 + 3 + 8) / 4, (2 + 4 + 8) / 4))


def test_intervals_grow_where_more_is_expected_than_on_the_windows():
    """Demand whose errors are half of what is expected: by windows of 10 a period 40 are known to within four times as much."""
    y = np.tile([5.0, 15.0], (3, 1))
    one = selector.BacktestResult("erratic", 5.0, y, {"ets": np.full((4, 2), 10.0)})
    known = selector.ErrorPrior({}, {("erratic", "ets"): 1.0})
    path = np.vstack([np.full((1, 2), 40.0), np.full((3, 2), 10.0)])
    assert spreads(one, path, ["ets"], known) == pytest.approx([5 * 4**0.75, 5, 5, 5])


def test_a_product_that_was_out_of_stock_on_the_windows_gets_intervals_of_its_own_size():
    y = np.zeros((3, 4))
    one = selector.BacktestResult("smooth", 2.0, y, {"ets": np.zeros((4, 4))})
    path = np.concatenate([np.full((1, 4), 3.0), np.zeros((3, 4))])
    ahead = spreads(one, path, ["ets"], selector.ErrorPrior({}, {("smooth", "ets"): 1.0}))[0]
    assert 1 < ahead < 20  # was 2 million


@pytest.mark.parametrize("n", [30, 6])
def test_the_ends_of_an_untested_series_are_the_errors_of_naive_at_that_distance(n):
    """Seasonal naive where there is a season; distances beyond half of the history take those of half of it."""
    y = np.random.default_rng(0).poisson(8, n).astype(float)
    grid, none = pd.date_range("2024-01-01", periods=n + 9), pd.DataFrame()
    history = History(grid[:n], y, none, grid[n:], none)
    found = baselines.ends(history, Setup(FREQS["D"]), np.full(9, 8.0), np.array([0.1, 0.9]))
    for k in range(1, 10):
        lag = 7 * -(-k // 7) if n > 7 else k
        lag = min(lag, n // 2)
        errors = [y[t] - y[t - lag] for t in range(lag, n)]
        assert found[:, k - 1] == pytest.approx(8 + np.quantile(errors, [0.1, 0.9]))
