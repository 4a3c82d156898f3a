"""Facts: one owner and one visit of each, whoever reads it, and only what changed is written."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from onecart.facts import EVENTS, ORDERS, write_facts

pytestmark = pytest.mark.job

HANDED_ON = datetime(2011, 3, 15)
TABLET, PHONE = "device:tablet", "device:phone"


def link(record: str, customer: str) -> dict[str, Any]:
    return {"record_id": record, "customer_id": customer, "probability": 1.0, "rule": "alone"}


def line(order_id: str, record: str | None, day: int, **more: Any) -> dict[str, Any]:
    what = {"sku": "s", "quantity": 1, "unit_price": Decimal(5), "amount": Decimal(5), "currency": "GBP"}
    when = {"order_line_id": f"l{order_id}", "order_id": order_id, "order_ts": datetime(2011, 3, day)}
    return {**when, "record_id": record, "channel": "app", "is_return": False, **what, **more}


def event(name: str, record: str, day: int, minute: int = 0, **more: Any) -> dict[str, Any]:
    when = datetime(2011, 3, day, 12) + timedelta(minutes=minute)
    row = {"event_id": name, "event_ts": when, "channel": "app", "event_type": "page_view", "record_id": record}
    return {**row, "session_key": "k", **more}


@pytest.fixture
def shop(fill: Callable[..., None]) -> None:
    """A tablet that changed hands on 15 March, and a phone that did not."""
    fill("gold.identity_links", [link(TABLET, "c_new"), link(PHONE, "c_phone")])
    hands: list[tuple[str, datetime, datetime | None]] = [("c_old", datetime(2011, 1, 1), HANDED_ON)]
    hands += [("c_new", HANDED_ON, None)]
    stitch = {"record_id": TABLET, "account_id": "a"}
    fill(
        "gold.identity_stitches",
        [{**stitch, "from_ts": since, "until_ts": until, "customer_id": who} for who, since, until in hands],
    )
    fill("silver.orders", [line("10", TABLET, 10), line("20", TABLET, 20), line("11", PHONE, 11), line("9", None, 9)])
    fill(
        "silver.interactions",
        [
            *[event(f"t{day}-{m}", TABLET, day, m) for day in (10, 20) for m in (0, 10, 50)],
            event("p11", PHONE, 11),
            event("social", PHONE, 11, channel="social", session_key=None),
        ],
    )


def rows(lake: Any, name: str, key: str, *columns: str) -> dict[str, tuple[Any, ...]]:
    return {r[key]: tuple(r[c] for c in columns) for r in lake.read(name).collect()}


def test_labels_features_and_recommendations_take_one_owner_of_an_order_on_a_device_that_changed_hands(
    shop: None, lake: Any, context: Callable[..., Any]
) -> None:
    from onecart.behaviour.daily import order_facts
    from onecart.intent.job import purchases
    from onecart.profile.build import happened as profiled
    from onecart.recommend.serving.offers import happened as interacted

    ctx = context(shop={"goods": None})
    write_facts(ctx)
    orders = lake.read(ORDERS)
    expected = {("c_old", date(2011, 3, 10)), ("c_new", date(2011, 3, 20)), ("c_phone", date(2011, 3, 11))}
    assert {(r.customer_id, r.day) for r in order_facts(orders).collect() if r.customer_id} == expected
    assert {(r.customer_id, r.ts.date()) for r in purchases(orders).collect()} == expected
    told = interacted(ctx.settings, orders, lake.read(EVENTS))
    assert {(r.user_id, r.ts.date()) for r in told.collect()} == expected
    lines = profiled(lake, as_of=date(2011, 6, 1)).lines
    assert {(r.customer_id, r.order_ts.date()) for r in lines.collect()} == expected
    assert rows(lake, ORDERS, "order_id", "customer_id")["9"] == (None,)


def test_the_profile_counts_the_visits_of_gold_sessions(shop: None, lake: Any, context: Callable[..., Any]) -> None:
    from onecart.behaviour.job import run
    from onecart.profile import activity
    from onecart.profile.build import happened

    ctx = context(as_of=date(2011, 6, 1))
    write_facts(ctx)
    run(ctx)
    sessions = lake.read("gold.sessions").where("channel IN ('web', 'app') AND customer_id IS NOT NULL")
    counted = {r["customer_id"]: r["count"] for r in sessions.groupBy("customer_id").count().collect()}
    assert counted == {"c_old": 2, "c_new": 2, "c_phone": 1}
    visits = activity.visits(happened(lake, as_of=date(2011, 6, 1)).events)
    assert {r["customer_id"]: r["visits"] for r in visits.collect()} == counted
    assert rows(lake, EVENTS, "event_id", "session_id")["social"] == (None,)


def test_a_run_writes_what_is_new_and_what_has_another_owner_or_visit_and_nothing_else(
    shop: None, lake: Any, fill: Callable[..., None], context: Callable[..., Any]
) -> None:
    write_facts(context())
    before = rows(lake, EVENTS, "event_id", "customer_id", "session_id")
    versions = lake.version(EVENTS), lake.version(ORDERS)
    write_facts(context())
    assert (lake.version(EVENTS), lake.version(ORDERS)) == versions  # nothing is new

    # An event in between joins two visits of the tablet; the phone turns out to be somebody else's.
    old = [r.asDict() for r in lake.read("silver.interactions").collect()]
    fill("silver.interactions", [*old, event("late", TABLET, 20, 30)])
    fill("gold.identity_links", [link(TABLET, "c_new"), link(PHONE, "c_friend")])
    write_facts(context())
    written = {name: lake.delta(name).history(1).first()["operationMetrics"] for name in (EVENTS, ORDERS)}
    counts = ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")
    assert [int(written[EVENTS][n]) for n in counts] == [1, 3, 0]  # t20-50 has another visit, the phone's two an owner
    assert [int(written[ORDERS][n]) for n in counts] == [0, 1, 0]
    expected = {**before, "late": ("c_new", "app:t20-0"), "t20-50": ("c_new", "app:t20-0")}
    expected |= {"p11": ("c_friend", "app:p11"), "social": ("c_friend", None)}
    assert rows(lake, EVENTS, "event_id", "customer_id", "session_id") == expected
    assert rows(lake, ORDERS, "order_id", "customer_id")["11"] == ("c_friend",)

    # Rows that silver has no longer go, and other rules of visits cut all anew.
    fill("silver.interactions", [r for r in old if r["event_id"] != "p11"])
    write_facts(context(behaviour={"session_gap_minutes": 5}))
    found = rows(lake, EVENTS, "event_id", "session_id")
    assert not {"p11", "late"} & set(found)
    assert {found[f"t{day}-{m}"] for day in (10, 20) for m in (0, 10, 50)} == {
        (f"app:t{day}-{m}",) for day in (10, 20) for m in (0, 10, 50)
    }


def test_a_run_killed_between_the_two_tables_is_made_whole_by_the_next(
    shop: None, lake: Any, context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from onecart.lake import Lake

    whole = Lake.replace

    def killed(self: Any, name: str, df: Any) -> Any:
        if name == ORDERS:
            raise KeyboardInterrupt
        return whole(self, name, df)

    monkeypatch.setattr(Lake, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_facts(context())
    monkeypatch.setattr(Lake, "replace", whole)
    write_facts(context())
    assert (len(rows(lake, EVENTS, "event_id")), len(rows(lake, ORDERS, "order_id"))) == (8, 4)


def test_machines_events_are_of_no_visit(fill: Callable[..., None], lake: Any, context: Callable[..., Any]) -> None:
    fill("gold.identity_links", [link("cookie:bot", "v_bot"), link(PHONE, "c")])
    fill("silver.interactions", [event("p", PHONE, 11), *[event(f"b{i}", "cookie:bot", 11, i) for i in range(5)]])
    write_facts(context(behaviour={"max_events_per_day": 4}))
    found = rows(lake, EVENTS, "event_id", "session_id")
    assert found == {"p": ("app:p",), **{f"b{i}": (None,) for i in range(5)}}
    assert rows(lake, ORDERS, "order_id") == {}  # no orders yet, and a table that says so


def test_an_erasure_finds_the_persons_facts(shop: None, lake: Any, context: Callable[..., Any]) -> None:
    from onecart.privacy.rows import personal_tables, rows_about
    from onecart.privacy.subject import Subject

    ctx = context()
    write_facts(ctx)
    assert {EVENTS, ORDERS} <= set(personal_tables(lake))
    person = Subject(("c_phone",), (PHONE,))
    found = {name: rows_about(lake, name, person, ctx.settings) for name in (EVENTS, ORDERS)}
    assert {r["event_id"] for r in found[EVENTS].collect()} == {"p11", "social"}
    assert {r["order_id"] for r in found[ORDERS].collect()} == {"11"}


def test_a_column_of_a_fact_that_silver_has_otherwise_is_written(
    shop: None, lake: Any, fill: Callable[..., None], context: Callable[..., Any]
) -> None:
    write_facts(context())
    old = [r.asDict() for r in lake.read("silver.interactions").collect()]
    fill("silver.interactions", [{**r, "campaign": "spring"} if r["event_id"] == "p11" else r for r in old])
    write_facts(context())
    written = lake.delta(EVENTS).history(1).first()["operationMetrics"]
    assert int(written["numTargetRowsUpdated"]) == 1
    assert rows(lake, EVENTS, "event_id", "campaign")["p11"] == ("spring",)


def test_jobs_do_not_decide_for_days_that_the_facts_do_not_reach(
    shop: None, lake: Any, fill: Callable[..., None], context: Callable[..., Any]
) -> None:
    from onecart.behaviour.job import run
    from onecart.errors import OneCartError

    write_facts(context())
    run(context())
    old = [r.asDict() for r in lake.read("silver.orders").collect()]
    fill("silver.orders", [*old, line("21", PHONE, 21)])
    with pytest.raises(OneCartError, match=r"customer_orders ends on 2011-03-20, .* Run `onecart run unify` first"):
        run(context())
    run(context(as_of=date(2011, 3, 21)))
    write_facts(context())
    run(context())


def test_facts_of_no_record_and_of_records_without_a_link_keep_their_places(
    fill: Callable[..., None], lake: Any, context: Callable[..., Any]
) -> None:
    fill("gold.identity_links", [link(PHONE, "c_phone")])
    stitch = {"record_id": TABLET, "account_id": "a", "customer_id": "c_old"}
    fill("gold.identity_stitches", [{**stitch, "from_ts": datetime(2011, 1, 1), "until_ts": HANDED_ON}])
    same = [line(f"n{i}", None, 9) for i in range(3)]  # at one moment
    fill("silver.orders", [*same, line("1", TABLET, 10), line("2", TABLET, 20), line("3", "device:new", 11)])
    write_facts(context())
    found = {order: who for order, (who,) in rows(lake, ORDERS, "order_id", "customer_id").items()}
    assert found.pop("2", "").startswith("v_")  # a device between two owners is a visitor's
    assert found == {"n0": None, "n1": None, "n2": None, "1": "c_old", "3": None}
