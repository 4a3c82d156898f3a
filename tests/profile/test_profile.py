from datetime import date, datetime
from decimal import Decimal

import pytest
from chispa import assert_df_equality

from onecart.profile import activity, survivorship

OLD, NEW = datetime(2011, 1, 1), datetime(2011, 6, 1)


@pytest.fixture
def frame(spark):
    """`frame("a string, b int", (..), (..))`."""
    return lambda schema, *rows: spark.createDataFrame(list(rows), schema)


def same(found, expected):
    assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)


CONTACTS = (
    "customer_id string, record_id string, source string, updated_ts timestamp, given_name string, surname string, "
    "email string, phone string, city string, postcode string, date_of_birth date, consent_email boolean, "
    "consent_sms boolean, consent_profiling boolean"
)
NOTHING = (None,) * 10


def test_most_trusted_source_survives_then_newest_then_what_is_there(frame):
    blank = NOTHING[:3]
    contacts = frame(
        CONTACTS,
        ("c", "crm:1", "crm", OLD, "Elizabeth", None, None, None, None, None, date(1980, 5, 1), *blank),
        ("c", "account:1", "account", OLD, "Liz", "Lee", "old@x.com", None, None, None, None, *blank),
        ("c", "account:2", "account", NEW, "Beth", "Leigh", "new@x.com", None, None, None, None, *blank),
        ("c", "till:1", "till", NEW, "Till", "Till", "till@x.com", "+441", None, None, None, *blank),
    )
    expected = frame(
        "customer_id string, given_name string, surname string, email string, phone string, city string, "
        "postcode string, date_of_birth date",
        ("c", "Elizabeth", "Leigh", "new@x.com", "+441", None, None, date(1980, 5, 1)),
    )

    same(survivorship.survivors(contacts).select(expected.columns), expected)


def test_consent_is_the_newest_word_and_no_where_never_asked(frame):
    contacts = frame(
        CONTACTS,
        ("c", "crm:1", "crm", OLD, *NOTHING[:7], True, False, None),
        ("c", "card:1", "card", NEW, *NOTHING[:7], None, True, None),
        ("tie", "crm:2", "crm", NEW, *NOTHING[:7], True, None, None),
        ("tie", "crm:3", "crm", NEW, *NOTHING[:7], False, None, None),
    )
    expected = frame(
        "customer_id string, consent_email boolean, consent_sms boolean, consent_profiling boolean",
        ("c", True, True, False),
        ("tie", False, False, False),
    )

    same(survivorship.survivors(contacts).select(expected.columns), expected)


def test_country_of_the_newest_contact_or_order(frame):
    contacts = frame(
        "customer_id string, country string, updated_ts timestamp", ("c", "Eire", OLD), ("d", "France", NEW)
    )
    orders = frame("customer_id string, country string, order_ts timestamp", ("c", "Spain", NEW), ("d", None, NEW))

    same(
        survivorship.newest_country(contacts, orders),
        frame("customer_id string, country string", ("c", "Spain"), ("d", "France")),
    )


LINES = (
    "customer_id string, order_id string, currency string, channel string, order_ts timestamp, sku string, "
    "quantity int, amount decimal(18,4), is_return boolean"
)
BASKETS = (
    "customer_id string, order_id string, currency string, channel string, order_ts timestamp, units long, "
    "revenue decimal(28,4), bought boolean"
)


def test_baskets_net_of_returns(frame):
    lines = frame(
        LINES,
        ("c", "o1", "GBP", "web", NEW, "s1", 3, Decimal(30), False),
        ("c", "o1", "GBP", "web", OLD, "s1", -1, Decimal(-10), True),
        ("c", "o2", "GBP", "store", NEW, "s1", -1, Decimal(-10), True),
    )
    expected = frame(
        BASKETS,
        ("c", "o1", "GBP", "web", OLD, 2, Decimal(20), True),
        ("c", "o2", "GBP", "store", NEW, -1, Decimal(-10), False),
    )

    same(activity.baskets(lines), expected)


def test_purchases_count_no_returns_and_never_add_currencies(frame):
    baskets = frame(
        BASKETS,
        ("c", "o1", "GBP", "web", OLD, 2, Decimal(20), True),
        ("c", "o2", "GBP", "web", OLD, 5, Decimal(30), True),
        ("c", "o3", "EUR", "web", OLD, 1, Decimal(900), True),
        ("c", "o4", "GBP", "store", NEW, -1, Decimal(-10), False),
        ("returner", "o5", "GBP", "store", NEW, -1, Decimal(-10), False),
    )
    expected = frame(
        "customer_id string, orders long, units long, revenue decimal(18,4), currency string, recency_days int, "
        "average_basket decimal(18,4)",
        ("c", 3, 7, Decimal(40), "GBP", 31, Decimal(20)),
        ("returner", 0, -1, Decimal(-10), "GBP", None, None),
    )

    same(activity.purchases(baskets, as_of=date(2011, 2, 1)), expected)


def test_visits_are_the_sessions_of_web_and_app(frame):
    events = frame(
        "customer_id string, channel string, session_key string",
        ("c", "web", "1"),
        ("c", "web", "1"),
        ("c", "app", "1"),
        ("c", "social", None),
        ("c", "web", None),
    )

    same(activity.visits(events), frame("customer_id string, visits long", ("c", 2)))


def test_preferences_put_orders_before_events(frame):
    at = lambda hour: datetime(2011, 1, 1, hour)  # noqa: E731
    events = frame(
        "customer_id string, channel string, event_ts timestamp",
        *[("c", "web", at(20))] * 3,
        ("d", "web", at(9)),
        ("d", "app", at(8)),
    )
    baskets = frame(
        BASKETS,
        ("c", "o1", "GBP", "store", at(11), 1, Decimal(1), True),
        ("d", "o2", "GBP", "app", at(8), -1, Decimal(-1), False),
    )
    expected = frame(
        "customer_id string, channels array<string>, first_seen_ts timestamp, last_seen_ts timestamp, "
        "preferred_channel string, preferred_hour int",
        ("c", ["store", "web"], at(11), at(20), "store", 20),
        ("d", ["app", "web"], at(8), at(9), "web", 8),
    )

    same(activity.preferences(activity.touches(events, baskets)), expected)


def test_top_three_categories_by_net_spend(frame):
    spend = [("a", 5), ("b", 7), ("c", 7), ("d", 9), ("back", 50), ("back", -50), ("none", 90)]
    lines = frame(LINES, *[("c", "o", "GBP", "web", NEW, sku, 1, Decimal(amount), False) for sku, amount in spend])
    products = frame("sku string, category string", *[(sku, sku.upper()) for sku, _ in spend[:5]], ("none", None))

    same(
        activity.top_categories(lines, products),
        frame("customer_id string, top_categories array<string>", ("c", ["D", "B", "C"])),
    )
