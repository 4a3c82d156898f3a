"""Assignment of offers: known answers, limits that are never broken, and the gap to the bound."""

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onecart import decide
from onecart.decide.assignment.in_memory import InMemory
from onecart.decide.assignment.plan import Limits
from onecart.decide.assignment.pricing import Block, use_of
from onecart.decide.assignment.search import search
from onecart.errors import UsageError

VALUES = ((5, 3.5, 4.2), (6.1, 2, 3.3), (1.2, 0.9, 1.1), (4.4, 4.1, 0), (3, 2.9, 2.8), (7.5, 5.5, 6.9))
COSTS = (2, 0.5, 1)


def offers(values: Any = VALUES, costs: Any = COSTS) -> pd.DataFrame:
    rows = [
        (f"c{i}", name, float(value), float(cost))
        for i, row in enumerate(values)
        for name, value, cost in zip("abc", row, costs, strict=True)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "offer", "value", "cost"])


@pytest.mark.parametrize(
    ("budget", "caps", "value"),
    [(3, None, 19.4), (5, {"a": 2, "b": 2, "c": None}, 24.2), (4.5, {"a": 1, "b": 3, "c": 2}, 23.5)],
)
def test_known_answers(budget: float, caps: Any, value: float) -> None:
    plan = decide.assign(offers(), budget, caps)
    assert plan.value == pytest.approx(value, abs=1e-6)
    assert plan.exact
    assert plan.gap == 0
    assert plan.bound >= plan.value - 1e-9
    assert plan.chosen["value"].sum() == pytest.approx(value, abs=1e-6)
    assert plan.chosen["cost"].sum() == pytest.approx(plan.spent)
    assert plan.spent <= budget + 1e-9
    if caps is None:
        assert plan.price_of_budget == pytest.approx(2.8, abs=1e-6)


def test_the_solver_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    decide.assign(offers(), 3)
    assert capfd.readouterr().out == ""


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.tuples(*[st.integers(-3, 9)] * 3), min_size=1, max_size=4),
    costs=st.tuples(*[st.integers(0, 3)] * 3),
    budget=st.integers(0, 7),
    cap=st.one_of(st.none(), st.integers(0, 2)),
    per_customer=st.integers(1, 2),
)
def test_no_choice_of_all_there_are_is_better(
    values: Any, costs: Any, budget: int, cap: int | None, per_customer: int
) -> None:
    plan = decide.assign(offers(values, costs), budget, {"b": cap}, per_customer)
    options = [
        [picks for n in range(per_customer + 1) for picks in itertools.combinations(range(3), n)] for _ in values
    ]
    best = 0.0
    for choice in itertools.product(*options):
        cost = sum(costs[o] for picks in choice for o in picks)
        if cost <= budget and (cap is None or sum(1 in picks for picks in choice) <= cap):
            best = max(best, sum(row[o] for row, picks in zip(values, choice, strict=True) for o in picks))
    assert plan.value == pytest.approx(best, abs=1e-9)
    assert plan.bound >= best - 1e-9
    assert (plan.chosen["value"] > 0).all()


@settings(max_examples=40, deadline=None)
@example(
    seed=0, n=501, budget=0.5, caps=(math.inf,) * 3, per_customer=1, coarse=False
)  # prices alone: .8 % below the bound
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(501, 1200),
    budget=st.one_of(st.none(), st.floats(0, 400)),
    caps=st.tuples(*[st.one_of(st.just(math.inf), st.integers(0, 200))] * 3),
    per_customer=st.integers(1, 3),
    coarse=st.booleans(),
)
def test_many_customers_keep_the_limits_within_half_a_percent_of_the_bound(
    seed: int, n: int, budget: float | None, caps: Any, per_customer: int, coarse: bool
) -> None:
    draw = np.random.default_rng(seed)
    values, costs = draw.gamma(2, 1, (n, 3)), draw.uniform(0, 2, (n, 3))
    if coarse:  # many customers that are alike
        values, costs = np.round(values), np.round(costs)
    limits = Limits(math.inf if budget is None else budget, np.array(caps, dtype=float), per_customer)
    rows = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(n), 3),
            "offer": np.tile(["a", "b", "c"], n),
            "value": values.ravel(),
            "cost": costs.ravel(),
        }
    )
    plan = decide.assign(rows, budget, dict(zip("abc", caps, strict=True)), per_customer)
    counts = plan.chosen["offer"].value_counts()
    assert plan.chosen["cost"].sum() <= limits.budget * (1 + 1e-9) + 1e-9
    assert all(counts.get(name, 0) <= cap for name, cap in zip("abc", caps, strict=True))
    assert not plan.chosen.duplicated(["customer_id", "offer"]).any()
    assert plan.chosen.groupby("customer_id").size().max() <= per_customer or not len(plan.chosen)
    assert plan.value <= plan.bound + 1e-9
    assert plan.gap <= 0.005


def test_prices_bound_every_plan_also_the_exact_one() -> None:
    draw = np.random.default_rng(3)
    values, costs = draw.gamma(2, 1, (400, 3)), draw.uniform(0.1, 2, (400, 3))
    limits = Limits(60.0, np.array([30, 100, np.inf]), 1)
    block = Block(values, costs, np.arange(400))
    found = search(InMemory(block), limits)
    from onecart.decide.assignment.solvers import best_choice

    chosen, proved = best_choice(block, limits)
    best = use_of(block, chosen)
    assert proved
    assert limits.hold(best.spent, best.counts)
    assert limits.hold(found.use.spent, found.use.counts)
    assert best.value * (1 - 0.005) <= found.use.value <= best.value + 1e-9
    assert best.value <= found.bound + 1e-9


@pytest.mark.parametrize(
    ("change", "budget", "caps", "says"),
    [
        ({"value": [math.nan]}, 1, None, "1 rows have a value or cost that is null, NaN or infinite"),
        ({"cost": [math.inf]}, 1, None, "1 rows have a value or cost"),
        ({"cost": [-1.0]}, 1, None, "1 rows have a cost below 0"),
        ({"customer_id": [None]}, 1, None, "1 rows have no customer_id or offer"),
        ({}, -1, None, "budget must be a number from 0 on"),
        ({}, math.nan, None, "budget must be a number from 0 on"),
        ({}, 1, {"aa": 1}, "caps names the offer 'aa', which no row has"),
        ({}, 1, {"a": -1}, "the cap of 'a' must be"),
    ],
)
def test_odd_input_is_named(change: dict[str, Any], budget: Any, caps: Any, says: str) -> None:
    row = pd.DataFrame({"customer_id": ["c"], "offer": ["a"], "value": [1.0], "cost": [1.0]}).assign(**change)
    with pytest.raises(UsageError, match=says):
        decide.assign(row, budget, caps)


def test_an_offer_twice_to_one_customer_and_a_missing_column_are_named() -> None:
    twice = pd.concat([offers(), offers().head(1)])
    with pytest.raises(UsageError, match="customer 'c0' has the offer 'a' twice"):
        decide.assign(twice, 1)
    with pytest.raises(UsageError, match="no column 'cost'"):
        decide.assign(offers().drop(columns="cost"), 1)
    with pytest.raises(UsageError, match="per_customer must be"):
        decide.assign(offers(), 1, per_customer=0)
    with pytest.raises(UsageError, match="found list"):
        decide.assign([1], 1)  # type: ignore[arg-type]


def test_nothing_to_give_is_a_plan_too() -> None:
    for rows, budget in ((offers().head(0), 5), (offers().assign(value=-1.0), 5), (offers(costs=(1, 1, 1)), 0)):
        plan = decide.assign(rows, budget)
        assert (plan.value, plan.gap, len(plan.chosen)) == (0, 0, 0)
    free = decide.assign(offers(costs=(0, 1, 1)), 0)
    assert free.value == pytest.approx(5 + 6.1 + 1.2 + 4.4 + 3 + 7.5)


@pytest.mark.job
def test_spark_rows_give_the_plan_of_pandas_rows_also_where_they_are_too_many_for_this_process(
    spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onecart.decide.assignment import distributed

    small = decide.assign(spark.createDataFrame(offers()), 3)
    assert small.chosen.columns == ["customer_id", "offer", "value", "cost"]
    assert sum(r["value"] for r in small.chosen.collect()) == pytest.approx(19.4)
    draw = np.random.default_rng(5)
    n = 1500
    rows = offers(draw.gamma(2, 1, (n, 3)))
    here = decide.assign(rows, 100, {"b": 90})
    monkeypatch.setattr(distributed, "HERE", 100)
    plan = decide.assign(spark.createDataFrame(rows), 100, {"b": 90})
    chosen = plan.chosen.toPandas()
    assert plan.gap <= 0.005
    assert plan.value == pytest.approx(here.value, rel=0.005)
    assert chosen["value"].sum() == pytest.approx(plan.value)
    assert chosen["cost"].sum() <= 100 + 1e-9
    assert (chosen["offer"] == "b").sum() <= 90
    assert chosen["customer_id"].is_unique
    with pytest.raises(UsageError, match="1 rows are of a customer and offer that another row has"):
        decide.assign(spark.createDataFrame(pd.concat([rows, rows.head(1)])), 100)
