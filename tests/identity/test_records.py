from datetime import datetime

import pytest

from onecart.config import Identity
from onecart.identity import link
from onecart.identity.records import build_records, link_records, seen_keys
from onecart.lake import contract

NOW = datetime(2011, 1, 1)


@pytest.fixture
def build(spark):
    """`build(contacts=[{...}], interactions=[...])` -> {record_id: row} and the frame."""

    def make(**rows):
        frames = []
        for name in ("contacts", "interactions", "orders", "reviews", "tickets"):
            schema = contract(f"silver.{name}").schema
            for field in schema.fields:
                field.nullable = True
            values = [tuple(r.get(f) for f in schema.fieldNames()) for r in rows.get(name, [])]
            frames.append(spark.createDataFrame(values, schema))
        return build_records(frames[0], seen_keys(*frames[1:]))

    return make


def by_id(records):
    rows = records.collect()
    assert len(rows) == len({r.record_id for r in rows})
    return {r.record_id: r.asDict() for r in rows}


def event(record, **keys):
    return {"record_id": record, **keys}


def test_every_record_of_every_channel_once_with_its_keys(build):
    found = by_id(
        build(
            contacts=[{"record_id": "crm:1", "source": "crm", "surname": "Lee", "card_id": "K1", "email": "a@x.com"}],
            interactions=[event("cookie:c", cookie_id="c")] * 2
            + [event("social:x:ann", handle="x:ann"), event(None, cookie_id="z")],
            orders=[
                event("card:K1", card_id="K1"),
                event("card:K1", card_id="K1"),
                event("device:d", device_id="d"),
                event(None),
            ],
            reviews=[event("account:A", account_id="A")],
            tickets=[event("ticket:7", email="a@x.com", phone="+441")],
        )
    )

    assert {
        r: {k: v for k, v in row.items() if v is not None and k not in ("record_id", "stand_in")}
        for r, row in found.items()
    } == {
        "crm:1": {"surname": "Lee", "card_id": "K1", "email": "a@x.com", "known": True},
        "cookie:c": {"cookie_id": "c", "known": False},
        "social:x:ann": {"handle": "x:ann", "known": False},
        "card:K1": {"card_id": "K1", "known": True},
        "device:d": {"device_id": "d", "known": True},
        "account:A": {"account_id": "A", "known": True},
        "ticket:7": {"email": "a@x.com", "phone": "+441", "known": False},
    }


def test_a_cookie_belongs_to_the_one_account_seen_with_it(build):
    found = by_id(
        build(
            interactions=[
                event("cookie:own", cookie_id="own"),
                event("account:A", account_id="A", cookie_id="own"),
                event("cookie:shared", cookie_id="shared"),
                event("account:A", account_id="A", cookie_id="shared"),
                event("account:B", account_id="B", cookie_id="shared"),
            ]
        )
    )

    assert found["cookie:own"]["account_id"] == "A"
    assert found["cookie:own"]["known"] is True
    assert found["cookie:shared"]["account_id"] is None
    assert found["account:A"]["cookie_id"] is None


def test_a_device_of_two_accounts_links_nobody(build):
    records = build(
        contacts=[
            {"record_id": "account:A", "account_id": "A", "device_id": "shared"},
            {"record_id": "account:B", "account_id": "B", "device_id": "shared"},
            {"record_id": "account:C", "account_id": "C", "device_id": "own"},
        ],
        interactions=[event("device:shared", device_id="shared"), event("device:own", device_id="own")],
    )
    linked = {r.record_id: r.customer_id for r in link(records).collect()}

    assert len({linked[r] for r in ("account:A", "account:B", "device:shared")}) == 3
    assert linked["device:own"] == linked["account:C"]


def test_many_tickets_of_one_customer_do_not_make_the_email_a_shared_key(build):
    email = {"email": "a@x.com"}
    records = build(
        contacts=[{"record_id": "crm:1", **email}, {"record_id": "account:A", **email}],
        tickets=[event(f"ticket:{i}", **email) for i in range(4)] + [event(f"ticket:empty{i}") for i in range(2)],
    )
    linked = link_records(records, Identity(max_records_per_key=4)).collect()

    assert len(linked) == len({r.record_id for r in linked}) == 8
    by_email = {r.record_id: r.customer_id for r in linked if r.rule == "email"}
    assert set(by_email) == {"crm:1", "account:A", *(f"ticket:{i}" for i in range(4))}
    assert len(set(by_email.values())) == 1
    assert len({r.customer_id for r in linked}) == 3
