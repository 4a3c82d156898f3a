"""Histories as shops have them: one purchase, all products, sent back, twice the same, nothing."""

from typing import Any

import pytest

from onecart import recommend
from onecart.errors import UsageError

SCHEMA = "user_id string, item_id string, value double"
ROWS = [
    *[("heavy", item, 1.0) for item in "vwxyz"],
    *[("one", "x", 1.0), ("twice", "x", 1.0), ("twice", "x", 1.0), ("twice", "y", 1.0)],
    *[("back", "z", 1.0), ("back", "z", -1.0), ("back", "w", 1.0), ("nothing", "v", 1.0), ("nothing", "v", -2.0)],
]
SMALL: dict[str, dict[str, Any]] = {
    "als": {"rank": 2, "iterations": 1, "blocks": 1},
    "blend": {"rank": 2, "iterations": 1, "blocks": 1, "weights": {"item_knn": 0.5, "ease": 0.5}},
}


def lists(model: Any, **asked: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in model.recommend(**asked).orderBy("user_id", "rank").collect():
        found.setdefault(row["user_id"], []).append(row["item_id"])
    return found


@pytest.mark.parametrize("model", ["user_knn", "als", "blend"])
def test_everybody_gets_what_is_left_and_nothing_twice(spark: Any, model: str) -> None:
    fitted = recommend.fit(spark.createDataFrame(ROWS, SCHEMA), model, **SMALL.get(model, {}))
    found = lists(fitted, k=3)
    assert "heavy" not in found  # has everything
    assert {user: len(items) for user, items in found.items()} == {"one": 3, "twice": 3, "back": 3}
    assert "x" not in found["one"] + found["twice"]
    assert "w" not in found["back"]  # z, sent back, may come again
    assert all(len(set(items)) == len(items) for items in found.values())


@pytest.mark.parametrize("model", ["user_knn", "als", "blend"])
def test_one_row_is_little_but_no_error(spark: Any, model: str) -> None:
    fitted = recommend.fit(spark.createDataFrame(ROWS[:1], SCHEMA), model, **SMALL.get(model, {}))
    asked = spark.createDataFrame([("heavy",), ("new",)], "user_id string")
    assert lists(fitted, users=asked) == {"new": ["v"]}


def test_nothing_to_learn_from(spark: Any) -> None:
    with pytest.raises(UsageError, match="interactions are empty"):
        recommend.fit(spark.createDataFrame([], SCHEMA))
    with pytest.raises(UsageError, match="interactions are empty: every pair of user and item adds up to 0 or less"):
        recommend.fit(spark.createDataFrame(ROWS[-2:], SCHEMA), "popularity")
