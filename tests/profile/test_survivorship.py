"""Which record's value survives, and which rule decided."""

from datetime import date, datetime

import pytest

from onecart.config import Profile
from onecart.profile import survivorship

OLD, MID, NEW = datetime(2011, 1, 1), datetime(2011, 3, 1), datetime(2011, 6, 1)
FOUND = "customer_id string, attribute string, record_id string, source string, updated_ts timestamp, value string"


@pytest.fixture
def decide(frame):
    """`decide(rules, (record_id, source, updated_ts, value), ...)` -> the surviving row of one attribute."""

    def run(rules, *rows):
        found = frame(FOUND, *[("c", "given_name", record, source, ts, value) for record, source, ts, value in rows])
        (row,) = survivorship.survivors(found, Profile(survivorship={"given_name": rules})).collect()
        return row.record_id, row.rule, row.candidates

    return run


def test_each_rule_picks_its_own(decide):
    rows = [
        ("crm:1", "crm", OLD, "Li"),
        ("account:1", "account", MID, "Beth"),
        ("card:1", "card", MID, "beth "),
        ("till:1", "till", NEW, "Lisbeth"),
        ("account:2", "account", OLD, "Elizabeth"),
    ]
    assert decide(["trusted"], *rows) == ("crm:1", "trusted", 3)
    assert decide(["recent"], *rows) == ("till:1", "recent", 3)
    assert decide(["frequent", "trusted"], *rows) == ("account:1", "frequent", 3)
    assert decide(["longest"], *rows) == ("account:2", "longest", 3)


def test_a_later_rule_breaks_the_tie_of_an_earlier_one(decide):
    rows = [("crm:1", "crm", OLD, "Ann"), ("crm:2", "crm", NEW, "Anna"), ("card:1", "card", NEW, "Annabel")]
    assert decide(["trusted", "recent"], *rows) == ("crm:2", "recent", 2)
    assert decide(["recent", "longest"], *rows) == ("card:1", "longest", 2)


def test_no_rival_and_a_full_tie_are_named(decide):
    assert decide(["trusted"], ("crm:1", "crm", OLD, "Ann"), ("crm:2", "crm", NEW, " ANN")) == ("crm:1", "only", 0)
    tie = [("crm:2", "crm", OLD, "Bob"), ("crm:1", "crm", OLD, "Rob")]
    assert decide(["trusted", "recent", "frequent", "longest"], *tie) == ("crm:1", "record_id", 1)


def test_the_order_of_trust_is_a_setting(frame):
    found = frame(FOUND, *[("c", "email", f"{source}:1", source, OLD, f"{source}@x.com") for source in ("crm", "card")])
    (row,) = survivorship.survivors(found, Profile(source_trust=["card", "crm"])).collect()
    assert (row.record_id, row.rule) == ("card:1", "trusted")


def test_contacts_and_deliveries_become_one_row_a_customer(frame):
    contacts = frame(
        "customer_id string, record_id string, source string, updated_ts timestamp, given_name string, surname string, "
        "email string, phone string, street string, city string, postcode string, date_of_birth date, country string",
        ("c", "crm:1", "crm", OLD, "Ann", None, "a@x.com", None, "1 High St", "York", None, date(1980, 5, 1), "Eire"),
        ("c", "card:1", "card", MID, "Ann", "Lee", "b@x.com", "+44", None, "Leeds", "LS1", date(1980, 5, 1), None),
        ("d", "card:2", "card", OLD, *[None] * 9),
    )
    orders = frame(
        "customer_id string, record_id string, order_ts timestamp, country string",
        ("c", "account:1", NEW, "Spain"),
        ("c", "account:1", MID, "Spain"),
        ("e", "card:3", NEW, None),
    )
    survivors = survivorship.survivors(survivorship.candidates(contacts, orders), Profile())
    (person,) = [row.asDict() for row in survivorship.attributes(survivors).collect()]
    assert person == {
        "customer_id": "c",
        "given_name": "Ann",
        "surname": "Lee",
        "email": "a@x.com",
        "phone": "+44",
        "street": "1 High St",
        "city": "Leeds",
        "postcode": "LS1",
        "date_of_birth": date(1980, 5, 1),
        "country": "Spain",
    }
    (country,) = survivors.where("attribute = 'country'").collect()
    assert (country.record_id, country.source, country.rule, country.candidates) == ("account:1", "order", "recent", 1)
