from datetime import date, datetime
from hashlib import sha256

import pytest
from chispa import assert_df_equality

from onecart.config import Identity
from onecart.errors import UsageError
from onecart.identity import capped_keys, link


def customer(record_id):
    return "c_" + sha256(record_id.encode()).hexdigest()[:16]


def groups(linked):
    """Sets of record_ids that are one customer."""
    found = {}
    for row in linked.collect():
        found.setdefault(row.customer_id, set()).add(row.record_id)
    return sorted(sorted(g) for g in found.values())


def test_links_chain_through_different_keys(spark):
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
    expected = spark.createDataFrame(
        [
            ("a", customer("a"), 0.99, "email"),
            ("b", customer("a"), 1.0, "card_id+email+phone"),
            ("c", customer("a"), 0.97, "phone"),
            ("d", customer("a"), 1.0, "card_id"),
            ("e", customer("e"), 1.0, "alone"),
        ],
        "record_id string, customer_id string, probability double, rule string",
    )

    assert_df_equality(link(records), expected, ignore_row_order=True, ignore_nullable=True)


def test_which_values_of_a_key_are_the_same(spark):
    records = spark.createDataFrame(
        [
            ("1", "+44 (0)20 7946 0958", None, None),
            ("2", "020-7946-0958", None, None),
            ("3", "0044 20 7946 0958", None, None),
            ("4", "020 7946 0959", "none", "A1"),
            ("5", "+1 415 555 2671", "none", "a1"),
            ("6", "001 415 555 2671", None, None),
            ("7", "12345", None, None),
            ("8", "12345", None, None),
        ],
        "record_id string, phone string, email string, account_id string",
    )

    assert groups(link(records)) == [["1", "2", "3"], ["4"], ["5", "6"], ["7"], ["8"]]


def test_names_need_a_birth_date_or_an_address_to_link(spark):
    records = spark.createDataFrame(
        [
            ("1", "Zoë", "O'Brien", date(1980, 5, 1), None, None),
            ("2", "ZOE ", "OBrien", date(1980, 5, 1), "12 High St.", "AB1 2CD"),
            ("3", "zoe", "o brien", None, "12 high st", "ab12cd"),
            ("4", "Zoe", "O'Brien", date(1980, 5, 2), None, None),
            ("5", "Zoe", "O'Brien", None, None, None),
        ],
        "record_id string, given_name string, surname string, date_of_birth date, street string, postcode string",
    )
    linked = link(records)

    assert groups(linked) == [["1", "2", "3"], ["4"], ["5"]]
    assert {r.record_id: r.rule for r in linked.collect()}["2"] == "name_address+name_birth"


def test_types_of_the_callers_columns(spark):
    rows = [(10, 7700900123.0, datetime(1980, 5, 1, 4)), (9, 7700900123.0, datetime(1980, 5, 1, 5)), (8, None, None)]
    records = spark.createDataFrame(rows, "record_id long, phone double, date_of_birth timestamp").selectExpr(
        "*", "'Ann' AS given_name", "'Lee' AS surname"
    )
    linked = link(records)

    assert linked.schema["record_id"].dataType.simpleString() == "bigint"
    assert groups(linked) == [[8], [9, 10]]
    assert {r.rule for r in linked.where("record_id > 8").collect()} == {"name_birth+phone"}


def test_a_value_on_too_many_records_links_nobody(spark):
    records = spark.createDataFrame(
        [(str(i), "all@shop.com", "k1" if i < 2 else None) for i in range(4)],
        "record_id string, email string, card_id string",
    )
    settings = Identity(max_records_per_key=3)

    assert groups(link(records, settings)) == [["0", "1"], ["2"], ["3"]]
    assert [tuple(r) for r in capped_keys(records, settings).collect()] == [("email", 1, 4)]
    assert groups(link(records, Identity(max_records_per_key=4))) == [["0", "1", "2", "3"]]


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (
            [("1", "x")],
            "record_id string, city string",
            "no column to link records by.*given_name . surname.*found record_id, city",
        ),
        ([("1", "x")], "id string, email string", "need a column record_id; found id, email"),
        ([("1", "x"), ("1", "y")], "record_id string, email string", "record_id '1' is on 2 records"),
        ([("1", "x"), (None, "y")], "record_id string, email string", "record_id is null in 1 records"),
    ],
)
def test_wrong_records(spark, rows, columns, message):
    with pytest.raises(UsageError, match=message):
        link(spark.createDataFrame(rows, columns))
