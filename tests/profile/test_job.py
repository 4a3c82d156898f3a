from datetime import date, datetime
from decimal import Decimal

import pytest

from onecart.profile import job as unify

pytestmark = pytest.mark.job

WRITTEN = (
    "gold.identity_links",
    "gold.customer_profile",
    "gold.profile_provenance",
    "gold.customer_consent",
    "gold.customer_affinity",
    "gold.customer_profile_history",
)
DAY = datetime(2011, 3, 1, 10)
LATER = datetime(2011, 7, 1, 10)


def line(order, ts, quantity=1, **keys):
    return {
        "order_line_id": f"{order}/{quantity}",
        "order_id": order,
        "order_ts": ts,
        "quantity": quantity,
        "unit_price": Decimal(10),
        "amount": Decimal(10 * quantity),
        "sku": "s1",
        "currency": "GBP",
        "is_return": quantity < 0,
        **keys,
    }


def event(event_id, **keys):
    return {"event_id": event_id, "event_ts": DAY, "event_type": "page_view", "channel": "web", **keys}


@pytest.fixture
def ctx(fill, context):
    contact = {"updated_ts": DAY, "email": "ann@x.com"}
    fill(
        "silver.contacts",
        [
            {
                "record_id": "crm:1",
                "source": "crm",
                "card_id": "K1",
                "given_name": "Ann",
                "consent_email": True,
                **contact,
            },
            {
                "record_id": "account:A",
                "source": "account",
                "account_id": "A",
                "given_name": "A.",
                "city": "Leeds",
                "consent_profiling": True,
                **contact,
            },
        ],
    )
    fill(
        "silver.interactions",
        [
            event("1", record_id="cookie:c", cookie_id="c", session_key="s"),
            event("2", record_id="account:A", account_id="A", cookie_id="c", session_key="s"),
            event("3", record_id="cookie:stranger", cookie_id="stranger", session_key="t"),
        ],
    )
    fill(
        "silver.orders",
        [
            line("o1", DAY, 3, channel="store", record_id="card:K1", card_id="K1"),
            line("o1", DAY, -1, channel="store", record_id="card:K1", card_id="K1"),
            line("o2", LATER, channel="web", record_id="account:A", account_id="A"),
            line("o3", DAY, channel="store"),
        ],
    )
    fill("silver.tickets", [{"ticket_id": "7", "opened_ts": DAY, "record_id": "ticket:7", "email": "ann@x.com"}])
    fill("silver.products", [{"sku": "s1", "category": "toys", "updated_ts": DAY}])
    return context(as_of=date(2011, 4, 1))


def test_one_person_in_every_channel_is_one_profile_however_often_the_job_runs(ctx):
    result = unify.run(ctx)

    links = {r.record_id: r for r in ctx.lake.read("gold.identity_links").collect()}
    person = {r for r, row in links.items() if row.customer_id == links["crm:1"].customer_id}
    assert person == {"crm:1", "account:A", "card:K1", "cookie:c", "ticket:7"}
    assert links["cookie:stranger"].rule == "alone"
    assert links["crm:1"].rule == "card_id+email"
    (profile,) = ctx.lake.read("gold.customer_profile").collect()
    seen = {k: v for k, v in profile.asDict().items() if v is not None}
    assert seen == {
        "customer_id": links["crm:1"].customer_id,
        "given_name": "Ann",
        "email": "ann@x.com",
        "city": "Leeds",
        "records": 5,
        "channels": ["store", "web"],
        "first_seen_ts": DAY,
        "last_seen_ts": DAY,
        "orders": 1,
        "units": 2,
        "revenue": Decimal(20),
        "currency": "GBP",
        "recency_days": 31,
        "average_basket": Decimal(20),
        "rfm_r": 5,
        "rfm_f": 1,
        "rfm_m": 1,
        "rfm": "511",
        "visits": 1,
        "preferred_channel": "store",
        "preferred_hour": 10,
        "top_categories": ["toys"],
        "tickets": 1,
        "reviews": 0,
        "consent_email": True,
        "consent_sms": False,
        "consent_profiling": True,
        "as_of": date(2011, 4, 1),
    }
    assert (result.rows_in, result.rows_out) == (6, 1)
    assert result.headline == (
        "1 customers from 6 records; trained on 6 records, threshold +0.0 bits; "
        "no lifetime value: 1 buyers, 0 of them came back: too few"
    )

    before = {name: snapshot(ctx, name) for name in WRITTEN}
    unify.run(ctx)  # a second run gives the same
    assert {name: snapshot(ctx, name) for name in WRITTEN} == before
    assert_what_was_concluded(ctx, profile.customer_id)


def snapshot(ctx, name):
    return sorted(map(str, ctx.lake.read(name).collect()))


def assert_what_was_concluded(ctx, customer_id):
    def rows(name, *columns):
        found = ctx.lake.read(name)
        assert {r.customer_id for r in found.collect()} == {customer_id}
        return {tuple(r[c] for c in columns) for r in found.collect()}

    assert rows("gold.profile_provenance", "attribute", "record_id", "rule", "candidates") == {
        ("given_name", "crm:1", "longest", 1),
        ("email", "crm:1", "only", 0),
        ("city", "account:A", "only", 0),
    }
    assert rows("gold.customer_consent", "purpose", "channel", "granted", "record_id") == {
        ("marketing", "email", True, "crm:1"),
        ("marketing", "sms", False, None),
        ("profiling", "any", True, "account:A"),
        ("matching", "any", True, None),
    }
    assert rows("gold.customer_affinity", "dimension", "value", "score") == {("category", "toys", 1.0)}
    assert rows("gold.customer_profile_history", "given_name", "valid_from", "is_current", "change") == {
        ("Ann", date(2011, 4, 1), True, "new")
    }
