"""The measures against a naive loop over users."""

from collections import Counter
from itertools import combinations
from math import ceil, log2
from typing import Any

import pytest
from pyspark.sql import functions as F

from onecart import recommend
from onecart.errors import UsageError
from onecart.recommend.evaluation import metrics
from onecart.recommend.evaluation.scoreboard import scoreboard

PAIR = "user_id string, item_id int"
LISTS = {"a": [1, 2, 3], "b": [2, 4, 9], "c": [1], "n": [3, 2, 1]}
HELD = {"a": [2, 7], "b": [2, 4, 5, 6, 7], "d": [1]}
FIGURES = ("users", "ndcg", "ndcg_low", "ndcg_high")
TRAIN = {"a": [1, 3], "b": [1], "c": [1, 2, 3], "d": [4, 5]}


def frame(spark: Any, pairs: dict[str, list[int]]) -> Any:
    return spark.createDataFrame([(u, i) for u, items in pairs.items() for i in items], PAIR)


def naive(k: int) -> dict[str, float]:
    lists = {u: items[:k] for u, items in LISTS.items()}
    sums: Counter[str] = Counter()
    for u, held in HELD.items():
        ranks = [r for r, i in enumerate(lists.get(u, []), 1) if i in held]
        best = min(k, len(held))
        sums["map"] += sum(n / r for n, r in enumerate(ranks, 1)) / best
        sums["map_of_all"] += sum(n / r for n, r in enumerate(ranks, 1)) / len(held)
        sums["ndcg"] += sum(1 / log2(1 + r) for r in ranks) / sum(1 / log2(1 + r) for r in range(1, best + 1))
        sums["precision"] += len(ranks) / k
        sums["recall"] += len(ranks) / len(held)
        sums["hit_rate"] += bool(ranks)
    users = Counter(i for items in TRAIN.values() for i in items)
    shown = [i for items in lists.values() for i in items]
    head = sorted(users, key=lambda i: (-users[i], i))[: ceil(0.1 * len(users))]
    overlaps = [len(set(x) & set(y)) / k for x, y in combinations(lists.values(), 2)]
    return {
        **{name: total / len(HELD) for name, total in sums.items()},
        "coverage": len(set(shown) & set(users)) / len(users),
        "novelty": sum(-log2(max(users[i], 1) / len(TRAIN)) for i in shown) / len(shown),
        "diversity": 1 - sum(overlaps) / len(overlaps),
        "popularity_share": sum(i in head for i in shown) / len(shown),
    }


@pytest.mark.parametrize("k", [2, 3])
def test_measures_equal_a_naive_loop(spark: Any, k: int) -> None:
    ranked = [(u, i, r) for u, items in LISTS.items() for r, i in enumerate(items, 1)]
    shown = spark.createDataFrame(ranked, f"{PAIR}, rank int")
    assert recommend.evaluate(shown, frame(spark, HELD), frame(spark, TRAIN), k) == pytest.approx(naive(k), abs=1e-9)


def test_nothing_held_out_is_refused(spark: Any) -> None:
    shown = spark.createDataFrame([("a", 1, 1)], f"{PAIR}, rank int")
    with pytest.raises(UsageError, match="held_out is empty"):
        recommend.evaluate(shown, frame(spark, {}), frame(spark, TRAIN), 2)


def test_intervals_hold_the_mean_and_do_not_depend_on_the_rows_order(spark: Any) -> None:
    rows = [(f"u{n}", float(n % 4)) for n in range(400)]
    users = spark.createDataFrame(rows, "user_id string, ndcg double")
    found = metrics.intervals(users)
    assert found == pytest.approx(metrics.intervals(users.repartition(3)), abs=1e-12)
    assert found["ndcg_low"] < 1.5 < found["ndcg_high"]
    # The standard error is sqrt(1.25 / 400) = 0.056; 3.92 of them.
    assert found["ndcg_high"] - found["ndcg_low"] == pytest.approx(0.22, abs=0.05)


def test_a_paired_difference_is_told_apart_where_the_means_alone_are_not(spark: Any) -> None:
    rows = [(f"u{n}", n % 10 / 10, n % 10 / 10 + 0.01 * (n % 3)) for n in range(300)]
    users = spark.createDataFrame(rows, "user_id string, a double, b double")
    a, b = (users.selectExpr("user_id", f"{side} AS ndcg") for side in "ab")
    found = metrics.compare(b, a)
    assert found["difference"] == pytest.approx(0.01)
    assert 0 < found["difference_low"] < 0.01 < found["difference_high"] < 0.02
    assert metrics.intervals(a)["ndcg_high"] > metrics.intervals(b)["ndcg_low"]


def test_groups_by_activity(spark: Any) -> None:
    shown = spark.createDataFrame(
        [(u, i, r) for u, items in LISTS.items() for r, i in enumerate(items, 1)], f"{PAIR}, rank int"
    )
    users = metrics.per_user(shown, frame(spark, HELD), 2)
    table = metrics.by_group(users, metrics.activity(frame(spark, {**TRAIN, "d": [*range(25)]})), "bucket")
    assert table.set_index("value")["n"].to_dict() == {"2-4": 1, "1": 1, "20+": 1}
    assert table.set_index("value").loc["20+", "ndcg"] == 0


def test_intervals_by_group_are_those_of_each_group_alone(spark: Any) -> None:
    rows = [(f"u{n}", n % 3, n % 7 / 7, n % 5 / 5) for n in range(200)]
    users = spark.createDataFrame(rows, "user_id string, g int, ndcg double, map double").repartition(3)
    found = metrics.intervals_by(users, "g", ("ndcg", "map"))
    assert [*found.index] == ["0", "1", "2"]
    for g in range(3):
        alone = metrics.intervals(users.where(F.col("g") == g), ("ndcg", "map"))
        assert found.loc[str(g)].to_dict() == pytest.approx(alone, abs=1e-12)


def test_the_scoreboard_says_for_whom_the_chosen_model_is_good(spark: Any) -> None:
    """80 users, user n has n % 2 + 1 items; the chosen model is right for those with two."""
    train = [(f"u{n}", i) for n in range(80) for i in range(n % 2 + 1)]
    lists = {
        "als": [(f"u{n}", 5 if n % 2 else 6, 1) for n in range(80)],
        "popularity": [(f"u{n}", 7, 1) for n in range(80)],
    }
    shown = {model: spark.createDataFrame(rows, f"{PAIR}, rank int") for model, rows in lists.items()}
    held = spark.createDataFrame([(f"u{n}", 5) for n in range(80)], PAIR)
    segments = [(f"u{n}", "age.young" if n < 60 else "age.old") for n in range(80)]
    groups = spark.createDataFrame(segments, "user_id string, group string")
    known = spark.createDataFrame(train, PAIR)
    board = scoreboard(shown, held, known, 1, "als", groups)
    assert board["als"] == pytest.approx(
        {
            **recommend.evaluate(shown["als"], held, known, 1),
            **metrics.intervals(metrics.per_user(shown["als"], held, 1)),
            **{f"ndcg_over_popularity{end}": board["als"][f"ndcg{end}"] for end in ("", "_low", "_high")},
            **{f"{name}.activity.1": value for name, value in zip(FIGURES, (40, 0, 0, 0), strict=True)},
            **{f"{name}.activity.2-4": value for name, value in zip(FIGURES, (40, 1, 1, 1), strict=True)},
            **{f"{name}.age.young": board["als"][f"{name}.age.young"] for name in FIGURES},  # age.old: too few
        }
    )
    assert (board["als"]["users.age.young"], board["als"]["ndcg.age.young"]) == (60, 0.5)
    assert board["als"]["ndcg_low.age.young"] < 0.45 < 0.55 < board["als"]["ndcg_high.age.young"]
    assert set(board["popularity"]) == {
        *recommend.evaluate(shown["popularity"], held, known, 1),
        "ndcg_low",
        "ndcg_high",
    }
    alone = scoreboard({"popularity": shown["popularity"]}, held, known, 1, "popularity")
    assert {name for name in alone["popularity"] if name.startswith("users")} == {
        "users.activity.1",
        "users.activity.2-4",
    }
