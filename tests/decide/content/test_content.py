"""What is shown where: choices with their probability, and a state that is a sum."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from onecart.config.sections.decide.content import Placement

pytestmark = pytest.mark.job
DAY = date(2011, 6, 8)
HOME = Placement(items=("mug", "bag"), exploration=0.1, floor=0.02)
CHOICES = "placement STRING, customer_id STRING, as_of DATE, item STRING, context ARRAY<DOUBLE>"
EVENTS = "event_id STRING, customer_id STRING, event_day DATE, event_type STRING, sku STRING, campaign STRING"


def before(days: int) -> date:
    return DAY - timedelta(days=days)


def test_an_event_is_the_answer_to_the_newest_choice_before_it(spark: Any) -> None:
    from onecart.decide.content.state import answers

    choices = [
        ("home", "a", before(5), "mug", None),
        ("home", "a", before(2), "bag", None),
        ("home", "b", before(2), "mug", None),
        ("home", "c", before(9), "mug", None),
        ("till", "a", before(5), "mug", [1.0, 2.0]),
    ]
    events = [
        ("e1", "a", before(4), "product_view", "mug", None),
        ("e2", "a", before(1), "product_view", "mug", None),  # the mug is not shown any more
        ("e3", "b", before(2), "search", "mug", None),  # came, and did not answer
        ("e4", "c", before(1), "purchase", "mug", None),  # too late
        ("e5", "a", before(6), "purchase", "mug", None),  # before any choice
    ]
    rows = answers(
        spark.createDataFrame(choices, CHOICES),
        spark.createDataFrame(events, EVENTS),
        {"home": HOME, "till": Placement(items=("mug", "bag"), policy="linucb", context=("x",), reward=("purchase",))},
    ).collect()
    found = {(r["placement"], r["customer_id"], r["day"]): (r["item"], r["trials"], r["rewards"]) for r in rows}
    assert found == {
        ("home", "a", before(5)): ("mug", 1, 1.0),
        ("home", "a", before(2)): ("bag", 1, 0.0),
        ("home", "b", before(2)): ("mug", 1, 0.0),
        ("till", "a", before(5)): ("mug", 1, 0.0),
    }
    (till,) = (r for r in rows if r["placement"] == "till")
    assert (till["xx"], till["xr"]) == ([1.0, 2.0, 2.0, 4.0], [0.0, 0.0])


def test_customers_are_shown_items_as_often_as_the_log_says(spark: Any) -> None:
    from onecart.decide.content.choose import chosen
    from onecart.decide.content.state import Known

    known = Known(np.array([6.0, 6.0]), np.array([2.0, 1.0]), None, None)  # Beta(3, 5) and Beta(2, 6)
    people = spark.range(4_000).selectExpr("concat('c', id) AS customer_id", "DATE'2011-06-08' AS as_of")
    rows = chosen(people, "home", HOME, known, seed=7).toPandas()
    mug = 0.9 * 0.720280 + 0.05
    assert rows.groupby("item").propensity.agg(["min", "max"]).loc["mug"].tolist() == pytest.approx(
        [mug, mug], abs=1e-6
    )
    assert (rows["item"] == "mug").mean() == pytest.approx(mug, abs=4 * np.sqrt(mug * (1 - mug) / 4_000))
    assert rows.groupby("item").expected_reward.first().to_dict() == {"bag": 2 / 8, "mug": 3 / 8}
    unseen = Known(np.array([6.0, 0.0]), np.array([2.0, 0.0]), None, None)  # nobody has been shown the bag
    first = chosen(people.limit(50), "home", HOME, unseen, seed=7).toPandas().groupby("item").expected_reward
    assert first.count().to_dict() == {"bag": 0, "mug": first.size()["mug"]}
    again = chosen(people.repartition(5), "home", HOME, known, seed=7).toPandas()
    assert (
        rows.set_index("customer_id")["item"].sort_index().equals(again.set_index("customer_id")["item"].sort_index())
    )
    other = chosen(people, "home", HOME, known, seed=8).toPandas()
    assert (
        not rows.set_index("customer_id")["item"]
        .sort_index()
        .equals(other.set_index("customer_id")["item"].sort_index())
    )


def test_linucb_shows_each_what_those_like_them_answered(spark: Any) -> None:
    from onecart.decide.content.choose import chosen
    from onecart.decide.content.state import Known

    place = Placement(items=("mug", "bag"), policy="linucb", context=("orders",), exploration=0.1, floor=0.02)
    x = np.array([[1, 0.0], [1, np.log(11)]])
    outer = np.einsum("ni,nj->nij", x, x) * 50
    known = Known(np.full(2, 100.0), np.full(2, 50.0), np.array([outer.sum(0)] * 2), np.array([x[0], x[1]]) * 50)
    people = spark.createDataFrame(
        [("new", DAY, 0.0), ("often", DAY, 10.0), ("unknown", DAY, None)],
        "customer_id STRING, as_of DATE, orders DOUBLE",
    )
    rows = {r["customer_id"]: r for r in chosen(people, "home", place, known, seed=7).collect()}
    best = {c: r["item"] if r["propensity"] > 0.5 else {"mug": "bag", "bag": "mug"}[r["item"]] for c, r in rows.items()}
    assert best == {"new": "mug", "often": "bag", "unknown": "mug"}
    assert {round(r["propensity"], 12) for r in rows.values()} <= {0.95, 0.05}
    assert rows["often"]["context"] == pytest.approx([1, np.log(11)])


def test_a_repeated_run_changes_nothing_late_answers_count_and_the_erased_are_subtracted(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    from onecart.decide.content.state import known
    from onecart.decide.content.write import write_content_choice
    from onecart.decide.decision_log import record
    from onecart.lake.purge import erasing, remove_rows
    from onecart.privacy.rows import personal_tables, rows_about
    from onecart.privacy.subject import Subject

    ctx = context(as_of=DAY, decide={"placements": {"home": {"items": ["mug", "bag"]}}})
    placements = ctx.settings.decide.placements
    people = [{"customer_id": c, "consent_profiling": c != "d"} for c in "abcd"]
    fill("gold.customer_profile", rows_of("gold.customer_profile", *people))
    log = {"kind": "content", "subject": "home", "as_of": before(3), "versions": {}, "decision": "chosen"}
    items = {"a": "mug", "b": "mug", "c": "bag", "d": "mug"}
    shown = [{**log, "decision_id": c, "customer_id": c, "action": item} for c, item in items.items()]
    needed = {"decided_ts": datetime(2011, 6, 5), "reason": "x", "policy": "thompson", "run_id": "r", "propensity": 0.5}
    fill("gold.decision_log", [{**row, **needed} for row in shown])
    seen = {"event_type": "product_view", "sku": "mug"}
    events = [
        {"event_id": f"e{c}", "customer_id": c, "event_ts": datetime(2011, 6, 6), **seen} for c in "abcd"
    ]  # c was shown the bag, d refused to be profiled
    fill("gold.customer_events", rows_of("gold.customer_events", *events[:1], *events[2:]))
    # Settled long ago, and kept as it is.
    old = {"placement": "home", "item": "bag", "day": before(90), "trials": 1, "rewards": 1}
    fill("gold.content_state", [{**old, "customer_id": c} for c in "ab"])
    fill("gold.content_choice", [])

    def sums() -> list[list[float]]:
        found = known(lake.read("gold.content_state"), placements)["home"]
        return [found.trials.tolist(), found.rewards.tolist()]

    choices = write_content_choice(ctx)
    assert choices.words == "3 choices for home by thompson"
    record(ctx, [choices.decisions])
    assert sums() == [[1, 3], [1, 2]]
    first = {r["customer_id"]: r for r in lake.read("gold.content_choice").collect()}
    assert set(first) == {"a", "b", "c"}
    assert min(r["propensity"] for r in first.values()) >= 0.025
    logged = lake.read("gold.decision_log").where(f"as_of = '{DAY}'").collect()
    assert {r["customer_id"]: (r["action"], r["propensity"]) for r in logged} == {
        c: (r["item"], r["propensity"]) for c, r in first.items()
    }
    # The same day again, with an answer that came late.
    fill("gold.customer_events", rows_of("gold.customer_events", *events))
    record(ctx, [write_content_choice(ctx).decisions])
    assert sums() == [[2, 3], [2, 2]]
    assert lake.read("gold.content_choice").count() == 3
    assert lake.read("gold.decision_log").count() == 4 + 3
    # An erasure takes the rows of a person, and with them what they added.
    subject = Subject(("a",), ())
    assert {"gold.content_state", "gold.content_choice", "gold.decision_log"} <= {*personal_tables(lake)}
    with erasing(lake.spark):
        for name in ("gold.content_state", "gold.decision_log", "gold.customer_events"):
            key = {
                "gold.content_state": ["placement", "item", "customer_id", "day"],
                "gold.decision_log": ["decision_id"],
            }
            rows = rows_about(lake, name, subject, ctx.settings)
            remove_rows(lake, name, rows.select(*key.get(name, ["event_id"])))
    assert sums() == [[1, 2], [1, 1]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"items": ["mug"]}, "at least 2 items"),
        ({"items": ["mug", "mug"]}, "an item is named twice"),
        ({"items": ["a", "b", "c"], "floor": 0.5}, "3 items with a floor of 0.5 each are more than 1"),
        ({"items": ["a", "b"], "policy": "linucb"}, "linucb needs context"),
    ],
)
def test_a_placement_that_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError, match=said):
        Placement.model_validate(wrong)


@pytest.mark.job
def test_where_nobody_agreed_to_profiling_nothing_is_chosen(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    from onecart.decide.content.write import write_content_choice
    from onecart.decide.decision_log import record

    fill("gold.customer_profile", rows_of("gold.customer_profile", {"customer_id": "a"}))
    ctx = context(as_of=DAY, decide={"placements": {"home": {"items": ["mug", "bag"]}}})
    choices = write_content_choice(ctx)
    assert choices.words == "0 choices for home by thompson"
    record(ctx, [choices.decisions])
    assert lake.read("gold.decision_log").isEmpty()
