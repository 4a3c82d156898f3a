"""Blocked top-k against a plain numpy product."""

from typing import Any

import numpy as np
import pytest

from onecart.recommend.topk import top_k


@pytest.mark.parametrize("items_per_block", [100, 4])
def test_top_k_equals_the_full_product(spark: Any, items_per_block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecart.recommend.topk.CELLS", 20)  # two users at once
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
    expected = {}
    for u, scores in enumerate(users @ items.T):
        left = [i for i in np.argsort(-scores) if i not in seen.get(u, [])][:3]
        expected |= {(f"u{u}", i): scores[i] for i in left}
    rows = {(r.user_id, r.item): r.score for r in found.toLocalIterator()}
    assert rows.keys() == expected.keys()
    assert rows == pytest.approx(expected, abs=1e-5)
