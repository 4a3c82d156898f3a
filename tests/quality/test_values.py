"""What a feed delivers goes in whole, or is set aside under the rule that says why: nothing is cut, and nothing stops."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal

import pytest

from onecart.config import load
from onecart.contracts import contract
from onecart.errors import UsageError
from onecart.quality import job as clean
from onecart.quality.normalise import MADE

pytestmark = pytest.mark.job

RECEIPT = "Receipt No.;Date/Time;Item Code;Item Description;QTY;Unit Price (GBP);Loyalty Card No;Country;Origin"
SOLD = "o{};01/12/2010 08:26;85123A;HEART;{};{};99;United Kingdom;{}"
PRODUCT = "SKU,Description,Category,List Price,Unit Cost,Currency,Stock,Min Age,Updated,Origin"


def lines(payloads: list[str], header: str | None = None) -> list[dict]:
    now = datetime(2011, 12, 31)
    return [
        {"payload": p, "header": header, "source_file": "f", "line_no": i, "ingested_ts": now}
        for i, p in enumerate(payloads, 1)
    ]


def only(context, **sources):
    """A context with these feeds alone; None: as the sample has it."""
    sample = load("local")[0].sources
    kept = {n: s or sample[n].model_dump(by_alias=True) for n, s in sources.items()}
    return context(
        channels={**dict.fromkeys(sample), **kept}, quality={"max_quarantine_share": 1.0, "max_unit_price": 1e15}
    )


def test_values_are_kept_whole_or_set_aside(context, fill, lake):
    sold = [  # quantity, price, origin
        *(("1.5", "2.55", "real"), ("-2.5", "2", "real"), ("6", "2.55", "real"), ("2.55555", "2", "real")),
        *(("3 pcs", "2", "real"), ("1", "2.55", "pos"), ("90000", "90000000000", "real")),
    ]
    fill("bronze.store_receipts", lines([SOLD.format(i, *row) for i, row in enumerate(sold)], RECEIPT))
    review = {"review_id": "1", "account_id": "a", "sku": "s", "text": "x", "posted_at": "2011-01-01T00:00:00Z"}
    stars = [4, 4.0, 4.5, "five", 6, None]
    fill("bronze.reviews", lines([json.dumps({**review, "review_id": i, "stars": s}) for i, s in enumerate(stars)]))
    cost = {"10": ("2", "-1.00"), "11": ("abc", "1"), "12": ("", ""), "13": ("1e20", "1")}
    told = [f"{sku},d,c,{price},{paid},GBP,1,,2011-01-01 00:00:00,real" for sku, (price, paid) in cost.items()]
    fill("bronze.products", lines(told, PRODUCT))
    clean.run(only(context, store_receipts=None, reviews=None, products=None))

    orders = {r.order_id: r for r in lake.read("silver.orders").collect()}
    kept = {i: (r.quantity, r.amount, r.is_return, r.unit) for i, r in orders.items()}
    assert kept == {
        "o0": (Decimal("1.5"), Decimal("3.825"), False, None),
        "o1": (Decimal("-2.5"), Decimal("-5"), True, None),
        "o2": (Decimal(6), Decimal("15.3"), False, None),
    }
    as_ever = hashlib.sha256(b"o2|85123A|6|2.5500|2010-12-01 08:26:00|HEART").hexdigest()[:32]
    assert orders["o2"].order_line_id == as_ever  # as when quantities were whole
    assert sorted((r.review_id.split(":")[-1], r.rating) for r in lake.read("silver.reviews").collect()) == [
        *(("0", 4), ("1", 4), ("5", None))
    ]
    assert [r.sku for r in lake.read("silver.products").collect()] == ["12"]
    aside = {(r.source, r.line_no): (r.rule, r.reason) for r in lake.read("ops.quarantine").collect()}
    assert {where: rule for where, (rule, _) in aside.items()} == {
        ("store_receipts", 4): "inexact_quantity",
        ("store_receipts", 5): "unreadable_quantity",
        ("store_receipts", 6): "origin_known",
        ("store_receipts", 7): "no_amount",
        ("reviews", 3): "inexact_rating",
        ("reviews", 4): "unreadable_rating",
        ("reviews", 5): "rating_range",
        ("products", 1): "cost_not_negative",
        ("products", 2): "unreadable_list_price",
        ("products", 4): "inexact_list_price",
    }
    assert aside["store_receipts", 4][1] == "quantity is more than a decimal(18,4) keeps"
    assert aside["products", 1][1] == "against the table's check: unit_cost IS NULL OR unit_cost >= 0"


@pytest.mark.parametrize(
    ("into", "columns", "record"),
    [
        (
            "silver.orders",
            {"order_id": "o", "order_ts": "to_timestamp(t)", "channel": "'kiosk'", "sku": "s", "quantity": "q"}
            | {"unit_price": "q", "currency": "'EUR'", "unit": "'kg'", "amount": "a"},
            '{"o": "1", "t": "2011-01-01", "s": "a", "q": 0.25, "a": "0.07"}',
        ),
        (
            "silver.interactions",
            {"event_id": "o", "event_ts": "to_timestamp(t)", "channel": "'web'", "event_type": "'page_view'"},
            '{"o": "1", "t": "2011-01-01"}',
        ),
    ],
)
def test_optional_columns_may_be_left_out(context, fill, lake, into, columns, record):
    """A mapping of what a table must have and no more."""
    needed = {c.name for c in contract(into).columns if not c.nullable} - set(MADE)
    assert needed == set(columns) - {"unit", "amount"}
    fill("bronze.mine", lines([record, record]))
    schema = "o STRING, t STRING, s STRING, q STRING, a STRING"
    source = {"path": "x", "format": "json", "into": into, "schema": schema, "columns": columns}
    result = clean.run(only(context, mine=source))
    assert (result.rows_in, result.rows_quarantined) == (2, 0)
    row = lake.read(into).first()
    assert row.origin is None
    if into == "silver.orders":
        assert (row.quantity, row.amount, row.unit, row.description) == (Decimal("0.25"), Decimal("0.07"), "kg", None)


def test_a_mapping_without_a_required_column_is_one_sentence_before_anything_is_written(context, fill, lake):
    source = load("local")[0].sources["reviews"].model_dump(by_alias=True)
    del source["columns"]["text"]
    fill("bronze.reviews", lines(["{}"]))
    fill("bronze.products", lines(["10,d,c,1,1,GBP,1,,2011-01-01 00:00:00,real"], PRODUCT))
    with pytest.raises(
        UsageError, match=r"channels.reviews.columns lacks 'text' \(what they wrote\), which silver.reviews cannot"
    ):
        clean.run(only(context, products=None, reviews=source))
    assert not lake.exists("silver.products")
