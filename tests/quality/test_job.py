"""Bronze -> silver: every row ends in silver, in ops.quarantine with a reason, or is a duplicate."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from onecart.config import load
from onecart.dag import JOBS
from onecart.errors import DataError, UsageError
from onecart.jobs import run_job
from onecart.quality import job as clean

pytestmark = pytest.mark.job

ORDER = {
    "order_id": "o1",
    "placed_at": "2011-03-04T10:22:00Z",
    "received_at": "2011-03-06T10:22:00Z",
    "account_id": "a1",
    "ship_country": "United Kingdom",
    "currency": "GBP",
    "lines": [
        {"sku": " 85123a ", "title": "HEART", "qty": 2, "price": 2.55},
        {"sku": "POST", "title": "", "qty": -1, "price": 18},
    ],
    "origin": "real",
}


def feed(fill, name: str, payloads: list[str], header: str | None = None, file: str = "f", first: int = 1) -> None:
    now = datetime(2011, 12, 31)
    rows = [
        {"payload": p, "header": header, "source_file": file, "line_no": i, "ingested_ts": now}
        for i, p in enumerate(payloads, first)
    ]
    fill(f"bronze.{name}", rows)


def only(*names: str) -> dict[str, None]:
    return {n: None for n in load("local")[0].channels if n not in names}


def settings_of(context, *names, **changes):
    return context(channels=only(*names), quality={"max_quarantine_share": 1.0}, **changes)


def reasons(lake) -> list[str]:
    return sorted(r.rule for r in lake.read("ops.quarantine").collect())


def test_nested_order_becomes_lines_with_amount_and_return_flag(context, fill, lake):
    feed(fill, "web_orders", [json.dumps(ORDER)])
    result = clean.run(settings_of(context, "web_orders"))
    rows = lake.read("silver.orders").orderBy("sku").collect()
    assert [(r.sku, r.quantity, str(r.amount), r.is_return, r.record_id, r.description) for r in rows] == [
        ("85123A", 2, "5.1000", False, "account:a1", "HEART"),
        ("POST", -1, "-18.0000", True, "account:a1", None),
    ]
    assert (result.rows_in, result.rows_out, result.rows_quarantined, result.rows_duplicate) == (2, 2, 0, 0)
    assert "2 late" in result.headline


def test_each_bad_row_is_set_aside_with_its_rule(context, fill, lake):
    def order(**changes):
        return json.dumps({**ORDER, **changes})

    line = ORDER["lines"][0]
    bad = [
        json.dumps(ORDER)[:50],
        order(placed_at="yesterday"),
        order(placed_at="2099-01-01T00:00:00Z"),
        order(placed_at="1970-01-01T00:00:00Z"),
        order(lines=[{**line, "qty": 10_000_000}]),
        order(lines=[{**line, "price": -1}]),
        order(lines=[{**line, "qty": "many"}]),
        order(lines=[{**line, "qty": 0}]),
        order(lines=[]),
        order(order_id=None),
    ]
    feed(fill, "web_orders", bad)
    result = clean.run(settings_of(context, "web_orders"))
    # The three whole orders with a bad date and the one without an id have two lines each.
    assert (result.rows_in, result.rows_out, result.rows_quarantined) == (14, 0, 14)
    assert reasons(lake) == sorted(
        ["malformed"] * 2
        + ["no_order_ts"] * 2
        + ["future_order_ts"] * 2
        + ["past_order_ts"] * 2
        + ["absurd_quantity", "negative_price", "zero_quantity", "no_sku"]
        + ["no_order_id"] * 2
    )


def test_duplicates_are_counted_and_the_first_stays(context, fill, lake):
    feed(fill, "web_orders", [json.dumps(ORDER), json.dumps(ORDER)])
    result = clean.run(settings_of(context, "web_orders"))
    assert (result.rows_in, result.rows_out, result.rows_duplicate) == (4, 2, 2)


def test_newer_contact_wins_and_values_are_normalised(context, fill, lake):
    header = "Card No;Name;Phone;E-mail;Postcode;Issued;Origin"
    cards = [
        "7;Ann Lee;07700 900123;ANN@X.ORG;ab1 2cd;01/02/2010;simulated",
        "7;Ann Lea;+44 7700 900123;;;01/02/2009;simulated",
    ]
    feed(fill, "store_cards", cards, header=header)
    clean.run(settings_of(context, "store_cards"))
    row = lake.read("silver.contacts").first()
    assert (row.record_id, row.given_name, row.surname) == ("card:7", "Ann", "Lee")
    assert (row.phone, row.email, row.postcode) == ("+447700900123", "ann@x.org", "AB12CD")


def test_messy_header_and_short_line(context, fill, lake):
    header = (
        " Receipt No. ;Date/Time;Till #;Item Code;Item Description ;QTY;Unit Price (GBP);Loyalty Card No;Country;Origin"
    )
    lines = [
        '536365;01/12/2010 08:26;3;85123A;"HEART; ""T-LIGHT""";6;2.55;99;United Kingdom;real',
        "536365;01/12/2010",
    ]
    feed(fill, "store_receipts", lines, header=header)
    clean.run(settings_of(context, "store_receipts"))
    row = lake.read("silver.orders").first()
    assert row.description == 'HEART; "T-LIGHT"'
    assert (row.order_id, row.order_ts, row.card_id, row.record_id) == (
        "536365",
        datetime(2010, 12, 1, 8, 26),
        "99",
        "card:99",
    )
    assert reasons(lake) == ["malformed"]


def test_unknown_target_column_is_named(context, fill):
    source = load("local")[0].sources["reviews"].model_dump(by_alias=True)
    source["columns"]["stars"] = "stars"
    feed(fill, "reviews", ["{}"])
    with pytest.raises(UsageError, match=r"silver.reviews has no column 'stars'"):
        clean.run(context(channels={**only("reviews"), "reviews": source}))


def test_too_much_bad_data_ends_with_exit_code_3_after_writing(context, fill, lake):
    feed(fill, "reviews", ["nonsense"])
    with pytest.raises(DataError, match=r"reviews \(1 of 1 rows\)") as e:
        clean.run(context(channels=only("reviews")))
    assert e.value.exit_code == 3
    assert reasons(lake) == ["malformed"]


def test_a_second_run_reads_only_what_is_new_and_doubles_nothing(context, fill, lake, spark, tmp_path: Path):
    ctx = settings_of(context, "web_orders")
    feed(fill, "web_orders", [json.dumps(ORDER)])
    run_job(JOBS["clean"], ctx.settings, spark)
    assert run_job(JOBS["clean"], ctx.settings, spark)["rows_in"] == 0
    again = lake.spark.createDataFrame(
        [(json.dumps({**ORDER, "order_id": "o2"}), "g", 1, datetime(2011, 12, 31))],
        "payload string, source_file string, line_no long, ingested_ts timestamp",
    )
    lake.append_once("bronze.web_orders", again, "test", 1)
    row = run_job(JOBS["clean"], ctx.settings, spark)
    assert (row["rows_in"], row["rows_out"]) == (2, 2)
    assert lake.read("silver.orders").count() == 4


def test_running_everything_again_after_a_kill_counts_duplicates(context, fill, lake):
    ctx = settings_of(context, "web_orders")
    feed(fill, "web_orders", [json.dumps(ORDER), "broken"])
    clean.run(ctx)
    result = clean.run(ctx)  # no row in ops.runs: as after a kill before the run was recorded
    assert (result.rows_in, result.rows_out, result.rows_quarantined, result.rows_duplicate) == (3, 0, 1, 2)
    assert lake.read("silver.orders").count() == 2
    assert lake.read("ops.quarantine").count() == 1
