"""What `onecart show profile` says of a customer."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from onecart.errors import UsageError
from onecart.profile.show import show, to_dict
from onecart.profile.waterfall import waterfall

NEEDED = dict.fromkeys(("orders", "units", "visits", "tickets", "reviews"), 0) | dict.fromkeys(
    ("consent_email", "consent_sms", "consent_profiling"), False
)
DAY, SAID = date(2011, 4, 1), datetime(2011, 3, 1, 10)
EDGE = (
    "record_a string, record_b string, rules string, weight double, probability double, accepted boolean, "
    "reason string, evidence array<struct<field: string, level: string, weight: double>>, component string"
)
EVIDENCE = [("prior", None, -8.0), ("email", "exact", 12.0), ("surname", "different", -2.0)]


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
        "p_alive": 0.5,
        "as_of": DAY,
    }
    fill("gold.customer_profile", [{**NEEDED, **profile, "revenue": Decimal("12.5000")}])
    return lake


def test_profile_records_and_rules(filled):
    assert show(filled, "c_1").splitlines() == [
        "customer c_1",
        "",
        "  basic information",
        "    given name          Ann",
        "",
        "  purchases",
        "    orders              0",
        "    units               0",
        "    revenue             12.5000",
        "",
        "  lifetime value",
        "    p alive             0.500",
        "",
        "  channels and habits",
        "    records             2",
        "    channels            store, web",
        "    visits              0",
        "    tickets             0",
        "    reviews             0",
        "",
        "  more",
        "    as of               2011-04-01",
        "",
        "  interests are not derived: no consent to profiling",
        "",
        "  2 records",
        "    crm:1     0.99  email",
        "    ticket:7  0.99  email",
    ]


def test_where_values_come_from_consents_interests_and_evidence(filled, fill, spark):
    mine = {"customer_id": "c_1"}
    found = {**mine, "attribute": "given_name", "record_id": "crm:1", "source": "crm", "updated_ts": SAID}
    fill("gold.profile_provenance", [{**found, "rule": "frequent", "candidates": 2}])
    said = {"record_id": "crm:1", "source": "crm", "updated_ts": SAID}
    consents = [("marketing", "email", True, said), ("matching", "any", True, {})]
    fill("gold.customer_consent", [{**mine, "purpose": p, "channel": c, "granted": g, **w} for p, c, g, w in consents])
    shares = [("toys", 0.75), ("light", 0.25)]
    fill(
        "gold.customer_affinity",
        [{**mine, "dimension": "category", "value": v, "score": s, "as_of": DAY} for v, s in shares],
    )
    edges = [
        ("crm:1", "ticket:7", "email+model", 2.0, 0.8, True, None, EVIDENCE, "k"),
        ("cookie:c", "crm:1", "model", -3.0, 0.1, False, "birth dates disagree", EVIDENCE, "k"),
        ("crm:8", "crm:9", "email", 5.0, 0.97, True, None, EVIDENCE, "l"),
    ]
    spark.createDataFrame(edges, EDGE).write.format("delta").save(filled.path("gold.identity_edges"))

    view = to_dict(filled, "crm:1")
    assert view["provenance"]["given_name"]["rule"] == "frequent"
    assert [r["value"] for r in view["interests"]] == ["toys", "light"]
    assert [(e["record_a"], e["evidence"][1]["level"]) for e in view["links"]] == [("crm:1", "exact")]
    assert [e["reason"] for e in view["refused"]] == ["birth dates disagree"]
    lines = [" ".join(line.split()) for line in show(filled, "crm:1").splitlines()]
    for line in (
        "given name Ann crm:1, frequent over 2 others",
        "marketing by email yes crm:1, 2011-03-01",
        "matching yes nobody was asked",
        "category toys 75% ██████████████████████",
        "crm:1 - ticket:7 email+model probability 0.8000",
        "cookie:c - crm:1 model refused: birth dates disagree",
    ):
        assert line in lines


def test_each_bar_starts_where_the_last_one_ended():
    edge = {"record_a": "a", "record_b": "b", "rules": "model", "weight": 2.0, "probability": 0.8, "reason": None}
    pieces = [dict(zip(("field", "level", "weight"), piece, strict=True)) for piece in EVIDENCE]
    assert list(waterfall({**edge, "evidence": pieces})) == [
        "    a - b  model  probability 0.8000",
        "      prior                            -8.00  " + "░" * 27,
        "      email         exact             +12.00  " + "█" * 40,
        "      surname       different          -2.00  " + " " * 33 + "░" * 7,
        "      total                            +2.00  " + " " * 27 + "█" * 6,
    ]
    assert list(waterfall({**edge, "evidence": None})) == ["    a - b  model  probability 0.8000"]


def test_a_record_finds_its_customer_and_a_visitor_has_no_profile(filled):
    assert to_dict(filled, "ticket:7")["customer_id"] == "c_1"
    view = to_dict(filled, "cookie:c")
    assert (view["customer_id"], view["profile"], view["record_count"]) == ("c_2", {}, 1)
    assert view["records"] == [{"record_id": "cookie:c", "probability": 1.0, "rule": "alone"}]
    assert "a visitor" in show(filled, "c_2")


def test_the_profile_as_it_was(filled, fill):
    row = {"customer_id": "c_1", "is_current": False, "change": "new", "hash": "h"}
    fill("gold.customer_profile_history", [{**row, "valid_from": DAY, "valid_to": date(2011, 5, 1), "city": "York"}])
    view = to_dict(filled, "crm:1", date(2011, 4, 30))
    assert (view["customer_id"], view["profile"]["city"], view["valid_to"]) == ("c_1", "York", "2011-05-01")
    assert "so from 2011-04-01 to 2011-05-01, new" in show(filled, "c_1", DAY)
    with pytest.raises(UsageError, match=r"nothing is known of 'c_1' on 2011-03-31: its history begins 2011-04-01"):
        show(filled, "c_1", date(2011, 3, 31))


def test_a_former_id_says_what_became_of_it(filled, fill):
    row = {"customer_id": "c_0", "is_current": False, "change": "merged", "into_customer_id": "c_1", "hash": "h"}
    fill("gold.customer_profile_history", [{**row, "valid_from": DAY, "valid_to": date(2011, 5, 1)}])
    with pytest.raises(UsageError, match=r"'c_0' is merged into c_1 since 2011-05-01"):
        show(filled, "c_0")


def test_unknown_id(filled):
    with pytest.raises(UsageError, match=r"no customer or record 'nobody'.*such as c_1"):
        show(filled, "nobody")
