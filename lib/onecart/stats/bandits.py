"""Which of several items to show: Thompson sampling and LinUCB, and the probability with which each item is chosen.

Thompson sampling: Thompson (1933); Chapelle & Li, An Empirical Evaluation of Thompson Sampling (2011). LinUCB: Li, Chu, Langford
& Schapire, A Contextual-Bandit Approach to Personalized News Article Recommendation (2010), one model per item.
"""

from typing import Any

import numpy as np

_NODES = 24  # of Gauss and Legendre's rule on each panel
_PROBABILITIES = (1e-12, 1e-9, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 0.9, 0.99, 1 - 1e-4, 1 - 1e-6, 1 - 1e-9)


def thompson_propensities(successes: Any, failures: Any) -> Any:
    """[arm]: the probability that the arm's draw from Beta(successes, failures) is the largest, the parameters with their prior.

    The integral over u in (0, 1) of the product of the others' distributions at the arm's u-quantile, by panels whose borders
    are where the others' quantiles fall.
    """
    from scipy.special import betainc, betaincinv

    a, b = np.asarray(successes, float), np.asarray(failures, float)
    at, weight = np.polynomial.legendre.leggauss(_NODES)
    marks = betaincinv(a[:, None], b[:, None], np.array(_PROBABILITIES))
    found = np.empty(len(a))
    for i in range(len(a)):
        others = [j for j in range(len(a)) if j != i]
        borders = np.unique(np.concatenate([[0.0, 1.0], _PROBABILITIES, betainc(a[i], b[i], marks[others]).ravel()]))
        middle, half = (borders[1:] + borders[:-1]) / 2, np.diff(borders) / 2
        u = middle[:, None] + half[:, None] * at
        x = betaincinv(a[i], b[i], np.clip(u, 0, 1))
        below = np.ones_like(x)
        for j in others:
            below *= betainc(a[j], b[j], x)
        found[i] = (half[:, None] * weight * below).sum()
    return found / found.sum()


def linucb_scores(contexts: Any, xx: Any, xr: Any, *, alpha: float, ridge: float) -> Any:
    """[row, arm]: the upper bound x'theta + alpha sqrt(x' A^-1 x), with A = ridge I + sum of x x' and theta = A^-1 sum of x r.

    contexts[row, number]; xx[arm, number, number] and xr[arm, number]: the sums over what each arm saw.
    """
    x = np.asarray(contexts, float)
    inverse = np.linalg.inv(ridge * np.eye(x.shape[1]) + np.asarray(xx, float))
    theta = np.einsum("akl,al->ak", inverse, np.asarray(xr, float))
    doubt = np.einsum("nk,akl,nl->na", x, inverse, x)
    return x @ theta.T + alpha * np.sqrt(np.maximum(doubt, 0))


def greedy(scores: Any) -> Any:
    """[row, arm]: 1 for the largest score; equal ones share it."""
    best = scores >= scores.max(axis=1, keepdims=True) - 1e-12
    return best / best.sum(axis=1, keepdims=True)


def explored(propensities: Any, exploration: float, floor: float) -> Any:
    """`propensities` (the last axis are the arms) mixed with `exploration` of an even choice, and none below `floor`, as far as
    that takes more."""
    p = np.asarray(propensities, float)
    arms = p.shape[-1]
    mixed = (1 - exploration) * p + exploration / arms
    lacking = np.maximum(floor - mixed.min(axis=-1, keepdims=True), 0)
    share = np.divide(
        lacking, 1 / arms - mixed.min(axis=-1, keepdims=True), out=np.zeros_like(lacking), where=lacking > 0
    )
    return (1 - share) * mixed + share / arms
