"""The queue played: against theory, and nobody waits for ever."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart.config.sections.decide.routing import Agent, Routing
from onecart.decide.routing.simulation import Arrivals, play, simulated_day

MIX = {("refund", "high"): 1.0, ("question", "normal"): 5.0, ("account", "low"): 4.0}


def poisson(rates: list[float], servers: int, service_rate: float, n: int, seed: int) -> tuple[Arrivals, Any]:
    draw = np.random.default_rng(seed)
    level = draw.choice(len(rates), n, p=np.array(rates) / sum(rates))
    arrived = draw.exponential(1 / sum(rates), n).cumsum()
    service = draw.exponential(1 / service_rate, n)
    return Arrivals(arrived, service, np.zeros(n, int), -1e6 * level.astype(float)), level


@pytest.mark.parametrize(("ageing", "waits"), [(0.0, [0.070225, 0.120385, 0.601926]), (None, [0.351124] * 3)])
def test_long_queues_wait_as_theory_says(ageing: float | None, waits: list[float]) -> None:
    tickets, level = poisson([2, 3, 5], 3, 4, 200_000, seed=3)
    found = play(tickets, [[0]] * 3, ageing)
    assert [found[level == k].mean() for k in range(3)] == pytest.approx(waits, rel=0.06)


def test_who_came_first_goes_first_without_points_and_skills_count() -> None:
    tickets = Arrivals(
        np.array([0.0, 1.0, 2.0, 3.0]), np.array([10.0, 5.0, 5.0, 5.0]), np.array([0, 0, 1, 2]), np.zeros(4)
    )
    waits = play(tickets, [[0], [0, 1]], None)
    assert waits.tolist() == [0.0, 0.0, 4.0, np.inf]  # the specialist takes the first, so that the other is free
    waits = play(tickets, [[0, 1, 2]], None)
    assert waits.tolist() == [0.0, 9.0, 13.0, 17.0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 300), st.floats(0.5, 60), st.integers(0, 2), st.sampled_from([0.0, 2.0, 8.0])),
        min_size=2,
        max_size=60,
    ),
    st.sampled_from([0.25, 1.0, 4.0]),
    st.integers(1, 3),
)
def test_nobody_is_overtaken_by_what_came_much_later(rows: list[Any], ageing: float, agents: int) -> None:
    """The proof that nobody waits for ever: only what came within (most - least points) / ageing hours goes before a ticket."""
    arrived, service, kind, points = (np.array(column) for column in zip(*sorted(rows), strict=True))
    waits = play(Arrivals(arrived, service, kind, points), [[0, 1, 2]] * agents, ageing)
    begun, limit = arrived + waits, 8.0 / ageing * 60
    assert np.isfinite(begun).all()
    for ticket in range(len(rows)):
        overtook = (begun < begun[ticket]) & (arrived > arrived[ticket] + limit + 1e-6)
        assert not overtook.any()


def test_urgent_tickets_wait_less_than_first_come_first_served_on_the_same_day() -> None:
    rules = Routing(agents={"ann": Agent(skills=("refund", "question")), "bob": Agent()})
    found = simulated_day(MIX, rules, seed=7)
    ours, theirs = found["routing"], found["first_come"]
    assert ours["tickets"] == theirs["tickets"]
    assert ours["wait_high"] < 0.5 * theirs["wait_high"]
    assert ours["urgent_missed"] < theirs["urgent_missed"]
    assert found == simulated_day(MIX, rules, seed=7)


def test_intents_that_nobody_answers_are_left_out() -> None:
    rules = Routing(agents={"ann": Agent(skills=("delivery",))})
    assert simulated_day(MIX, rules, seed=7) == {}
    assert set(simulated_day({**MIX, ("delivery", "low"): 1.0}, rules, seed=7)["routing"]) == {"tickets", "wait_low"}
