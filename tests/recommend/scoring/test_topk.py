"""Blocked top-k against a plain numpy product."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecart.recommend.scoring.topk import _largest, top_k


@pytest.mark.parametrize("items_per_block", [100, 4])
def test_top_k_equals_the_full_product(spark: Any, items_per_block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecart.recommend.scoring.topk.CELLS", 20)  # two users at once
    rng = np.random.default_rng(1)
    users, items = rng.normal(size=(5, 3)), rng.normal(size=(9, 3))
    seen = {0: [0, 1, 2, 3, 4, 5, 6], 1: [8], 2: []}
    rows = [(f"u{u}", v.tolist(), seen.get(u)) for u, v in enumerate(users)]
    found = top_k(
        spark.createDataFrame(rows, "user_id string, vector array<double>, seen array<int>"),
        spark.createDataFrame(list(enumerate(items.tolist())), "item int, vector array<double>"),
        3,
        items_per_block=items_per_block,
    )
    expected: dict[Any, Any] = {}
    for u, scores in enumerate(users @ items.T):
        left = [i for i in np.argsort(-scores) if i not in seen.get(u, [])][:3]
        expected[f"u{u}"] = (left, scores[left].tolist())
    lists = {r["user_id"]: (r["items"], r["scores"]) for r in found.toLocalIterator()}
    assert lists.keys() == expected.keys()
    for user, (best, scores) in expected.items():
        assert (lists[user][0], lists[user][1]) == (best, pytest.approx(scores, abs=1e-5))


@given(
    st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))),
    st.integers(1, 9),
    st.integers(0, 99),
)
def test_the_largest_of_blocks_are_the_largest_of_all(size: tuple[int, int], width: int, seed: int) -> None:
    k, n = size
    rng = np.random.default_rng(seed)
    scores = rng.permuted(np.tile(np.arange(n, dtype=np.float32), (3, 1)), axis=1)
    scores[rng.uniform(size=scores.shape) < 0.5] = -np.inf
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("onecart.recommend.scoring.topk._WIDTH", width)
        columns, best = _largest(scores, k)
    assert np.array_equal(best, -np.sort(-scores, axis=1)[:, :k])
    finite = np.isfinite(best)
    assert np.array_equal(np.take_along_axis(scores, columns, axis=1)[finite], best[finite])
