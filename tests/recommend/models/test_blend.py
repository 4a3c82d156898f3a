"""The blend: lists made comparable, and weights that come from what was held back."""

from typing import Any

import pytest

from onecart import recommend
from onecart.recommend.models import blend

LIST = "user_id string, items array<int>, scores array<double>"


def test_a_full_list_ends_at_nought_and_a_short_one_at_its_own_nought(spark: Any) -> None:
    als = spark.createDataFrame([("a", [1, 2, 3], [6.0, 4.0, 2.0]), ("b", [1, 2], [8.0, 2.0])], LIST)
    rows = blend.comparable({"als": als}, depth=3).collect()
    values = {(r["user_id"], r["item"]): r["value"] for r in rows}
    assert values == {("a", 1): 1.0, ("a", 2): 0.5, ("a", 3): 0.0, ("b", 1): 1.0, ("b", 2): 0.25}


def test_scores_add_up_and_the_largest_part_gives_the_tier(spark: Any) -> None:
    lists = {
        "als": spark.createDataFrame([("a", [1, 2], [2.0, 1.0])], LIST),
        "ease": spark.createDataFrame([("a", [2], [4.0])], LIST),
        "popularity": spark.createDataFrame([("a", [3], [1.0])], LIST),
    }
    rows = blend.blended(lists, {"als": 0.5, "ease": 0.5, "popularity": 0.1}, depth=9).collect()
    found = {r["item"]: (r["score"], r["tier"]) for r in rows}
    assert found == {1: (0.5, "als"), 2: (pytest.approx(0.75), "ease"), 3: (pytest.approx(0.1), "popularity")}


def test_the_tier_that_finds_what_was_held_back_gets_the_weight(spark: Any) -> None:
    users = [f"u{n}" for n in range(40)]
    good = [(u, n % 7, "als", 1.0) for n, u in enumerate(users)] + [(u, 20, "als", 0.2) for u in users]
    bad = [(u, 30 + n % 3, "popularity", 1.0) for n, u in enumerate(users)]
    values = spark.createDataFrame(good + bad, "user_id string, item int, tier string, value double")
    held = spark.createDataFrame([(u, n % 7) for n, u in enumerate(users)], "user_id string, item int")
    drawn = 100 / (40 + 100) / 2  # 40 users say als, 100 who said nothing would say either
    assert blend.learnt(values, held) == pytest.approx({"als": 1 - drawn, "popularity": drawn})
    assert blend.learnt(values, held.limit(5)) == {"als": 0.5, "popularity": 0.5}


def test_two_halves_of_the_truth_are_both_kept(spark: Any) -> None:
    users = [f"u{n}" for n in range(40)]
    one = [(u, 1, "als", 1.0) for u in users] + [(u, 9, "als", 0.9) for u in users]
    two = [(u, 2, "ease", 1.0) for u in users] + [(u, 8, "ease", 0.9) for u in users]
    values = spark.createDataFrame(one + two, "user_id string, item int, tier string, value double")
    held = spark.createDataFrame([(u, i) for u in users for i in (1, 2)], "user_id string, item int")
    weights = blend.learnt(values, held)
    assert min(weights.values()) > 100 / (40 + 100) / 2
    assert sum(weights.values()) == pytest.approx(1)


def test_each_part_asked_in_one_pass_says_what_it_says_alone(spark: Any) -> None:
    rows = [(u, i, float(1 + (u * i) % 3)) for u in range(12) for i in range(20) if (u * 7 + i * 3) % 5 < 2]
    frame = spark.createDataFrame(rows, "user_id int, item_id int, value double")
    weights = {"popularity": 0.1, "item_knn": 0.3, "als": 0.3, "ease": 0.3}
    model = recommend.fit(frame, "blend", weights=weights, rank=3, iterations=2, depth=8, seed=7)
    users = frame.where("user_id < 5").select("user_id").distinct()
    seen = frame.where("item_id < 10").select("user_id", "item_id").distinct()
    found = {
        tuple(r) for r in model.by_part(users, 4, seen=seen).select("model", "user_id", "item_id", "rank").collect()
    }
    alone = {
        (part, r.user_id, r.item_id, r["rank"])
        for part in model.parts
        for r in model.using(part).recommend(users, 4, seen=seen).collect()
    }
    assert found == alone
    assert {part for part, *_ in found} == {"popularity", "item_knn", "als", "ease", "blend"}
