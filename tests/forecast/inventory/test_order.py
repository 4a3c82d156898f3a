"""One order: what a policy wants, and what packs, limits and missing numbers make of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma, norm, poisson

from onecart.forecast.inventory import optimal_policies
from onecart.forecast.inventory.order import decide, order_now
from onecart.forecast.inventory.policies import POLICIES, Target, draws_of, normal_law, normal_target, target
from onecart.forecast.inventory.sku_inputs import Case, Costs, Plan, Stock, Unusable, read_case

P = (0.025, 0.1, 0.5, 0.9, 0.975)
UP_TO_57 = Target(56.6, 56.6, None, 0.8)


def case(stock=None, costs=None, lead=(0.0, 0.0), quantiles=None, seed=3):
    rows = np.array([norm(50, 8).ppf(P)] * 10) if quantiles is None else np.asarray(quantiles, dtype=float)
    return Case(rows, stock or Stock(), costs or Costs(0.18, 0.70), lead, seed)


def row(**changes):
    given = dict.fromkeys(Stock.__dataclass_fields__)
    flags = {"undated": False, "repeated": False, "has_stock": True, "has_costs": True, "has_lead": True}
    numbers = {"on_hand": 5.0, "holding": 1.0, "shortage": 2.0, "order": None, "lead_mean": 2.0, "lead_sd": None}
    return {"unique_id": "a", "quantiles": [1.0, 2, 3, 4, 5] * 2, **given, **flags, **numbers, **changes}


def test_the_newsvendor_orders_up_to_the_textbook_level():
    found = decide(case(Stock(on_hand=10, on_order=5, backorders=2)), Plan("newsvendor", P, draws=20_000))
    assert found.position == 13
    assert found.order_up_to == pytest.approx(56.604, abs=0.1)
    assert found.order == 44
    assert found.service_level == pytest.approx(0.70 / 0.88)
    assert found.expected_demand == pytest.approx(50, rel=1e-3)
    cost = 0.18 * found.expected_left + 0.70 * found.expected_short
    assert cost == pytest.approx(1.9976, abs=0.06)  # the tails are a little heavier than Normal ones
    assert found.expected_fill_rate == pytest.approx(1 - found.expected_short / found.expected_demand)
    assert found.reason.startswith("ordered up to 56.")


def test_the_service_level_takes_the_place_of_the_cost_ratio():
    found = decide(case(costs=Costs(0.18, np.nan)), Plan("newsvendor", P, service_level=0.95, draws=20_000))
    assert found.order_up_to == pytest.approx(norm(50, 8).ppf(0.95), abs=0.2)
    assert found.service_level == 0.95


def test_a_longer_review_period_is_covered_and_makes_holding_dearer():
    found = decide(case(), Plan("newsvendor", P, review=4))
    assert found.service_level == pytest.approx(0.70 / (0.70 + 4 * 0.18))
    assert found.expected_demand == pytest.approx(200, rel=1e-3)


def test_skewed_demand_exceeds_the_newsvendor_level_as_often_as_aimed_and_the_normal_one_more_often():
    skewed = case(quantiles=[gamma(2, scale=5).ppf(P)] * 3, lead=(2.0, 0.0))
    plan = Plan("newsvendor", P, service_level=0.95, draws=20_000)
    over_three_periods = gamma(6, scale=5)
    level = target(skewed, plan, draws_of(skewed, plan)).order_up_to
    assert over_three_periods.sf(level) == pytest.approx(0.05, abs=0.003)
    assert over_three_periods.sf(normal_target(skewed, plan, normal_law(skewed, plan)).order_up_to) == pytest.approx(
        0.065, abs=0.01
    )


def test_s_S_on_draws_is_the_textbook_one():
    # A step function has no quantile function of few points: dense levels stand for the Poisson demand.
    levels = tuple(np.arange(1, 400) / 400)
    poissons = case(quantiles=[poisson(6).ppf(levels)] * 10, costs=Costs(1, 4, 5))
    found = target(poissons, plan := Plan("sS", levels, draws=20_000), draws_of(poissons, plan))
    assert (found.reorder_point, found.order_up_to) == (4, 10)


def test_r_Q_on_draws_is_the_textbook_one():
    wide = case(quantiles=[norm(100, 10).ppf(P)] * 10, costs=Costs(0.02, 5, 50), lead=(3.0, 0.0))
    plan = Plan("rQ", P, draws=20_000)
    found = target(wide, plan, draws_of(wide, plan))
    # Continuous review in the textbook: its lead time is lead time plus review period here.
    expected = optimal_policies.r_Q_normal(0.02, 5, 50, 100, 10, 4)
    assert (found.reorder_point, found.order_quantity) == pytest.approx((expected.r, expected.Q), rel=0.01)


def test_base_stock_stands_while_the_newsvendor_follows_the_periods_ahead():
    peak = np.array([[m] * 5 for m in (10.0, 10, 90, 10)])
    high, low = (
        decide(case(quantiles=peak), Plan(p, P, service_level=0.9)).order for p in ("base_stock", "newsvendor")
    )
    assert (high, low) == (90, 10)


def test_normal_safety_stock():
    given, plan = case(lead=(3.0, 0.5)), Plan("normal", P, service_level=0.975)
    found = normal_target(given, plan, (np.full(10, 50.0), np.full(10, 8.0)))
    assert found.order_up_to == pytest.approx(200 + 1.959964 * np.sqrt(4 * 64 + 625))


def test_normal_laws_have_the_moments_of_the_quantiles_or_of_the_past():
    law = gamma(0.5, scale=20)  # mean 10, sd 14, median 4.5
    skewed = replace(case(quantiles=[law.ppf(P)] * 3), past=(9.0, 4.0))
    mean, sd = normal_law(skewed, Plan("normal", P))
    assert mean == pytest.approx([law.mean()] * 3, rel=0.05)
    assert sd == pytest.approx([law.std()] * 3, rel=0.1)
    plan = Plan("normal_past", P, review=4, service_level=0.975)
    found = normal_target(skewed, plan, normal_law(skewed, plan), start=2)
    assert found.order_up_to == pytest.approx(4 * 9 + 1.959964 * 2 * 4)


@pytest.mark.parametrize(
    ("aim", "position", "units"),
    [
        (Target(4, 10, None, 0.9), 5, 0),
        (Target(4, 10, None, 0.9), 4, 6),
        (Target(4, 10, None, 0.9), -3, 13),
        (Target(20, None, 30, 0.9), 21, 0),
        (Target(20, None, 30, 0.9), 20, 30),
        (Target(20, None, 30, 0.9), -10, 60),
        (Target(0, None, 0, 0.9), -10, 0),
    ],
)
def test_when_and_how_much(aim, position, units):
    assert aim.wanted(position) == units


@pytest.mark.parametrize(
    ("stock", "shelf", "units", "reason"),
    [
        (Stock(), np.inf, 57, "ordered up to 56.6"),
        (Stock(80), np.inf, 0, "position 80 is enough: an order is due at 56.6"),
        (Stock(50, pack_size=12), np.inf, 12, "ordered up to 56.6; rounded up to packs of 12"),
        (Stock(50, pack_size=0.5), np.inf, 7, "ordered up to 56.6; rounded up to packs of 0.5"),
        (
            Stock(50, pack_size=12, min_order=20),
            np.inf,
            24,
            "ordered up to 56.6; raised to the smallest order of 20; rounded up to packs of 12",
        ),
        (Stock(20, shelf_life=3), 40.5, 20, "ordered up to 56.6; capped by shelf life of 3 periods"),
        (Stock(20, capacity=30), np.inf, 10, "ordered up to 56.6; capped by capacity of 30"),
        (
            Stock(20, capacity=30, pack_size=12),
            np.inf,
            0,
            "capped by capacity of 30; nothing ordered: not one pack fits",
        ),
        (Stock(40, capacity=30), np.inf, 0, "capped by capacity of 30; nothing ordered"),
        (
            Stock(20, capacity=30, min_order=20),
            np.inf,
            0,
            "capped by capacity of 30; nothing ordered: the smallest order of 20 does not fit",
        ),
    ],
)
def test_packs_and_limits(stock, shelf, units, reason):
    found, notes = order_now(UP_TO_57, stock, shelf)
    assert (found, "; ".join(notes)) == (units, reason)


def test_a_pack_that_would_spoil_is_not_ordered():
    plan = Plan("newsvendor", P)
    found = decide(case(Stock(50, pack_size=500, shelf_life=4), lead=(1.0, 0.0)), plan)
    assert (found.order, found.reason[:34]) == (0, "capped by shelf life of 4 periods;")
    assert decide(case(Stock(50, pack_size=180, shelf_life=4), lead=(1.0, 0.0)), plan).order == 180


def test_goods_for_one_period_are_ordered_for_one_period():
    fresh = decide(case(Stock(shelf_life=1)), Plan("newsvendor", P, review=7, service_level=0.9))
    assert fresh.order == np.floor(norm(50, 8).ppf(0.9))


def test_a_forecast_that_is_too_short_is_repeated_and_that_is_said():
    found = decide(case(lead=(11.0, 0.0)), Plan("newsvendor", P))
    assert found.expected_demand == pytest.approx(600, rel=1e-2)
    assert found.reason.endswith("; the forecast's 10 periods were repeated to cover 12")


def test_nothing_is_ordered_where_nothing_sells():
    for policy in POLICIES:
        found = decide(case(quantiles=np.zeros((5, 5)), costs=Costs(1, 9, 5)), Plan(policy, P))
        assert (found.order, found.expected_demand, found.expected_fill_rate) == (0, 0, 1)


cases = st.builds(
    case,
    stock=st.builds(
        Stock,
        on_hand=st.floats(-20, 300),
        on_order=st.floats(0, 100),
        backorders=st.floats(0, 20),
        pack_size=st.sampled_from([0.25, 1.0, 6.0, 12.0, 50.0]),
        min_order=st.sampled_from([0.0, 1.0, 30.0]),
        shelf_life=st.sampled_from([1.0, 3.0, np.inf]),
        capacity=st.sampled_from([0.0, 60.0, 200.0, np.inf]),
    ),
    costs=st.builds(Costs, st.floats(0.01, 5), st.floats(0.01, 50), st.floats(0, 100)),
    lead=st.sampled_from([(0.0, 0.0), (2.0, 0.0), (1.5, 0.8)]),
    quantiles=st.lists(st.lists(st.floats(0, 100), min_size=5, max_size=5), min_size=1, max_size=6),
)


@settings(deadline=None, max_examples=60)
@given(cases, st.sampled_from(POLICIES), st.integers(1, 4))
def test_orders_are_whole_packs_within_limits(one, policy, review):
    found = decide(one, Plan(policy, P, review=review, draws=100))
    stock = one.stock
    packs = found.order / stock.pack_size
    assert found.order >= 0
    assert packs == pytest.approx(round(packs))
    assert found.order == 0 or (
        found.order >= stock.min_order and found.position + found.order <= stock.capacity + 1e-6
    )
    assert 0 <= found.expected_fill_rate <= 1
    balance = found.position + found.order - found.expected_demand
    assert found.expected_left - found.expected_short == pytest.approx(balance, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(cases, st.sampled_from(["newsvendor", "base_stock"]), st.floats(1, 20))
def test_a_dearer_shortage_never_lowers_the_order(one, policy, times):
    plan = Plan(policy, P, draws=100)
    dearer = replace(one, costs=replace(one.costs, shortage=one.costs.shortage * times))
    assert decide(dearer, plan).order >= decide(one, plan).order


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unique_id": None}, "unique_id is null"),
        ({"undated": True}, "no usable date"),
        ({"repeated": True}, "several rows on one date"),
        ({"quantiles": [1.0, np.nan, 3, 4, 5]}, "null or infinite value"),
        ({"on_hand": None}, "on_hand is null"),
        ({"pack_size": 0.0}, "pack_size is 0, it must be above 0"),
        ({"capacity": -1.0}, "capacity is -1"),
        ({"min_order": np.inf}, "min_order is infinite"),
        ({"has_costs": False}, "no costs row"),
        ({"holding": -1.0}, "the cost holding is -1, it must be above 0"),
        ({"shortage": np.nan}, "the cost shortage is null"),
        ({"order": -2.0}, "the cost order is -2"),
        ({"has_lead": False}, "no lead_time row"),
        ({"lead_mean": -1.0}, "both must be between 0 and 1000"),
        ({"lead_sd": 9.0}, "more than twice the mean"),
    ],
)
def test_a_series_with_bad_numbers_is_unusable_for_a_reason(changes, words):
    with pytest.raises(Unusable, match=words):
        read_case(row(**changes), Plan("newsvendor", P))


def test_a_series_without_a_stock_row_counts_as_0_and_a_service_level_needs_no_shortage_cost():
    found = read_case(row(has_stock=False, on_hand=None, shortage=None), Plan("newsvendor", P, service_level=0.9))
    assert (found.stock.position, found.notes) == (0, ("no stock row: stock counted as 0",))
    assert read_case(row(pack_size=np.nan), Plan("newsvendor", P)).stock == Stock(on_hand=5)
