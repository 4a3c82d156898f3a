"""Features as they could have been known on a day."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from math import log2
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ORDER = (
    "customer_id STRING, order_id STRING, order_ts TIMESTAMP, received_ts TIMESTAMP, channel STRING, quantity INT, "
    "amount DECIMAL(18,4), sku STRING, unit_price DECIMAL(18,4), currency STRING, country STRING, order_line_id STRING"
)
EVENT = (
    "customer_id STRING, event_ts TIMESTAMP, received_ts TIMESTAMP, channel STRING, event_type STRING, "
    "session_key STRING, event_id STRING, campaign STRING, record_id STRING"
)
TICKET = "customer_id STRING, opened_ts TIMESTAMP"
PRODUCT = "sku STRING, category STRING"
WEATHER = "day DATE, country STRING, temperature_c DOUBLE, rain_mm DOUBLE"
CALENDAR = "day DATE, country STRING, holiday STRING"
SCHEMAS = {
    "orders": ORDER,
    "events": EVENT,
    "tickets": TICKET,
    "products": PRODUCT,
    "weather": WEATHER,
    "calendar": CALENDAR,
}
AS_OF = date(2011, 6, 1)
MIDNIGHT = datetime(2011, 6, 1)


def before(days: float = 0, **more: float) -> datetime:
    return MIDNIGHT - timedelta(days=days, **more)


def order(when: datetime, received: datetime | None = None, order_id: str = "o", **more: Any) -> tuple[Any, ...]:
    row = {"customer": "c", "channel": "web", "quantity": 1, "amount": "10", "sku": "s", "country": "UK", **more}
    price = Decimal(row.get("price", row["amount"]))
    return (
        *(row["customer"], order_id, when, received, row["channel"], row["quantity"], Decimal(row["amount"])),
        *(row["sku"], price, row.get("currency", "GBP"), row["country"], order_id),
    )


def event(when: datetime, received: datetime | None = None, kind: str = "page_view", **more: Any) -> tuple[Any, ...]:
    row = {"customer": "c", "channel": "web", "id": str(when), **more}
    return (
        *(row["customer"], when, received, row["channel"], kind, row.get("key"), row["id"], row.get("campaign")),
        None,
    )


def features(
    spark: Any,
    orders: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
    events: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
    tickets: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
    days: tuple[date, ...] = (AS_OF,),
    rules: dict[str, Any] | None = None,
    zone: str = "UTC",
    **more: list[tuple[Any, ...]],
) -> list[dict[str, Any]]:
    from onecart.behaviour.features import Sources
    from onecart.behaviour.features import features as build
    from onecart.config import Behaviour, Shop
    from onecart.facts.sessionization import with_session

    rows = {"orders": orders, "events": events, "tickets": tickets, **more}
    frames = {n: spark.createDataFrame(list(rows.get(n, [])), s) for n, s in SCHEMAS.items()}
    conf = Behaviour(**(rules or {}))
    shop = Shop(channels={"app": "app", "store": "store", "social": "other"}, time_zone=zone)
    frames["events"] = with_session(frames["events"], conf, shop)
    found = build(Sources(**frames), days, conf, shop)
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


def test_money_of_two_currencies_is_never_added(spark: Any) -> None:
    lines = [order(before(n), order_id=f"p{n}", amount="10") for n in (3, 4)]
    lines += [order(before(2), order_id="e", amount="900", currency="EUR")]
    lines += [order(before(1), order_id="r", amount="-500", quantity=-1, currency="EUR")]
    later = [order(before(0.5), order_id=f"e{n}", amount="1", currency="EUR") for n in range(2)]
    rows = features(spark, lines + later, days=(date(2011, 5, 31), AS_OF))
    # By 31 May most orders are in pounds; of those known by 1 June most are in euros.
    assert [(r["orders_7d"], r["revenue_7d"], r["average_basket"]) for r in rows] == [(3, 20, 10), (5, 402, 134)]


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


def test_price_and_category_habits_against_what_others_paid_by_then(spark: Any) -> None:
    others = [order(before(9), order_id=f"x{i}", customer=None, price=p) for i, p in enumerate(("10", "10", "20"))]
    later = [order(before(-3), order_id=f"y{i}", customer=None, price="1") for i in range(9)]
    mine = [
        order(before(5), order_id="a", price="8"),
        order(before(4), order_id="b", price="10", country="France"),
        order(before(4), order_id="c", sku="t", price="3"),
        order(before(4), order_id="d", sku="u", price="3"),
        order(before(400), order_id="e", sku="v", price="3"),
    ]
    products = [("s", "mugs"), ("t", "bags"), ("u", None), ("v", "toys")]
    (row,) = features(spark, [*others, *later, *mine], products=products)
    names = ("price_index", "discount_share", "categories", "top_category_share", "category_entropy")
    assert [row[n] for n in names] == [pytest.approx(v) for v in (3.8 / 4, 1 / 4, 2, 2 / 3, log2(3) - 2 / 3)]


def test_who_bought_nothing_has_no_taste(spark: Any) -> None:
    (row,) = features(spark, [], [event(before(1))])
    assert row["price_index"] is row["categories"] is row["days_since_cart"] is row["orders_trend"] is None
    assert row["orders_decayed"] == 0


def test_weather_is_that_before_as_of_and_holidays_are_those_to_come(spark: Any) -> None:
    day = lambda n: AS_OF + timedelta(days=n)  # noqa: E731
    weather = [(day(n), "UK", float(n), 1.0) for n in range(-9, 9)] + [(day(-1), "France", 30.0, 0.5)]
    calendar = [(day(n), "GB", "a feast" if n in (-1, 3, 27, 28) else None) for n in range(-5, 40)]
    orders = [order(before(9), order_id="o1"), order(before(2), order_id="o2", country="France")]
    orders += [order(before(-1), order_id="o3", country="Spain")]
    rows = features(
        spark, orders, [event(before(1), customer="nowhere")], weather=weather, calendar=calendar, days=(AS_OF, day(30))
    )
    seen = [
        (r["customer_id"], r["temperature_7d"], r["rain_7d"], r["holidays_next_28d"], r["days_to_holiday"])
        for r in rows
    ]
    assert seen == [
        ("c", 30.0, 0.5, 2, 3),
        ("c", None, None, 0, None),
        ("nowhere", -4.0, 7.0, 2, 3),
        ("nowhere", None, None, 0, None),
    ]


def test_old_facts_fade_and_a_trend_compares_the_last_weeks_with_the_year(spark: Any) -> None:
    visits = [event(before(d), key=str(d), channel="app" if d == 30 else "web") for d in (1, 30, 60)]
    (row,) = features(spark, [order(before(30))], [*visits, event(before(3), None, "add_to_cart")])
    assert row["orders_decayed"] == pytest.approx(0.5)
    assert row["visits_decayed"] == pytest.approx(0.5 ** (1 / 30) + 0.5 ** (3 / 30) + 0.5 + 0.25)
    assert row["visits_trend"] == pytest.approx((2 / 28) / (4 / 60))  # known for 60 days only
    assert (row["orders_trend"], row["days_since_cart"], row["app_visit_share"]) == (0.0, 3, 0.25)


def test_a_machine_s_events_never_count_and_its_verdict_needs_nothing_later(spark: Any) -> None:
    human = [event(before(2, hours=-i), key=str(i)) for i in range(2)]
    late = [event(before(2, hours=-5 - i), MIDNIGHT, key=f"l{i}") for i in range(4)]
    rows = features(spark, [], [*human, *late], days=(AS_OF, date(2011, 6, 2)), rules={"max_events_per_day": 3})
    assert [r["visits_7d"] for r in rows] == [2, 2]


def test_windows_agree_with_a_naive_loop(spark: Any) -> None:
    from onecart.contracts.base.features import FEATURE_WINDOWS

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


LATE = st.lists(
    st.tuples(st.integers(0, 7 * 24), st.integers(0, 4), st.sampled_from([None, "x", "y"]), st.booleans()), max_size=10
)
DAYS = tuple(AS_OF - timedelta(days=n) for n in (6, 3, 1, 0))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=LATE, midnight=st.booleans())
def test_as_of_is_what_a_run_of_that_day_would_have_said(
    spark: Any, moments: list[tuple[int, int, str | None, bool]], midnight: bool
) -> None:
    """The judge cuts, for each as_of, only the events known before it, in a plain loop."""
    from onecart.behaviour.daily import visit_facts
    from onecart.config import Behaviour, Shop
    from onecart.facts.sessionization import with_days, with_session

    events = [
        (before(7) + timedelta(hours=h) + (timedelta(minutes=20) if half else timedelta()), days, c, f"e{i:02}")
        for i, (h, days, c, half) in enumerate(moments)
    ]
    received = [(w, max(w, (w + timedelta(days=n)).replace(hour=1)) if n else None, c, i) for w, n, c, i in events]
    expected = {}
    for as_of in DAYS:
        known = sorted((w, i, c) for w, r, c, i in received if max(w, r or w).date() < as_of)
        begun, last, told = [], None, None
        for when, _, campaign in known:
            over = last is None or when - last > timedelta(minutes=90) or (midnight and when.date() != last.date())
            if over or (None not in (told, campaign) and told != campaign):
                begun.append(when)
                told = None
            last, told = when, campaign or told
        if known:
            expected[as_of] = sum(as_of - timedelta(days=7) <= w.date() for w in begun)
    rules = Behaviour(cut_at_midnight=midnight, session_gap_minutes=90)
    frame = spark.createDataFrame([event(w, r, campaign=c, id=i, key="k") for w, r, c, i in received], EVENT)
    cut = frame.transform(with_session, rules, Shop()).transform(with_days, "event_ts", Shop())
    facts = visit_facts(cut, DAYS, rules, Shop()).collect()
    found = {
        as_of: sum(
            f.visits
            for f in facts
            if f.known_day < as_of and f.as_of in (None, as_of) and f.day >= as_of - timedelta(days=7)
        )
        for as_of in expected
    }
    assert found == expected


def test_every_feature_is_declared_once_and_is_a_column_of_the_contract() -> None:
    from onecart.behaviour.daily import MEASURES
    from onecart.contracts import contract
    from onecart.contracts.base.features import FEATURE_NAMES, FEATURES

    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)
    assert contract("gold.customer_features").schema.fieldNames() == ["customer_id", "as_of", *FEATURE_NAMES]
    assert {f.measure for f in FEATURES if f.measure} <= set(MEASURES)
    assert all(f.meaning and f.unit for f in FEATURES)


def test_days_are_those_of_the_shops_time_zone(spark: Any) -> None:
    late = datetime(2011, 5, 31, 23, 30)  # half past midnight of 1 June in London
    rows = [order(late, order_id="o1")], [event(late)], [("c", late)]
    (then,) = features(spark, *rows)
    assert (then["orders_1d"], then["visits_1d"], then["tickets_28d"]) == (1, 1, 1)
    assert features(spark, *rows, zone="Europe/London") == []
