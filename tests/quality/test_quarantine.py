"""What was set aside comes back: after a mended mapping, or with corrected records, through the same rules, once."""

import json
from typing import Any

import pytest

from onecart.config import load
from onecart.errors import NothingToDo, UsageError
from onecart.front.quarantine import read_corrections
from onecart.quality import job as clean
from onecart.quality.quarantine.look import groups, rows_of
from onecart.quality.quarantine.replay import Correction, replay

ORDER = {
    "order_id": "o1",
    "placed_at": "2011-03-04T10:22:00Z",
    "received_at": "2011-03-04T10:23:00Z",
    "currency": "GBP",
}
HEADER = "Receipt No.;Date/Time;Item Code;Item Description;QTY;Unit Price (GBP);Loyalty Card No;Country;Origin"


def order(*lines: tuple[str, Any], **changes: Any) -> str:
    told = [{"sku": sku, "title": "", "qty": qty, "price": 2} for sku, qty in lines]
    return json.dumps({**ORDER, "origin": "real", "lines": told, **changes})


def test_a_file_of_corrections_is_read_whole_or_refused(tmp_path: Any) -> None:
    file = tmp_path / "rows.json"
    rows = [{"quarantine_id": "a", "payload": "x", "rule": "no_sku"}, {"quarantine_id": "b", "payload": {"id": "ü"}}]
    file.write_text(json.dumps(rows))
    assert read_corrections(str(file)) == [("a", "x"), ("b", '{"id": "ü"}')]
    for text, said in {
        "[{": "cannot be read as a JSON array",
        '[{"payload": "x"}]': "entry 1 is not as in",
        json.dumps([rows[0], rows[0]]): "a quarantine_id twice",
    }.items():
        file.write_text(text)
        with pytest.raises(UsageError, match=said):
            read_corrections(str(file))
    with pytest.raises(UsageError, match="no_such"):
        read_corrections(str(tmp_path / "no_such"))


@pytest.mark.job
def test_corrected_records_go_through_the_same_rules_once(feeds: Any, deliver: Any, lake: Any) -> None:
    ctx = feeds("web_orders")
    deliver("web_orders", [order(("A", 1), ("B", "many"), ("C", 0)), order(("A", "two"), order_id="o2"), "nonsense"])
    clean.run(ctx)
    aside = {(r.line_no, r.rule): r.quarantine_id for r in lake.read("ops.quarantine").collect()}
    assert aside.keys() == {
        (1, "unreadable_quantity"),
        (1, "zero_quantity"),
        (2, "unreadable_quantity"),
        (3, "malformed"),
    }
    listed = {(g["source"], g["rule"]): (g["open"], g["repaired"]) for g in groups(lake)}
    assert listed[("web_orders", "unreadable_quantity")] == (2, 0)
    assert [r["line_no"] for r in rows_of(lake, "web_orders/unreadable_quantity", 9)] == [1, 2]
    with pytest.raises(UsageError, match="did you mean 'malformed'"):
        rows_of(lake, "malfromed", 9)
    with pytest.raises(UsageError, match="no row 'x'"):
        replay(ctx, given=[Correction("x", "{}")])

    whole = order(("A", 1), ("B", 3), ("C", 0))
    given = [
        Correction(aside[(1, "unreadable_quantity")], whole),
        Correction(aside[(3, "malformed")], "still nonsense"),
    ]
    found = replay(ctx, given=given)
    assert (found.rows_in, found.rows_out, found.rows_quarantined, found.rows_duplicate) == (5, 1, 3, 1)
    assert found.headline == "1 of 4 rows repaired"
    silver = {(r.order_id, r.sku): r.quantity for r in lake.read("silver.orders").collect()}
    assert silver == {("o1", "A"): 1, ("o1", "B"): 3}
    rows = {(r.line_no, r.rule): r for r in lake.read("ops.quarantine").collect()}
    mended = rows[(1, "unreadable_quantity")]
    assert (mended.status, mended.repaired_run, mended.corrected) == ("repaired", "testrun", whole)
    assert mended.payload == order(("A", 1), ("B", "many"), ("C", 0))  # what was received stays
    assert (rows[(1, "zero_quantity")].status, rows[(3, "malformed")].corrected) == ("open", "still nonsense")
    again = replay(ctx, "web_orders", given=given)
    assert (again.rows_out, again.headline) == (0, "0 of 3 rows repaired")
    assert {(r.order_id, r.sku) for r in lake.read("silver.orders").collect()} == set(silver)
    with pytest.raises(NothingToDo):
        replay(ctx, "web_orders", "no_such_rule")


@pytest.mark.job
def test_a_mended_mapping_brings_the_rows_of_a_file_back_as_if_it_had_been_there(
    feeds: Any, deliver: Any, lake: Any
) -> None:
    """Equal lines of a receipt are told by their place in the file, those of a bad line among them."""
    source = load("local")[0].sources["store_receipts"].model_dump(by_alias=True)
    wrong = {**source, "columns": {**source["columns"], "unit_price": "replace(price, '2.5', '2,5')"}}
    sold = "o1;01/12/2010 08:26;A;HEART;1;{};;France;real"
    deliver("store_receipts", [sold.format("2"), sold.format("2.5"), sold.format("2.5")], HEADER)
    clean.run(feeds(store_receipts=wrong))
    assert (lake.count("silver.orders"), lake.count("ops.quarantine")) == (1, 2)
    found = replay(feeds("store_receipts"))
    assert (found.rows_in, found.rows_out, found.rows_duplicate) == (3, 2, 1)
    assert {r.status for r in lake.read("ops.quarantine").collect()} == {"repaired"}
    assert lake.read("silver.orders").select("order_line_id").distinct().count() == 3


@pytest.mark.job
def test_an_erased_person_does_not_come_back_by_a_correction(feeds: Any, deliver: Any, lake: Any, spark: Any) -> None:
    from datetime import datetime

    from onecart.contracts import contract
    from onecart.governance.pseudonym import key_ring
    from onecart.governance.suppression import ANYWHERE, normal

    ctx = feeds("reviews")
    deliver("reviews", [json.dumps({"review_id": 1, "text": None, "posted_at": "2011-01-01T00:00:00Z"})])
    clean.run(ctx)
    row = lake.read("ops.quarantine").first()
    keys = key_ring(ctx.settings.privacy, lake.root)
    listed = [(ANYWHERE, keys.sign(normal("email", "ann@example.org")), keys.version, "e", datetime(2024, 1, 1))]
    lake.upsert("ops.suppressions", spark.createDataFrame(listed, contract("ops.suppressions").schema))
    mended = {"review_id": 1, "text": "write to ann@example.org", "posted_at": "2011-01-01T00:00:00Z"}
    replay(ctx, given=[Correction(row.quarantine_id, json.dumps(mended))])
    assert lake.count("silver.reviews") == 0
    now = lake.read("ops.quarantine").first()
    assert (now.rule, now.payload, now.corrected) == ("suppressed", None, None)
