"""Each leak is planted once, and found by name."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

SCHEMA = "as_of DATE, known_ts TIMESTAMP, visits DOUBLE, kind STRING, y INT"


def rows(n: int = 120) -> list[tuple[Any, ...]]:
    days = [date(2011, 1, 1) + timedelta(days=30 * (i % 4)) for i in range(n)]
    return [
        (d, datetime(d.year, d.month, d.day) - timedelta(hours=1), float((i * 7) % 11), "ab"[i % 2], int(i % 3 == 0))
        for i, d in enumerate(days)
    ]


@pytest.fixture
def frame(spark: Any) -> Any:
    return spark.createDataFrame(rows(), SCHEMA)


def test_a_clean_frame_passes(frame: Any) -> None:
    from onecart import intent

    intent.lint(frame, "y", "as_of")


def test_a_feature_row_later_than_its_as_of_is_found(frame: Any) -> None:
    from pyspark.sql import functions as F

    from onecart import intent

    late = frame.withColumn(
        "known_ts", F.when(F.col("visits") == 3, F.date_add("as_of", 2)).otherwise(F.col("known_ts"))
    )
    with pytest.raises(intent.Leak, match="rows have a 'known_ts' later than their 'as_of'") as found:
        intent.train(late, "y", "as_of")
    assert found.value.exit_code == 3
    intent.lint(late, "y", "as_of", allow=["known_ts"])


def test_touching_windows_are_found(frame: Any) -> None:
    from pyspark.sql import functions as F

    from onecart import intent

    touching = frame.withColumn("label_from", F.date_sub("as_of", 1))
    with pytest.raises(intent.Leak, match="label and feature windows overlap"):
        intent.lint(touching, "y", "as_of")
    intent.lint(frame.withColumn("label_from", F.col("as_of")), "y", "as_of")


@pytest.mark.parametrize(
    "planted",
    [
        "CAST(y AS DOUBLE)",
        "y = 0",
        "IF(y = 1, 'order', 'none')",
        "IF(y = 1, 5 + visits, visits / 11)",
        "IF(y = 1, NULL, visits)",
    ],
)
def test_a_column_that_holds_the_label_is_found(frame: Any, planted: str) -> None:
    from pyspark.sql import functions as F

    from onecart import intent

    leaking = frame.withColumn("orders_next_week", F.expr(planted))
    with pytest.raises(intent.Leak, match="the column 'orders_next_week' alone tells the outcome"):
        intent.lint(leaking, "y", "as_of")
    intent.lint(leaking, "y", "as_of", allow=["orders_next_week"])


def test_training_stops_too_unless_the_column_is_allowed(spark: Any) -> None:
    from onecart import intent

    data = [(float(i % 10), float(i % 3 == 0), int(i % 3 == 0)) for i in range(300)]
    leaking = spark.createDataFrame(data, "a DOUBLE, refund DOUBLE, y INT")
    with pytest.raises(intent.Leak, match="'refund'"):
        intent.train(leaking, "y", model="logistic")
    assert intent.train(leaking, "y", model="logistic", allow=["refund"]).metrics["auc"] == 1.0


def test_a_timed_table_split_at_random_is_found_and_a_birthday_is_not(frame: Any, spark: Any) -> None:
    from onecart import intent

    with pytest.raises(intent.Leak, match="the frame has the time column 'as_of'"):
        intent.train(frame, "y")
    intent.lint(frame.drop("known_ts").withColumnRenamed("as_of", "birthday"), "y")
    intent.lint(frame, "y", allow=["as_of", "known_ts"])
