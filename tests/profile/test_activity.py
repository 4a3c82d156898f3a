from datetime import date, datetime
from decimal import Decimal

from onecart.profile import activity

OLD, NEW = datetime(2011, 1, 1), datetime(2011, 6, 1)


LINES = (
    "customer_id string, order_id string, currency string, channel string, order_ts timestamp, sku string, "
    "quantity decimal(18,4), amount decimal(18,4), is_return boolean"
)
BASKETS = (
    "customer_id string, order_id string, currency string, channel string, order_ts timestamp, units decimal(28,4), "
    "revenue decimal(28,4), bought boolean"
)


def test_baskets_net_of_returns(frame, same):
    lines = frame(
        LINES,
        ("c", "o1", "GBP", "web", NEW, "s1", Decimal("3.5"), Decimal(30), False),
        ("c", "o1", "GBP", "web", OLD, "s1", Decimal(-1), Decimal(-10), True),
        ("c", "o2", "GBP", "store", NEW, "s1", Decimal(-1), Decimal(-10), True),
        ("c", "o1", "GBP", "store", NEW, "s1", Decimal(1), Decimal(5), False),  # the till counts from one, too
    )
    expected = frame(
        BASKETS,
        ("c", "o1", "GBP", "web", OLD, Decimal("2.5"), Decimal(20), True),
        ("c", "o1", "GBP", "store", NEW, Decimal(1), Decimal(5), True),
        ("c", "o2", "GBP", "store", NEW, Decimal(-1), Decimal(-10), False),
    )

    same(activity.baskets(lines), expected)


def test_purchases_count_no_returns_and_never_add_currencies(frame, same):
    baskets = frame(
        BASKETS,
        ("c", "o1", "GBP", "web", OLD, Decimal("2.1"), Decimal(20), True),
        ("c", "o2", "GBP", "web", OLD, Decimal("5.2"), Decimal(30), True),
        ("c", "o3", "EUR", "web", OLD, Decimal(1), Decimal(900), True),
        ("c", "o4", "GBP", "store", NEW, Decimal(-1), Decimal(-10), False),
        ("returner", "o5", "GBP", "store", NEW, Decimal(-1), Decimal(-10), False),
    )
    expected = frame(
        "customer_id string, orders long, units double, revenue decimal(18,4), currency string, recency_days int, "
        "average_basket decimal(18,4), order_days int, first_day date, last_day date, day_value decimal(18,4)",
        ("c", 3, 7.3, Decimal(40), "GBP", 31, Decimal(20), 2, OLD.date(), OLD.date(), Decimal(40)),
        ("returner", 0, -1.0, Decimal(-10), "GBP", *[None] * 2, 0, *[None] * 3),
    )

    same(activity.purchases(baskets, as_of=date(2011, 2, 1), zone="UTC"), expected)


def test_visits_are_the_sessions_of_web_and_app(frame, same):
    events = frame("customer_id string, session_id string", ("c", "web:1"), ("c", "web:1"), ("c", "app:1"), ("c", None))

    same(activity.visits(events), frame("customer_id string, visits long", ("c", 2)))


def test_preferences_put_orders_before_events(frame, same):
    at = lambda hour: datetime(2011, 1, 1, hour)  # noqa: E731
    events = frame(
        "customer_id string, channel string, event_ts timestamp",
        *[("c", "web", at(20))] * 3,
        ("d", "web", at(9)),
        ("d", "app", at(8)),
    )
    baskets = frame(
        BASKETS,
        ("c", "o1", "GBP", "store", at(11), Decimal(1), Decimal(1), True),
        ("d", "o2", "GBP", "app", at(8), Decimal(-1), Decimal(-1), False),
    )
    expected = frame(
        "customer_id string, channels array<string>, first_seen_ts timestamp, last_seen_ts timestamp, "
        "preferred_channel string, preferred_hour int",
        ("c", ["store", "web"], at(11), at(20), "store", 20),
        ("d", ["app", "web"], at(8), at(9), "web", 8),
    )

    same(activity.preferences(activity.touches(events, baskets, "UTC")), expected)


def test_top_three_categories_by_net_spend(frame, same):
    spend = [("a", 5), ("b", 7), ("c", 7), ("d", 9), ("back", 50), ("back", -50), ("none", 90)]
    lines = frame(
        LINES, *[("c", "o", "GBP", "web", NEW, sku, Decimal(1), Decimal(amount), False) for sku, amount in spend]
    )
    products = frame("sku string, category string", *[(sku, sku.upper()) for sku, _ in spend[:5]], ("none", None))

    euros = frame(LINES, ("c", "o", "EUR", "web", NEW, "a", Decimal(1), Decimal(99), False))
    most = frame("customer_id string, currency string", ("c", "GBP"))

    same(
        activity.top_categories(lines.union(euros), products, most),
        frame("customer_id string, top_categories array<string>", ("c", ["D", "B", "C"])),
    )


def test_tickets_and_reviews_are_counted(frame, same):
    tickets, reviews = frame("customer_id string", ("c",), ("c",)), frame("customer_id string", ("d",))
    found = activity.counted(tickets=tickets, reviews=reviews)
    same(found, frame("customer_id string, tickets long, reviews long", ("c", 2, 0), ("d", 0, 1)))
