"""Each figure against a plain loop, and the M4 figures of one small series by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart.forecast import metrics

UNITS = st.integers(0, 50).map(float)
PAIRS = st.lists(st.tuples(UNITS, UNITS), min_size=1, max_size=12)
TRAIN = st.lists(UNITS, min_size=1, max_size=20)
few = settings(max_examples=40, deadline=None)


def arrays(pairs):
    y, yhat = np.array(pairs).T
    return y, yhat


def same(found, expected):
    return found == pytest.approx(expected, nan_ok=True)


@few
@given(PAIRS)
def test_mae_and_bias_are_means_of_the_error(pairs):
    y, yhat = arrays(pairs)
    assert same(metrics.mae(y, yhat), sum(abs(a - f) for a, f in pairs) / len(pairs))
    assert same(metrics.bias(y, yhat), sum(f - a for a, f in pairs) / len(pairs))


@few
@given(PAIRS)
def test_wape_is_the_error_a_unit_sold_and_undefined_where_nothing_was(pairs):
    sold = sum(a for a, _ in pairs)
    expected = sum(abs(a - f) for a, f in pairs) / sold if sold else math.nan
    assert same(metrics.wape(*arrays(pairs)), expected)


@few
@given(PAIRS)
def test_smape_is_between_0_and_200_and_0_where_nothing_is_said_and_sold(pairs):
    parts = [0.0 if a + f == 0 else 2 * abs(a - f) / (a + f) for a, f in pairs]
    found = metrics.smape(*arrays(pairs))
    assert same(found, 100 * sum(parts) / len(parts))
    assert 0 <= found <= 200


def test_smape_of_all_or_nothing_is_200():
    assert metrics.smape(np.array([0.0, 4.0]), np.array([3.0, 0.0])) == 200


@few
@given(PAIRS, TRAIN, st.integers(1, 7))
def test_mase_is_scaled_by_the_seasonal_naive_error_inside_the_training_part(pairs, train, season):
    inside = [abs(train[t] - train[t - season]) for t in range(season, len(train))]
    expected = math.nan
    if inside and sum(inside):
        expected = sum(abs(a - f) for a, f in pairs) / len(pairs) / (sum(inside) / len(inside))
    assert same(metrics.mase(*arrays(pairs), np.array(train), season), expected)


@few
@given(PAIRS, TRAIN, st.integers(1, 7))
def test_rmsse_is_the_root_of_scaled_squares(pairs, train, season):
    inside = [(train[t] - train[t - season]) ** 2 for t in range(season, len(train))]
    expected = math.nan
    if inside and sum(inside):
        expected = math.sqrt(sum((a - f) ** 2 for a, f in pairs) / len(pairs) / (sum(inside) / len(inside)))
    assert same(metrics.rmsse(*arrays(pairs), np.array(train), season), expected)


def test_rmsse_is_of_one_step_unless_a_season_is_named():
    y, yhat, train = np.array([4.0]), np.array([1.0]), np.array([1.0, 2.0, 1.0, 5.0])
    assert metrics.rmsse(y, yhat, train) == pytest.approx(math.sqrt(9 / ((1 + 1 + 16) / 3)))


def test_the_scale_leaves_unknown_values_out():
    train = np.array([1.0, np.nan, 4.0, 6.0])
    assert metrics.scale(train, 1) == 2
    assert metrics.rmsse(np.array([4.0]), np.array([1.0]), train) == pytest.approx(1.5)
    assert math.isnan(metrics.scale(np.array([1.0, np.nan]), 1))


@few
@given(PAIRS, st.sampled_from([0.025, 0.1, 0.5, 0.9]))
def test_pinball_weighs_errors_below_and_above_by_the_quantile(pairs, q):
    losses = [q * (a - e) if a >= e else (1 - q) * (e - a) for a, e in pairs]
    assert same(metrics.pinball(*arrays(pairs), q), sum(losses) / len(losses))


@few
@given(st.lists(st.tuples(UNITS, UNITS, UNITS), min_size=1, max_size=12))
def test_coverage_is_the_share_between_the_ends_ends_included(rows):
    y, lo, hi = np.array(rows).T
    assert same(metrics.coverage(y, lo, hi), sum(low <= a <= high for a, low, high in rows) / len(rows))


def test_coverage_counts_a_value_on_an_end():
    assert metrics.coverage(np.array([1.0, 2.0, 3.0]), np.full(3, 1.0), np.full(3, 2.0)) == pytest.approx(2 / 3)


# Five "years" of three "quarters"; the last quarter was 24, not 18.
TRAIN_M4 = np.array([6.0, 12, 18] * 4 + [6, 12, 24])
SOLD_M4 = np.array([8.0, 16, 20])
SAID_M4 = np.array([10.0, 16, 18])


def test_naive2_takes_a_significant_season_out_and_puts_it_in_again():
    """By hand: means of three are 12, the last but one 14, so the ratios are 1/2 | 1, 1, 1, 1, 6/7 | 3/2 and their means
    1/2, 34/35, 3/2: the last value, 24, is the season's 3/2, and the others follow in proportion."""
    assert metrics.naive2(TRAIN_M4, 4, 3) == pytest.approx([24 * (1 / 2) / (3 / 2), 24 * (34 / 35) / (3 / 2), 24, 8])


def test_the_m4_figures_by_hand():
    """Forecast: errors 2, 0, 2. Naive2 says 8, 544/35, 24: errors 0, 16/35, 4. Inside the training part the seasonal naive is
    out once by 6 in 12: the scale is 1/2."""
    smape, mase = metrics.smape(SOLD_M4, SAID_M4), metrics.mase(SOLD_M4, SAID_M4, TRAIN_M4, 3)
    assert smape == pytest.approx(200 / 3 * (2 / 18 + 0 + 2 / 38))
    assert mase == pytest.approx((2 + 0 + 2) / 3 / (1 / 2))
    naive2 = metrics.naive2(TRAIN_M4, 3, 3)
    smape2, mase2 = metrics.smape(SOLD_M4, naive2), metrics.mase(SOLD_M4, naive2, TRAIN_M4, 3)
    assert smape2 == pytest.approx(200 / 3 * (0 + 1 / 69 + 4 / 44))
    assert mase2 == pytest.approx(104 / 35)
    owa = ((1 / 9 + 1 / 19) / (1 / 69 + 1 / 11) + (8 / 3) / (104 / 35)) / 2
    assert metrics.owa(smape, mase, smape2, mase2) == pytest.approx(owa)
    assert metrics.owa(smape2, mase2, smape2, mase2) == 1


@pytest.mark.parametrize(
    ("train", "season"),
    [
        # Autocorrelations -7/8 and 6/8; the limit is 1.645 * sqrt((1 + 2 * (7/8)^2) / 8) = .93: not significant.
        ([10.0, 20] * 4, 2),
        ([0.0, 12, 18] * 5, 3),  # a value that is not above 0
        ([20.0, 1, 1, 1, 1, 1, 1] * 2 + [20, 1, 1, 1, 1, 1], 7),  # fewer than three seasons
        ([5.0] * 15, 3),
        ([1.0, 9, 4], 1),
    ],
)
def test_naive2_is_the_last_value_where_no_season_can_be_told(train, season):
    assert list(metrics.naive2(np.array(train), 3, season)) == [train[-1]] * 3


def test_naive2_of_an_even_season_agrees_with_a_loop():
    rng = np.random.default_rng(0)
    y = np.tile([5.0, 10, 20, 12], 8) * rng.uniform(0.9, 1.1, 32)
    ratios = {place: [] for place in range(4)}
    for t in range(2, 30):
        mean = (y[t - 2] / 2 + y[t - 1] + y[t] + y[t + 1] + y[t + 2] / 2) / 4
        ratios[t % 4].append(y[t] / mean)
    index = [sum(found) / len(found) for found in ratios.values()]
    expected = [y[31] / index[3] * index[(32 + k) % 4] for k in range(6)]
    assert metrics.naive2(y, 6, 4) == pytest.approx(expected)
