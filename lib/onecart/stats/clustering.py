"""Groups of rows that are alike: k-means, Gaussian mixtures, and whether the groups are there at all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_ROUNDS, _STARTS, _RESAMPLES = 100, 5, 10
_SHOWN = 1_500  # rows that a silhouette is taken over: it compares every two
_LEAST_SPREAD = 1e-3  # of a mixture's part, so that it does not shrink onto one row


@dataclass(frozen=True)
class Groups:
    """Centres [group, number] and, of a mixture, variances and shares; of k-means both are None."""

    centres: Any
    variances: Any = None
    shares: Any = None

    def assign(self, x: Any) -> Any:
        """The group of each row: of the nearest centre, or the likeliest."""
        if self.variances is None:
            return _distances(x, self.centres).argmin(axis=1)
        return _log_density(x, self.centres, self.variances, self.shares).argmax(axis=1)


Fit = Callable[[Any, int, int], Groups]


def kmeans(x: Any, k: int, seed: int) -> Groups:
    """The best of some seeded starts (k-means++, Arthur & Vassilvitskii 2007), by the sum of squared distances."""
    draw, best = np.random.default_rng(seed), (np.inf, x[:k])
    for _ in range(_STARTS):
        centres = _spread_out(x, k, draw)
        for _ in range(_ROUNDS):
            group = _distances(x, centres).argmin(axis=1)
            sizes = np.bincount(group, minlength=k)
            sums = np.zeros_like(centres)
            np.add.at(sums, group, x)
            moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
            if np.allclose(moved, centres, atol=1e-9):
                break
            centres = moved
        loss = _distances(x, centres).min(axis=1).sum()
        best = min(best, (loss, centres), key=lambda found: found[0])
    return Groups(best[1])


def mixture(x: Any, k: int, seed: int) -> Groups:
    """A mixture of k Gaussians, each number with a variance of its own in each, by EM from the groups of `kmeans`."""
    start = kmeans(x, k, seed)
    share_of = np.eye(k)[start.assign(x)]
    for _ in range(_ROUNDS):
        sizes = share_of.sum(axis=0) + 1e-9
        centres = share_of.T @ x / sizes[:, None]
        variances = np.maximum(share_of.T @ (x * x) / sizes[:, None] - centres**2, _LEAST_SPREAD)
        shares = sizes / sizes.sum()
        log = _log_density(x, centres, variances, shares)
        log -= log.max(axis=1, keepdims=True)
        new = np.exp(log)
        new /= new.sum(axis=1, keepdims=True)
        if np.abs(new - share_of).max() < 1e-6:
            break
        share_of = new
    return Groups(centres, variances, shares)


def silhouette(x: Any, group: Any, seed: int) -> float:
    """Mean over rows (of many a seeded sample) of (b - a) / max(a, b): a the mean distance to its own group's others, b to
    the nearest other group's (Rousseeuw 1987). -1 to 1; alone in its group: 0; one group only: 0."""
    at = np.sort(np.random.default_rng(seed).permutation(len(x))[:_SHOWN])
    x, group = x[at], np.unique(group[at], return_inverse=True)[1]
    k = int(group.max()) + 1
    if k < 2:
        return 0.0
    far, member = np.sqrt(_distances(x, x)), np.eye(k)[group]
    sums, sizes = far @ member, member.sum(axis=0)
    mine, rows = sizes[group], np.arange(len(x))
    inside = sums[rows, group] / np.maximum(mine - 1, 1)
    means = sums / sizes
    means[rows, group] = np.inf
    outside = means.min(axis=1)
    value = (outside - inside) / np.maximum(np.maximum(inside, outside), 1e-300)
    return float(np.where(mine > 1, value, 0.0).mean())


def adjusted_rand(one: Any, other: Any) -> float:
    """How far two ways to group the same rows agree, chance taken off (Hubert & Arabie 1985): 1: the same groups, 0: as by
    chance."""
    a, b = (np.unique(v, return_inverse=True)[1] for v in (one, other))
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    both, rows, columns, whole = (_pairs(v).sum() for v in (table, table.sum(1), table.sum(0), np.array([len(a)])))
    expected, most = rows * columns / whole if whole else 0.0, (rows + columns) / 2
    return 1.0 if most == expected else float((both - expected) / (most - expected))


def stability(fit: Fit, x: Any, k: int, seed: int) -> float:
    """Mean adjusted Rand index, over all rows, of the groups found in all rows and those found in bootstrap resamples
    (Hennig, Cluster-wise assessment of cluster stability, 2007)."""
    base, draw = fit(x, k, seed).assign(x), np.random.default_rng(seed + 1)
    again = [fit(x[draw.integers(0, len(x), len(x))], k, seed + i).assign(x) for i in range(_RESAMPLES)]
    return float(np.mean([adjusted_rand(base, one) for one in again]))


def _pairs(n: Any) -> Any:
    return n * (n - 1) / 2


def _spread_out(x: Any, k: int, draw: np.random.Generator) -> Any:
    centres = x[[draw.integers(len(x))]]
    while len(centres) < k:
        near = _distances(x, centres).min(axis=1)
        at = draw.choice(len(x), p=near / near.sum()) if near.sum() > 0 else draw.integers(len(x))
        centres = np.vstack([centres, x[at]])
    return centres


def _distances(x: Any, centres: Any) -> Any:
    """[row, centre]: squared."""
    squares = (x * x).sum(axis=1)[:, None] + (centres * centres).sum(axis=1) - 2 * x @ centres.T
    return np.maximum(squares, 0)


def _log_density(x: Any, centres: Any, variances: Any, shares: Any) -> Any:
    inverse = 1 / variances
    squares = (x * x) @ inverse.T - 2 * x @ (centres * inverse).T + (centres**2 * inverse).sum(axis=1)
    return np.log(shares) - (squares + np.log(variances).sum(axis=1)) / 2
