"""Deliveries as they come: changed files, files on their way, archived ones, two runs at once, erased persons."""

import json
import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from onecart.channels import files
from onecart.channels import job as ingest
from onecart.channels.ledger import Ledger
from onecart.config import load
from onecart.contracts import contract
from onecart.errors import OneCartError
from onecart.governance.pseudonym import key_ring
from onecart.lake import purge
from onecart.quality import job as clean

pytestmark = pytest.mark.job
HEADER = "day,country,temperature_c,rain_mm,origin\n"


@pytest.fixture
def landing(lake) -> Path:
    return Path(lake.root, "landing")


@pytest.fixture
def shop(context):
    """`shop(run_id)` -> the job's context with two feeds, weather (CSV) and social posts (JSON)."""
    off = {name: None for name in load("local")[0].channels if name not in ("weather", "social_posts")}
    return lambda run_id="r": context(run_id, channels=off, quality={"max_quarantine_share": 1.0})


def put(folder: Path, path: str, text: str | bytes, age: float = 60) -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(file, (time.time() - age,) * 2)
    return file


def records(lake, feed: str) -> list[tuple[str, int, int, str | None]]:
    rows = lake.read(f"bronze.{feed}").orderBy("source_file", "line_no", "record_no").collect()
    return [(r.payload, r.line_no, r.record_no, r.problem) for r in rows]


def test_records_in_any_layout_are_read_once_each(shop, lake, landing):
    put(landing, "catalog/weather/a.csv", HEADER + '2011-01-01,"Ger\r\nmany",1,2,real\n2011-01-02,"UK,1,2,real\n')
    put(landing, "catalog/weather/old.csv", (HEADER + "2011-01-03,Österreich,1,2,real\n").encode("cp1252"))
    put(landing, "social/posts/b.json", '[{"post_id": "1"},\n {"post_id":\n "2"}] x\n{"post_id": "3"} {"post_id": "4"}')
    result = ingest.run(shop())
    assert (result.rows_in, result.rows_out) == (8, 8)
    assert records(lake, "weather") == [
        ('2011-01-01,"Ger\nmany",1,2,real', 2, 0, None),
        ('2011-01-02,"UK,1,2,real', 4, 0, "malformed"),
        ("2011-01-03,\\xd6sterreich,1,2,real", 2, 0, "encoding"),
    ]
    assert records(lake, "social_posts") == [
        ('{"post_id": "1"}', 1, 0, None),
        ('{"post_id":\n "2"}', 2, 0, None),
        ("] x", 3, 0, "malformed"),
        ('{"post_id": "3"}', 4, 0, None),
        ('{"post_id": "4"}', 4, 1, None),
    ]


def test_a_mended_file_takes_the_place_of_what_it_was(shop, lake, landing):
    """Its records, its quarantine, and nothing else: an unchanged file, one that bronze has from an older lake."""
    put(landing, "social/posts/p.json", "{}\n")
    put(landing, "catalog/weather/it's\\1.csv", "day,land\n2011-01-01,UK\n2011-01-02,UK\n")
    put(landing, "catalog/weather/same.csv", HEADER + "2011-02-01,UK,warm,,real\n")
    ctx = shop()
    ingest.run(ctx)
    clean.run(ctx)
    aside = lake.read("ops.quarantine").where("source = 'weather'").collect()
    assert sorted((r.source_file[16:], r.rule) for r in aside)[:2] == [("it's\\1.csv", "header")] * 2
    since = lake.version("bronze.weather")
    put(landing, "catalog/weather/it's\\1.csv", HEADER + "2011-01-02,UK,1,2,real\n", age=30)
    result = ingest.run(ctx)
    assert (result.rows_in, result.rows_out, result.headline) == (1, 1, "1 new files of 2 feeds")
    assert [r.payload for r in lake.added_since("bronze.weather", since).collect()] == ["2011-01-02,UK,1,2,real"]
    assert [r[0] for r in records(lake, "weather")] == ["2011-01-02,UK,1,2,real", "2011-02-01,UK,warm,,real"]
    left = lake.read("ops.quarantine").where("source = 'weather'").collect()
    assert [r.source_file for r in left] == ["catalog/weather/same.csv"] * len(left)
    assert ingest.run(ctx).rows_out == 0


def test_half_a_line_waits(shop, lake, landing, caplog):
    put(landing, "social/posts/p.json", '{"post_id": "1"}')  # old enough to be whole
    put(landing, "catalog/weather/a.csv", HEADER + "2011-01-01,UK,1,2", age=0)
    assert ingest.run(shop()).rows_out == 1
    assert "weather/a.csv was changed within the last 10 s and does not end with a line end" in caplog.text
    put(landing, "catalog/weather/a.csv", HEADER + "2011-01-01,UK,1,2,real\n", age=0)
    assert ingest.run(shop()).rows_out == 1
    assert records(lake, "weather") == [("2011-01-01,UK,1,2,real", 2, 0, None)]


def test_archived_files_are_a_warning_and_a_feed_that_never_was_an_error(shop, lake, landing, caplog):
    post = put(landing, "social/posts/p.json", '{"post_id": "1"}\n')
    with pytest.raises(OneCartError, match=r"catalog/weather \(channels.weather\).*channels.NAME=null"):
        ingest.run(shop())
    put(landing, "catalog/weather/a.csv", HEADER + "2011-01-01,UK,1,2,real\n")
    ingest.run(shop())
    post.unlink()
    put(landing, "catalog/weather/b.csv", HEADER + "2011-01-02,UK,1,2,real\n")
    assert ingest.run(shop()).rows_out == 1
    assert "no files in" in caplog.text
    assert "channels.social_posts" in caplog.text


def test_two_runs_at_once_read_each_file_once(shop, lake, landing, monkeypatch):
    """Both look at bronze before either writes. The first has not seen a file that came in between, the next run has."""
    put(landing, "social/posts/p.json", '{"post_id": "1"}\n{"post_id": "2"}\n')
    slow, quick = shop("slow"), shop("quick")
    source, read, rows = slow.settings.sources["social_posts"], files.read_records, []
    found = files.files_of(slow, source)

    def ingested(ctx, found):
        return ingest.ingest_feed(ctx, "social_posts", Ledger(lake), found=found).rows

    def meanwhile(*args):
        if not rows:
            rows.append(0)
            rows.append(ingested(quick, found))
            put(landing, "social/posts/q.json", '{"post_id": "3"}\n')
        return read(*args)

    monkeypatch.setattr(files, "read_records", meanwhile)
    rows.append(ingested(slow, found))
    rows.append(ingested(slow, files.files_of(slow, source)))
    assert rows == [0, 2, 0, 1]
    assert [r[0] for r in records(lake, "social_posts")] == [f'{{"post_id": "{i}"}}' for i in (1, 2, 3)]


def test_an_older_lake_goes_on(shop, lake, landing, spark):
    """Its bronze has neither states nor places: its files are taken as read, and a record of it can be removed."""
    put(landing, "social/posts/p.json", '{"post_id": "1"}\n')
    put(landing, "catalog/weather/a.csv", HEADER + "2011-01-01,UK,1,2,real\n")
    old = spark.sql(
        "SELECT '{}' payload, string(null) header, 'social/posts/p.json' source_file, 1L line_no, "
        "timestamp '2011-01-01' ingested_ts"
    )
    old.write.format("delta").option("delta.enableChangeDataFeed", "true").save(lake.path("bronze.social_posts"))
    assert ingest.run(shop()).rows_out == 1
    assert records(lake, "social_posts") == [("{}", 1, None, None)]
    keys = lake.read("bronze.social_posts").select("source_file", "line_no", "record_no")
    purge.remove_rows(lake, "bronze.social_posts", keys.distinct())
    assert records(lake, "social_posts") == []


def test_an_erased_persons_record_is_emptied_and_its_neighbours_stay(shop, lake, landing, spark):
    """Before bronze has the file, and bronze knows the file as it is after that."""
    lines = [json.dumps({"post_id": who}) for who in ("p1", "annlee77", "p2")]
    file = put(landing, "social/posts/p.json", f"[{', '.join(lines)}]\n" + '{"post_id":\n "annlee77"}\n')
    put(landing, "catalog/weather/a.csv", HEADER + "2011-01-01,UK,1,2,real\n")
    ctx = shop()
    keys = key_ring(ctx.settings.privacy, lake.root)
    row = ("any", keys.sign("annlee77"), keys.version, "e", datetime(2012, 1, 1))
    lake.upsert("ops.suppressions", spark.createDataFrame([row], contract("ops.suppressions").schema))
    ingest.run(ctx)
    assert file.read_text() == f"[{lines[0]}, null{' ' * (len(lines[1]) - 4)}, {lines[2]}]\n\n\n"
    assert records(lake, "social_posts") == [
        (lines[0], 1, 0, None),
        (None, 1, 1, None),
        (lines[2], 1, 2, None),
        (None, 2, 0, None),
    ]
    assert ingest.run(ctx).rows_out == 0
