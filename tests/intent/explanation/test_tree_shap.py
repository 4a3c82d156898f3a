"""Shapley values of trees against the definition: every coalition, by hand."""

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart.intent.explanation.tree_shap import Forest
from onecart.stats.trees import Tree

WIDTH = 4


def grown(draw: np.random.Generator, depth: int) -> Tree:
    """A random tree whose covers add up; features come twice on a path now and then."""
    nodes: list[list[float]] = []

    def grow(depth: int, cover: float) -> int:
        at = len(nodes)
        nodes.append([-1, 0.0, -1, -1, draw.normal(), cover])
        if depth and draw.random() < 0.9:
            part = cover * draw.uniform(0.1, 0.9)
            nodes[at][:2] = [float(draw.integers(WIDTH)), draw.normal()]
            nodes[at][2] = grow(depth - 1, part)
            nodes[at][3] = grow(depth - 1, cover - part)
        return at

    grow(depth, 100.0)
    feature, threshold, left, right, value, cover = map(list, zip(*nodes, strict=True))
    return Tree([int(f) for f in feature], threshold, [int(i) for i in left], [int(i) for i in right], value, cover)


def worth(tree: Tree, x: Any, known: tuple[int, ...], node: int = 0) -> float:
    """The tree's mean over rows that are like x in the known features."""
    f = tree.feature[node]
    if f < 0:
        return tree.value[node]
    left, right = tree.left[node], tree.right[node]
    if f in known:
        return worth(tree, x, known, left if x[f] <= tree.threshold[node] else right)
    share = tree.cover[left] / tree.cover[node]
    return share * worth(tree, x, known, left) + (1 - share) * worth(tree, x, known, right)


def by_definition(forest: Forest, x: Any) -> list[float]:
    found = []
    for i in range(WIDTH):
        others, total = [j for j in range(WIDTH) if j != i], 0.0
        for size in range(WIDTH):
            weight = factorial(size) * factorial(WIDTH - 1 - size) / factorial(WIDTH)
            for known in combinations(others, size):
                total += weight * sum(worth(t, x, (*known, i)) - worth(t, x, known) for t in forest.trees)
        found.append(total)
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_values_are_shapleys_and_sum_to_the_margin(seed: int, depth: int) -> None:
    draw = np.random.default_rng(seed)
    forest = Forest(tuple(grown(draw, depth) for _ in range(3)), base=0.25)
    x = draw.normal(size=(5, WIDTH))
    found = forest.shap(x, WIDTH)
    assert found == pytest.approx(np.array([by_definition(forest, row) for row in x]), abs=1e-9)
    assert found.sum(axis=1) == pytest.approx(forest.margin(x) - forest.expected, abs=1e-9)


def test_a_long_path_needs_no_table_of_all_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from onecart.intent.explanation import tree_shap as module

    draw = np.random.default_rng(3)
    trees = tuple(grown(draw, 5) for _ in range(3))
    x = draw.normal(size=(6, WIDTH))
    tables = Forest(trees).shap(x, WIDTH)
    monkeypatch.setattr(module, "_TABLE", 1)
    monkeypatch.setattr(module, "_CELLS", 100)  # and a batch is cut into pieces
    assert Forest(trees).shap(x, WIDTH) == pytest.approx(tables)


def test_a_forest_comes_back_from_plain_values() -> None:
    forest = Forest((grown(np.random.default_rng(1), 3),), base=0.5)
    assert Forest.from_dict(forest.to_dict()) == forest
    assert forest.first(0).margin(np.zeros((2, WIDTH))).tolist() == [0.5, 0.5]


def test_lightgbms_values_are_the_same_and_its_trees_can_be_read() -> None:
    import pickle

    from onecart.intent.explanation.explain import LightGbm, from_dict
    from onecart.intent.explanation.rules import lightgbm_trees
    from onecart.stats.boosting import trained

    draw = np.random.default_rng(2)
    x = np.round(draw.normal(size=(600, WIDTH)), 2)
    y = (draw.random(600) < 1 / (1 + np.exp(-x[:, 0] * x[:, 1]))).astype(float)
    how = {"objective": "binary", "n_estimators": 12, "num_leaves": 6, "num_threads": 1, "verbose": -1}
    explainer = LightGbm(*trained(how, x, y, 1 + y))
    margins, parts = explainer.odds(x), explainer.parts(x)
    assert parts.sum(axis=1) + explainer.expected == pytest.approx(margins, abs=1e-9)
    forest = Forest(tuple(lightgbm_trees(explainer, explainer.rounds)))
    assert forest.margin(x) == pytest.approx(margins, abs=1e-9)
    assert forest.shap(x[:40], WIDTH) == pytest.approx(parts[:40], abs=1e-9)
    for again in (from_dict(explainer.to_dict()), pickle.loads(pickle.dumps(explainer))):
        assert again.odds(x).tolist() == margins.tolist()
