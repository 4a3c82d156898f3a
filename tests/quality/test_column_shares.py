"""What breaks no rule is seen nevertheless: columns that are null more often than before, fields that are new."""

import json
import logging
from datetime import datetime

import pytest

from onecart.config import load
from onecart.quality import job as clean
from onecart.quality.drift import column_shares
from onecart.quality.drift.column_shares import COLUMN, FIELD, Count
from onecart.report.sections.quality import moved

pytestmark = pytest.mark.job
EVENT = {"ts": "2011-03-04T10:22:00Z", "type": "page_view", "cookie": "c1", "origin": "real"}


def events(first: int, n: int, **fields) -> list[str]:
    return [json.dumps({**EVENT, "event_id": f"e{i}", **fields}) for i in range(first, first + n)]


def test_a_renamed_field_is_shouted(context, fill, lake, spark, caplog):
    caplog.set_level(logging.WARNING, "onecart")
    channels = {n: None for n in load("local")[0].channels if n != "web_events"}

    def deliver(run: str, payloads: list[str]) -> dict[str, tuple]:
        now = datetime(2011, 12, 31)
        rows = [{"payload": p, "source_file": run, "line_no": i, "ingested_ts": now} for i, p in enumerate(payloads, 1)]
        fill("bronze.web_events", rows)
        clean.run(context(run, channels=channels))
        told = lake.read("ops.feed_columns").where(f"run_id = '{run}'").collect()
        return {r.column: (r.kind, r.rows, r.hits, r.share_before, r.alarm) for r in told}

    whole = {"user": {"account_id": "a1"}, "extra": 1}
    first = deliver("one", [*events(0, 20, **whole), "nonsense"])
    assert first["account_id"] == (COLUMN, 20, 0, None, False)
    assert first["sku"] == (COLUMN, 20, 20, None, False)  # null from the start: there is no past to differ from
    assert first["extra"] == (FIELD, 20, 20, None, False)
    assert not caplog.records
    second = deliver("two", events(30, 20, usr={"account_id": "a1"}, extra=2))
    assert second["account_id"] == (COLUMN, 20, 20, 0.0, True)
    assert second["usr"] == (FIELD, 20, 20, None, True)
    assert second["extra"] == (FIELD, 20, 20, 1.0, False)
    assert [c for c, (*_, alarm) in second.items() if alarm] == ["account_id", "usr"]
    said = "\n".join(r.getMessage() for r in caplog.records)
    assert "account_id is null in 100% of 20 rows, 0% before" in said
    assert "new field 'usr' that channels.web_events.schema does not name (20 of 20)" in said
    shown = moved(lake.read("ops.feed_columns"))
    assert [*shown.column[:2]] == ["account_id", "usr"]


def test_a_share_must_rise_for_certain_and_by_much(context, lake):
    def record(run: str, **nulls: tuple[int, int]) -> dict[str, bool]:
        column_shares.record(context(run), [Count("f", COLUMN, c, rows, hits) for c, (hits, rows) in nulls.items()])
        return {r.column: r.alarm for r in lake.read("ops.feed_columns").where(f"run_id = '{run}'").collect()}

    before = {"few": (0, 2), "vanished": (0, 30), "half": (15, 30), "much": (1000, 100_000), "little": (1000, 100_000)}
    assert not any(record("a", **before).values())
    now = {"few": (2, 2), "vanished": (6, 6), "half": (4, 4), "much": (8000, 100_000), "little": (4000, 100_000)}
    assert record("b", **now) == {"few": False, "vanished": True, "half": False, "much": True, "little": False}
