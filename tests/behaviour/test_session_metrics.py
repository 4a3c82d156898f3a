"""Visits: where one ends, and what is counted of it."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EVENT = (
    "event_id STRING, event_ts TIMESTAMP, channel STRING, event_type STRING, record_id STRING, session_key STRING, "
    "device_type STRING, campaign STRING, customer_id STRING, received_ts TIMESTAMP, sku STRING, query STRING"
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
        row.get("received"),
        row.get("sku"),
        row.get("query"),
    )


def visits(
    spark: Any, rows: list[tuple[Any, ...]], *columns: str, zone: str = "UTC", **rules: Any
) -> list[tuple[Any, ...]]:
    from onecart.behaviour.session_metrics import online_sessions
    from onecart.config import Behaviour, Shop
    from onecart.facts.sessionization import with_session

    shop = Shop(channels={"web": "online", "social": "other"}, time_zone=zone)
    found = online_sessions(with_session(spark.createDataFrame(rows, EVENT), Behaviour(**rules), shop))
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


def test_midnight_of_the_time_zone_ends_a_visit(spark: Any) -> None:
    rows = [event("a", "22:50:00"), event("b", "23:05:00")]  # 23:50 and 00:05 in London
    assert visits(spark, rows, "session_id") == [("web:a",)]
    assert visits(spark, rows, "session_id", zone="Europe/London") == [("web:a",), ("web:b",)]
    assert visits(spark, rows, "session_id", zone="Europe/London", cut_at_midnight=False) == [("web:a",)]


def test_another_campaign_begins_a_visit_and_none_or_the_first_does_not(spark: Any) -> None:
    named = [None, "spring", None, "spring", "sale", None]
    rows = [event(str(i), f"10:0{i}:00", campaign=name) for i, name in enumerate(named)]
    rows.append(event("9", "12:00:00", campaign="spring"))  # a visit of its own anyway
    found = visits(spark, rows, "session_id", "events", "campaign")
    assert found == [("web:0", 4, "spring"), ("web:4", 2, "sale"), ("web:9", 1, "spring")]
    assert visits(spark, rows, "session_id", "events", cut_at_campaign=False) == [("web:0", 6), ("web:9", 1)]


def test_dwell_time_is_the_time_to_the_next_event_of_the_visit(spark: Any) -> None:
    view = {"event_type": "product_view"}
    rows = [
        event("a", "10:00:00", sku="s", **view),
        event("b", "10:00:30"),
        event("c", "10:01:00", sku="s", **view),
        event("d", "10:02:30", sku="t", **view),
        event("e", "12:00:00", sku="u", **view),
    ]
    columns = ("duration_s", "product_dwell_s", "dwell_per_view_s", "product_views", "products", "pages", "clicks")
    assert visits(spark, rows, *columns, "landing") == [
        (150, 120.0, 60.0, 3, 2, 3, 3, "product_view"),
        (0, None, None, 1, 1, 1, 0, "product_view"),
    ]


def test_a_page_is_what_an_event_shows(spark: Any) -> None:
    search = {"event_type": "search"}
    rows = [
        event("a", "10:00:00"),
        event("b", "10:01:00", query="mug", **search),
        event("c", "10:02:00", query="cup", **search),
        event("d", "10:03:00", query="mug", **search),
        event("e", "10:04:00", event_type="product_view"),
    ]
    assert visits(spark, rows, "pages", "page_views", "products") == [(4, 1, 0)]


def test_what_a_machine_sends_is_left_out_and_what_came_before_it_stays(spark: Any) -> None:
    rows = [event(f"m{i}", f"10:00:0{i}", received=at("11:00:00")) for i in range(4)]
    rows += [event("a", "09:00:00", received=datetime(2011, 5, 2)), event("b", "09:00:00", customer_id="c2")]
    assert visits(spark, rows, "visitor_id", "events", max_events_per_day=3) == [("c1", 1), ("c2", 1)]
    assert visits(spark, rows, "visitor_id", "events", max_events_per_day=4) == [("c1", 1), ("c2", 1), ("c1", 4)]


def test_a_machine_is_told_by_its_rhythm(spark: Any) -> None:
    clocks = {
        "even": [7 * i for i in range(6)],  # a request every seven seconds
        "fast": [i + i // 4 for i in range(6)],  # hardly ever a second to look at anything
        "human": [0, 9, 11, 30, 44, 45],
        "page": [0, 0, 0, 7, 7, 7],  # two pages that send three events each
    }
    rows = [
        event(f"{who}{i}", f"10:00:{second:02}", customer_id=who)
        for who, seconds in clocks.items()
        for i, second in enumerate(seconds)
    ]
    found = visits(spark, rows, "visitor_id", "events", machine_events=6, machine_rhythm=0.2)
    assert sorted(found) == [("human", 6), ("page", 6)]


def test_receipts_of_a_customer_within_the_gap_are_one_visit_to_the_store(spark: Any) -> None:
    from onecart.behaviour.session_metrics import store_sessions
    from onecart.config import Behaviour, Shop

    receipts = (("o1", "10:00:00", "c1", "s"), ("o2", "10:20:00", "c1", "t"), ("o3", "10:20:00", None, "s"))
    orders = spark.createDataFrame(
        [(o, at(clock), "store", None, who, 1, sku) for o, clock, who, sku in receipts],
        "order_id STRING, order_ts TIMESTAMP, channel STRING, record_id STRING, customer_id STRING, quantity INT, sku STRING",
    )
    found = store_sessions(orders, Behaviour(), Shop(channels={"store": "store"})).select(
        "session_id", "visitor_id", "events", "products", "duration_s"
    )
    assert sorted(tuple(r) for r in found.collect()) == [
        ("store:o1", "c1", 2, 2, 1200),
        ("store:o3", "session:o3", 1, 1, 0),
    ]


MOMENTS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from([None, "x", "y"]), st.sampled_from(["k1", "k2"])), max_size=12
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=MOMENTS, midnight=st.booleans(), campaigns=st.booleans())
def test_visits_agree_with_a_naive_loop(
    spark: Any, moments: list[tuple[int, str | None, str]], midnight: bool, campaigns: bool
) -> None:
    start = datetime(2011, 5, 1, 22, 30)
    stream = [(start + timedelta(minutes=m), f"e{i:02}", c, key) for i, (m, c, key) in enumerate(moments)]
    expected = []
    for wanted in ("k1", "k2"):
        visit: list[Any] = []
        told = None
        for when, name, campaign, _ in sorted(e for e in stream if e[3] == wanted):
            over = bool(visit) and when - visit[-1][0] > timedelta(minutes=30)
            over |= bool(visit) and midnight and when.date() != visit[-1][0].date()
            over |= campaigns and None not in (told, campaign) and told != campaign
            if over:
                expected.append((f"web:{visit[0][1]}", len(visit)))
                visit, told = [], None
            visit.append((when, name))
            told = campaign or told
        expected += [(f"web:{visit[0][1]}", len(visit))] if visit else []
    rows = [("web", "page_view", "r1", None, "c1", None, None, None, w, n, c, k) for w, n, c, k in stream]
    events = spark.createDataFrame(
        rows,
        "channel STRING, event_type STRING, record_id STRING, device_type STRING, customer_id STRING, "
        "received_ts TIMESTAMP, sku STRING, query STRING, event_ts TIMESTAMP, event_id STRING, campaign STRING, session_key STRING",
    )
    from onecart.behaviour.session_metrics import online_sessions
    from onecart.config import Behaviour, Shop
    from onecart.facts.sessionization import with_session

    found = online_sessions(
        with_session(events, Behaviour(cut_at_midnight=midnight, cut_at_campaign=campaigns), Shop())
    )
    assert sorted(tuple(r) for r in found.select("session_id", "events").collect()) == sorted(expected)


def test_a_store_receipt_is_one_visit_that_bought_and_a_return_is_none(spark: Any) -> None:
    from chispa import assert_df_equality

    from onecart.behaviour.session_metrics import store_sessions
    from onecart.config import Behaviour, Shop

    orders = spark.createDataFrame(
        [
            ("o1", at("10:00:00"), "store", "card:1", "c1", 2, "s"),
            ("o1", at("10:01:00"), "store", "card:1", "c1", 1, "t"),
            ("o2", at("11:00:00"), "store", None, None, 1, "s"),
            ("o3", at("12:00:00"), "store", "card:1", "c1", -1, "s"),
            ("o4", at("12:00:00"), "web", "account:1", "c1", 1, "s"),
        ],
        "order_id STRING, order_ts TIMESTAMP, channel STRING, record_id STRING, customer_id STRING, quantity INT, sku STRING",
    )
    found = store_sessions(orders, Behaviour(), Shop(channels={"store": "store"})).select(
        "session_id", "visitor_id", "customer_id", "duration_s", "events", "purchased"
    )
    expected = spark.createDataFrame(
        [("store:o1", "c1", "c1", 60, 1, True), ("store:o2", "session:o2", None, 0, 1, True)],
        "session_id STRING, visitor_id STRING, customer_id STRING, duration_s LONG, events LONG, purchased BOOLEAN",
    )
    assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_visit_keeps_its_id_when_later_events_arrive(spark: Any) -> None:
    before = visits(spark, [event("b", "09:59:00")], "session_id")
    assert visits(spark, [event("b", "09:59:00"), event("a", "10:00:00")], "session_id") == before
