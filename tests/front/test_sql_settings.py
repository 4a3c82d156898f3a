"""Our SQL settings on somebody else's session: results are ours, and the session is as it was."""

import datetime as dt
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from onecart import forecast, identity, recommend
from onecart.config import Settings
from onecart.dag import JOBS
from onecart.errors import UsageError
from onecart.jobs import run_job
from onecart.spark import session
from onecart.sql_settings import beside, our_settings, their_time_zone

STRICT = {
    "spark.sql.legacy.timeParserPolicy": "EXCEPTION",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
}
ZONE = "spark.sql.session.timeZone"


@contextmanager
def somebodys(spark: Any, zone: str) -> Iterator[dict[str, str]]:
    """The suite's session as a stranger has it; fails unless it is so at the end, too."""
    theirs, before = {ZONE: zone, **STRICT}, {}
    for key, value in theirs.items():
        before[key] = spark.conf.get(key)
        spark.conf.set(key, value)
    try:
        yield theirs
        assert {key: spark.conf.get(key) for key in theirs} == theirs
    finally:
        for key, value in before.items():
            spark.conf.set(key, value)


def _fail(spark: Any) -> None:
    assert (spark.conf.get(ZONE), their_time_zone(spark)) == ("UTC", "Asia/Tokyo")
    raise ZeroDivisionError


def test_a_thread_of_the_users_leaves_their_session_as_it_is(spark: Any) -> None:
    bought = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "x"]})
    with somebodys(spark, "Asia/Tokyo"), ThreadPoolExecutor(1) as pool:
        offers = pool.submit(
            lambda: recommend.fit(bought, model="popularity").recommend(None, k=1, filter_seen=False).count()
        )
        assert offers.result() == 2


def test_settings_are_put_back_after_an_error_and_not_before_the_last_block_ends(spark: Any) -> None:
    spark.conf.unset("spark.sql.mapKeyDedupPolicy")
    with somebodys(spark, "Asia/Tokyo") as theirs:
        with pytest.raises(ZeroDivisionError), our_settings(spark), our_settings(SparkSession.active()):
            _fail(spark)
        assert {key: spark.conf.get(key) for key in theirs} == theirs
        both_are_in = Barrier(2)

        def work(seconds: float) -> str:
            with our_settings(spark):
                both_are_in.wait(30)
                if seconds:
                    done.result(30)  # the other has left
                return str(spark.conf.get(ZONE))

        with ThreadPoolExecutor(2) as pool:
            done = pool.submit(work, 0)
            assert [pool.submit(work, 1).result(60), done.result()] == ["UTC", "UTC"]
    assert spark.conf.get("spark.sql.mapKeyDedupPolicy", None) is None


def test_a_session_beside_another_has_its_views_and_leaves_it_alone(spark: Any) -> None:
    assert beside(spark) is spark
    spark.range(3).createOrReplaceTempView("three")
    with somebodys(spark, "Asia/Tokyo"):
        own = beside(spark)
        assert own.conf.get(ZONE) == "UTC"
        assert own.table("three").count() == 3
        asked = session(conf={"spark.sql.shuffle.partitions": "17"})
        assert asked.conf.get("spark.sql.shuffle.partitions") == "17"
        assert asked.conf.get(ZONE) == "Asia/Tokyo"  # nobody asked for another
    assert spark.conf.get("spark.sql.shuffle.partitions") != "17"
    spark.catalog.dropTempView("three")


def _times(found: Any, kind: str) -> tuple[list[str], list[str], list[int]]:
    """What the user sees after the call, from Spark and as pandas; periods of history."""
    rows = found.best.orderBy("ds").select(F.col("ds").cast("string")).collect()
    seen = [str(one) for one in found.best.toPandas()["ds"].sort_values()]
    assert found.forecast.schema["ds"].dataType.simpleString() == kind
    return [row[0] for row in rows], seen, [row["periods"] for row in found.ledger.collect()]


def test_days_are_the_days_that_came_in_over_a_change_of_clocks(spark: Any) -> None:
    days = [dt.date(2024, 3, 1) + dt.timedelta(days=at) for at in range(18)]
    midnights = [(1, f"{day} 00:00:00", 2.0) for day in days[:16]]
    with somebodys(spark, "America/New_York"):
        series = spark.createDataFrame(midnights, "unique_id int, ds string, y double")
        local = series.withColumn("ds", F.col("ds").cast("timestamp"))
        expected = [f"{day} 00:00:00" for day in days[16:]]
        found = forecast.forecast(local, 2, "D", models=["naive"], windows=1)
        assert _times(found, "timestamp") == (expected, expected, [16])
        utc = series.withColumn("ds", F.concat("ds", F.lit("Z")).cast("timestamp"))
        found = forecast.forecast(utc, 1, "D", models=["naive"], windows=1)
        # 17 March, 00:00 UTC, by the summer time that began meanwhile
        assert _times(found, "timestamp")[::2] == (["2024-03-16 20:00:00"], [16])


def test_an_odd_date_is_told_and_the_others_stay_what_they_were(spark: Any) -> None:
    days = [str(dt.date(2024, 3, 20) + dt.timedelta(days=at)) for at in range(18)]
    with somebodys(spark, "Europe/Berlin"):
        rows = [("a", day, 1.0) for day in [*days[:16], "soon"]]
        series = spark.createDataFrame(rows, "unique_id string, ds string, y double")
        found = forecast.forecast(series, 2, "D", models=["naive"], windows=1)
        assert _times(found, "date") == (days[16:], days[16:], [16])
        assert "rows without a usable date, left out: 1" in found.ledger.first()["reason"]


def test_hours_do_not_double_where_clocks_are_changed(spark: Any) -> None:
    hours = pd.date_range("2024-10-26", periods=50, freq="h")  # on the 27th Berlin has two hours from 02:00 on
    series = pd.DataFrame({"unique_id": "a", "ds": hours[:49], "y": 1.0})
    with somebodys(spark, "Europe/Berlin"):
        plain = forecast.forecast(series, 1, "h", models=["naive"], windows=1)
        assert _times(plain, "timestamp_ntz") == ([str(hours[49])], [str(hours[49])], [49])
        zoned = series.assign(ds=series["ds"].dt.tz_localize("UTC"))
        moments = forecast.forecast(zoned, 1, "h", models=["naive"], windows=1)
        expected = "2024-10-28 02:00:00"  # 01:00 UTC
        assert _times(moments, "timestamp") == ([expected], [expected], [49])


def test_what_is_no_number_and_no_yes_stops_nothing(spark: Any) -> None:
    with somebodys(spark, "Europe/Berlin"):
        rows = [("1", "a@x.de", "perhaps"), ("2", "a@x.de", "false"), ("3", "a@x.de", None)]
        records = spark.createDataFrame(rows, "record_id string, email string, consent_matching string")
        rules = dict(identity.link(records).select("record_id", "rule").collect())
        assert rules == {"1": "email", "2": "alone", "3": "email"}
        with pytest.raises(UsageError):
            identity.link(records.drop("email", "consent_matching"))


@pytest.mark.job
def test_a_job_on_a_strangers_session_reads_times_as_anywhere(spark: Any, tmp_path: Any) -> None:
    """Its user is in Berlin, and has a frame cached; one date is odd."""
    columns = {
        "review_id": "id",
        "review_ts": "to_timestamp(at, 'dd.MM.yyyy HH:mm')",
        "text": "words",
        "rating": "stars",
    }
    source = {"path": "reviews", "format": "json", "into": "silver.reviews", "columns": columns | {"origin": "'real'"}}
    source["schema"] = "id STRING, at STRING, words STRING, stars STRING"
    settings = Settings.model_validate(
        {"lake": {"root": str(tmp_path)}, "channels": {"reviews": source}, "quality": {"max_quarantine_share": 1.0}}
    )
    times = {"a": "31.03.2024 02:30", "b": "31.03.2024 03:30", "c": "32.03.2024 03:30", "d": "2024-03-31"}
    lines = [json.dumps({"id": key, "at": at, "words": "Good.", "stars": "5"}) for key, at in times.items()]
    (tmp_path / "landing" / "reviews").mkdir(parents=True)
    (tmp_path / "landing" / "reviews" / "1.json").write_text("".join(f"{line}\n" for line in lines))
    with somebodys(spark, "Europe/Berlin"):
        cached = spark.range(2).cache()
        assert cached.count() == 2
        done = [run_job(JOBS[name], settings, spark) for name in ("ingest", "clean")]
        assert cached.storageLevel.useMemory
        assert spark._jsparkSession.sharedState().cacheManager().isEmpty() is False
    assert [row["rows_quarantined"] for row in done] == [0, 2]
    silver = spark.read.format("delta").load(f"{tmp_path}/silver/reviews")
    assert sorted(str(row[0]) for row in silver.select("review_ts").collect()) == [
        "2024-03-31 02:30:00",
        "2024-03-31 03:30:00",
    ]
