from datetime import datetime

import pytest

from onecart.contracts import contract
from onecart.identity.records import CONSENTS, KEY_COLUMNS, build_records, seen_keys
from onecart.identity.resolution import _everybody

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

    assert set(found["cookie:c"]) == {"record_id", *KEY_COLUMNS, *CONSENTS, "known", "representative"}
    assert {
        r: {k: v for k, v in row.items() if v is not None and k not in ("record_id", "representative")}
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
    found = by_id(
        build(
            contacts=[
                {"record_id": "account:A", "account_id": "A", "device_id": "shared"},
                {"record_id": "account:B", "account_id": "B", "device_id": "shared"},
                {"record_id": "account:C", "account_id": "C", "device_id": "own"},
            ],
            interactions=[event("device:shared", device_id="shared"), event("device:own", device_id="own")],
        )
    )

    assert found["account:A"]["device_id"] is found["account:B"]["device_id"] is None
    assert found["device:shared"]["account_id"] is None
    assert found["account:C"]["device_id"] == found["device:own"]["device_id"] == "own"
    assert found["device:own"]["account_id"] == "C"


def test_an_account_refuses_for_its_cookies_and_devices(build):
    yes, no = {"consent_matching": True, "consent_email": True}, {"consent_matching": False}
    found = by_id(
        build(
            contacts=[
                {"record_id": "account:A", "account_id": "A", "device_id": "d", **yes},
                {"record_id": "crm:1", "account_id": "A", **no},
                {"record_id": "account:B", "account_id": "B", **yes},
                {"record_id": "account:C", "account_id": "C"},
            ],
            interactions=[
                event("device:d", device_id="d"),
                event("cookie:b", cookie_id="b", account_id="B"),
                event("cookie:c", cookie_id="c", account_id="C"),
                event("cookie:n", cookie_id="n"),
            ],
        )
    )

    said = {r: (row["consent_matching"], row["consent_email"]) for r, row in found.items()}
    assert said["device:d"] == (False, True)
    assert said["cookie:b"] == (True, True)
    assert said["cookie:c"] == said["cookie:n"] == (None, None)
    assert said["account:A"] == (True, True)  # what it said itself


def test_of_tickets_with_one_email_and_phone_two_are_linked(build):
    email = {"email": "a@x.com"}
    found = by_id(
        build(
            contacts=[{"record_id": "crm:1", **email}, {"record_id": "account:A", **email}],
            tickets=[event(f"ticket:{i}", **email) for i in range(4)]
            + [event("ticket:p", **email, phone="+441"), event("ticket:q"), event("ticket:r"), event("ticket:s")],
        )
    )

    assert {r: row["representative"] for r, row in found.items() if r != row["representative"]} == {
        "ticket:2": "ticket:0",
        "ticket:3": "ticket:0",
    }


def test_a_record_takes_the_link_of_its_stand_in(spark):
    records = spark.createDataFrame([("a", "a"), ("b", "a"), ("c", "c")], "record_id string, representative string")
    links = spark.createDataFrame(
        [
            ("a", "c_1", 0.5, "email", "a", 11),
            ("b", "c_9", 0.5, "phone", "b", None),
            ("c", "c_2", 1.0, "alone", None, 12),
        ],
        "record_id string, customer_id string, probability double, rule string, component string, digest long",
    )

    assert {tuple(r) for r in _everybody(records, links).collect()} == {
        ("a", "c_1", 0.5, "email", "a", 11),
        ("b", "c_1", 0.5, "email", "a", None),
        ("c", "c_2", 1.0, "alone", None, 12),
    }
