"""The job `report`: the page is written where the settings say, the exports beside it, and hostile names stay text."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from onecart.errors import OneCartError
from onecart.report import job
from onecart.report import sections as sections_package
from onecart.report.sections import ORDER, SECTIONS

pytestmark = pytest.mark.job
HOSTILE = '<a href="https://x.example">click</a>'


@pytest.fixture
def shop(fill, rows_of):
    """One order, one run, one review of a product whose category is a link."""
    order = {"sku": "1", "order_ts": datetime(2011, 12, 9), "quantity": 1, "unit_price": Decimal(1), "origin": "real"}
    fill("silver.orders", rows_of("silver.orders", order))
    fill("silver.interactions", rows_of("silver.interactions", {"origin": "simulated"}))
    fill("silver.products", rows_of("silver.products", {"sku": "1", "category": HOSTILE, "description": HOSTILE}))
    fill("gold.review_sentiment", rows_of("gold.review_sentiment", {"sku": "1", "sentiment": "positive"}))
    run = {"run_id": "a", "job": "voice", "status": "done", "headline": HOSTILE, "started_ts": datetime(2011, 12, 9)}
    fill("ops.runs", rows_of("ops.runs", run))
    fill("gold.segments", rows_of("gold.segments", {"customer_id": "c", "segment": HOSTILE}))
    fill(
        "gold.segment_summary", rows_of("gold.segment_summary", {"kind": "rule", "segment": HOSTILE, "currency": "GBP"})
    )


def test_the_page_is_written_where_the_settings_say_and_the_exports_into_the_lake(shop, context, lake, tmp_path):
    path = tmp_path / "folder" / "page.html"
    result = job.run(context(report={"path": str(path)}))
    assert (result.rows_in, result.rows_out, result.headline) == (9, 3, str(path))
    html = path.read_text()
    assert "Decisions for 2011-12-10. Orders are a real retailer&#39;s" in html
    missing = "conversion, customers, who is about to buy, what to offer, did it work, what will sell"
    assert f"Not shown, for want of data: {missing}." in html
    places = [
        html.index(f"<h2>{title}</h2>") for title in ("Who gets what", "What customers say", "Can the data be trusted")
    ]
    assert places == sorted(places)
    assert "Plotly" in html
    assert 'src="http' not in html
    assert {p.name for p in (Path(lake.root) / "exports").iterdir()} == {"segments"}


def test_only_contacts_of_the_day_leave_and_nobody_who_is_held_back(shop, context, fill, rows_of, lake):
    agreed = {"consent_email": True, "consent_profiling": True}
    fill("gold.customer_profile", rows_of("gold.customer_profile", *[{"customer_id": c, **agreed} for c in "abc"]))
    day, before = date(2011, 12, 10), date(2011, 11, 10)
    rows = [("a", "treated", day), ("b", "treated", before), ("c", "control", day)]
    contacts = [
        {"customer_id": c, "arm": arm, "as_of": d, "offer": f"for {c}", "channel": "email"}
        | ({"send_ts": datetime(2011, 12, 11)} if arm == "treated" else {})
        for c, arm, d in rows
    ]
    fill("gold.campaign_audience", rows_of("gold.campaign_audience", *contacts))
    job.run(context())
    (file,) = Path(lake.root, "exports", "campaign_audience").rglob("*.csv")
    assert [offer for offer in ("for a", "for b", "for c") if offer in file.read_text()] == ["for a"]


def test_hostile_names_in_the_tables_stay_text(shop, context, lake):
    job.run(context())
    html = (Path(lake.root) / "report.html").read_text()
    body = html[html.rindex("<body>") :]
    assert "<a href" not in body
    assert "\\u003ca href" not in body  # as a script of plotly would hold it
    assert body.count("\\u0026lt;a href") + body.count("&lt;a href") >= 3  # a segment, a category, a tile


def test_a_page_that_cannot_be_written_is_one_sentence(context, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OneCartError, match=r"cannot write the report .*--set report\.path=FILE"):
        job.write_text(context(), str(tmp_path / "file" / "page.html"), "x")


def test_every_file_of_the_sections_is_in_the_order_shown():
    files = {path.stem for path in Path(sections_package.__file__).parent.glob("*.py")} - {"__init__"}
    assert sorted(ORDER) == sorted(files)
    assert len({section.title for section in SECTIONS}) == len(ORDER)
