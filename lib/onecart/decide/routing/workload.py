"""How many tickets of each kind each agent takes: as many as can be, and the work spread evenly (a maximum flow)."""

from collections.abc import Mapping

import numpy as np

from onecart.config.sections.decide.routing import Agent


def can_answer(agent: Agent, intent: str) -> bool:
    """Whether the agent has the skill; one without any named has all."""
    return not agent.skills or intent in agent.skills


def quotas(waiting: Mapping[tuple[int, str], int], agents: Mapping[str, Agent]) -> dict[tuple[int, str, str], int]:
    """(band, intent, agent) -> tickets that the agent takes.

    waiting: (band, intent) -> tickets; band 0 is served first, the next with the capacity that is left. Within a band as many
    tickets as possible find an agent with the skill, at the lowest load (tickets / capacity) of the busiest agent that
    allows it.
    """
    left = {name: agent.capacity for name, agent in agents.items()}
    found: dict[tuple[int, str, str], int] = {}
    for band in sorted({band for band, _ in waiting}):
        counts = {intent: n for (at, intent), n in waiting.items() if at == band and n}
        flow = _spread(counts, agents, left)
        for (intent, name), n in flow.items():
            found[band, intent, name] = n
            left[name] -= n
    return found


def _spread(
    counts: Mapping[str, int], agents: Mapping[str, Agent], left: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    """The flow that serves as many as with all capacity left, at the lowest share of it (found by bisection)."""
    wanted = sum((best := _flow(counts, agents, left)).values())
    low, high = 0.0, 1.0
    while high - low > 1e-3:
        share = (low + high) / 2
        part = {name: int(np.ceil(share * n)) for name, n in left.items()}
        flow = _flow(counts, agents, part)
        if sum(flow.values()) == wanted:
            best, high = flow, share
        else:
            low = share
    return best


def _flow(
    counts: Mapping[str, int], agents: Mapping[str, Agent], caps: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_flow

    intents, names = sorted(counts), sorted(agents)
    if not intents or not names:
        return {}
    size = len(intents) + len(names) + 2
    graph = np.zeros((size, size), dtype=np.int32)
    for i, intent in enumerate(intents):
        graph[0, 1 + i] = counts[intent]
        for j, name in enumerate(names):
            if can_answer(agents[name], intent):
                graph[1 + i, 1 + len(intents) + j] = counts[intent]
    for j, name in enumerate(names):
        graph[1 + len(intents) + j, size - 1] = caps[name]
    flow = maximum_flow(csr_matrix(graph), 0, size - 1).flow.toarray()
    return {
        (intent, name): int(n)
        for i, intent in enumerate(intents)
        for j, name in enumerate(names)
        if (n := flow[1 + i, 1 + len(intents) + j]) > 0
    }
