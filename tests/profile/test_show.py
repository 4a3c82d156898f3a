from datetime import date
from decimal import Decimal

import pytest

from onecart.errors import UsageError
from onecart.profile.show import show, to_dict

NEEDED = dict.fromkeys(("orders", "units", "visits", "tickets", "reviews"), 0) | dict.fromkeys(
    ("consent_email", "consent_sms", "consent_profiling"), False
)


@pytest.fixture
def filled(lake, fill):
    link = {"customer_id": "c_1", "probability": 0.99, "rule": "email"}
    visitor = {"record_id": "cookie:c", "customer_id": "c_2", "probability": 1.0, "rule": "alone"}
    fill("gold.identity_links", [{"record_id": "crm:1", **link}, {"record_id": "ticket:7", **link}, visitor])
    profile = {
        "customer_id": "c_1",
        "given_name": "Ann",
        "records": 2,
        "channels": ["store", "web"],
        "as_of": date(2011, 4, 1),
    }
    fill("gold.customer_profile", [{**NEEDED, **profile, "revenue": Decimal("12.5000")}])
    return lake


def test_profile_records_and_rules(filled):
    assert show(filled, "c_1").splitlines() == [
        "customer c_1",
        "",
        "  given name          Ann",
        "  records             2",
        "  channels            store, web",
        "  orders              0",
        "  units               0",
        "  revenue             12.5000",
        "  visits              0",
        "  tickets             0",
        "  reviews             0",
        "  consent email       no",
        "  consent sms         no",
        "  consent profiling   no",
        "  as of               2011-04-01",
        "",
        "  2 records",
        "    crm:1     0.99  email",
        "    ticket:7  0.99  email",
    ]


def test_a_record_finds_its_customer_and_a_visitor_has_no_profile(filled):
    assert to_dict(filled, "ticket:7")["customer_id"] == "c_1"
    assert to_dict(filled, "cookie:c") == {
        "customer_id": "c_2",
        "profile": {},
        "record_count": 1,
        "records": [{"record_id": "cookie:c", "probability": 1.0, "rule": "alone"}],
    }
    assert "a visitor" in show(filled, "c_2")


def test_unknown_id(filled):
    with pytest.raises(UsageError, match=r"no customer or record 'nobody'.*such as c_1"):
        show(filled, "nobody")
