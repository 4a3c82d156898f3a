"""Sums of trees: their margin, tree after tree, and exact Shapley values of every feature.

Shapley values are the path-dependent ones of Lundberg et al., Consistent Individualized Feature Attribution for Tree
Ensembles (2018): a feature not in a coalition sends a row down both branches, in the shares that training rows went. They
are computed leaf by leaf, as in Mitchell et al., GPUTreeShap (2022): on the way to a leaf each feature asks for one
interval, so a row is told apart by which of at most depth intervals it is in, and there are 2^depth answers a leaf.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass
from functools import cached_property
from math import factorial
from typing import Any

import numpy as np

from onecart.stats.trees import Tree

_TABLE = 8  # up to this many features on a path all 2^n answers are computed beforehand
_CELLS = 4_000_000  # numbers held at once


@dataclass(frozen=True)
class _Leaves:
    """Leaves whose paths hold equally many (d) features. low, high, taken: [leaf, d]; a row is inside where
    low < x <= high; taken: share of the training rows that did. table: [leaf, 2^d, d], None for long paths."""

    features: Any
    low: Any
    high: Any
    taken: Any
    value: Any
    table: Any


@dataclass(frozen=True)
class Forest:
    """The sum of `trees` and `base`, scaled: the margin of a row."""

    trees: tuple[Tree, ...]
    base: float = 0.0

    def first(self, n: int) -> "Forest":
        return Forest(self.trees[:n], self.base)

    def to_dict(self) -> dict[str, Any]:
        return {"base": self.base, "trees": [asdict(t) for t in self.trees]}

    @staticmethod
    def from_dict(plain: dict[str, Any]) -> "Forest":
        return Forest(tuple(Tree(**t) for t in plain["trees"]), plain["base"])

    def staged(self, x: Any) -> Any:
        """[row, tree]: what each tree says about each row of x."""
        return np.array([_leaf_values(tree, x) for tree in self.trees]).reshape(len(self.trees), len(x)).T

    def margin(self, x: Any) -> Any:
        return self.base + self.staged(x).sum(axis=1)

    @cached_property
    def expected(self) -> float:
        """The mean margin of the training rows, by their covers."""
        return self.base + sum(_expected(tree) for tree in self.trees)

    def shap(self, x: Any, width: int) -> Any:
        """[row, feature of `width`]: Shapley values; they sum to margin - expected."""
        found = np.zeros((len(x), width))
        for leaves in self._leaves:
            step = max(1, _CELLS // leaves.features.size)
            place = np.zeros((leaves.features.size, width))
            place[np.arange(leaves.features.size), leaves.features.ravel()] = 1.0
            for start in range(0, len(x), step):
                part = x[start : start + step]
                found[start : start + step] += _attributed(leaves, part).reshape(len(part), -1) @ place
        return found

    @cached_property
    def _leaves(self) -> list[_Leaves]:
        by_length: dict[int, list[Any]] = defaultdict(list)
        for tree in self.trees:
            for bounds, value in _paths(tree):
                if bounds:
                    by_length[len(bounds)].append((bounds, value))
        return [_gathered(d, paths) for d, paths in by_length.items()]


def _leaf_values(tree: Tree, x: Any) -> Any:
    feature, threshold = np.array(tree.feature), np.array(tree.threshold)
    left, right = np.array(tree.left), np.array(tree.right)
    at, rows = np.zeros(len(x), dtype=int), np.arange(len(x))
    while True:
        inner = feature[at] >= 0
        if not inner.any():
            return np.array(tree.value)[at]
        goes_left = x[rows, np.maximum(feature[at], 0)] <= threshold[at]
        at = np.where(inner, np.where(goes_left, left[at], right[at]), at)


def _expected(tree: Tree) -> float:
    leaves = [i for i, f in enumerate(tree.feature) if f < 0]
    return sum(tree.value[i] * tree.cover[i] for i in leaves) / tree.cover[0]


def _paths(tree: Tree) -> list[tuple[dict[int, tuple[float, float, float]], float]]:
    """For each leaf: feature -> (low, high, share of the training rows taken), and the leaf's value."""
    found: list[Any] = []
    open_: list[Any] = [(0, {})]
    while open_:
        node, bounds = open_.pop()
        f = tree.feature[node]
        if f < 0:
            found.append((bounds, tree.value[node]))
            continue
        low, high, taken = bounds.get(f, (-np.inf, np.inf, 1.0))
        t, cover = tree.threshold[node], tree.cover[node]
        left, right = tree.left[node], tree.right[node]
        open_.append((left, {**bounds, f: (low, min(high, t), taken * tree.cover[left] / cover)}))
        open_.append((right, {**bounds, f: (max(low, t), high, taken * tree.cover[right] / cover)}))
    return found


def _gathered(d: int, paths: list[Any]) -> _Leaves:
    features = np.array([list(bounds) for bounds, _ in paths])
    low, high, taken = (np.array([[b[k] for b in bounds.values()] for bounds, _ in paths]) for k in range(3))
    value = np.array([v for _, v in paths])
    table = None
    if d <= _TABLE:
        inside = (np.arange(2**d)[:, None] >> np.arange(d)) & 1
        table = _shapley(inside[None].astype(float), taken[:, None, :]) * value[:, None, None]
    return _Leaves(features, low, high, taken, value, table)


def _attributed(leaves: _Leaves, x: Any) -> Any:
    """[row, leaf, d]: what each feature on the way to each leaf adds."""
    values = x[:, leaves.features]
    inside = (values > leaves.low) & (values <= leaves.high)
    if leaves.table is None:
        return _shapley(inside.astype(float), leaves.taken[None]) * leaves.value[None, :, None]
    d = leaves.features.shape[1]
    answer = inside @ (1 << np.arange(d))
    return leaves.table[np.arange(len(leaves.value))[None, :], answer]


def _shapley(inside: Any, taken: Any) -> Any:
    """[..., d]: Shapley values of the product game v(S) = prod(inside of S) x prod(taken of the others).

    For feature i, the coefficient of t^s in the product over the others of (taken + inside t) sums v over the coalitions
    of s others; each weighs s! (d-1-s)! / d!.
    """
    inside, taken = np.broadcast_arrays(inside, taken)
    d = inside.shape[-1]
    weights = [factorial(s) * factorial(d - 1 - s) / factorial(d) for s in range(d)]
    found = np.empty(inside.shape)
    for i in range(d):
        sums = [np.ones(inside.shape[:-1])]
        for j in range(d):
            if j == i:
                continue
            longer = [s * taken[..., j] for s in sums] + [np.zeros(inside.shape[:-1])]
            for k, s in enumerate(sums):
                longer[k + 1] = longer[k + 1] + s * inside[..., j]
            sums = longer
        worth = sum(w * s for w, s in zip(weights, sums, strict=True))
        found[..., i] = worth * (inside[..., i] - taken[..., i])
    return found
