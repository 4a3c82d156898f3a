"""Caps, diversity and exploration, on one list by hand and on Spark."""

from typing import Any

import numpy as np
import pytest

from onecart.errors import UsageError
from onecart.recommend.serving.rerank import chosen, reranked

SCORES = np.array([10.0, 9.0, 8.0, 7.0, 0.0])
KINDS = ["mug", "mug", "mug", "bag", "hat"]


def test_nothing_asked_leaves_the_order() -> None:
    places, tried = chosen(SCORES, KINDS, 3, 3, 0.0, 0.0, draw=1)
    assert (places.tolist(), tried.any()) == ([0, 1, 2], False)


def test_a_cap_passes_on_to_other_categories_and_ends_where_all_are_full() -> None:
    assert chosen(SCORES, KINDS, 4, 1, 0.0, 0.0, draw=1)[0].tolist() == [0, 3, 4]


def test_variety_weighs_a_category_by_how_much_of_the_list_it_has() -> None:
    # After the first mug: mug (9) 0.5 * 0.9 - 0.5, bag 0.5 * 0.7; then mug 0.5 * 0.9 - 0.25, hat 0.
    assert chosen(SCORES, KINDS, 3, 5, 0.5, 0.0, draw=1)[0].tolist() == [0, 3, 1]
    assert chosen(SCORES, KINDS, 3, 5, 1.0, 0.0, draw=1)[0].tolist() == [0, 3, 4]


def test_trials_take_their_share_but_never_the_first_place() -> None:
    scores = np.arange(100, 0, -1.0)
    runs = [chosen(scores, [str(i) for i in range(100)], 11, 11, 0.0, 0.3, draw=d) for d in range(200)]
    assert all(places[0] == 0 and not tried[0] for places, tried in runs)
    assert np.mean([tried.sum() / 10 for _, tried in runs]) == pytest.approx(0.3, abs=0.03)
    assert all(len(set(places)) == 11 for places, _ in runs)


def test_lists_on_spark_keep_their_columns_and_get_ranks_anew(spark: Any) -> None:
    rows = [(u, f"p{n}", float(9 - n), n + 1, "als") for u in ("a", "b") for n in range(5)]
    lists = spark.createDataFrame(rows, "user_id string, item_id string, score double, rank int, tier string")
    kinds = spark.createDataFrame([("p0", "mug"), ("p1", "mug"), ("p2", None)], "item_id string, category string")
    found = reranked(lists, 3, kinds, per_category=1)
    assert found.columns == lists.columns
    assert sorted(tuple(r)[:4] for r in found.collect()) == [
        (u, item, score, rank)
        for u in ("a", "b")
        for rank, (item, score) in enumerate([("p0", 9.0), ("p2", 7.0), ("p3", 6.0)], 1)
    ]
    again = [reranked(lists, 3, exploration=1.0, seed=s).collect() for s in (1, 1, 2)]
    assert again[0] == again[1] != again[2]
    assert [r["tier"] for r in again[0]] == ["als", "trial", "trial"] * 2


def test_shares_outside_0_to_1_are_refused(spark: Any) -> None:
    lists = spark.createDataFrame([], "user_id string, item_id string, score double, rank int, tier string")
    with pytest.raises(UsageError, match=r"diversity=1\.5: a share lies between 0 and 1"):
        reranked(lists, 3, diversity=1.5)
    assert reranked(lists, 3).count() == 0
