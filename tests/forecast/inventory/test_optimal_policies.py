"""The textbook policies: published figures, and brute force where there are none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm, poisson

from onecart.errors import UsageError
from onecart.forecast.inventory import optimal_policies

P6 = poisson.pmf(np.arange(40), 6)


def test_newsvendor_with_normal_demand():
    assert optimal_policies.newsvendor_normal(0.18, 0.70, 50, 8) == pytest.approx((56.604, 1.9976), abs=5e-5)


def test_newsvendor_with_poisson_demand():
    found = optimal_policies.newsvendor_poisson(0.18, 0.70, 50)
    assert found.base_stock == 56
    assert found.cost == pytest.approx(1.7972, abs=5e-5)


def test_reorder_point_and_order_up_to_level():
    assert optimal_policies.s_S(1, 4, 5, P6) == (4, 10, pytest.approx(8.0341, abs=5e-5))


def test_reorder_point_and_order_quantity():
    found = optimal_policies.r_Q_normal(0.225, 7.5, 8, 1300, 150, 1 / 12)
    assert found == pytest.approx((213.970, 318.590, 95.451), abs=5e-4)


def test_reorder_point_and_order_quantity_cost_least():
    mean, sd = 1300 / 12, 150 / np.sqrt(12)

    def cost(at):
        r, Q = at
        z = (r - mean) / sd
        short = sd * (norm.pdf(z) - z * norm.sf(z))
        return 0.225 * (r - mean + Q / 2) + 8 * 1300 / Q + 7.5 * 1300 * short / Q

    best = minimize(cost, (150, 200), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    assert optimal_policies.r_Q_normal(0.225, 7.5, 8, 1300, 150, 1 / 12) == pytest.approx((*best.x, best.fun), rel=1e-5)


def test_base_stock_with_a_lead_time_that_varies():
    fixed = optimal_policies.base_stock_normal(0.18, 0.70, 50, 8, lead_time=0, lead_time_sd=0)
    assert fixed == optimal_policies.newsvendor_normal(0.18, 0.70, 50, 8)
    varying = optimal_policies.base_stock_normal(0.18, 0.70, 50, 8, lead_time=3, lead_time_sd=0.5)
    assert varying == pytest.approx(optimal_policies.newsvendor_normal(0.18, 0.70, 200, np.sqrt(4 * 64 + 625)))


@pytest.mark.parametrize("draws", [200_000])
def test_the_discrete_newsvendor_on_normal_draws_is_the_normal_one(draws):
    values = norm.ppf((np.arange(draws) + 0.5) / draws, 50, 8)
    assert optimal_policies.newsvendor_discrete(0.18, 0.70, values) == pytest.approx((56.604, 1.9976), abs=1e-3)


def test_the_discrete_newsvendor_on_poisson_weights_is_the_poisson_one():
    units = np.arange(200)
    found = optimal_policies.newsvendor_discrete(0.18, 0.70, units, poisson.pmf(units, 50))
    assert found == pytest.approx(optimal_policies.newsvendor_poisson(0.18, 0.70, 50))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), min_size=1, max_size=12),
    st.floats(0.1, 10),
    st.floats(0.1, 10),
)
def test_no_level_beats_the_newsvendor(table, holding, shortage):
    values, weights = np.array(table, dtype=float).T
    found = optimal_policies.newsvendor_discrete(holding, shortage, values, weights)

    def cost(level):
        each = [holding * max(level - v, 0) + shortage * max(v - level, 0) for v in values]
        return sum(w * c for w, c in zip(weights, each, strict=True)) / sum(weights)

    assert found.cost == pytest.approx(cost(found.base_stock))
    assert min(cost(level) for level in np.arange(-1, 32, 0.5)) >= found.cost - 1e-9


def chain_cost(s, S, holding, shortage, fixed, demand, cover):
    """Cost a period from the stationary distribution of the position after ordering, which walks on s + 1 ... S."""
    states = np.arange(s + 1, S + 1)
    move, order = np.zeros((len(states), len(states))), np.zeros(len(states))
    for i, y in enumerate(states):
        for d, p in enumerate(demand):
            if y - d <= s:
                order[i] += p
            move[i, len(states) - 1 if y - d <= s else i - d] += p
    system = np.vstack([move.T - np.eye(len(states)), np.ones(len(states))])
    share = np.linalg.lstsq(system, np.r_[np.zeros(len(states)), 1.0], rcond=None)[0]
    each = [sum(p * (holding * max(y - d, 0) + shortage * max(d - y, 0)) for d, p in enumerate(cover)) for y in states]
    return share @ (np.array(each) + fixed * order)


@pytest.mark.parametrize(
    ("holding", "shortage", "fixed", "demand", "lead_time"),
    [
        (1.0, 4.0, 5.0, poisson.pmf(np.arange(25), 6), 0),
        (1.0, 9.0, 3.0, [0.5, 0.2, 0.2, 0.1], 2),
        (2.0, 3.0, 0.0, [0.1, 0.6, 0.3], 1),
        (0.5, 8.0, 12.0, [0.8, 0.0, 0.0, 0.1, 0.1], 1),
    ],
)
def test_the_exact_s_S_is_the_best_of_all(holding, shortage, fixed, demand, lead_time):
    demand = np.array(demand) / np.sum(demand)
    cover = demand
    for _ in range(lead_time):
        cover = np.convolve(cover, demand)
    found = optimal_policies.s_S(holding, shortage, fixed, demand, cover)
    args = (holding, shortage, fixed, demand, cover)
    assert found.cost == pytest.approx(chain_cost(found.s, found.S, *args))
    everything = [chain_cost(s, S, *args) for s in range(-4, 12) for S in range(s + 1, s + 15)]
    assert min(everything) == pytest.approx(found.cost)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: optimal_policies.newsvendor_normal(0, 1, 50, 8), "holding must be above 0"),
        (lambda: optimal_policies.newsvendor_discrete(1, 1, []), "one or more finite numbers"),
        (lambda: optimal_policies.newsvendor_discrete(1, 1, [1, 2], [1]), r"one a value \(2\)"),
        (lambda: optimal_policies.s_S(1, 1, 1, [1.0]), "0 for certain"),
        (lambda: optimal_policies.r_Q_normal(9, 0.01, 8, 10, 1, 1), "costs too little"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, words):
    with pytest.raises(UsageError, match=words):
        wrong()
