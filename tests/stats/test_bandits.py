"""Bandits: known answers, and what exploration promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart.stats.bandits import explored, greedy, linucb_scores, thompson_propensities


def test_thompson_known_answers():
    assert thompson_propensities([3, 2], [5, 6]) == pytest.approx([0.720280, 0.279720], abs=1e-6)
    assert thompson_propensities([8, 11, 5], [40, 39, 45]) == pytest.approx([0.238628, 0.736151, 0.025221], abs=1e-6)


def test_thompson_of_arms_that_are_known_very_unequally_well():
    from scipy.integrate import quad
    from scipy.stats import beta

    a, b = [1, 300, 2], [1, 900, 9]
    arms = [beta(x, y) for x, y in zip(a, b, strict=True)]

    def best(i):
        others = [arm for j, arm in enumerate(arms) if j != i]
        marks = np.linspace(0.2, 0.3, 11)
        return quad(lambda x: arms[i].pdf(x) * np.prod([o.cdf(x) for o in others]), 0, 1, points=marks, limit=500)[0]

    assert thompson_propensities(a, b) == pytest.approx([best(i) for i in range(3)], abs=1e-8)
    assert thompson_propensities([1e6, 1.1e6], [1e7, 1e7]) == pytest.approx([0, 1], abs=1e-9)
    assert thompson_propensities([5, 5, 5, 5], [9, 9, 9, 9]) == pytest.approx([0.25] * 4, abs=1e-9)


def test_linucb_known_answers():
    xx, xr = np.zeros((2, 2, 2)), np.zeros((2, 2))
    for arm, x, reward in ((0, (1, 0), 1), (0, (1, 1), 0), (1, (0, 1), 1)):
        xx[arm] += np.outer(x, x)
        xr[arm] += np.array(x) * reward
    scores = linucb_scores([[1, 0.5]], xx, xr, alpha=1, ridge=1)
    assert scores[0] == pytest.approx([0.891608, 1.310660], abs=1e-6)
    assert greedy(scores).tolist() == [[0, 1]]
    assert greedy(np.zeros((1, 4))).tolist() == [[0.25] * 4]


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.floats(0, 1), min_size=2, max_size=8).filter(lambda w: sum(w) > 0.01),
    exploration=st.floats(0, 1),
    floor=st.floats(0.001, 1),
)
def test_no_item_is_below_its_floor_nor_its_share_of_exploration(weights, exploration, floor):
    arms = len(weights)
    floor = min(floor, 1 / arms)
    p = explored(np.array(weights) / sum(weights), exploration, floor)
    assert p.sum() == pytest.approx(1)
    assert p.min() >= max(floor, exploration / arms) - 1e-9
    assert np.all(np.diff(p[np.argsort(weights, kind="stable")]) >= -1e-9)  # the order stays
