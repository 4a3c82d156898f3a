"""Writes are idempotent and checked; reads are pinned."""

from datetime import date, datetime
from pathlib import Path

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from onecart.contracts import contract
from onecart.errors import OneCartError, UsageError
from onecart.lake import Lake, commits


def weather(spark, *rows):
    return spark.createDataFrame(
        [(date(2011, 1, d), "UK", t) for d, t in rows], "day date, country string, temperature_c double"
    )


def seen(lake) -> list[tuple[int, float]]:
    return sorted((r.day.day, r.temperature_c) for r in lake.read("silver.weather").collect())


def test_upsert_inserts_updates_and_is_the_same_twice(lake, spark):
    first = lake.upsert("silver.weather", weather(spark, (1, 1.0), (2, 2.0)))
    assert (first.source, first.inserted, first.updated) == (2, 2, 0)
    again = lake.upsert("silver.weather", weather(spark, (2, 5.0), (3, 3.0)))
    assert (again.inserted, again.updated) == (1, 1)
    assert seen(lake) == [(1, 1.0), (2, 5.0), (3, 3.0)]


def test_insert_only_upsert_keeps_the_first_and_a_condition_keeps_the_better(lake, spark):
    lake.upsert("silver.weather", weather(spark, (1, 1.0)))
    assert lake.upsert("silver.weather", weather(spark, (1, 9.0)), update_if=None).updated == 0
    lake.upsert("silver.weather", weather(spark, (1, 0.5)), update_if="new.temperature_c > old.temperature_c")
    assert seen(lake) == [(1, 1.0)]


def test_the_log_says_of_the_newest_commit_what_the_history_says(lake, spark, tmp_path):
    for day in (1, 2):  # the first makes the table, the second merges
        lake.upsert("silver.weather", weather(spark, (day, 1.0)))
    row = lake.delta("silver.weather").history(1).select("version", "operationMetrics").first()
    found = commits.newest(f"{lake.path('silver.weather')}/_delta_log")
    assert found == (row.version, row.operationMetrics)
    assert found[1]["numTargetRowsInserted"] == "1"
    assert commits.newest(str(tmp_path / "elsewhere")) is None


def test_append_once_drops_a_repeated_version(lake, spark):
    assert lake.append_once("silver.weather", weather(spark, (1, 1.0)), "job", 1).inserted == 1
    assert lake.append_once("silver.weather", weather(spark, (1, 1.0)), "job", 1).inserted == 0
    assert lake.append_once("silver.weather", weather(spark, (2, 1.0)), "job", 2).inserted == 1
    assert len(seen(lake)) == 2


def test_replace_and_replace_where(lake, spark):
    lake.replace("silver.weather", weather(spark, (1, 1.0), (2, 2.0)))
    lake.replace_where("silver.weather", weather(spark, (2, 7.0)), "day = '2011-01-02'")
    assert seen(lake) == [(1, 1.0), (2, 7.0)]
    lake.replace("silver.weather", weather(spark, (3, 3.0)))
    assert seen(lake) == [(3, 3.0)]


def test_a_broken_check_is_one_clear_sentence_and_writes_nothing(lake, spark):
    rows = spark.createDataFrame([(date(2011, 1, 1), "UK", "invented")], "day date, country string, origin string")
    with pytest.raises(OneCartError, match=r"cannot write table silver.weather .*origin_known") as e:
        lake.replace("silver.weather", rows)
    assert "\n" not in str(e.value)
    assert lake.read("silver.weather").count() == 0


def test_reads_are_pinned_and_recorded(lake, spark):
    lake.replace("silver.weather", weather(spark, (1, 1.0)))
    before = lake.read("silver.weather")
    version = lake.reads["silver.weather"]
    lake.replace("silver.weather", weather(spark, (2, 2.0)))
    assert [r.day.day for r in before.collect()] == [1]
    assert lake.read("silver.weather", version).count() == 1
    assert lake.writes["silver.weather"] > version


def lines(spark, *numbers):
    rows = [("{}", None, "a.json", n, datetime(2011, 1, 1)) for n in numbers]
    return spark.createDataFrame(
        rows, "payload string, header string, source_file string, line_no long, ingested_ts timestamp"
    )


def test_added_since_reads_only_later_appends(lake, spark):
    lake.append_once("bronze.feed", lines(spark, 1), "job", 1)
    seen_version = lake.version("bronze.feed")
    assert lake.added_since("bronze.feed", seen_version).count() == 0
    lake.append_once("bronze.feed", lines(spark, 2), "job", 2)
    assert [r.line_no for r in lake.added_since("bronze.feed", seen_version).collect()] == [2]
    assert lake.added_since("bronze.feed", None).count() == 2


def test_only_a_table_that_is_followed_keeps_its_changes(lake, spark):
    lake.replace("silver.weather", weather(spark, (1, 1.0)))
    with pytest.raises(UsageError, match=r"silver.weather keeps no changes; set `followed` in its contract"):
        lake.added_since("silver.weather", 0)
    lake.append_once("bronze.feed", lines(spark, 1), "job", 1)
    feeds = [lake.delta(n).detail().select("properties").first()[0] for n in ("silver.weather", "bronze.feed")]
    assert [p.get("delta.enableChangeDataFeed") for p in feeds] == [None, "true"]


def test_a_run_goes_on_with_the_version_it_read_first_or_wrote_last(lake, spark):
    lake.replace("silver.weather", weather(spark, (1, 1.0)))
    run = Lake(spark, lake.root, pinned=True)
    assert [r.day.day for r in run.read("silver.weather").collect()] == [1]
    lake.replace("silver.weather", weather(spark, (2, 2.0)))
    assert [r.day.day for r in run.for_purpose("marketing").read("silver.weather").collect()] == [1]
    assert seen(lake) == [(2, 2.0)]
    run.upsert("silver.weather", weather(spark, (3, 3.0)))
    assert seen(run) == [(2, 2.0), (3, 3.0)]
    assert run.reads["silver.weather"] == run.writes["silver.weather"]


def test_the_log_names_the_schema_and_files_that_delta_reads(lake, spark):
    """Ten commits and more, so that Delta has written a checkpoint; rows were updated, so that files were removed."""
    for day in range(1, 13):
        lake.upsert("silver.weather", weather(spark, (day, 1.0), (1, float(day))))
    lake.replace_where("silver.weather", weather(spark, (2, 7.0)), "day = '2011-01-02'")
    path = lake.path("silver.weather")
    for version in (1, 5, lake.version("silver.weather")):
        found = commits.state(f"{path}/_delta_log", version)
        whole = spark.read.format("delta").option("versionAsOf", version).load(path)
        # A data frame forgets which columns may not be null; the log does not.
        assert [(f.name, f.dataType) for f in found.schema] == [(f.name, f.dataType) for f in whole.schema]
        assert {Path(f).name for f in found.files} == {Path(f).name for f in whole.inputFiles()}
        assert_df_equality(lake.read("silver.weather", version), whole, ignore_row_order=True, ignore_nullable=True)
    assert commits.state(f"{path}/_delta_log", 99) is None


def test_a_version_whose_files_upkeep_has_taken_is_one_sentence(lake, spark):
    lake.replace("silver.weather", weather(spark, (1, 1.0)))
    old = lake.version("silver.weather")
    (file,) = commits.state(f"{lake.path('silver.weather')}/_delta_log", old).files
    lake.replace("silver.weather", weather(spark, (2, 2.0)))
    Path(file).unlink()
    with pytest.raises(OneCartError, match=rf"cannot read version {old} of table silver.weather: .*exist") as e:
        lake.read("silver.weather", old)
    assert "\n" not in str(e.value)
    assert seen(lake) == [(2, 2.0)]


def test_what_only_delta_can_read_is_left_to_it(lake, spark, tmp_path):
    frame = weather(spark, (1, 1.0), (2, 2.0))
    frame.write.format("delta").partitionBy("day").save(str(tmp_path / "parts"))
    assert commits.state(str(tmp_path / "parts" / "_delta_log"), 0) is None
    frame.write.format("delta").save(str(tmp_path / "a[1]"))  # a pattern, were it a path given to Spark
    assert commits.state(str(tmp_path / "a[1]" / "_delta_log"), 0) is None
    frame.write.format("delta").option("delta.enableDeletionVectors", True).save(str(tmp_path / "vectors"))
    spark.sql(f"DELETE FROM delta.`{tmp_path}/vectors` WHERE day = '2011-01-01'")
    assert commits.state(str(tmp_path / "vectors" / "_delta_log"), 1) is None


def test_a_table_nobody_wrote_says_which_job_does(lake):
    with pytest.raises(OneCartError, match=r"gold.sessions is not there yet .* `onecart run behave` first"):
        lake.read("gold.sessions")
    assert lake.read_if_exists("gold.sessions").count() == 0


def test_a_column_that_the_contract_got_later_is_null_and_then_there(lake, spark):
    old = weather(spark, (1, 1.0))
    old.write.format("delta").save(lake.path("silver.weather"))
    assert [r.rain_mm for r in lake.read("silver.weather").collect()] == [None]
    lake.upsert("silver.weather", weather(spark, (2, 2.0)).withColumn("rain_mm", F.lit(3.0)))
    assert {(r.day.day, r.rain_mm) for r in lake.read("silver.weather").collect()} == {(1, None), (2, 3.0)}


def test_merge_takes_the_callers_clauses(lake, spark):
    lake.replace("silver.weather", weather(spark, (1, 1.0), (2, 2.0)))
    orders = weather(spark, (1, 9.0), (2, 9.0), (3, 9.0)).withColumn("act", F.expr("if(day(day) = 1, 'drop', 'keep')"))
    lake.merge("silver.weather", orders, lambda merge: merge.whenMatchedDelete("new.act = 'drop'"))
    assert [r.day.day for r in lake.read("silver.weather").collect()] == [2]


def test_upkeep_compacts_and_keeps_the_rows(context, lake, spark):
    from onecart.upkeep import job as upkeep

    for version in (1, 2, 3):
        lake.append_once("silver.weather", weather(spark, (version, 1.0)), "job", version)
    assert lake.size("silver.weather")[0] == 3
    result = upkeep.run(context())
    assert result.rows_in == 1
    assert lake.size("silver.weather")[0] == 1
    assert len(seen(lake)) == 3


def test_a_relative_root_is_below_the_working_folder(spark, tmp_path, monkeypatch):
    from onecart.lake import Lake

    monkeypatch.chdir(tmp_path)
    Lake(spark, "a lake").replace("silver.weather", weather(spark, (1, 1.0)))
    assert (tmp_path / "a lake" / "silver" / "weather" / "_delta_log").is_dir()


def test_tables_by_catalog_name(spark, tmp_path):
    from onecart.lake import Lake

    lake = Lake(spark, str(tmp_path), catalog="spark_catalog")
    try:
        lake.append_once("bronze.feed", spark.createDataFrame([], contract("bronze.feed").schema), "job", 1)
        lake.replace("silver.weather", weather(spark, (1, 1.0)))
        assert lake.upsert("silver.weather", weather(spark, (1, 2.0), (2, 2.0))).updated == 1
        assert seen(lake) == [(1, 2.0), (2, 2.0)]
        assert spark.table("spark_catalog.silver.weather").count() == 2
        assert lake.names() == ["bronze.feed", "silver.weather"]
        assert lake.size("silver.weather")[0] >= 1
    finally:
        for schema in ("bronze", "silver"):
            spark.sql(f"DROP SCHEMA IF EXISTS spark_catalog.{schema} CASCADE")
