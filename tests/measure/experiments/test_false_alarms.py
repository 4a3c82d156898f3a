"""A/A experiments, in which nothing was done: how often each method cries victory by chance, 1,000 repetitions."""

import numpy as np
import pytest
from scipy.stats import binom

from onecart.measure.experiments.always_valid import half_width
from onecart.measure.experiments.effects import Moments, cuped, effect, welch
from onecart.measure.experiments.group_sequential import group_sequential_bounds

REPEATS, ALPHA, DAYS, DAILY = 1000, 0.05, 20, 200
MOST = int(binom.isf(0.001, REPEATS, ALPHA))  # false alarms of a method that keeps to ALPHA, in 999 of 1,000 seeds
LEAST = int(binom.ppf(0.001, REPEATS, ALPHA))


@pytest.fixture(scope="module")
def spend() -> np.ndarray:
    """[repetition, arm, unit]: skewed as spend is, most of it zero."""
    draw = np.random.default_rng(20261128)
    shape = (REPEATS, 2, DAYS * DAILY // 2)
    return draw.binomial(1, 0.2, shape) * draw.gamma(2, 15, shape)


def looks(spend: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Effect and standard error of each repetition at the end of each day, and the units of both arms by then."""
    n = np.arange(1, DAYS + 1) * DAILY // 2
    sums, squares = (np.cumsum(spend**k, axis=2)[:, :, n - 1] for k in (1, 2))
    variance = (squares - sums**2 / n) / (n - 1)
    mean = sums / n
    return mean[:, 1] - mean[:, 0], np.sqrt(variance.sum(axis=1) / n), 2 * n


def test_one_look_at_the_end_is_wrong_in_5_percent(spend):
    found = [welch(b.mean(), b.var(ddof=1), len(b), a.mean(), a.var(ddof=1), len(a)).p_value <= ALPHA for a, b in spend]
    assert LEAST <= sum(found) <= MOST


def test_with_a_covariate_too(spend):
    draw, alarms = np.random.default_rng(3), 0
    for arms in spend[:, :, :400]:
        before = arms * 0.7 + draw.normal(0, 8, arms.shape)
        sides = [
            Moments(y.size, np.array([y.mean(), x.mean()]), np.cov(y, x)) for y, x in zip(arms, before, strict=True)
        ]
        alarms += effect(sides[1], sides[0], ratio=False, cuped=cuped(sides, ratio=False)).p_value <= ALPHA
    assert LEAST <= alarms <= MOST


def test_looking_daily_needs_the_always_valid_interval(spend):
    effects, errors, units = looks(spend)
    peeking = (np.abs(effects) > 1.96 * errors).any(axis=1).sum()
    assert peeking > 3 * MOST // 2  # what the fixed interval does to those who peek
    assert (np.abs(effects) > half_width(errors, units, ALPHA, 2000)).any(axis=1).sum() <= MOST


@pytest.mark.parametrize("kind", ["pocock", "obrien-fleming", "lan-demets-obrien-fleming", "lan-demets-pocock"])
def test_planned_looks_keep_their_promise(spend, kind):
    effects, errors, _ = looks(spend)
    bounds = np.array(group_sequential_bounds([0.25, 0.5, 0.75, 1], kind))
    at = np.array([5, 10, 15, 20]) - 1
    alarms = (np.abs(effects[:, at]) > bounds * errors[:, at]).any(axis=1).sum()
    assert LEAST <= alarms <= MOST
