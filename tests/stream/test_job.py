"""The job `stream`: the same silver as a backfill's, whatever is read by which; nothing lost, nothing twice."""

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from onecart.channels import job as ingest
from onecart.config import load
from onecart.dag import JOBS
from onecart.errors import DataError, OneCartError, UsageError
from onecart.jobs import run_job
from onecart.lake import Lake
from onecart.quality import job as clean
from onecart.stream import job as stream

pytestmark = pytest.mark.job


def account(who: str, day: int, city: str = "Leeds") -> str:
    said = {"account_id": who, "profile": {"given": "Ann", "family": "Lee"}, "email": f"{who}@x.example"}
    return json.dumps({**said, "address": {"city": city}, "updated_at": f"2011-03-{day:02}T10:00:00Z"})


# Corrections, older versions that come late, the same again, two versions of one moment, and no record at all.
RECORDS = [
    *(account("a", 1), account("a", 3, "Hull"), account("a", 2, "York"), account("a", 3, "Hull")),
    *(account("b", 5, "Bath"), account("b", 5, "Wells"), account("c", 1), account("c", 1)),
    *('{"account_id": "d"', account("e", 9)),
]


@pytest.fixture
def shop(context: Any) -> Any:
    """`shop(root, every_seconds=1)` -> Context on that lake with the feed of accounts alone."""
    known = load("local")[0].model_dump(by_alias=True)["channels"]
    channels = {name: known[name] if name == "web_accounts" else None for name in known}

    def make(lake: Lake, run_id: str = "r", share: float = 1.0, **settings: Any) -> Any:
        made = context(run_id, channels=channels, quality={"max_quarantine_share": share}, stream=settings)
        tree = made.settings.model_copy(update={"lake": made.settings.lake.model_copy(update={"root": lake.root})})
        return type(made)(made.spark, lake, tree, run_id)

    return make


def land(lake: Lake, name: str, records: list[str]) -> None:
    file = Path(lake.root) / "landing/web/accounts" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{record}\n" for record in records))


def tables(lake: Lake) -> list[list[tuple[Any, ...]]]:
    """Silver and quarantine without when and from which file their rows came."""
    silver = lake.read("silver.contacts").drop("ingested_ts").collect()
    aside = lake.read("ops.quarantine").select("rule", "payload").collect()
    return [sorted(map(repr, silver)), sorted(map(repr, aside))]  # type: ignore[list-item]


def doing(*steps: Any) -> Any:
    """In the place of the time between batches: one step at a time, and the end after the last."""
    left = iter(steps)

    def wait(seconds: float) -> bool:
        step = next(left, None)
        if step:
            step()
        return step is not None

    return wait


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.heavy) for n in range(2, 12))])
def test_a_stream_and_a_backfill_give_the_same_silver_for_any_cut_and_order(seed, shop, spark, tmp_path):
    dice = random.Random(seed)
    whole, parts = Lake(spark, str(tmp_path / "whole")), Lake(spark, str(tmp_path / "parts"))
    land(whole, "all", RECORDS)
    ctx = shop(whole)
    ingest.run(ctx)
    clean.run(ctx)

    records = dice.sample(RECORDS, len(RECORDS))
    first, second = sorted(dice.sample(range(1, len(records)), 2))
    land(parts, "0", records[:first])
    ctx = shop(parts)
    ingest.run(ctx)
    clean.run(ctx)
    land(parts, "1", records[first:second])
    result = stream.run(shop(parts, every_seconds=1), doing(lambda: land(parts, "2", records[second:])))
    assert result.headline.startswith("2 batches: ")
    assert result.rows_in >= len(records) - first  # and what `clean` had read, as none of it is noted in ops.runs here
    assert tables(parts) == tables(whole)
    assert len(tables(whole)[0]) == 4


def test_a_stream_goes_on_from_where_clean_was_and_clean_from_where_the_stream_was(shop, lake, spark):
    settings = shop(lake, every_seconds=None).settings

    def run(job: str, **changes: Any) -> int:
        return run_job(JOBS[job], settings.model_copy(update=changes), spark)["rows_in"]

    land(lake, "0", RECORDS[:4])
    assert (run("ingest"), run("clean"), run("stream")) == (4, 4, 0)
    land(lake, "1", RECORDS[4:7])
    assert (run("stream"), run("ingest"), run("clean")) == (3, 0, 0)
    # A run in which the feed is switched off does not forget how far it was.
    assert run("clean", channels={}) == 0
    assert run("clean") == 0
    land(lake, "2", RECORDS[7:])
    assert (run("ingest"), run("clean")) == (3, 3)


def test_what_a_failed_batch_has_read_is_cleaned_by_whoever_comes_next(shop, lake, spark, monkeypatch):
    """The stream ends well after a batch whose rows went into bronze, were looked at, and are not in silver."""
    settings = shop(lake, every_seconds=1).settings
    land(lake, "0", RECORDS[4:5])
    run_job(JOBS["ingest"], settings, spark)
    run_job(JOBS["clean"], settings, spark)
    land(lake, "1", RECORDS[:4])
    upsert = Lake.upsert

    def fails(self: Lake, name: str, *args: Any, **more: Any) -> Any:
        if name == "silver.contacts":
            raise OneCartError("another job wrote table silver.contacts meanwhile")
        return upsert(self, name, *args, **more)

    monkeypatch.setattr(Lake, "upsert", fails)
    row = run_job(JOBS["stream"], settings, spark, work=partial(stream.run, wait=doing()))
    assert (row["status"], row["rows_in"]) == ("done", 0)
    monkeypatch.setattr(Lake, "upsert", upsert)
    assert run_job(JOBS["clean"], settings, spark)["rows_in"] == 4


def test_a_batch_that_fails_is_told_and_tried_again(shop, lake, monkeypatch, caplog):
    land(lake, "0", RECORDS[:4])
    works = clean.clean_feeds

    def fails(*_: Any) -> Any:
        raise OneCartError("another job wrote table silver.contacts meanwhile")

    monkeypatch.setattr(clean, "clean_feeds", fails)
    mended = doing(lambda: monkeypatch.setattr(clean, "clean_feeds", works))
    assert stream.run(shop(lake, every_seconds=1), mended).rows_in == 4
    assert "another job wrote table silver.contacts meanwhile; the stream goes on" in caplog.text
    monkeypatch.setattr(clean, "clean_feeds", fails)
    with pytest.raises(OneCartError, match="another job wrote"):  # whoever asked for one batch is told that it failed
        stream.run(shop(lake, every_seconds=None))


def test_what_is_bad_is_set_aside_and_said_at_the_end(shop, lake):
    land(lake, "0", [*RECORDS[:2], *['{"account_id": "d"'] * 40])
    with pytest.raises(DataError, match=r"more than 1\.0% of the rows are bad in web_accounts"):
        stream.run(shop(lake, share=0.01, every_seconds=None))
    assert lake.read("silver.contacts").count() == 1
    assert lake.read("ops.quarantine").count() == 40
    assert lake.read("ops.feed_columns").where("source = 'web_accounts' AND column = 'email'").first().rows == 2


def test_an_unknown_feed_is_named(shop, lake):
    with pytest.raises(UsageError, match=r"no feed 'web_acounts' in channels.*web_accounts"):
        stream.run(shop(lake, feeds=["web_acounts"]))
