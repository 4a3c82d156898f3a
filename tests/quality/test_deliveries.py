"""What one delivery holds, and what the next run of `clean` still has to read."""

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from onecart.config import load
from onecart.dag import JOBS
from onecart.errors import DataError
from onecart.jobs import run_job
from onecart.quality import job as clean

pytestmark = pytest.mark.job

RECEIPTS = "Receipt No.;Date/Time;Till #;Item Code;Item Description;QTY;Unit Price (GBP);Loyalty Card No;Country;Origin"
MUG = "1001;01/12/2010 08:26;3;MUG;MUG;1;5.00;;United Kingdom;real"
ORDER = {
    **{"order_id": "1001", "placed_at": "2010-12-01T08:26:00Z", "account_id": "a", "currency": "GBP", "origin": "real"},
    "lines": [
        {"sku": "MUG", "title": "MUG", "qty": 1, "price": 5},
        {"sku": "MUG", "title": "MUG", "qty": 1, "price": 5},
    ],
}
EVENT = json.dumps({"event_id": "7", "ts": "2011-03-04T10:00:00Z", "type": "search", "cookie": "c", "origin": "real"})
APP_EVENT = json.dumps({"id": "7", "time": 1299232800000, "name": "Searched", "install_id": "i", "origin": "real"})


def review(number):
    said = {
        "review_id": f"r{number}",
        "account_id": "a",
        "stars": 5,
        "text": "fine",
        "posted_at": "2011-03-04T10:00:00Z",
    }
    return json.dumps(said)


def of_sample(name, **changes):
    return {**load("local")[0].sources[name].model_dump(by_alias=True), **changes}


def test_a_till_writes_a_line_for_each_scan_and_a_file_sent_twice_changes_nothing(deliver, feeds, lake):
    ctx = feeds("store_receipts")
    for day, (lines, expected) in enumerate([([MUG, MUG, MUG[:30]], 2), ([MUG, MUG], 0), ([MUG], 0), ([MUG] * 3, 1)]):
        deliver("store_receipts", lines, RECEIPTS, file=str(day), day=day)
        assert clean.run(ctx).rows_out == expected
    assert [(r.order_id, r.quantity) for r in lake.read("silver.orders").collect()] == [("1001", 1)] * 3


def test_equal_lines_of_an_order_document_count_each_and_the_document_sent_twice_counts_once(deliver, feeds, lake):
    deliver("web_orders", [json.dumps(ORDER)] * 2)
    found = clean.run(feeds("web_orders"))
    assert (found.rows_in, found.rows_out, found.rows_duplicate) == (4, 2, 2)


def test_line_ids_of_the_feed_are_used_and_their_corrections_win(deliver, feeds, lake):
    columns = {**of_sample("store_receipts")["columns"], "order_line_id": "receipt || '/' || till"}
    ctx = feeds(store_receipts=of_sample("store_receipts", columns=columns))
    deliver("store_receipts", [MUG, MUG.replace(";3;", ";4;"), MUG.replace("5.00", "4.50")], RECEIPTS)
    clean.run(ctx)
    lines = lake.read("silver.orders").orderBy("order_line_id").collect()
    assert [(r.order_line_id, str(r.unit_price)) for r in lines] == [("1001/3", "4.5000"), ("1001/4", "5.0000")]


def test_ids_of_two_feeds_are_two_things_unless_the_feeds_share_them(deliver, feeds, lake):
    again = of_sample("web_events", id_space="web_events")
    deliver("web_events", [EVENT])
    deliver("app_events", [APP_EVENT])
    deliver("archive", [EVENT.replace("search", "page_view")], day=1)
    clean.run(feeds("web_events", "app_events", archive=again))
    kinds = {r.event_id: r.event_type for r in lake.read("silver.interactions").collect()}
    assert kinds == {"web_events:7": "page_view", "app_events:7": "search"}


def test_a_table_made_anew_is_read_whole(deliver, feeds, lake, spark):
    ctx = feeds("reviews")

    def run():
        return run_job(JOBS["clean"], ctx.settings, spark)["rows_in"]

    deliver("reviews", [review(1)])
    assert (run(), run()) == (1, 0)
    shutil.rmtree(Path(lake.path("bronze.reviews")))
    deliver("reviews", [review(2), review(3)])
    assert (run(), run()) == (2, 0)
    assert lake.read("silver.reviews").count() == 3
    shutil.rmtree(Path(lake.path("silver.reviews")))  # and so is all of bronze for a silver table that is gone
    assert (run(), run()) == (2, 0)


def test_where_the_versions_to_go_on_from_are_gone_all_rows_are_read(deliver, feeds, lake, spark):
    ctx = feeds("reviews")
    deliver("reviews", [review(1)])
    run_job(JOBS["clean"], ctx.settings, spark)
    schema = "payload string, source_file string, line_no long, ingested_ts timestamp"
    for n in (2, 3):
        rows = [(review(n), f"g{n}", 1, datetime(2011, 12, 31))]
        lake.append_once("bronze.reviews", spark.createDataFrame(rows, schema), "test", n)
    folder = Path(lake.path("bronze.reviews"))
    lake.optimize("bronze.reviews")
    newest = {Path(f).name for f in lake.delta("bronze.reviews").toDF().inputFiles()}
    for file in folder.glob("part-*.parquet"):  # as VACUUM does, which looks at the clock
        if file.name not in newest:
            file.unlink()
    assert run_job(JOBS["clean"], ctx.settings, spark)["rows_in"] == 3
    assert lake.read("silver.reviews").count() == 3


def test_a_bad_delivery_ends_its_own_run_only(deliver, feeds, lake, spark):
    ctx = feeds("reviews", share=0.05)

    def run(file, *records):
        schema = "payload string, source_file string, line_no long, ingested_ts timestamp"
        rows = [(r, file, i, datetime(2011, 12, 31)) for i, r in enumerate(records, 1)]
        lake.append_once("bronze.reviews", spark.createDataFrame(rows, schema), "test", int(file))
        return run_job(JOBS["clean"], ctx.settings, spark)["rows_in"]

    deliver("reviews", [review(0)])
    with pytest.raises(DataError, match=r"reviews \(5 of 6 new rows\)"):
        run("1", *["nonsense"] * 5)
    assert lake.read("ops.runs").select("status").collect()[0][0] == "failed"
    assert run("2", "nonsense", *map(review, range(1, 10))) == 10  # one bad line of ten says little yet
