"""Trees as plain arrays, read once out of the engine that grew them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Tree:
    """Node 0 is the root; feature -1: a leaf. A row with x[feature] <= threshold goes left. value: what a node says, times the
    tree's weight. cover: weight of the training rows that came by."""

    feature: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    value: list[float]
    cover: list[float]


class _Node(NamedTuple):
    """children: the left and the right one, as their engine has them; none: a leaf."""

    value: float
    cover: float
    feature: int = -1
    threshold: float = 0.0
    children: Sequence[Any] = ()


def of_mllib(root: Any, value: Callable[[Any], float]) -> Tree:
    """Reads a tree of MLlib, node by node out of the JVM (its own export is a file, which a cluster may have no place for).
    value: what a node says."""

    def read(node: Any) -> _Node:
        says, cover = value(node), float(node.impurityStats().count())
        if node.subtreeDepth() == 0:
            return _Node(says, cover)
        split = node.split()
        children = (node.leftChild(), node.rightChild())
        return _Node(says, cover, int(split.featureIndex()), float(split.threshold()), children)

    return _read(root, read)


def of_lightgbm(root: dict[str, Any]) -> Tree:
    """Reads the tree_structure of a dumped model of LightGBM, all of whose splits are by a number at most the threshold; a tree
    may be one leaf."""

    def read(node: dict[str, Any]) -> _Node:
        if "left_child" not in node:
            return _Node(float(node["leaf_value"]), float(node.get("leaf_count", 1)))
        children = (node["left_child"], node["right_child"])
        own = float(node["internal_value"]), float(node["internal_count"])
        return _Node(*own, int(node["split_feature"]), float(node["threshold"]), children)

    return _read(root, read)


def _read(root: Any, read: Callable[[Any], _Node]) -> Tree:
    tree = Tree([], [], [], [], [], [])

    def walk(there: Any) -> int:
        at, node = len(tree.feature), read(there)
        tree.feature.append(node.feature)
        tree.threshold.append(node.threshold)
        tree.value.append(node.value)
        tree.cover.append(node.cover)
        tree.left.append(-1)
        tree.right.append(-1)
        if node.children:
            tree.left[at], tree.right[at] = map(walk, node.children)
        return at

    walk(root)
    return tree
