"""Parquet: every value of every row reaches silver's mapping as it was in the file, with its type."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from onecart.channels import job as ingest
from onecart.config import Source, load
from onecart.contracts import contract
from onecart.lake.blanking import blank_rows
from onecart.quality import parse as parsing
from onecart.quality.parse import parse

pytestmark = pytest.mark.job
MICRO = datetime(2011, 3, 27, 1, 59, 59, 123456)
ROWS = [
    {
        "Order ID": "o1",
        "lines": [{"sku": 'M"1', "qty": Decimal("1.250"), "note": "two\r\nlines, é"}, None],
        "price": Decimal("0.0000000001"),
        "total": Decimal("12345678901234567890123456.7890"),
        "at": MICRO,
        "day": date(1999, 12, 31),
        "nanos": 1301191199123456789,
        "score": 0.1 + 0.2,
        "count": 2**63 - 1,
        "ok": False,
        "payload": "{}",
    },
    {"Order ID": "o2", "lines": [], "score": float("nan"), "at": datetime(1066, 10, 14), "payload": ""},
    {},
]
SCHEMA = pa.schema(
    [
        ("Order ID", pa.string()),
        (
            "lines",
            pa.list_(pa.struct([("sku", pa.string()), ("qty", pa.decimal128(9, 3)), ("note", pa.string())])),
        ),
        ("price", pa.decimal128(38, 10)),
        ("total", pa.decimal128(38, 4)),
        ("at", pa.timestamp("us", "UTC")),
        ("day", pa.date32()),
        ("nanos", pa.timestamp("ns", "UTC")),
        ("score", pa.float64()),
        ("count", pa.int64()),
        ("ok", pa.bool_()),
        ("payload", pa.string()),
    ]
)


def test_rows_keep_their_values_and_types(context, lake, spark):
    folder = Path(lake.root, "landing/orders")
    folder.mkdir(parents=True)
    names = SCHEMA.names
    pq.write_table(pa.Table.from_pylist([{n: row.get(n) for n in names} for row in ROWS], SCHEMA), folder / "a.parquet")
    pq.write_table(pa.table({"Order ID": ["o3"]}), folder / "b.parquet")
    mapping = {"order_id": "`Order ID`", "order_ts": "at", "sku": "lines[0].sku", "description": "payload"}
    source = Source.model_validate({"path": "orders", "format": "parquet", "into": "silver.orders", "columns": mapping})
    ctx = context(channels={**dict.fromkeys(load("local")[0].channels), "shop": source})
    result = ingest.run(ctx)
    assert (result.rows_in, result.rows_out) == (3, 3)
    bronze = lake.read("bronze.shop").orderBy("source_file", "line_no")
    assert [(r.source_file, r.line_no) for r in bronze.collect()] == [
        ("orders/a.parquet", 1),
        ("orders/a.parquet", 2),
        ("orders/b.parquet", 1),
    ]
    # All columns of the first file, as the mapping's expressions see them.
    one = bronze.where("source_file LIKE '%a.parquet'")
    lines = one.withColumn("reason", F.lit(None)).withColumnsRenamed(parsing._OWN)
    lines = lines.withColumn("readable", F.col("__payload"))
    records, fit = parsing._by_header(
        lines, "shop", source, contract("silver.orders"), lambda h: parsing._typed_record(h, "shop", source)
    )
    assert fit
    seen = records.select(*[f"`{n}`" for n in names if n != "nanos"], "nanos", "__broken")
    original = spark.read.parquet(str(folder / "a.parquet")).where("`Order ID` IS NOT NULL")
    assert [f.dataType for f in seen.drop("__broken").schema] == [
        f.dataType for f in original.select(*[c for c in names if c != "nanos"], "nanos").schema
    ]
    as_text = [F.col(f"`{n}`").cast("string").alias(n) for n in names]
    assert seen.select(*as_text).orderBy("payload").collect() == original.select(*as_text).orderBy("payload").collect()
    assert seen.where("__broken IS NOT NULL").isEmpty()
    # And what clean makes of all files: one lacks columns.
    rows = parse(bronze, "shop", source, contract("silver.orders")).orderBy("order_id").collect()
    assert [(r.order_id, r.order_ts, r.sku, r.description, r.set_aside and r.set_aside.rule) for r in rows] == [
        ("o1", MICRO, 'M"1', "{}", None),
        ("o2", datetime(1066, 10, 14), None, None, None),
        ("o3", None, None, None, "header"),
    ]
    # A blanked row keeps its place.
    blank_rows(spark, str(folder / "a.parquet"), f"{lake.root}/scratch", places={1})
    left = pq.read_table(folder / "a.parquet").to_pylist()
    assert [row["Order ID"] for row in left] == [None, "o2", None]
