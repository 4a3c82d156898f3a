"""Visits and the funnel."""

from datetime import date, datetime
from typing import Any

EVENT = (
    "event_id STRING, event_ts TIMESTAMP, channel STRING, event_type STRING, record_id STRING, session_key STRING, "
    "device_type STRING, campaign STRING, customer_id STRING"
)


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2011-05-01 {clock}")


def event(event_id: str, clock: str, key: str | None = None, **more: Any) -> tuple[Any, ...]:
    row = {"channel": "web", "event_type": "page_view", "record_id": "r1", "customer_id": "c1", **more}
    return (
        event_id,
        at(clock),
        *(row[c] for c in ("channel", "event_type", "record_id")),
        key,
        row.get("device_type"),
        row.get("campaign"),
        row["customer_id"],
    )


def visits(spark: Any, rows: list[tuple[Any, ...]], *columns: str) -> list[tuple[Any, ...]]:
    from onecart.behaviour.sessions import online_sessions

    found = online_sessions(spark.createDataFrame(rows, EVENT), gap_minutes=30)
    return [tuple(r) for r in found.select(*columns).orderBy("started_ts", "session_id").collect()]


def test_silence_longer_than_the_gap_begins_a_visit(spark: Any) -> None:
    rows = [
        event("a", "10:00:00"),
        event("b", "10:30:00"),
        event("c", "11:00:01"),
        event("d", "10:10:00", channel="app"),
    ]
    assert visits(spark, rows, "session_id", "duration_s", "events", "bounced") == [
        ("web:a", 1800, 2, False),
        ("app:d", 0, 1, True),
        ("web:c", 0, 1, True),
    ]


def test_a_new_session_key_begins_a_visit_and_two_keys_may_take_turns(spark: Any) -> None:
    rows = [event("a", "10:00:00", "k1"), event("b", "10:01:00", "k2"), event("c", "10:02:00", "k1")]
    assert visits(spark, rows, "session_id", "events") == [("web:a", 2), ("web:b", 1)]


def test_a_visit_counts_its_steps_and_takes_the_first_device_and_campaign(spark: Any) -> None:
    kinds = ["search", "product_view", "product_view", "add_to_cart", "checkout", "purchase"]
    rows = [event(str(i), f"10:0{i}:00", event_type=kind) for i, kind in enumerate(kinds)]
    rows[1] = event("1", "10:01:00", event_type="product_view", device_type="mobile", campaign="spring")
    rows[2] = event("2", "10:02:00", event_type="product_view", device_type="desktop")
    columns = ("searches", "product_views", "cart_adds", "checkouts", "purchased", "bounced", "device_type", "campaign")
    assert visits(spark, rows, *columns) == [(1, 2, 1, 1, True, False, "mobile", "spring")]


def test_a_visitor_is_the_customer_else_the_record_else_the_session(spark: Any) -> None:
    rows = [
        event("a", "10:00:00"),
        event("b", "11:00:00", customer_id=None),
        event("c", "12:00:00", "k", customer_id=None, record_id=None),
        event("d", "13:00:00", customer_id=None, record_id=None),
    ]
    assert visits(spark, rows, "visitor_id", "customer_id") == [
        ("c1", "c1"),
        ("r1", None),
        ("session:k", None),
        ("session:d", None),
    ]


def test_a_social_post_is_no_visit(spark: Any) -> None:
    assert visits(spark, [event("a", "10:00:00", channel="social", event_type="social_post")], "session_id") == []


def test_a_store_receipt_is_one_visit_that_bought_and_a_return_is_none(spark: Any) -> None:
    from chispa import assert_df_equality

    from onecart.behaviour.sessions import store_sessions

    orders = spark.createDataFrame(
        [
            ("o1", at("10:00:00"), "store", "card:1", "c1", 2),
            ("o1", at("10:01:00"), "store", "card:1", "c1", 1),
            ("o2", at("11:00:00"), "store", None, None, 1),
            ("o3", at("12:00:00"), "store", "card:1", "c1", -1),
            ("o4", at("12:00:00"), "web", "account:1", "c1", 1),
        ],
        "order_id STRING, order_ts TIMESTAMP, channel STRING, record_id STRING, customer_id STRING, quantity INT",
    )
    found = store_sessions(orders).select(
        "session_id", "visitor_id", "customer_id", "duration_s", "events", "purchased"
    )
    expected = spark.createDataFrame(
        [("store:o1", "c1", "c1", 60, 1, True), ("store:o2", "session:o2", None, 0, 1, True)],
        "session_id STRING, visitor_id STRING, customer_id STRING, duration_s LONG, events INT, purchased BOOLEAN",
    )
    assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)


def test_the_funnel_counts_visits_that_reached_each_step(spark: Any) -> None:
    from chispa import assert_df_equality

    from onecart.behaviour.funnel import funnel

    sessions = spark.createDataFrame(
        [
            (at("10:00:00"), "web", 3, 2, 1, True),
            (at("23:59:59"), "web", 1, 0, 0, False),
            (at("12:00:00"), "app", 0, 0, 0, False),
        ],
        "started_ts TIMESTAMP, channel STRING, product_views LONG, cart_adds LONG, checkouts LONG, purchased BOOLEAN",
    )
    expected = spark.createDataFrame(
        [(date(2011, 5, 1), "web", 2, 2, 1, 1, 1), (date(2011, 5, 1), "app", 1, 0, 0, 0, 0)],
        "day DATE, channel STRING, visits LONG, product_visits LONG, cart_visits LONG, checkout_visits LONG, "
        "purchase_visits LONG",
    )
    assert_df_equality(funnel(sessions), expected, ignore_row_order=True, ignore_nullable=True)


def test_a_visit_keeps_its_id_when_later_events_arrive(spark: Any) -> None:
    before = visits(spark, [event("b", "09:59:00")], "session_id")
    assert visits(spark, [event("b", "09:59:00"), event("a", "10:00:00")], "session_id") == before
