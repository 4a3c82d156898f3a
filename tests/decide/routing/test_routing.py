"""Which ticket comes first, and who answers it."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart.config.sections.decide.routing import Agent, Routing
from onecart.decide.routing.assignment import with_queue
from onecart.decide.routing.priority import open_tickets, people, with_priority
from onecart.decide.routing.workload import can_answer, quotas

AS_OF, MIDNIGHT = date(2011, 6, 1), datetime(2011, 6, 1)
HOUR = timedelta(hours=1)
TICKET = "ticket_id string, customer_id string, opened_ts timestamp, status string"
INTENT = "ticket_id string, intent string, urgency string, reasons array<string>, model_version string"
REVIEW = "review_id string, customer_id string, review_ts timestamp"
PLACED = "ticket_id string, intent string, priority double, why string"


def test_the_open_ones_of_before_the_day_wait(spark: Any) -> None:
    rows = [("open", None, MIDNIGHT - HOUR, "open"), ("not said", None, MIDNIGHT - HOUR, None)]
    rows += [("solved", None, MIDNIGHT - HOUR, "Solved"), ("later", None, MIDNIGHT, "open")]
    found = open_tickets(spark.createDataFrame(rows, TICKET), AS_OF, "UTC")
    assert {r["ticket_id"] for r in found.collect()} == {"open", "not said"}


def test_value_and_complaints_are_those_of_customers_who_agreed(spark: Any) -> None:
    worth = [("a", 50), ("b", 100), ("c", 300), ("no", 9_999), ("unknown", None)]
    profile = spark.createDataFrame(worth, "customer_id string, lifetime_value_12m int")
    reviews = [(f"r{n}", who, MIDNIGHT + n * HOUR) for n, who in enumerate(["a", "a", "b", "b", "no", "c"])]
    moods = enumerate(["negative", "positive", "positive", "negative", "negative", None])
    sentiment = spark.createDataFrame([(f"r{n}", mood) for n, mood in moods], "review_id string, sentiment string")
    agreed = spark.createDataFrame([(n,) for n in ("a", "b", "c", "unknown")], "customer_id string")
    found = people(profile, agreed, spark.createDataFrame(reviews, REVIEW), sentiment)
    rows = {r["customer_id"]: r for r in found.collect()}
    assert {name: r["complains"] for name, r in rows.items()} == {"a": False, "b": True, "c": False, "unknown": False}
    values = {name: r["value"] for name, r in rows.items()}
    assert values.pop("unknown") is None
    assert values == pytest.approx({"a": 1 / 3, "b": 0.5, "c": 0.75})


def test_points_add_up_and_grow_with_every_hour(spark: Any) -> None:
    tickets = [
        ("urgent", "rich", MIDNIGHT - 2 * HOUR, "open"),
        ("angry", "poor", MIDNIGHT - 40 * HOUR, "open"),
        ("not read", None, MIDNIGHT - 2 * HOUR, "open"),
    ]
    intents = [
        ("urgent", "refund", "high", ["money taken", "needed soon"], "v1"),
        ("angry", "question", "low", ["angry"], "v1"),
    ]
    customers = [("rich", 0.8, True), ("poor", 0.2, False)]
    found = with_priority(
        spark.createDataFrame(tickets, TICKET),
        spark.createDataFrame(intents, INTENT),
        spark.createDataFrame(customers, "customer_id string, value double, complains boolean"),
        rules=Routing(),
        as_of=AS_OF,
        zone="UTC",
    )
    rows = {r["ticket_id"]: r for r in found.collect()}
    assert rows["urgent"]["priority"] == pytest.approx(8 + 0.8 + 1 + 2 * 0.25)
    assert rows["angry"]["priority"] == pytest.approx(0 + 0.2 + 1 + 40 * 0.25)  # it has waited long enough
    assert rows["not read"]["priority"] == pytest.approx(2 + 0.5 + 2 * 0.25)
    assert (rows["not read"]["intent"], rows["not read"]["urgency"]) == ("other", "normal")
    reasons = "high urgency (money taken, needed soon), last review complains, valuable customer, waited 2 h"
    assert rows["urgent"]["why"] == reasons
    assert rows["not read"]["why"] == "normal urgency, waited 2 h"


AGENTS = {
    "ann": Agent(skills=("refund",), capacity=2),
    "bob": Agent(skills=("refund", "fault"), capacity=3),
    "eve": Agent(skills=("fault",), capacity=1),
}


def placed(spark: Any, rules: Routing, *rows: tuple[str, str, float]) -> dict[str, Any]:
    frame = spark.createDataFrame([(*row, "why") for row in rows], PLACED)
    return {r["ticket_id"]: r for r in with_queue(frame, rules).collect()}


def test_without_agents_all_wait_in_one_queue(spark: Any) -> None:
    found = placed(spark, Routing(queue="desk"), ("t1", "refund", 1.0), ("t2", "fault", 9.0), ("t3", "other", 1.0))
    assert {t: (r["agent"], r["queue"], r["place"]) for t, r in found.items()} == {
        "t2": (None, "desk", 1),
        "t1": (None, "desk", 2),
        "t3": (None, "desk", 3),
    }
    assert found["t1"]["reason"] == "why; waits in the one queue"


def test_a_ticket_goes_to_one_agent_with_the_skill_the_most_urgent_first(spark: Any) -> None:
    rows = [(f"r{n}", "refund", 9.0 - n / 10) for n in range(4)] + [(f"f{n}", "fault", 8.5 - n / 10) for n in range(3)]
    found = placed(spark, Routing(agents=AGENTS), *rows, ("q", "question", 9.0))
    for ticket, row in found.items():
        assert row["agent"] is None or can_answer(AGENTS[row["agent"]], row["intent"]), ticket
    agents = [row["agent"] for row in found.values()]
    assert {name: agents.count(name) for name in AGENTS} == {"ann": 2, "bob": 3, "eve": 1}
    assert {t for t, r in found.items() if r["agent"] is None} - {"q"} in ({"r3"}, {"f2"})
    assert found["q"]["reason"] == "why; no agent answers question tickets"
    late = found["r3"] if found["r3"]["agent"] is None else found["f2"]
    assert late["reason"].startswith("why; all agents who answer")
    own = [(r["place"], r["priority"]) for r in found.values() if r["agent"] == "bob"]
    assert [place for place, _ in sorted(own, key=lambda row: -row[1])] == [1, 2, 3]


def test_what_has_waited_long_goes_before_what_is_new(spark: Any) -> None:
    rules = Routing(agents={"ann": Agent(capacity=1)})
    found = placed(spark, rules, ("new", "refund", 8.5), ("old", "question", 8.6))
    assert {t: r["agent"] for t, r in found.items()} == {"old": "ann", "new": None}


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.tuples(st.integers(0, 2), st.sampled_from(["refund", "fault", "question"])), st.integers(0, 9)),
    st.dictionaries(
        st.sampled_from("abcd"),
        st.builds(
            Agent,
            skills=st.sets(st.sampled_from(["refund", "fault", "question"])).map(tuple),
            capacity=st.integers(1, 6),
        ),
    ),
)
def test_no_agent_is_given_what_they_cannot_do_or_more_than_they_can(
    waiting: dict[tuple[int, str], int], agents: dict[str, Agent]
) -> None:
    found = quotas(waiting, agents)
    loads = dict.fromkeys(agents, 0)
    for (band, intent, name), n in found.items():
        assert can_answer(agents[name], intent)
        assert 0 < n <= waiting[band, intent]
        loads[name] += n
    assert all(n <= agents[name].capacity for name, n in loads.items())
    first = min((band for band, _ in waiting), default=0)
    for name, agent in agents.items():  # whoever is left in the first band is left because nobody who could is free
        for (band, intent), n in waiting.items():
            taken = sum(v for (b, i, _), v in found.items() if (b, i) == (band, intent))
            if band == first and can_answer(agent, intent) and taken < n:
                assert loads[name] == agent.capacity


def test_work_is_spread_by_capacity() -> None:
    agents = {"ann": Agent(capacity=10), "bob": Agent(capacity=20)}
    assert quotas({(0, "refund"): 12}, agents) == {(0, "refund", "ann"): 4, (0, "refund", "bob"): 8}


@pytest.mark.job
def test_tickets_are_routed_and_the_decisions_logged(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    from onecart.decide.decision_log import Part, record
    from onecart.decide.routing.table import write_ticket_routing

    assert write_ticket_routing(context(as_of=AS_OF)) == Part()
    tickets = [
        {"ticket_id": "t1", "record_id": "r1", "opened_ts": MIDNIGHT - 3 * HOUR, "status": "open"},
        {"ticket_id": "t2", "opened_ts": MIDNIGHT - HOUR, "status": "open"},
        {"ticket_id": "t3", "opened_ts": MIDNIGHT - HOUR, "status": "solved"},
    ]
    fill("silver.tickets", rows_of("silver.tickets", *tickets))
    fill("gold.identity_links", rows_of("gold.identity_links", {"record_id": "r1", "customer_id": "c1"}))
    read = {"urgency": "high", "intent": "refund", "reasons": ["money taken"], "model_version": "voice.intent@1"}
    fill("gold.ticket_intent", rows_of("gold.ticket_intent", {"ticket_id": "t2", **read}))
    ctx = context(as_of=AS_OF, decide={"routing": {"agents": {"ann": {"skills": ["refund"]}}}})
    part = write_ticket_routing(ctx)
    assert part.words == "2 tickets wait"
    record(ctx, [part.decisions])
    rows = {r["ticket_id"]: r for r in lake.read("gold.ticket_routing").collect()}
    assert {t: (r["customer_id"], r["queue"], r["place"]) for t, r in rows.items()} == {
        "t1": ("c1", "support", 1),
        "t2": (None, "ann", 1),
    }
    logged = {r["subject"]: r for r in lake.read("gold.decision_log").collect()}
    assert {t: r["ticket_id"] for t, r in logged.items()} == {"t1": "t1", "t2": "t2"}
    decision = logged["t2"]
    assert (decision["kind"], decision["decision"], decision["action"], decision["propensity"]) == (
        ("routing", "chosen", "ann", 1.0)
    )
    assert decision["reason"] == "high urgency (money taken), waited 1 h; ann answers refund tickets"
    assert (decision["versions"], logged["t1"]["versions"]) == ({"voice.intent": "voice.intent@1"}, {})
    health = {(r["model"], r["metric"]): r["value"] for r in lake.read("gold.model_health").collect()}
    assert health["decide.routing", "tickets"] == health["decide.first_come", "tickets"] > 0
