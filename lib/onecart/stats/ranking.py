"""How well a score puts rows in order."""

from typing import Any

import numpy as np


def auc(score: Any, hit: Any) -> float:
    """The share of the pairs of a hit and another row that the score puts in order; ties count half. hit: true or false."""
    _, at, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[at]
    n, m = hit.sum(), (~hit).sum()
    return float((rank[hit].sum() - n * (n + 1) / 2) / (n * m))
