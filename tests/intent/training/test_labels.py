"""Label windows: what is in, what is out, and that they never touch."""

from datetime import date, datetime
from typing import Any

import pytest

from onecart.errors import UsageError


def test_cut_dates_leave_a_window_and_a_gap_between_them() -> None:
    from onecart.intent.training.labels import cut_dates

    assert cut_dates(date(2011, 3, 1), horizon_days=10, gap_days=2, cuts=2) == [date(2011, 2, 5), date(2011, 2, 17)]


def test_a_purchase_counts_from_the_gap_on_for_the_horizon(spark: Any) -> None:
    from onecart.intent.training.labels import buys

    as_of = date(2011, 5, 1)
    moments = {
        "in_gap": datetime(2011, 5, 2, 23, 59),
        "first": datetime(2011, 5, 3),
        "last": datetime(2011, 5, 9, 23, 59),
        "after": datetime(2011, 5, 10),
        "before": datetime(2011, 4, 30),
    }
    population = spark.createDataFrame([(c, as_of) for c in [*moments, "never"]], "customer_id STRING, as_of DATE")
    events = spark.createDataFrame([*moments.items(), *moments.items()], "customer_id STRING, ts TIMESTAMP")
    found = buys(population, events, horizon_days=7, gap_days=2).collect()
    assert len(found) == 6
    assert {r["customer_id"] for r in found if r["label"]} == {"first", "last"}
    assert {(r["label_from"], r["label_until"]) for r in found} == {(date(2011, 5, 3), date(2011, 5, 10))}
    assert buys(population, events, horizon_days=7, known_until=date(2011, 5, 7)).count() == 0


def test_a_label_per_category_is_of_this_category_only(spark: Any) -> None:
    from onecart.intent.training.labels import buys, pairs

    customers = spark.createDataFrame([("c", date(2011, 5, 1))], "customer_id STRING, as_of DATE")
    kinds = spark.createDataFrame([("tea",), ("jam",)], "category STRING")
    events = spark.createDataFrame([("c", "tea", date(2011, 5, 2))], "customer_id STRING, category STRING, ts DATE")
    found = buys(pairs(customers, kinds), events, horizon_days=7, keys=("customer_id", "category"))
    assert {r["category"]: r["label"] for r in found.collect()} == {"tea": 1, "jam": 0}


def test_a_session_is_followed_by_an_order_or_not(spark: Any) -> None:
    from onecart.intent.training.labels import session_buys

    end = datetime(2011, 5, 1, 12)
    sessions = spark.createDataFrame(
        [("soon", "a", end), ("late", "b", end), ("inside", "c", end), ("anonymous", None, end)],
        "session_id STRING, customer_id STRING, ended_ts TIMESTAMP",
    )
    orders = spark.createDataFrame(
        [("a", datetime(2011, 5, 1, 13)), ("b", datetime(2011, 5, 3)), ("c", end)], "customer_id STRING, ts TIMESTAMP"
    )
    found = session_buys(sessions, orders, horizon_hours=24).collect()
    assert {r["session_id"]: r["label"] for r in found} == {"soon": 1, "late": 0, "inside": 0}


def test_a_window_without_days_is_an_error(spark: Any) -> None:
    from onecart.intent.training.labels import buys, cut_dates

    with pytest.raises(UsageError, match="must have a length"):
        cut_dates(date(2011, 1, 1), horizon_days=0)
    population = spark.createDataFrame([], "customer_id STRING, as_of DATE")
    with pytest.raises(UsageError, match="the events lack the column 'ts'"):
        buys(population, population.drop("as_of"), horizon_days=7)
