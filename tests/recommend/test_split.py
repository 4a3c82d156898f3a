"""Splits: exact counts, and no pair on both sides."""

from typing import Any

import pytest
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.recommend import split

ROWS = [(f"u{u}", i, u * 10 + i) for u in range(6) for i in range(u + 1)] + [("u5", 0, 99)]


@pytest.fixture
def rows(spark: Any) -> Any:
    return spark.createDataFrame(ROWS, "user_id string, item_id int, ts int")


def pairs(df: Any) -> set[tuple[Any, ...]]:
    return {(r.user_id, r.item_id) for r in df.collect()}


def test_by_time(rows: Any) -> None:
    train, held = split.by_time(rows, 40)
    assert (train.count(), held.count()) == (10, 12)
    assert train.agg({"ts": "max"}).first()[0] < 40


def test_leave_last_out_takes_the_newest_item_and_spares_users_with_one(rows: Any) -> None:
    train, held = split.leave_last_out(rows)
    assert pairs(held) == {("u1", 1), ("u2", 2), ("u3", 3), ("u4", 4), ("u5", 0)}  # u5 had item 0 again at 99
    assert not pairs(train) & pairs(held)
    assert train.count() + held.count() == len(ROWS)
    assert ("u0", 0) in pairs(train)


def test_stratified_takes_the_same_share_of_every_item(rows: Any) -> None:
    train, held = split.stratified(rows, 0.25)
    counts = {i: sum(item == i for _, item in pairs(held)) for i in range(6)}
    assert counts == {0: 1, 1: 1, 2: 1, 3: 1, 4: 0, 5: 0}  # of 6, 5, 4, 3, 2, 1 pairs: n - round(0.75 n)
    assert not pairs(train) & pairs(held)
    assert pairs(held) == pairs(split.stratified(rows.repartition(3), 0.25)[1])
    assert pairs(held) != pairs(split.stratified(rows, 0.25, seed=8)[1])
    with pytest.raises(UsageError, match="a share between 0 and 1"):
        split.stratified(rows, 1.5)


def test_held_back_asks_for_the_newest_that_are_new(rows: Any) -> None:
    train, held = split.held_back(rows, 0.25, latest=True)
    assert train.agg({"ts": "max"}).first()[0] == 50
    assert pairs(held) == {("u5", i) for i in range(1, 6)}  # u5 has had item 0 before


def test_what_was_only_looked_at_before_is_asked_for(rows: Any) -> None:
    """The blend's weights are learnt by the question that is asked in use, where a look hides nothing."""
    bought = rows.withColumn("value", F.when((F.col("ts") < 60) & (F.col("item_id") == 0), 0.2).otherwise(1.0))
    train, held = split.held_back(bought, 0.25, latest=True, least=1.0)
    assert pairs(held) == {("u5", i) for i in range(6)}
    assert ("u5", 0) in pairs(train) - pairs(split.had(train, 1.0))
    assert pairs(split.had(train, 0.0)) == pairs(train)


def test_held_back_at_random_is_a_share_of_the_pairs_and_of_some_value(rows: Any) -> None:
    train, held = split.held_back(rows, 0.4)
    assert not pairs(train) & pairs(held)
    assert pairs(train) | pairs(held) == pairs(rows)
    assert pairs(held) == pairs(split.held_back(rows.repartition(3), 0.4)[1])
    valued = rows.withColumn("value", F.col("item_id") / 2)
    assert {i for _, i in pairs(split.held_back(valued, 0.4, least=1.0)[1])} == {i for _, i in pairs(held) if i >= 2}
