"""`fill_down`: exports in which an order's fields stand on its first line only."""

from datetime import datetime

import pytest

from onecart.config import Source
from onecart.contracts import contract
from onecart.errors import UsageError
from onecart.quality.parse import parse

LINES = [
    ("a.csv", "#1,ann@example.org,GBP,MUG"),
    ("a.csv", ",,,CUP"),  # the key from above
    ("a.csv", "#2,,EUR,MUG"),  # an order without an e-mail
    ("a.csv", "#2,,,CUP"),
    ("a.csv", "#1,,,LATE"),  # the first order again, further down
    ("b.csv", ",,,TOP"),  # another file: nothing above it
]


def filled(spark, lines, **changes):
    source = Source(
        path="x",
        format="csv",
        into="silver.orders",
        columns={"order_id": "no", "record_id": "email", "description": "item", "currency": "currency"},
        fill_down={"key": "no", "columns": ["email", "currency"], **changes},
    )
    header, now = "no,email,currency,item", datetime(2024, 1, 1)
    bronze = contract("bronze.shop").schema
    said = [
        {"payload": p, "header": header, "source_file": f, "line_no": i, "ingested_ts": now}
        for i, (f, p) in enumerate(lines, 2)
    ]
    rows = spark.createDataFrame([tuple(row.get(name) for name in bronze.names) for row in said], bronze)
    found = parse(rows, "shop", source, contract("silver.orders"))
    return [
        tuple(r) for r in found.orderBy("line_no").select("order_id", "record_id", "currency", "description").collect()
    ]


def test_a_line_takes_what_its_own_order_says_and_nothing_of_the_order_before(spark):
    assert filled(spark, LINES) == [
        ("#1", "ann@example.org", "GBP", "MUG"),
        ("#1", "ann@example.org", "GBP", "CUP"),
        ("#2", None, "EUR", "MUG"),
        ("#2", None, "EUR", "CUP"),
        ("#1", "ann@example.org", "GBP", "LATE"),
        (None, None, None, "TOP"),
    ]


@pytest.mark.parametrize("unread", [None, "#9,a,b,c,d,e,f"])
def test_after_a_line_that_cannot_be_read_no_key_is_guessed(spark, unread):
    lines = [LINES[0], ("a.csv", unread), ("a.csv", ",,,BOX"), LINES[2]]
    assert [row[0] for row in filled(spark, lines)] == ["#1", None, None, "#2"]


def test_a_field_that_the_records_lack_is_named(spark):
    source = Source(
        path="x",
        format="json",
        into="silver.orders",
        schema="no STRING, email STRING",
        columns={"order_id": "no"},
        fill_down={"key": "no", "columns": ["emial"]},
    )
    lines = spark.createDataFrame([], contract("bronze.shop").schema)
    with pytest.raises(UsageError, match="fill_down: the records have no 'emial'; did you mean 'email'"):
        parse(lines, "shop", source, contract("silver.orders"))
