"""The job `live`: what it says of each visit is what a batch over all events would say, whatever happens in between."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.job

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
    from onecart.contracts import contract

    schema = contract(TABLE).schema
    return spark.createDataFrame([tuple(r.get(f) for f in schema.fieldNames()) for r in rows], schema)


def add(lake: Any, rows: Sequence[dict[str, Any]]) -> None:
    """As the job `clean` does it."""
    lake.upsert(TABLE, framed(lake.spark, rows), update_if=None)


def expected(lake: Any, rows: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """session_id -> the nightly job's (started_ts, ended_ts, purchased) of all events."""
    from onecart.behaviour.session_metrics import online_sessions
    from onecart.config import Behaviour, Shop
    from onecart.facts.owners import Owners
    from onecart.facts.sessionization import with_session

    events = Owners.of(lake).named(framed(lake.spark, rows), TABLE)
    found = online_sessions(with_session(events, Behaviour(), Shop())).collect()
    return {r["session_id"]: (r["started_ts"], r["ended_ts"], r["purchased"]) for r in found}


def told(lake: Any) -> dict[str, tuple[Any, ...]]:
    rows = lake.read(SCORES).collect()
    assert len({r["session_id"] for r in rows}) == len(rows)
    return {r["session_id"]: (r["started_ts"], r["ended_ts"], r["purchased"]) for r in rows}


@pytest.fixture
def advance(context: Callable[..., Any], fill: Callable[..., None], spark: Any, scorer: Any) -> Callable[..., Any]:
    """`advance(rows, number)`: one batch of the stream `one`; returns what it counted."""
    from onecart.live import job as score

    fill("gold.identity_links", [{"record_id": "r", **LINK}])

    def step(rows: Sequence[dict[str, Any]], number: int) -> score.Tally:
        tally = score.Tally()
        score.advance(context(), scorer, framed(spark, rows), number, "one", tally)
        return tally

    return step


def test_after_a_kill_between_scores_and_visits_batches_still_make_the_visits_of_all_events(
    lake: Any, advance: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onecart.lake import Lake

    rows, whole = day(), Lake.replace

    def killed(self: Any, name: str, df: Any) -> Any:
        if name == VISITS:
            raise KeyboardInterrupt
        return whole(self, name, df)

    advance(rows[:33], 0)
    monkeypatch.setattr(Lake, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        advance(rows[33:], 1)
    monkeypatch.setattr(Lake, "replace", whole)
    found = expected(lake, rows)
    assert told(lake) == found
    assert {r["batch"] for r in lake.read(VISITS).collect()} == {0}
    assert advance(rows[33:], 1).events == 27
    assert told(lake) == found
    # A visit that has bought has its answer; the others have a probability.
    said = {(r["purchased"], r["probability"], *(r["reasons"] or [])) for r in lake.read(SCORES).collect()}
    assert said == {(False, 0.5, "so it is"), (True, None)}

    # Only visits that may go on are kept.
    newest = max(ended for _, ended, _ in found.values())
    still = {key for key, (_, ended, _) in found.items() if newest - ended <= timedelta(minutes=30)}
    assert 0 < len(still) < len(found)
    kept = lake.read(VISITS).collect()
    assert {r["session_id"] for r in kept} == still
    assert {(r["stream"], r["batch"]) for r in kept} == {("one", 1)}

    # The same batch again counts nothing.
    versions = lake.version(VISITS), lake.version(SCORES)
    assert advance(rows[33:], 1).events == 0
    assert (lake.version(VISITS), lake.version(SCORES)) == versions


def test_the_first_batch_replaces_all_and_a_visit_with_another_first_event_leaves_no_row_under_its_old_id(
    lake: Any, advance: Any, fill: Any
) -> None:
    stale = {"session_id": "web:old", "visitor_id": "c", "channel": "web", "purchased": True, "model_version": "m"}
    fill(SCORES, [{**stale, "started_ts": START, "ended_ts": START}])
    advance([event("s", 10, "page_view"), event("s", 45, "search")], 0)
    assert sorted(told(lake)) == ["web:s@10", "web:s@45"]
    advance([event("s", 20, "search")], 1)
    assert sorted(told(lake)) == ["web:s@10", "web:s@20"]  # the first was closed, so the late event joined the second


def visited(name: str, days: int, kinds: Sequence[str]) -> list[dict[str, Any]]:
    return [event(name, days * 1440 + i, kind) for i, kind in enumerate(kinds)]


BOUGHT, LEFT = ("add_to_cart", "add_to_cart", "checkout", "purchase"), ("page_view", "search", "page_view")


def test_the_job_learns_who_buys_goes_on_where_it_was_and_says_where_it_could_not(
    lake: Any, context: Any, fill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onecart.facts import write_facts
    from onecart.live import job as score

    history = [e for i in range(80) for e in visited(f"v{i:02}", i // 4, BOUGHT if i % 2 else LEFT)]
    fill("gold.identity_links", [{"record_id": "r", **LINK}])
    add(lake, history)
    settings: dict[str, Any] = {"as_of": date(2011, 6, 1), "intent": {"model": "decision_tree", "reasons": 1}}
    write_facts(context(**settings))
    first = score.run(context(**settings))
    assert first.headline == "80 visits scored, 4 under way; AUC 1.00 on later visits"
    assert (first.rows_in, first.rows_out) == (280, 80)
    (row,) = lake.read("gold.model_registry").collect()
    assert (row["model"], row["role"], row["path"]) == ("visit", "champion", "models/intent.visit/testrun")
    health = {(r["model"], r["dataset"], r["metric"]) for r in lake.read("gold.model_health").collect()}
    assert ("intent.visit", "holdout", "auc") in health

    new = visited("buyer", 40, BOUGHT[:2]) + visited("looker", 40, LEFT[:2])
    add(lake, new)
    lake.optimize(TABLE)
    assert score.run(context(run_id="second", **settings)).headline == "2 visits scored, 2 under way"
    assert told(lake) == expected(lake, history + new)
    scores = {r["session_id"].split("@")[0]: r for r in lake.read(SCORES).collect()}
    assert scores["web:buyer"]["probability"] > 0.9 > 0.1 > scores["web:looker"]["probability"]
    assert scores["web:buyer"]["model_version"] == "intent.visit@testrun"
    assert "raises the odds" in scores["web:buyer"]["reasons"][0]

    monkeypatch.setattr(score, "follow", lambda *_, **__: True)
    anew = score.run(context(run_id="third", **settings)).headline
    assert anew.endswith("began anew: silver.interactions has lost the versions it would have gone on from")
    _erasure_reaches_all(lake, context())


def _erasure_reaches_all(lake: Any, ctx: Any) -> None:
    """The person's rows of both tables, and the stream's checkpoint."""
    from onecart.privacy.leftovers import drop_checkpoints
    from onecart.privacy.rows import personal_tables, rows_about
    from onecart.privacy.subject import Subject

    assert {VISITS, SCORES} <= set(personal_tables(lake))
    found = {name: rows_about(lake, name, Subject(("c",), ("r",)), ctx.settings) for name in (VISITS, SCORES)}
    assert {name: rows.count() for name, rows in found.items()} == {name: lake.read(name).count() for name in found}
    assert [drop_checkpoints(lake), drop_checkpoints(lake)] == [1, 0]


def test_a_model_is_trained_anew_when_the_newest_is_old(
    context: Any, scorer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onecart.live import model

    monkeypatch.setattr(model.registry, "champion", lambda ctx, question: (scorer, ""))
    monkeypatch.setattr(model.models, "newest_as_of", lambda ctx, question: date(2011, 6, 1))
    monkeypatch.setattr(model, "_trained", lambda ctx: (scorer, "; trained"))
    found = [model.current(context(as_of=date(2011, *day)))[1] for day in ((6, 30), (7, 1))]
    assert found == ["", "; trained"]


@pytest.mark.parametrize(("kinds", "values"), [((), "no value"), (("page_view", "search"), "0")])
def test_without_visits_of_both_outcomes_no_model_is_trained_and_the_job_says_why(
    context: Any, fill: Any, kinds: Sequence[str], values: str
) -> None:
    from onecart.facts import write_facts
    from onecart.live.job import run

    fill("gold.identity_links", [{"record_id": "r", **LINK}])
    fill(TABLE, visited("a", 0, kinds))
    write_facts(context())
    result = run(context(as_of=date(2011, 6, 1)))
    why = f"the label 'bought' holds {values} only; rows of both outcomes are needed"
    assert result.headline == f"no visit scored; no model of visits was trained: {why}"
    assert (result.rows_in, result.rows_out) == (0, 0)
