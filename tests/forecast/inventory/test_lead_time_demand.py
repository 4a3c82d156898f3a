"""Demand over the lead time, drawn from quantiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma, norm

from onecart.forecast.inventory.lead_time_demand import demand_of, inverse, lead_times, uniforms

P = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
EVEN = (np.arange(20_000) + 0.5) / 20_000


def drawn(quantiles, lead=(0.0, 0.0), extra=1.0, draws=4000, **more):
    return demand_of(P, np.asarray(quantiles, dtype=float), lead, extra, draws=draws, seed=1, **more)


@given(
    st.lists(st.lists(st.floats(-50, 1000), min_size=5, max_size=5), min_size=1, max_size=4),
    st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=20),
)
@settings(deadline=None)
def test_the_quantile_function_rises_passes_through_its_points_and_is_never_below_0(quantiles, u):
    q = np.array(quantiles)
    at = np.tile(np.sort(np.concatenate([P, u]))[:, None], (1, len(q)))
    found = inverse(at, P, q)
    assert (np.diff(found, axis=0) >= -1e-6).all()
    assert (found >= 0).all()
    points = inverse(np.tile(P[:, None], (1, len(q))), P, q)
    assert points == pytest.approx(np.maximum(np.sort(q, axis=1), 0).T, abs=1e-6)


@pytest.mark.parametrize("law", [norm(50, 8), gamma(2, scale=5), gamma(6, scale=2)], ids=["normal", "gamma2", "gamma6"])
def test_five_quantiles_nearly_give_back_a_distribution(law):
    found = inverse(EVEN[:, None], P, law.ppf(P)[None, :])
    assert found.mean() == pytest.approx(law.mean(), rel=0.005)
    assert found.std() == pytest.approx(law.std(), rel=0.02)
    assert np.quantile(found, 0.99) == pytest.approx(law.ppf(0.99), rel=0.03)


def test_any_set_of_levels_will_do():
    p = np.array([0.5, 0.9])
    found = inverse(np.array([[0.05], [0.5], [0.9], [0.99]]), p, np.array([[10.0, 20.0]]))[:, 0]
    assert found[1:3] == pytest.approx([10, 20])
    assert found[0] < 10
    assert found[3] == pytest.approx(20 + 10 * np.log(10) / np.log(5))


def test_uniforms_lie_once_in_every_part():
    u = uniforms(np.random.default_rng(0), 50, 3)
    assert (np.sort((u * 50).astype(int), axis=0) == np.arange(50)[:, None]).all()


def test_demand_over_the_lead_time_adds_up_periods_and_repeats_a_short_forecast():
    sure = [[m] * 5 for m in (1, 10, 100)]
    assert drawn(sure, (1.0, 0.0), 1).over(1) == pytest.approx(11)
    assert drawn(sure, (1.5, 0.0), 1).over(1) == pytest.approx(1 + 10 + 50)
    long = drawn(sure, (3.0, 0.0), 2, starts=2)
    assert long.over(2) == pytest.approx(111 + 11)
    assert long.over(2, start=1) == pytest.approx(111 + 110)
    assert long.expected(2, start=1) == pytest.approx(221)
    assert long.expected(30.0) == pytest.approx(33 * 37)


def test_independent_periods_add_their_variances_and_correlated_ones_more():
    q = [norm(50, 8).ppf(P)] * 9
    alone, together = (drawn(q, (8.0, 0.0), correlation=c).over(1) for c in (0.0, 0.5))
    assert alone.mean() == pytest.approx(450, rel=1e-3)
    assert alone.std() == pytest.approx(3 * 8, rel=0.05)
    factor = sum(0.5 ** abs(i - j) for i in range(9) for j in range(9))
    assert together.std() == pytest.approx(8 * np.sqrt(factor), rel=0.05)
    assert together.mean() == pytest.approx(450, rel=5e-3)


def test_a_varying_lead_time_adds_its_variance():
    q = [norm(50, 8).ppf(P)] * 40
    found = drawn(q, (4.0, 1.5))
    units = found.over(1)
    assert found.lead.mean() == pytest.approx(4, rel=1e-3)
    assert found.lead.std() == pytest.approx(1.5, rel=0.01)
    assert units.mean() == pytest.approx(250, rel=0.01)
    assert units.std() == pytest.approx(np.sqrt(5 * 64 + (50 * 1.5) ** 2), rel=0.03)


def test_lead_times_are_never_below_0():
    assert (lead_times(1.0, 2.0, 500) >= 0).all()
    assert lead_times(2.0, 0.0, 3).tolist() == [2.0] * 3


def test_skewed_demand_stays_skewed_unlike_its_normal_stand_in():
    law = gamma(0.5, scale=10)
    units = drawn([law.ppf(P)] * 2, (1.0, 0.0)).over(1)
    assert np.quantile(units, 0.95) == pytest.approx(gamma(1.0, scale=10).ppf(0.95), rel=0.06)


def test_the_same_seed_draws_the_same():
    q = [norm(50, 8).ppf(P)] * 3
    assert (drawn(q, (1.0, 0.4)).total == drawn(q, (1.0, 0.4)).total).all()
