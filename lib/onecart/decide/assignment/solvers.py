"""The assignment as a linear program (prices of the limits) and with whole offers (exact), both by HiGHS in scipy."""

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from onecart.decide.assignment.plan import Limits, Prices
from onecart.decide.assignment.pricing import Block

_ONE_AT_A_TIME = threading.Lock()
_SECONDS = 60.0  # that the search for the exact plan may take


def prices_of(block: Block, values: np.ndarray, limits: Limits) -> Prices:
    """The prices of the limits in the linear relaxation for these customers. values: as block.values, made unequal or not."""
    from scipy.optimize import linprog

    rows, offers = np.nonzero(values > 0)
    none = Prices(0.0, np.zeros(values.shape[1]))
    if not len(rows):
        return none
    matrix, most, kinds = _limits(block, rows, offers, limits)
    upper = 1.0 if limits.per_customer > 1 else None
    tight = {"dual_feasibility_tolerance": 1e-9, "primal_feasibility_tolerance": 1e-9}
    with _quiet():
        found = linprog(-values[rows, offers], A_ub=matrix, b_ub=most, bounds=(0, upper), method="highs", options=tight)
    if found.status != 0:
        return none
    marginals = -found.ineqlin.marginals[len(block) :]
    caps = none.caps.copy()
    budget = 0.0
    for kind, price in zip(kinds, marginals, strict=True):
        if kind < 0:
            budget = max(0.0, float(price))
        else:
            caps[kind] = max(0.0, float(price))
    return Prices(budget, caps)


def best_choice(
    block: Block, limits: Limits, *, gap: float = 0.0, seconds: float = _SECONDS
) -> tuple[np.ndarray, bool]:
    """([customer, offer]: whether it is chosen, whether this is proved to be the best within `gap`)."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    chosen = np.zeros(block.values.shape, dtype=bool)
    rows, offers = np.nonzero(block.values > 0)
    if not len(rows):
        return chosen, True
    matrix, most, _ = _limits(block, rows, offers, limits)
    with _quiet():
        found = milp(
            -block.values[rows, offers],
            constraints=LinearConstraint(matrix, -np.inf, most),
            integrality=np.ones(len(rows)),
            bounds=Bounds(0, 1),
            options={"mip_rel_gap": gap, "time_limit": seconds},
        )
    if found.x is None:
        return chosen, False
    picked = found.x > 0.5
    chosen[rows[picked], offers[picked]] = True
    return chosen, found.status == 0


def _limits(block: Block, rows: np.ndarray, offers: np.ndarray, limits: Limits) -> tuple[Any, np.ndarray, list[int]]:
    """(Matrix of the limits over the offers, what each may come to, of those after the customers' own: -1 the budget, else the
    offer capped)."""
    from scipy.sparse import csr_matrix, vstack

    n = len(rows)
    columns = np.arange(n)
    parts = [csr_matrix((np.ones(n), (rows, columns)), shape=(len(block), n))]
    most = [np.full(len(block), float(limits.per_customer))]
    kinds: list[int] = []
    if math.isfinite(limits.budget):
        parts.append(csr_matrix(block.costs[rows, offers][None, :]))
        most.append(np.array([max(0.0, limits.budget)]))
        kinds.append(-1)
    for offer in np.flatnonzero(np.isfinite(limits.caps)):
        parts.append(csr_matrix((offers == offer).astype(float)[None, :]))
        most.append(np.array([max(0.0, limits.caps[offer])]))
        kinds.append(int(offer))
    return vstack(parts).tocsr(), np.concatenate(most), kinds


@contextmanager
def _quiet() -> Iterator[None]:
    """HiGHS writes to the process's standard output below Python: it goes nowhere meanwhile."""
    with _ONE_AT_A_TIME:
        kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 1)
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            os.close(nowhere)
