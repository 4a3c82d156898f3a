"""A queue played event by event: priorities with ageing beside first come first served, on the same tickets."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onecart.config.sections.decide.routing import Agent, Routing
from onecart.decide.routing.workload import can_answer

DAYS = 20  # alike, one after the other; figures are of all of them
_DAY_MINUTES = 480.0
_EVERYBODY = Agent()


@dataclass(frozen=True)
class Arrivals:
    """Tickets in the order they come. arrived: minutes; service: minutes an agent needs; kind: place in the list of skills;
    points: all but those for waiting."""

    arrived: Any
    service: Any
    kind: Any
    points: Any


def play(tickets: Arrivals, skills: Sequence[Sequence[int]], points_per_hour: float | None) -> Any:
    """Minutes that each ticket waits before an agent takes it; nobody is interrupted.

    skills: the kinds that each agent answers; a ticket that comes while several are free goes to the one with fewest skills.
    points_per_hour: of waiting; None: first come, first served. A kind that nobody answers waits for ever (inf).
    """
    n, ageing = len(tickets.arrived), points_per_hour
    gained = 0.0 if ageing is None else ageing / 60
    # All tickets gain alike by waiting, so the order of two of them is known when the later one comes.
    rank = tickets.arrived if ageing is None else gained * tickets.arrived - tickets.points
    by_skill = sorted(range(len(skills)), key=lambda agent: len(skills[agent]))
    free, busy, queues = set(by_skill), list[tuple[float, int]](), dict[int, list[tuple[float, int]]]()
    start = np.full(n, np.inf)

    def begin(agent: int, ticket: int, now: float) -> None:
        start[ticket] = now
        free.discard(agent)
        heapq.heappush(busy, (now + tickets.service[ticket], agent))

    def release(until: float) -> None:
        while busy and busy[0][0] <= until:
            now, agent = heapq.heappop(busy)
            free.add(agent)
            heads = [(queues[kind][0], kind) for kind in skills[agent] if queues.get(kind)]
            if heads:
                (_, ticket), kind = min(heads)
                heapq.heappop(queues[kind])
                begin(agent, ticket, now)

    for ticket in range(n):
        now, kind = float(tickets.arrived[ticket]), int(tickets.kind[ticket])
        release(now)
        agent = next((a for a in by_skill if a in free and kind in skills[a]), None)
        if agent is None:
            heapq.heappush(queues.setdefault(kind, []), (float(rank[ticket]), ticket))
        else:
            begin(agent, ticket, now)
    release(np.inf)
    return start - tickets.arrived


def draw_day(mix: Mapping[tuple[str, str], float], rules: Routing, draw: np.random.Generator) -> tuple[Arrivals, Any]:
    """A day's tickets, and the urgency of each: Poisson arrivals that keep the agents busy for rules.load of the day, drawn from
    `mix` ((intent, urgency) -> weight), exponential service of rules.service_minutes on average."""
    names = sorted({intent for intent, _ in mix})
    of_level = {str(level): points for level, points in rules.urgency_points.items()}
    pairs, weights = [*mix], np.array([*mix.values()], dtype=float)
    agents = max(1, len(rules.agents))
    n = draw.poisson(rules.load * agents * _DAY_MINUTES / rules.service_minutes)
    which = draw.choice(len(pairs), n, p=weights / weights.sum())
    urgency = np.array([level for _, level in pairs])[which]
    personal = draw.uniform(0, rules.value_points + rules.annoyed_points, n)
    points = np.array([of_level.get(level, 0.0) for _, level in pairs])[which]
    kind = np.array([names.index(intent) for intent, _ in pairs])[which]
    arrived = np.sort(draw.uniform(0, _DAY_MINUTES, n))
    return Arrivals(arrived, draw.exponential(rules.service_minutes, n), kind, points + personal), urgency


def simulated_day(
    mix: Mapping[tuple[str, str], float], rules: Routing, seed: int, days: int = DAYS
) -> dict[str, dict[str, float]]:
    """`routing` and `first_come` -> wait_high, wait_normal, wait_low (mean minutes), urgent_missed (share of urgent tickets
    that wait longer than rules.urgent_minutes) and tickets (per day), on the same tickets, of the mean of `days`.

    mix: as `draw_day`; intents that no agent answers are left out. Empty where nothing is left.
    """
    agents = [*rules.agents.values()] or [_EVERYBODY]
    answered = {key: w for key, w in mix.items() if w > 0 and any(can_answer(agent, key[0]) for agent in agents)}
    if not answered:
        return {}
    names = sorted({intent for intent, _ in answered})
    skills = [[k for k, intent in enumerate(names) if can_answer(agent, intent)] for agent in agents]
    draw = np.random.default_rng(seed)
    drawn = [draw_day(answered, rules, draw) for _ in range(days)]
    urgency = np.concatenate([levels for _, levels in drawn])
    found = {}
    for name, ageing in (("routing", rules.points_per_hour), ("first_come", None)):
        waits = np.concatenate([play(tickets, skills, ageing) for tickets, _ in drawn])
        found[name] = _figures(waits, urgency, rules.urgent_minutes, days)
    return found


def _figures(waits: Any, urgency: Any, urgent_minutes: float, days: int) -> dict[str, float]:
    figures = {"tickets": len(waits) / days}
    for level in ("high", "normal", "low"):
        if (of_level := urgency == level).any():
            figures[f"wait_{level}"] = float(waits[of_level].mean())
    if (high := urgency == "high").any():
        figures["urgent_missed"] = float((waits[high] > urgent_minutes).mean())
    return figures
