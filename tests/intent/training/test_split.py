"""Labels, and the parts rows are fitted, calibrated and measured on."""

from datetime import date, timedelta
from typing import Any

import pytest

from onecart.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "values", "positive"),
    [
        ("INT", [0, 1], 1),
        ("DOUBLE", [1.0, 0.0], 1),
        ("BOOLEAN", [True, False], True),
        ("STRING", ["yes", "no"], "yes"),
        ("STRING", ["stayed", "churned"], "stayed"),
    ],
)
def test_the_label_becomes_0_and_1(spark: Any, kind: str, values: list[Any], positive: Any) -> None:
    from onecart.intent.training.split import LABEL, with_label

    frame, found = with_label(
        spark.createDataFrame([(v,) for v in [*values, None]], f"out STRING, y {kind}".split(", ")[1]), "y"
    )
    assert found == positive
    assert {r["y"]: r[LABEL] for r in frame.collect()} == {v: float(v == positive) for v in values}


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("INT", [1, 1], "holds 1 only"),
        ("INT", [None], "holds no value only"),
        ("INT", [1, 2], "holds 1, 2; give 0 and 1"),
        ("STRING", ["a", "b", "c"], "holds 'a', 'b', 'c'; give"),
        ("DATE", [date(2020, 1, 1)], "of type date"),
    ],
)
def test_another_label_is_an_error_that_shows_its_values(
    spark: Any, kind: str, values: list[Any], message: str
) -> None:
    from onecart.intent.training.split import with_label

    with pytest.raises(UsageError, match=message):
        with_label(spark.createDataFrame([(v,) for v in values], f"y {kind}"), "y")


def parts(frame: Any, time: str | None, **more: Any) -> dict[str, set[Any]]:
    from pyspark.sql import functions as F

    from onecart.intent.training.split import LABEL, PART, with_part

    found: dict[str, set[Any]] = {}
    for row in with_part(frame.withColumn(LABEL, F.lit(0.0)), time, frame.columns, seed=7, **more).collect():
        found.setdefault(row[PART], set()).add(row["t"])
    return found


def test_the_holdout_is_the_latest_quarter_and_times_stay_together(spark: Any) -> None:
    days = [date(2020, 1, 1) + timedelta(days=i // 2) for i in range(32)]  # two rows a day
    found = parts(spark.createDataFrame([(d,) for d in [*days, None]], "t DATE"), "t")
    assert max(found["fit"]) < min(found["calibrate"])
    assert max(found["calibrate"]) < min(found["holdout"])
    assert (len(found["fit"]), len(found["calibrate"]), len(found["holdout"])) == (9, 3, 4)


def test_few_times_give_the_share_that_is_nearest(spark: Any) -> None:
    found = parts(spark.createDataFrame([(t,) for t in [1] * 5 + [2] * 5 + [3] * 6], "t INT"), "t")
    assert found == {"fit": {1}, "calibrate": {2}, "holdout": {3}}


def test_the_holdout_may_begin_where_the_caller_says(spark: Any) -> None:
    days = [date(2020, 1, i) for i in (1, 2, 3, 4)]
    found = parts(spark.createDataFrame([(d,) for d in days], "t DATE"), "t", holdout_from=days[2])
    assert found["holdout"] == {days[2], days[3]}


def test_a_single_time_cannot_be_split(spark: Any) -> None:
    with pytest.raises(UsageError, match="'t' has one value only"):
        parts(spark.createDataFrame([(1,), (1,)], "t INT"), "t")


def test_without_time_the_hash_split_ignores_the_order_of_rows(spark: Any) -> None:
    rows = [(i % 50,) for i in range(400)]  # many equal rows
    first, second = (
        parts(spark.createDataFrame(r, "t INT").repartition(n), None) for r, n in ((rows, 1), (rows[::-1], 3))
    )
    assert first == second
    assert set(first) == {"fit", "calibrate", "holdout"}
