"""Mean waits of queues in steady state: Poisson arrivals, exponential service, several servers, classes of priority."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from onecart.errors import UsageError


def waiting(arrivals: float | Sequence[float], servers: int, service_rate: float) -> Any:
    """Mean wait before service per class of priority, the most urgent first (an array; of one class without priorities).

    arrivals: customers per unit of time, of one class or of each; served first come first served within a class, and nobody
    is interrupted. servers: how many; service_rate: customers per unit of time and server, alike for all classes. Waits are
    in the same unit of time. UsageError: a rate that is none, or more work than the servers can do, which waits for ever.

    M/M/c (Erlang 1917) with non-preemptive priorities (Cobham, Priority Assignment in Waiting Line Problems, 1954).
    """
    rates = np.atleast_1d(np.asarray(arrivals, dtype=float))
    if rates.ndim != 1 or not rates.size or not np.isfinite(rates).all() or (rates < 0).any():
        raise UsageError("measure.waiting: arrivals must be rates of 0 or more, one per class, the most urgent first")
    busy = probability_to_wait(float(rates.sum()), servers, service_rate)
    load = np.concatenate([[0.0], rates.cumsum()]) / (servers * service_rate)
    residual = busy / (servers * service_rate)  # mean time until a server is free, of all that arrive
    return residual / ((1 - load[:-1]) * (1 - load[1:]))


def probability_to_wait(arrivals: float, servers: int, service_rate: float) -> float:
    """That all servers are busy when somebody arrives (Erlang C). UsageError: as `waiting`."""
    if servers != int(servers) or servers < 1 or not (np.isfinite(service_rate) and service_rate > 0):
        raise UsageError("measure.waiting: give one server or more, and a service_rate above 0")
    load = arrivals / service_rate
    if load >= servers:
        raise UsageError(
            f"measure.waiting: {arrivals:g} arrivals are more than {servers} servers of {service_rate:g} can serve: the queue "
            f"grows without end; give at least {int(load) + 1} servers"
        )
    blocked = 1.0  # Erlang B, server by server, which no number of servers overflows
    for n in range(1, int(servers) + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))
