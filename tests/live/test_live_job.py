"""The job `live`: what it says of each visit is what a batch over all events would say, whatever happens in between."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

START = datetime(2011, 5, 1, 10)
KINDS = ("page_view", "search", "product_view", "add_to_cart", "checkout", "purchase")
TABLE, VISITS, SCORES = "silver.interactions", "gold.live_visits", "gold.live_scores"
LINK = {"customer_id": "c", "probability": 1.0, "rule": "alone"}


class Fixed:
    """In the place of a model: the same probability for every visit."""

    def explain(self, df: Any, top: int, words: Any) -> Any:
        from pyspark.sql import functions as F

        reasons = F.array(F.struct(F.lit("so it is").alias("sentence")))
        return df.withColumns({"probability": F.lit(0.5), "reasons": reasons})


@pytest.fixture
def scorer() -> Any:
    from onecart.intent.registry import Champion

    return Champion("fixed@1", Fixed())  # type: ignore[arg-type]


def event(visit: str, minute: float, kind: str, name: str = "") -> dict[str, Any]:
    when = START + timedelta(minutes=minute)
    who = {"record_id": "r", "session_key": visit, "cookie_id": "k"}
    return {"event_id": name or f"{visit}@{minute:g}", "event_ts": when, "channel": "web", "event_type": kind, **who}


def day() -> list[dict[str, Any]]:
    """Sixty events in the order of time, of five sessions that begin visit after visit; one in six is a purchase."""
    rows, minute = [], 0
    for i in range(60):
        minute += (i * 7) % 13 + (40 if i % 11 == 5 else 0)
        rows.append(event(f"s{i % 5}", minute, KINDS[i % 6], f"e{i:02}"))
    return rows


def framed(spark: Any, rows: Sequence[dict[str, Any]]) -> Any:
    from onecart.lake import contract

    schema = contract(TABLE).schema
    return spark.createDataFrame([tuple(r.get(f) for f in schema.fieldNames()) for r in rows], schema)


def add(lake: Any, rows: Sequence[dict[str, Any]]) -> None:
    """As the job `clean` does it."""
    lake.upsert(TABLE, framed(lake.spark, rows), update_if=None)


def content(lake: Any, name: str) -> list[Any]:
    """The rows without the stream that counted them; hashes of pages in any order."""
    rows = lake.read(name).drop("stream", "batch").orderBy("session_id").collect()
    return [tuple(sorted(v) if isinstance(v, list) and v and isinstance(v[0], int) else v for v in r) for r in rows]


def expected(lake: Any, rows: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """session_id -> the nightly job's (started_ts, ended_ts, purchased) of all events."""
    from onecart.behaviour.sessions import online_sessions
    from onecart.config import Behaviour
    from onecart.live.model import of_customers

    found = online_sessions(of_customers(lake, framed(lake.spark, rows)), Behaviour()).collect()
    return {r["session_id"]: (r["started_ts"], r["ended_ts"], r["purchased"]) for r in found}


def told(lake: Any) -> dict[str, tuple[Any, ...]]:
    rows = lake.read(SCORES).collect()
    assert len({r["session_id"] for r in rows}) == len(rows)
    return {r["session_id"]: (r["started_ts"], r["ended_ts"], r["purchased"]) for r in rows}


@pytest.fixture
def advance(context: Callable[..., Any], fill: Callable[..., None], spark: Any, scorer: Any) -> Callable[..., Any]:
    """`advance(rows, number)`: one batch of the stream `one`; returns what it counted."""
    from onecart.live import score

    fill("gold.identity_links", [{"record_id": "r", **LINK}])

    def step(rows: Sequence[dict[str, Any]], number: int) -> score.Tally:
        tally = score.Tally()
        score.advance(context(), scorer, framed(spark, rows), number, "one", tally)
        return tally

    return step


def test_batches_make_the_visits_of_all_events_and_only_open_ones_are_kept(lake: Any, advance: Any) -> None:
    rows = day()
    for number, (start, end) in enumerate([(0, 7), (7, 8), (8, 30), (30, 60)]):
        advance(rows[start:end], number)
    found = expected(lake, rows)
    assert told(lake) == found
    newest = max(ended for _, ended, _ in found.values())
    still = {key for key, (_, ended, _) in found.items() if newest - ended <= timedelta(minutes=30)}
    assert 0 < len(still) < len(found)
    kept = lake.read(VISITS).collect()
    assert {r["session_id"] for r in kept} == still
    assert {(r["stream"], r["batch"]) for r in kept} == {("one", 3)}
    # A visit that has bought has its answer; the others have a probability.
    assert {
        (r["purchased"], r["probability"], r["reasons"] and r["reasons"][0]) for r in lake.read(SCORES).collect()
    } == {
        (False, 0.5, "so it is"),
        (True, None, None),
    }


def test_a_batch_that_comes_again_counts_nothing_twice(lake: Any, advance: Any) -> None:
    rows = day()
    advance(rows[:20], 0)
    first = advance(rows[20:40], 1)
    before = content(lake, VISITS), content(lake, SCORES)
    assert (first.events, advance(rows[20:40], 1).events) == (20, 0)
    assert (content(lake, VISITS), content(lake, SCORES)) == before


def test_a_kill_between_scores_and_visits_is_repaired(lake: Any, advance: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from onecart.lake import Lake

    rows, whole = day(), Lake.replace

    def killed(self: Any, name: str, df: Any) -> Any:
        if name == VISITS:
            raise KeyboardInterrupt
        return whole(self, name, df)

    for number, (start, end) in enumerate([(0, 20), (20, 60)]):
        monkeypatch.setattr(Lake, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            advance(rows[start:end], number)
        assert lake.exists(SCORES)
        monkeypatch.setattr(Lake, "replace", whole)
        assert advance(rows[start:end], number).events == end - start
    assert told(lake) == expected(lake, rows)


def test_a_visit_that_gets_another_first_event_leaves_no_row_under_its_old_id(lake: Any, advance: Any) -> None:
    advance([event("s", 10, "page_view"), event("s", 45, "search")], 0)
    assert sorted(told(lake)) == ["web:s@10", "web:s@45"]
    late = [event("s", 20, "search")]
    assert (advance(late, 1).events, advance(late, 1).events) == (1, 0)
    assert sorted(told(lake)) == ["web:s@10", "web:s@20"]  # the first was closed, so the late event joined the second
