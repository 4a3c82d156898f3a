"""Records of files on any file system that Spark reaches: read, and blanked."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import reduce
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
from pyspark import Accumulator
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.frames import quoted
from onecart.lake.files import read_files, relative_path, rewrite
from onecart.records.reader import Reader

RECORDS = "payload STRING, header STRING, source_file STRING, line_no LONG, record_no INT, problem STRING"
# How values are written as JSON, and read from it, so that none is changed.
PARQUET_JSON = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
    "timeZone": "UTC",
}
_TYPES = (pa.string(), pa.string(), pa.string(), pa.int64(), pa.int32(), pa.string())
_NAMES = [column.split()[0] for column in RECORDS.split(", ")]
_BATCH = 5_000
_BLOCK, _POSITION = "_metadata.file_block_start", "position"


def read_records(
    spark: SparkSession, files: Sequence[str], root: str, reader: Reader, counter: "Accumulator[int]"
) -> DataFrame:
    """One row per record of these text files (columns: `RECORDS`); `source_file` is the path below `root`. `counter` grows by
    the number of records whenever they are computed."""
    names = relative_path(F.col("_metadata.file_path"), root).alias("source_file")
    lines = _lines(spark, files, names)

    def records(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for rows in _in_batches(_records(batches, reader)):
            counter.add(len(rows))
            columns = zip(*rows, strict=True)
            arrays = [pa.array(column, kind) for column, kind in zip(columns, _TYPES, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, _NAMES)

    return lines.repartition("source_file").transform(_as_written, "source_file").mapInArrow(records, RECORDS)


def read_rows(spark: SparkSession, files: Sequence[str], root: str) -> DataFrame:
    """One row per row of these Parquet files that is not all null (columns: `RECORDS`): all its columns as one JSON object,
    `header` their types, `line_no` its place in the file."""
    schemas: dict[str, list[str]] = {}
    for path in files:
        schemas.setdefault(read_files(spark, [path], "parquet", ["*"]).schema.json(), []).append(path)
    return reduce(DataFrame.union, (_rows(spark, paths, root, schema) for schema, paths in schemas.items()))


def _rows(spark: SparkSession, files: Sequence[str], root: str, schema: str) -> DataFrame:
    file, place = "_metadata.file_path", "_metadata.row_index"
    rows = read_files(spark, files, "parquet", [F.struct("*").alias("row"), F.col(file), F.col(place)])
    fields = [F.col("row").getField(name) for name in T.StructType.fromJson(json.loads(schema)).fieldNames()]
    return rows.where(F.coalesce(*[F.when(field.isNotNull(), True) for field in fields])).select(
        F.to_json("row", PARQUET_JSON).alias("payload"),
        F.lit(schema).alias("header"),
        relative_path(F.col("file_path"), root).alias("source_file"),
        (F.col("row_index") + 1).alias("line_no"),
        F.lit(0).alias("record_no"),
        F.lit(None).cast("string").alias("problem"),
    )


def blank_records(
    spark: SparkSession,
    path: str,
    scratch: str,
    reader: Reader,
    *,
    places: Collection[tuple[int, int]] = (),
    found: Callable[[str], bool] = lambda text: False,
) -> None:
    """Empties records of a text file: those at `places` (line_no, record_no), and those of which `found` is true.

    The file keeps its name and the other records their places. `scratch`: a folder for the time being.
    """
    lines = _lines(spark, [path], F.lit("").alias("source_file")).repartition(1).transform(_as_written)
    gone = frozenset(places)

    def blanked(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for rows in _in_batches(reader.blanked((raw for _, raw in _pairs(batches)), gone, found)):
            yield pa.RecordBatch.from_arrays([pa.array(rows, pa.binary())], ["value"])

    packing = "gzip" if path.endswith(".gz") else "bzip2" if path.endswith(".bz2") else "none"
    whole = lines.mapInArrow(blanked, "value BINARY").select(F.col("value").cast("string"))
    rewrite(spark, path, scratch, whole.write.option("compression", packing).text)


def blank_rows(
    spark: SparkSession,
    path: str,
    scratch: str,
    *,
    places: Collection[int] = (),
    found: Callable[[Column], Column] = lambda text: F.lit(False),
) -> None:
    """`blank_records` for a Parquet file: the columns of rows that are numbered in `places` (from 1), or of whose JSON `found`
    is true, are null."""
    rows = read_files(spark, [path], "parquet", ["*", (F.col("_metadata.row_index") + 1).alias(_POSITION)])
    names = [c for c in rows.columns if c != _POSITION]
    gone = F.col(_POSITION).isin(list(places)) | found(F.to_json(F.struct(*map(quoted, names))))
    blanked = rows.withColumns({c: F.when(~gone, quoted(c)) for c in names})
    whole = blanked.repartition(1).sortWithinPartitions(_POSITION).drop(_POSITION)
    rewrite(spark, path, scratch, whole.write.parquet)


def _lines(spark: SparkSession, files: Sequence[str], name: Any) -> DataFrame:
    """The bytes between line feeds (`value`), with what `_as_written` needs."""
    # Within a file, a split starts at file_block_start and its rows keep their order.
    position = F.monotonically_increasing_id().alias(_POSITION)
    columns = [name, F.col("value").cast("binary"), F.col(_BLOCK).alias("block"), position]
    return read_files(spark, files, "text", columns, lineSep="\n")


def _as_written(lines: DataFrame, *keys: str) -> DataFrame:
    """The lines in the order in which they stand in their files."""
    return lines.sortWithinPartitions(*keys, "block", _POSITION).select("source_file", "value")


def _pairs(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, bytes]]:
    for batch in batches:
        yield from zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)


def _records(batches: Iterable[pa.RecordBatch], reader: Reader) -> Iterator[tuple[object, ...]]:
    for name, pairs in groupby(_pairs(batches), key=itemgetter(0)):
        for record in reader.records(raw for _, raw in pairs):
            yield record.payload, record.header, name, record.line_no, record.record_no, record.problem


def _in_batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
