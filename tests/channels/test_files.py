"""Files of more kinds: Avro, packed by zstd or gzip, and a large one that several tasks read."""

import gzip
import os
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from onecart.channels import job as ingest
from onecart.channels import landing
from onecart.lake.blanking import blank_records, blank_rows
from onecart.records.reader import Reader

pytestmark = pytest.mark.job
POSTS = {
    "path": "posts",
    "format": "json",
    "schema": "id STRING",
    "into": "silver.interactions",
    "columns": {"event_id": "id"},
}


@pytest.fixture
def posts(lake) -> Path:
    folder = Path(lake.root, "landing/posts")
    folder.mkdir(parents=True)
    return folder


def old(path: Path) -> None:
    os.utime(path, (time.time() - 60,) * 2)


def records(lake) -> list[tuple[object, ...]]:
    rows = lake.read("bronze.feed").orderBy("source_file", "line_no", "record_no").collect()
    return [(r.source_file.removeprefix("posts/"), r.line_no, r.record_no, r.payload) for r in rows]


def test_packed_arrays_and_avro(only, lake, posts, spark):
    """An array over lines by zstd (in two frames) and by gzip; a row of Avro that is blanked keeps its place."""
    first, second = b'[{"id": "1"},\n', b' {"id": "2"}]\n'
    packed = [pa.compress(part, "zstd", asbytes=True) for part in (first, second)]
    (posts / "a.json.zst").write_bytes(b"".join(packed))
    (posts / "b.json.gz").write_bytes(gzip.compress(first + second))
    expected = [(name, line, 0, f'{{"id": "{line}"}}') for name in ("a.json.zst", "b.json.gz") for line in (1, 2)]
    ctx = only("feed", POSTS)
    assert ingest.run(ctx).rows_out == 4
    assert records(lake) == expected
    blank_records(spark, f"file:{posts}/a.json.zst", f"{lake.root}/scratch", Reader("json"), places={(1, 0)})
    with pa.CompressedInputStream(pa.OSFile(str(posts / "a.json.zst")), "zstd") as left:
        assert left.read() == b'[null       ,\n {"id": "2"}]\n'
    rows = spark.range(3).select(F.when(F.col("id") != 1, F.col("id")).alias("id"), F.lit("x").alias("sku"))
    rows.coalesce(1).write.format("avro").save(str(posts.parent / "avro"))
    ctx = only("rows", {**POSTS, "path": "avro", "format": "avro", "schema": "", "columns": {"event_id": "string(id)"}})
    assert ingest.run(ctx).rows_out == 3
    found = lake.read("bronze.rows").orderBy("line_no").collect()
    assert [(r.line_no, r.payload) for r in found] == [
        (1, '{"id":0,"sku":"x"}'),
        (2, '{"sku":"x"}'),
        (3, '{"id":2,"sku":"x"}'),
    ]
    (file,) = (posts.parent / "avro").glob("part-*.avro")
    assert landing._is_whole(
        spark, landing.LandingFile(f"file:{file}", file.stat().st_size, 0), ctx.settings.sources["rows"]
    )
    blank_rows(spark, f"file:{file}", f"{lake.root}/scratch", "avro", places={1})
    left = spark.read.format("avro").load(f"file:{file}").collect()
    assert [tuple(row) for row in left] == [(None, None), (None, "x"), (2, "x")]


@pytest.mark.parametrize("form", ["json", "csv", "array"])
def test_a_large_file_is_read_by_several_tasks(only, lake, posts, spark, monkeypatch, form):
    """As by one; one whose records are on several lines is still read by one."""
    lines = {
        "json": [f'{{"id": "{i}"}}\r\n' for i in range(200)],
        "csv": ["A title\n", "id,note\n", *(f'{i},"é, {i}"\n' for i in range(200))],
        "array": ["[\n", *(f'{{"id":\n "{i}"}},\n' for i in range(100)), "]\n"],
    }[form]
    file = posts / "large"
    file.write_text("".join(lines), newline="")
    old(file)
    source = {**POSTS, "format": "csv", "schema": ""} if form == "csv" else POSTS
    assert ingest.run(only("feed", source)).rows_out == (100 if form == "array" else 200)
    expected = records(lake)
    lake.delta("bronze.feed").delete()
    lake.delta("ops.deliveries").delete()
    monkeypatch.setattr(landing, "_LARGE", 1)
    small = {"spark.sql.files.maxPartitionBytes": "500", "spark.sql.files.openCostInBytes": "0"}
    before = {key: spark.conf.get(key) for key in small}
    try:
        for key, value in small.items():
            spark.conf.set(key, value)
        assert ingest.run(only("feed", source)).rows_out == len(expected)
    finally:
        for key, value in before.items():
            spark.conf.set(key, value)
    assert records(lake) == expected
