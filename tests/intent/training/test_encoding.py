"""From columns to numbers."""

from typing import Any

import pytest

COLUMNS = "`a.b` DOUBLE, flag BOOLEAN, tier STRING, name STRING, user_id LONG, paid INT, day DATE, same INT, tags ARRAY<STRING>"


@pytest.fixture
def frame(spark: Any) -> Any:
    rows = [
        (float(i) if i % 5 else None, i % 2 == 0, "o'ne" if i % 3 else None, f"n{i}", i, i, None, 1, ["x"])
        for i in range(30)
    ]
    return spark.createDataFrame([*rows, (float("nan"), None, "two", "z", 99, 7, None, 1, [])], COLUMNS)


def test_numbers_flags_and_words_become_features_and_the_rest_says_why_not(frame: Any) -> None:
    from onecart.intent.training.encoding import encoded_features

    found, skipped = encoded_features(frame, frame.columns)
    assert [(s.column, s.kind, s.level) for s in found] == [
        ("a.b", "value", None),
        ("a.b", "missing", None),
        ("flag", "value", None),
        ("flag", "missing", None),
        ("tier", "level", "o'ne"),
        ("tier", "level", None),
        ("tier", "level", "two"),
        ("paid", "value", None),
    ]
    assert skipped == {
        "name": skipped["name"],
        "user_id": "named as an identifier",
        "day": "a date: give a number, as in days since",
        "same": "one value only",
        "tags": "of type array<string>",
    }
    assert skipped["name"].startswith("names things")


def test_a_row_becomes_numbers_with_the_median_for_nothing_and_no_level_for_the_unseen(frame: Any, spark: Any) -> None:
    from onecart.intent.training.encoding import encoded_features, vector

    found, _ = encoded_features(frame, ["a.b", "tier"])
    rows = spark.createDataFrame([(None, "new"), (float("nan"), None), (2.5, "two")], "`a.b` DOUBLE, tier STRING")
    numbers = [list(r[0].toArray()) for r in rows.select(vector(found)).collect()]
    median = found[0].typical
    assert numbers == [[median, 1, 0, 0, 0], [median, 1, 0, 1, 0], [2.5, 0, 0, 0, 1]]


def test_a_column_that_is_always_there_or_never_is_told_apart(spark: Any) -> None:
    from onecart.intent.training.encoding import encoded_features

    frame = spark.createDataFrame([(1, None), (None, None)], "sometimes INT, never INT")
    found, skipped = encoded_features(frame, frame.columns)
    assert [(s.column, s.kind) for s in found] == [("sometimes", "missing")]
    assert skipped == {"never": "no values"}
