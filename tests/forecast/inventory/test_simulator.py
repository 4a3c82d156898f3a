"""One series sold from stock, period by period; every figure can be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from onecart.forecast.inventory.policies import NORMAL, POLICIES
from onecart.forecast.inventory.simulator import play, sell
from onecart.forecast.inventory.sku_inputs import Case, Costs, Plan, Stock

P = (0.025, 0.1, 0.5, 0.9, 0.975)
COSTS = Costs(holding=0.1, shortage=2.0, order=5.0)


def sold(actual, orders, stock=None, lead=0, warm_up=0):
    """`orders`: units by period."""
    leads = np.full(len(actual), lead)
    return sell(stock or Stock(), COSTS, np.array(actual, float), leads, lambda t, *_: orders.get(t, 0.0), warm_up)


def test_unmet_demand_is_lost_and_every_figure_counted():
    found = sold([4, 4, 4], {1: 10.0}, Stock(on_hand=5))
    # End of period: 1, then 1 + 10 - 4 = 7, then 3; nothing short.
    assert (found.demand, found.short, found.stock_outs, found.orders) == (12, 0, 0, 1)
    assert (found.mean_stock, found.holding, found.order_cost) == (pytest.approx(11 / 3), pytest.approx(1.1), 5)
    none = sold([4, 4, 4], {}, Stock(on_hand=5))
    assert (none.short, none.stock_outs, none.shortage) == (7, 2, 14)
    assert none.fill_rate == pytest.approx(5 / 12)
    assert none.cost == pytest.approx(0.1 + 14)


def test_an_order_arrives_after_its_lead_time_and_what_is_on_order_too():
    found = sold([3, 3, 3, 3], {0: 3.0}, Stock(on_order=2), lead=2)
    # Nothing in the first two periods; 2 + 3 arrive in the third; 2 are left for the fourth.
    assert (found.short, found.stock_outs) == (3 + 3 + 0 + 1, 3)


def test_backorders_are_served_first():
    assert sold([4], {}, Stock(on_hand=5, backorders=3)).short == 2


def test_the_oldest_goods_go_first_and_spoilt_ones_are_thrown():
    stock = Stock(on_hand=4, shelf_life=2)
    found = sold([1, 1, 1], {1: 3.0}, stock)
    # Old 4: 3 after period 0, 2 after period 1, thrown then; of the new 3 one is sold, two thrown at the end of period 2.
    assert (found.waste, found.short) == (4, 0)
    assert found.mean_stock == pytest.approx((3 + 3 + 0) / 3)


def test_warm_up_periods_are_played_and_not_counted():
    found = sold([3, 3, 3], {0: 9.0}, lead=1, warm_up=1)
    assert (found.periods, found.demand, found.short, found.orders) == (2, 6, 0, 0)


def test_without_demand_there_is_no_fill_rate_and_returns_count_as_0():
    found = sold([0, -3], {})
    assert (found.fill_rate, found.demand) == (None, 0)


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 20), min_size=3, max_size=12),
    st.dictionaries(st.integers(0, 11), st.floats(0, 40), max_size=5),
    st.integers(0, 3),
    st.sampled_from([1.0, 3.0, np.inf]),
)
def test_nothing_appears_or_vanishes(actual, orders, lead, shelf_life):
    found = sold(actual, orders, Stock(on_hand=7, shelf_life=shelf_life), lead)
    came = 7 + sum(units for t, units in orders.items() if t + lead < len(actual))
    last = sold([*actual], orders, Stock(on_hand=7, shelf_life=shelf_life), lead, warm_up=len(actual) - 1).mean_stock
    assert came == pytest.approx(found.demand - found.short + found.waste + last)


def test_every_policy_meets_the_demand_it_aims_to_meet():
    law = gamma(2, scale=5)
    actual = law.rvs(200, random_state=1)
    case = Case(
        np.array([law.ppf(P)] * 50), Stock(on_hand=60, pack_size=6.0), Costs(0.05, 1.0, 4.0), (2.0, 0.0), seed=1
    )
    found = {p: play(case, Plan(p, P, service_level=0.95, draws=500), actual) for p in (*POLICIES, NORMAL)}
    assert all(found[policy].fill_rate > 0.95 for policy in POLICIES)
    assert found["sS"].orders < found["newsvendor"].orders
    assert found["sS"].cost < found["newsvendor"].cost
    # Demand is skewed: a bell curve with its moments has less of a tail, and holds less.
    assert found["newsvendor"].stock_outs < 0.05 * 200
    assert found[NORMAL].mean_stock < found["newsvendor"].mean_stock


def test_review_shelf_life_and_a_varying_lead_time_work_together():
    law = gamma(2, scale=5)
    stock = Stock(on_hand=20, pack_size=4.0, shelf_life=5.0)
    case = Case(np.array([law.ppf(P)] * 28), stock, Costs(0.05, 1.0, 4.0), (1.5, 0.7), seed=1)
    for policy in (*POLICIES, NORMAL):
        plan = Plan(policy, P, review=3, draws=300)
        found = play(case, plan, law.rvs(28, random_state=2), warm_up=4)
        assert found == play(case, plan, law.rvs(28, random_state=2), warm_up=4)
        assert found.periods == 24
        assert found.orders <= 8
        assert 0.5 < found.fill_rate <= 1
