"""A path that was listed is a path: lines and rows leave the file that was meant, and no other."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from onecart.lake import Lake
from onecart.lake.blanking import blank_records
from onecart.lake.files import delete, listed, read_bytes, relative, relative_path, write_text
from onecart.privacy.leftovers import drop_rows
from onecart.privacy.matcher import Matcher
from onecart.records.reader import Reader

TEXT = Reader("text")

# name -> a file that it would stand for, were it a pattern
NAMES = {
    **{"a[1].csv": "a1.csv", "o*.csv": "ox.csv", "a{b,c}.csv": "ab.csv", "a\\b.csv": "ab.csv", "q?.json": "qq.json"},
    **{"a:b.csv": "b.csv", "t:[1].csv": "t:1.csv", "d:1/w[1]/x.csv": "d:1/w1/x.csv"},
}


@pytest.mark.parametrize("scheme", ["", "file:"])
@pytest.mark.parametrize(("name", "other"), NAMES.items())
def test_lines_leave_the_file_that_was_meant(spark, tmp_path, name, other, scheme):
    for file in (name, other):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(f"{file}\nann\nlast\n")
    blank_records(spark, f"{scheme}{tmp_path}/{name}", f"{tmp_path}/scratch", TEXT, places={(3, 0)}, found="ann".__eq__)
    assert (tmp_path / name).read_text() == f"{name}\n\n\n"
    assert (tmp_path / other).read_text() == f"{other}\nann\nlast\n"
    blank_records(
        spark, f"{scheme}{tmp_path}/{name}", f"{tmp_path}/scratch", TEXT
    )  # Hadoop's checksum fits the new file
    assert {Path(path).name for path, _ in listed(spark, str(tmp_path)) if not path.endswith(".crc")} == {
        Path(file).name for file in (name, other)
    }


def test_a_packed_file_with_an_odd_name_stays_packed(spark, tmp_path):
    file = tmp_path / "a:[1].csv.gz"
    file.write_bytes(gzip.compress(b"x\nann\n"))
    blank_records(spark, str(file), f"{tmp_path}/scratch", TEXT, found="ann".__eq__)
    assert gzip.decompress(file.read_bytes()) == b"x\n\n"


@pytest.mark.parametrize("name", ["a[1].parquet", "a:b.parquet", "a:{b}.parquet"])
def test_rows_leave_the_file_that_was_meant(spark, tmp_path, name):
    for file in (name, "a1.parquet"):
        pq.write_table(pa.table({"e": ["ann@x.example", "b"]}), tmp_path / file)
    drop_rows(spark, f"{tmp_path}/{name}", Matcher([("email", "ann@x.example")]), f"{tmp_path}/scratch")
    assert pq.read_table(tmp_path / name).to_pylist() == [{"e": "b"}]
    assert pq.read_table(tmp_path / "a1.parquet").num_rows == 2


@pytest.mark.parametrize("name", ["a:b.json", "a[1].json"])
def test_small_files_have_any_name(spark, tmp_path, name):
    path = f"{tmp_path}/{name}"
    for text in ("one", "two"):
        write_text(spark, path, text)
    assert read_bytes(spark, path) == b"two"
    assert delete(spark, path)
    assert not Path(path).exists()


@pytest.mark.parametrize(
    ("path", "root", "name"),
    [
        ("/x/landing/eu/landing/d.json", "/x/landing/", "eu/landing/d.json"),
        ("/x/landing (eu)/d.json", "file:///x/landing (eu)", "d.json"),
        ("s3a://b/l+[1]/a+b%41.json", "s3a://b/l+[1]", "a+b%41.json"),
        ("/y/x/landing/d.json", "/x/landing", None),
        ("/x/landing2/d.json", "/x/landing", None),
    ],
)
def test_a_name_begins_at_the_root_and_nowhere_else(spark, path, root, name):
    assert relative(path, root) == (name or path)
    jvm = spark.sparkContext._jvm
    url = jvm.org.apache.hadoop.fs.Path(path).toUri().toString()
    column = spark.createDataFrame([(url,)], "f string").select(relative_path(F.col("f"), root))
    assert column.first()[0] == (name or path)


def test_a_lake_has_any_name(spark, tmp_path, rows_of):
    from onecart.contracts import contract

    lake, schema = Lake(spark, f"{tmp_path}/lake[1] {{a,b}}*"), contract("gold.identity_links").schema
    Lake(spark, f"{tmp_path}/lake1 a").create("gold.identity_links")
    for who in ("a", "b"):
        (row,) = rows_of("gold.identity_links", {"record_id": who, "customer_id": who})
        frame = spark.createDataFrame([tuple(row.get(f) for f in schema.fieldNames())], schema)
        lake.upsert("gold.identity_links", frame)
    assert sorted(row.record_id for row in lake.read("gold.identity_links").collect()) == ["a", "b"]
