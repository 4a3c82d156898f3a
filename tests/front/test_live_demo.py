"""`onecart demo --live`: what it sends, and what it says; the demo itself runs with `--all`."""

from itertools import islice

import pytest

from onecart.config import load
from onecart.errors import OneCartError
from onecart.front import live_demo

EVENT = {
    "event_id": "e1",
    "ts": "2011-12-08T23:30:00Z",
    "received_at": None,
    "session": {"id": "s", "campaign": "spring"},
}


def test_events_come_a_day_later_and_again_under_new_ids():
    later = live_demo._later(dict(EVENT))
    assert (later["ts"], later["received_at"]) == ("2011-12-09T23:30:00Z", None)
    sent = list(islice(live_demo._again([EVENT, {"event_id": "e2"}], "now"), 3))
    assert [e["event_id"] for e in sent] == ["e1-now-0", "e2-now-0", "e1-now-1"]
    assert sent[2]["session"] == {"id": "s-now-1", "campaign": "spring"}
    assert EVENT["event_id"] == "e1"


def test_the_topic_is_read_by_the_mapping_of_the_files():
    settings = live_demo.with_live_feed(load("local")[0], "127.0.0.1:9")
    files, topic = settings.sources["web_events"], settings.sources[live_demo.FEED]
    assert (topic.columns, topic.schema_, topic.into) == (files.columns, files.schema_, files.into)
    assert (topic.path, topic.kafka.servers, topic.id_space) == ("", "127.0.0.1:9", "web_events")
    assert (settings.stream.feeds, settings.stream.every_seconds) == ((live_demo.FEED,), 2)
    with pytest.raises(OneCartError, match="web_events, which is switched off"):
        live_demo.with_live_feed(load("local", overrides=["channels.web_events=null"])[0], "x:1")


def test_the_last_whole_day_of_the_landing_zone_is_sent(spark, tmp_path):
    folder = tmp_path / "landing/web/events"
    folder.mkdir(parents=True)
    days = [*["2011-12-07"] * 7, *["2011-12-08"] * 6, "2011-12-09", *["2999-01-01"] * 9]
    lines = [f'{{"event_id": "{i}", "ts": "{day}T10:00:0{i % 9}Z"}}' for i, day in enumerate(days)]
    (folder / "e.txt").write_text("\n".join([*lines, "no record"]))
    settings = load("local", overrides=[f"lake.root={tmp_path}"])[0]
    events = live_demo.last_day(spark, settings)
    assert len(events) == 6
    assert {e["ts"][:10] for e in events} == {"2011-12-09"}
    (folder / "e.txt").unlink()
    (folder / "none.txt").touch()
    with pytest.raises(OneCartError, match="no web events in"):
        live_demo.last_day(spark, settings)
