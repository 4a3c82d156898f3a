"""CSV headers as strangers write them: read, or their own file is set aside and says what it lacks."""

from datetime import date, datetime

import pytest
from pyspark.sql import types as T

from onecart.config import Source, load
from onecart.contracts import contract
from onecart.quality import job as clean
from onecart.quality.parse import header_columns, parse

BRONZE = "header STRING, payload STRING, source_file STRING, line_no LONG, record_no INT, problem STRING, ingested_ts TIMESTAMP"
FOOTFALL = {"path": "f", "format": "csv", "into": "silver.footfall"}


def source(columns: dict[str, str], **changes) -> Source:
    return Source.model_validate({**FOOTFALL, "columns": columns, **changes})


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (" Receipt No. ;Date/Time;Unit Price (GBP);QTY", ["receipt_no", "date_time", "unit_price_gbp", "qty"]),
        ("注文番号;ＳＫＵ;Größe;मूल्य", ["注文番号", "sku", "größe", "मूल्य"]),
        ('"Name; long";"a ""b"""', ["name_long", "a_b"]),
        ("Price;price;PRICE 2;;", ["price", "price_3", "price_2", "column_4", "column_5"]),
        ("sep=,\nStore No,Day", ["store_no", "day"]),
        ("Payload;Line No.;Source File", ["payload", "line_no", "source_file"]),
    ],
)
def test_names_of_columns(header, names):
    assert header_columns(header, source({}, delimiter=";")) == names


def test_a_renamed_column_wins_over_the_one_of_that_name():
    renamed = source({}, rename={"Shop": "store", "price_2": "list_price"})
    assert header_columns("store,Shop,Price,price", renamed) == ["store_2", "store", "price", "list_price"]


def test_records_of_other_types_are_set_aside_even_where_the_mapping_asks_for_what_is_within(spark):
    """A parquet feed's only file lacks the record, the array and the list of lines that its mapping looks into."""
    other = T.StructType().add("campaign_id", "long").json()
    rows = [(other, '{"campaign_id": 1}', "campaigns.parquet", 1, 0, None, datetime(2011, 12, 31))]
    lines = spark.createDataFrame(rows, BRONZE)
    fields = {"day": "to_date(at.day)", "store_id": "line.store", "visitors": "n"}
    doors = source(fields, format="parquet", explode="doors")
    (row,) = parse(lines, "doors", doors, contract("silver.footfall")).collect()
    assert (row.set_aside.rule, row.payload, row.day, row.store_id, row.visitors) == (
        "header", '{"campaign_id": 1}', None, None, None
    )  # fmt: skip
    assert "it lacks 'doors'" in row.set_aside.reason


def test_a_parquet_record_is_a_row_for_each_of_its_lines(spark):
    doors = source({"day": "day", "store_id": "line.store", "visitors": "line.n"}, format="parquet", explode="doors")
    header = T._parse_datatype_string("day DATE, doors ARRAY<STRUCT<store: STRING, n: INT>>").json()
    record = '{"day": "2011-03-01", "doors": [{"store": "s1", "n": 3}, {"store": "s2", "n": 4}]}'
    lines = spark.createDataFrame([(header, record, "d.parquet", 1, 0, None, datetime(2011, 12, 31))], BRONZE)
    rows = parse(lines, "doors", doors, contract("silver.footfall")).orderBy("element").collect()
    assert [(r.set_aside, r.element, r.store_id, r.visitors) for r in rows] == [(None, 0, "s1", 3), (None, 1, "s2", 4)]


@pytest.mark.job
def test_a_feed_of_odd_headers(context, fill, lake):
    """Columns called like bronze's own, other layouts beside them, and one file that lacks columns."""
    files = {
        "ours": ("Payload,Line No.,Source File,Element,__reason", "2011-03-01,s1,10,x,y"),
        "sep": ("sep=;\n\"Payload; of day\";payload;Line No;'Source File'", '"x;y";2011-03-02;s1;20'),
        "bad": ("Payload,Line", "2011-03-03,s1"),
        "unread": ("Payload,Line No,Source File", "2011-03-04,M\\xfc,1"),
    }
    rows = [
        {"header": header, "payload": line, "source_file": name, "line_no": 2, "ingested_ts": datetime(2011, 12, 31)}
        for name, (header, line) in files.items()
    ]
    rows[-1]["problem"] = "encoding"
    fill("bronze.doors", rows)
    doors = source({"day": "to_date(payload)", "store_id": "line_no", "visitors": "source_file"})
    off = dict.fromkeys(load("local")[0].channels)
    result = clean.run(context(channels={**off, "doors": doors}, quality={"max_quarantine_share": 1.0}))
    assert (result.rows_in, result.rows_out, result.rows_quarantined) == (4, 2, 2)
    found = lake.read("silver.footfall").orderBy("day").collect()
    assert [(r.day, r.store_id, r.visitors) for r in found] == [
        (date(2011, 3, 1), "s1", 10),
        (date(2011, 3, 2), "s1", 20),
    ]
    aside = lake.read("ops.quarantine").orderBy("source_file").collect()
    assert [(r.source_file, r.rule, r.reason) for r in aside] == [
        (
            "bad",
            "header",
            "the header of the file does not fit silver.footfall: it lacks 'line_no', 'source_file'; did you mean 'line'?",
        ),
        (
            "unread",
            "encoding",
            "bytes that are not utf-8; set channels.doors.encoding to what the file is written in",
        ),
    ]
