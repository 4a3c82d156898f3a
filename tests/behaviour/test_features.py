"""Features as they could have been known on a day."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

ORDER = (
    "customer_id STRING, order_id STRING, order_ts TIMESTAMP, received_ts TIMESTAMP, channel STRING, quantity INT, "
    "amount DECIMAL(18,4)"
)
EVENT = "customer_id STRING, event_ts TIMESTAMP, received_ts TIMESTAMP, channel STRING, event_type STRING, session_key STRING"
TICKET = "customer_id STRING, opened_ts TIMESTAMP"
AS_OF = date(2011, 6, 1)
MIDNIGHT = datetime(2011, 6, 1)


def before(days: float = 0, **more: float) -> datetime:
    return MIDNIGHT - timedelta(days=days, **more)


def order(when: datetime, received: datetime | None = None, order_id: str = "o", **more: Any) -> tuple[Any, ...]:
    row = {"customer": "c", "channel": "web", "quantity": 1, "amount": "10", **more}
    return (row["customer"], order_id, when, received, row["channel"], row["quantity"], Decimal(row["amount"]))


def event(when: datetime, received: datetime | None = None, kind: str = "page_view", **more: Any) -> tuple[Any, ...]:
    return (more.get("customer", "c"), when, received, "web", kind, more.get("key"))


def features(
    spark: Any,
    orders: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
    events: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
    tickets: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
    days: tuple[date, ...] = (AS_OF,),
) -> list[dict[str, Any]]:
    from onecart.behaviour.features import features as build

    frames = [spark.createDataFrame(list(r), s) for r, s in ((orders, ORDER), (events, EVENT), (tickets, TICKET))]
    found = build(*frames, days, gap_minutes=30)
    return [r.asDict() for r in found.orderBy("customer_id", "as_of").collect()]


def test_the_days_are_a_horizon_apart() -> None:
    from onecart.behaviour.features import as_of_dates

    assert as_of_dates(AS_OF, horizon_days=30, cutoffs=2) == [date(2011, 4, 2), date(2011, 5, 2), AS_OF]


def test_what_happens_at_midnight_of_as_of_or_later_never_counts(spark: Any) -> None:
    rows = features(
        spark,
        [order(before(2), order_id="o1"), order(MIDNIGHT, order_id="o2")],
        [event(before(2)), event(MIDNIGHT, key="k"), event(before(-1), kind="product_view", key="l")],
        [("c", before(3)), ("c", MIDNIGHT)],
    )
    seen = {k: rows[0][k] for k in ("orders_365d", "visits_365d", "product_views_365d", "tickets_90d", "revenue_365d")}
    expected = {"orders_365d": 1, "visits_365d": 1, "product_views_365d": 0, "tickets_90d": 1, "revenue_365d": 10}
    assert (len(rows), seen) == (1, expected)


def test_what_is_received_on_as_of_or_later_never_counts(spark: Any) -> None:
    rows = features(
        spark,
        [order(before(2), before(1), "o1"), order(before(2), MIDNIGHT, "o2")],
        [event(before(3), before(1), "search"), event(before(2), MIDNIGHT, "search", key="k")],
        days=(AS_OF, date(2011, 6, 2)),
    )
    seen = [(r["orders_7d"], r["searches_28d"], r["visits_7d"], r["days_since_visit"]) for r in rows]
    assert seen == [(1, 1, 1, 3), (2, 2, 2, 3)]


def test_an_order_counts_once_when_all_its_lines_are_known(spark: Any) -> None:
    lines = [order(before(2)), order(before(2), MIDNIGHT)]
    rows = features(spark, [order(before(5), order_id="first"), *lines], days=(AS_OF, date(2011, 6, 2)))
    assert [(r["orders_7d"], r["revenue_7d"]) for r in rows] == [(1, 10), (2, 30)]


def test_a_late_event_joins_two_visits_only_once_it_is_known(spark: Any) -> None:
    minutes = [event(before(1, minutes=-m)) for m in (0, 40)] + [event(before(1, minutes=-20), MIDNIGHT)]
    rows = features(spark, events=minutes, days=(AS_OF, date(2011, 6, 2)))
    assert [r["visits_7d"] for r in rows] == [2, 1]


def test_customers_appear_once_an_order_or_a_visit_is_known(spark: Any) -> None:
    rows = features(
        spark,
        [order(before(1), customer="buyer"), order(before(1), customer="returner", quantity=-1, amount="-5")],
        [event(before(1), customer="visitor"), event(MIDNIGHT, customer="tomorrow"), event(before(1), customer=None)],
        [("caller", before(1))],
    )
    assert [r["customer_id"] for r in rows] == ["buyer", "visitor"]


def test_habits_of_a_buyer(spark: Any) -> None:
    rows = features(
        spark,
        [
            order(before(30), order_id="o1", channel="store", amount="40"),
            order(before(20), order_id="o2", amount="15"),
            order(before(20), order_id="o2", amount="5"),
            order(before(10), order_id="o3", channel="app", amount="30"),
            order(before(9), order_id="r1", quantity=-1, amount="-15"),
        ],
    )
    names = ("days_since_order", "days_since_visit", "tenure_days", "average_basket", "order_gap_days", "returns_365d")
    assert tuple(rows[0][n] for n in names) == (10, None, 30, 25, 10, 1)
    assert [rows[0][f"{c}_share"] for c in ("web", "app", "store")] == [pytest.approx(1 / 3)] * 3


def test_windows_agree_with_a_naive_loop(spark: Any) -> None:
    from onecart.lake.gold import FEATURE_WINDOWS

    kinds = ("page_view", "product_view", "add_to_cart", "search")
    events = [event(before((i * 37) % 400, hours=i % 24), None, kinds[i % 4], key=str(i)) for i in range(120)]
    orders = [order(before((i * 53) % 420, hours=i % 24), order_id=str(i), amount=str(i)) for i in range(1, 60)]
    days = (AS_OF, date(2011, 3, 1))
    for row in features(spark, orders, events, days=days):
        midnight = datetime.combine(row["as_of"], datetime.min.time())
        for n in FEATURE_WINDOWS:
            inside = [e for e in events if midnight - timedelta(days=n) <= e[1] < midnight]
            bought = [o for o in orders if midnight - timedelta(days=n) <= o[2] < midnight]
            assert row[f"visits_{n}d"] == len(inside)
            assert row[f"product_views_{n}d"] == sum(e[4] == "product_view" for e in inside)
            assert row[f"cart_adds_{n}d"] == sum(e[4] == "add_to_cart" for e in inside)
            assert row[f"orders_{n}d"] == len(bought)
            assert row[f"revenue_{n}d"] == float(sum(o[6] for o in bought))
