from datetime import datetime
from hashlib import sha256

import pytest

from onecart.config import Identity
from onecart.errors import UsageError
from onecart.identity import evaluate, link
from onecart.identity.fields import prepare
from onecart.samples.persons import generate


def customer(record_id):
    return "c_" + sha256(record_id.encode()).hexdigest()[:16]


def groups(linked):
    """Sets of record_ids that are one customer."""
    found = {}
    for row in linked.collect():
        found.setdefault(row.customer_id, set()).add(row.record_id)
    return sorted(sorted(g) for g in found.values())


def test_links_chain_through_different_identifiers(spark):
    records = spark.createDataFrame(
        [
            ("a", "Ann@Shop.com ", None, None),
            ("b", "ann@shop.com", "07700 900123", "k1"),
            ("c", None, "+447700900123", None),
            ("d", None, None, "k1"),
            ("e", "eve@shop.com", None, ""),
        ],
        "record_id string, email string, phone string, card_id string",
    )
    linked = link(records)

    assert linked.columns == ["record_id", "customer_id", "probability", "rule"]
    assert {r.record_id: (r.customer_id, r.rule) for r in linked.collect()} == {
        "a": (customer("a"), "email"),
        "b": (customer("a"), "card_id+email+phone"),
        "c": (customer("a"), "phone"),
        "d": (customer("a"), "card_id"),
        "e": (customer("e"), "alone"),
    }
    chance = {r.record_id: r.probability for r in linked.collect()}
    assert chance["d"] == pytest.approx(0.995)  # nothing else to go by: the trust in a card
    assert chance["e"] == 1
    assert all(0.9 < p <= 1 for p in chance.values())


def test_persons_are_told_apart_without_any_identifier(spark):
    persons = generate(spark, 200, "clean", seed=3)
    linked = link(persons.records.drop("email", "phone")).localCheckpoint()
    found = evaluate(linked, persons.truth)

    assert linked.count() == 200
    assert {r.rule for r in linked.select("rule").distinct().collect()} == {"model", "alone"}
    assert found.pair_precision > 0.95
    assert found.pair_recall > 0.9


def test_ids_keep_their_type_and_the_customer_is_named_by_the_smallest_as_text(spark):
    records = spark.createDataFrame([(9, "k"), (10, "k")], "record_id long, card_id string")
    linked = link(records)

    assert linked.schema["record_id"].dataType.simpleString() == "bigint"
    assert {(r.record_id, r.customer_id) for r in linked.collect()} == {(9, customer("10")), (10, customer("10"))}


def test_an_identifier_on_too_many_records_links_nobody(spark):
    records = spark.createDataFrame(
        [(str(i), "all@shop.com", "k1" if i < 2 else None) for i in range(4)],
        "record_id string, email string, card_id string",
    )

    assert groups(link(records, Identity(max_records_per_key=3))) == [["0", "1"], ["2"], ["3"]]


def test_records_that_nothing_brings_together(spark):
    records = spark.createDataFrame([("1", "VIC"), ("2", "VIC")], "record_id string, state string")

    assert {tuple(r) for r in link(records).collect()} == {(i, customer(i), 1.0, "alone") for i in "12"}


@pytest.mark.parametrize(
    ("column", "kind", "written", "normal"),
    [
        ("phone", "string", ["+44 (0)20 7946 0958", "020-7946-0958", "0044 20 7946 0958"], "2079460958"),
        ("mobile", "double", [7700900123.0], "7700900123"),
        ("phone", "string", ["+1 415 555 2671", "001 415 555 2671", "(415) 555-2671"], "4155552671"),
        ("phone", "string", ["12345", "none", "", None], None),
        ("email", "string", ["Ann@Shop.com ", "ann@shop.com"], "ann@shop.com"),
        ("e_mail", "string", ["none", "", " "], None),
        ("given_name", "string", ["Zoë", "ZOE ", "zo-e"], "zoe"),
        ("last_name", "string", ["O'Brien", "o brien", "OBrien"], "obrien"),
        ("dob", "timestamp", [datetime(1980, 5, 1, 4), datetime(1980, 5, 1, 5)], "19800501"),
        ("date_of_birth", "string", ["1980-05-01", "19800501"], "19800501"),
        ("card_id", "string", ["A1", " A1 "], "A1"),
    ],
)
def test_one_normal_form_of_each_field(spark, column, kind, written, normal):
    records = spark.createDataFrame([(i, w) for i, w in enumerate(written)], f"record_id int, {column} {kind}")
    prepared = prepare(records)

    assert [r[1] for r in prepared.collect()] == [normal] * len(written)
    assert prepared.schema["record_id"].dataType.simpleString() == "string"


def test_street_number_goes_before_the_street_and_who_refuses_says_nothing(spark):
    records = spark.createDataFrame(
        [("1", 12, "High St", True), ("2", None, "High St", None), ("3", 12, "High St", False)],
        "record_id string, street_number int, address_1 string, consent_matching boolean",
    )

    assert {r.record_id: r.street for r in prepare(records).collect()} == {"1": "12highst", "2": "highst", "3": None}
    assert [r.street for r in prepare(records, purpose="other").collect()].count(None) == 0


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([("1", "x")], "record_id string, colour string", "no column to link records by; found record_id, colour"),
        ([("1", "x")], "id string, email string", "need a column record_id; found id, email"),
        ([("1", ["x"])], "record_id string, email array<string>", "column email is array<string>"),
        ([("1", "x"), ("1", "y")], "record_id string, email string", "record_id '1' is on 2 records"),
        ([("1", "x"), (None, "y")], "record_id string, email string", "record_id is null in 1 records"),
    ],
)
def test_wrong_records(spark, rows, columns, message):
    with pytest.raises(UsageError, match=message):
        link(spark.createDataFrame(rows, columns))
