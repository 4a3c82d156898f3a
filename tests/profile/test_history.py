"""The history of profiles: opened, closed, corrected; the same run twice changes nothing."""

from datetime import date

import pytest
from pyspark.sql import types as T

from onecart import profile
from onecart.contracts import contract
from onecart.profile import history

JAN, FEB, MAR = date(2011, 1, 1), date(2011, 2, 1), date(2011, 3, 1)


@pytest.fixture
def profiles(spark):
    """`profiles({customer_id: city})`: rows of gold.customer_profile, as far as the history looks at them."""
    columns = [f for f in contract(history.TABLE).schema.fields if f.name in ("customer_id", *history.TRACKED)]
    schema = T.StructType(columns)

    def make(cities):
        blank = dict.fromkeys(schema.fieldNames())
        people = [{**blank, "customer_id": c, "city": city} for c, city in cities.items()]
        return spark.createDataFrame([tuple(p.values()) for p in people], schema)

    return make


@pytest.fixture
def run(lake, profiles):
    """`run(day, {customer_id: city})` brings the history up to the profiles of a day."""
    return lambda day, cities: history.record(lake, profiles(cities), as_of=day)


def rows(frame):
    columns = ("customer_id", "city", "valid_from", "valid_to", "is_current", "change")
    return sorted(tuple(r[c] for c in columns) for r in frame.collect())


def test_new_changed_gone_and_read_as_of_any_day(run, lake):
    run(JAN, {"a": "York", "b": "Leeds", "c": "Hull"})
    run(FEB, {"a": "York", "b": "Bath", "d": "Ayr"})
    assert rows(lake.read(history.TABLE)) == [
        ("a", "York", JAN, None, True, "new"),
        ("b", "Bath", FEB, None, True, "changed"),
        ("b", "Leeds", JAN, FEB, False, "new"),
        ("c", "Hull", JAN, FEB, False, "gone"),
        ("d", "Ayr", FEB, None, True, "new"),
    ]

    def cities(day):
        return {r.customer_id: r.city for r in profile.as_of(lake, day).collect()}

    assert cities(date(2010, 12, 31)) == {}
    assert cities(JAN) == cities(date(2011, 1, 31)) == {"a": "York", "b": "Leeds", "c": "Hull"}
    assert cities(FEB) == cities(date(2012, 1, 1)) == {"a": "York", "b": "Bath", "d": "Ayr"}

    version = lake.version(history.TABLE)
    run(FEB, {"a": "York", "b": "Bath", "d": "Ayr"})
    assert lake.version(history.TABLE) == version  # nothing to do, no commit

    note = run(JAN, {"a": "Oslo"})
    assert note == "history kept: it reaches 2011-02-01 already"
    assert lake.version(history.TABLE) == version


def test_another_run_of_the_same_day_corrects_the_day(run, lake):
    run(JAN, {"a": "York", "b": "Leeds"})
    run(FEB, {"a": "Yrok", "b": "Leeds", "c": "Hull"})
    run(FEB, {"a": "Ryde", "b": "Bath"})
    assert rows(lake.read(history.TABLE)) == [
        ("a", "Ryde", FEB, None, True, "changed"),
        ("a", "York", JAN, FEB, False, "new"),
        ("b", "Bath", FEB, None, True, "changed"),
        ("b", "Leeds", JAN, FEB, False, "new"),
    ]
    assert all(r.hash for r in lake.read(history.TABLE).collect())


def test_a_customer_that_became_part_of_another_is_merged(run, lake, profiles, spark):
    run(JAN, {"a": "York", "b": "Leeds", "c": "Hull"})
    told = [("b", "a", "merged"), ("c", None, "retired")]
    told_of = spark.createDataFrame(told, "customer_id string, into_customer_id string, event string")
    told_of.write.format("delta").save(lake.path("gold.identity_history"))
    run(MAR, {"a": "York"})
    ended = lake.read(history.TABLE).where("NOT is_current")
    assert rows(ended) == [("b", "Leeds", JAN, MAR, False, "merged"), ("c", "Hull", JAN, MAR, False, "gone")]
    assert {r.customer_id: r.into_customer_id for r in ended.collect()} == {"b": "a", "c": None}
    back = history.changes(lake.read(history.TABLE), profiles({"a": "York", "b": "Leeds"}), None, as_of=MAR)
    assert [(r.customer_id, r.valid_from, r.action, r.change) for r in back.collect()] == [("b", MAR, "insert", "new")]
