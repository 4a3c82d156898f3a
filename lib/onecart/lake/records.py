"""Records of files on any file system that Spark reaches."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import reduce
from itertools import accumulate, chain, groupby
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark import Accumulator
from pyspark.accumulators import AccumulatorParam
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.lake.files import read_files, relative, relative_path
from onecart.records.reader import Reader

RECORDS = "payload STRING, header STRING, source_file STRING, line_no LONG, record_no INT, problem STRING"
# How values are written as JSON, and read from it, so that none is changed.
JSON_VALUES = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
    "timeZone": "UTC",
}
ZSTD = ".zst"  # which Spark itself cannot unpack
POSITION = "position"
_BLOCK = "_metadata.file_block_start"
_TYPES = (pa.string(), pa.string(), pa.string(), pa.int64(), pa.int32(), pa.string())
_NAMES = [column.split()[0] for column in RECORDS.split(", ")]
_BATCH = 5_000
_HEAD = 20  # lines that have a CSV header among them
# What every line has to be, so that no record is on two of them: SQL over `value`.
_WHOLE = {
    "json": r"value RLIKE r'\A\x{FEFF}?[ \t]*(\{[^\r]*\}[ \t]*)?\r?\z'",
    "csv": r"NOT value RLIKE r'\r[^\r]' AND (length(value) - length(replace(value, '\"'))) % 2 = 0",
}

Counted = dict[str, tuple[int, int]]  # source_file -> how many records, and the last line_no


class Counts(AccumulatorParam[Counted]):
    """Adds up what is counted of files."""

    def zero(self, value: Counted) -> Counted:
        return {}

    def addInPlace(self, value1: Counted, value2: Counted) -> Counted:
        for name, (records, last) in value2.items():
            before = value1.get(name, (0, -1))
            value1[name] = before[0] + records, max(before[1], last)
        return value1


class _Part(NamedTuple):
    """Lines of a file that one task has: the number of the first, and the file's first lines where they are not among them."""

    first: int = 1
    head: Sequence[bytes] = ()


def read_records(
    spark: SparkSession,
    files: Sequence[str],
    root: str,
    reader: Reader,
    counter: "Accumulator[Counted]",
    large: Collection[str] = (),
) -> DataFrame:
    """One row per record of these text files (columns: `RECORDS`); `source_file` is the path below `root`. `counter` grows by
    what was read whenever they are computed. `large`: those of the files that several tasks read, where each line is whole."""
    names = relative_path(F.col("_metadata.file_path"), root).alias("source_file")
    packed = [path for path in files if path.lower().endswith(ZSTD)]
    parts = _parts(spark, [path for path in files if path in large and path not in packed], root, names, reader.form)
    split = {name for name, _ in parts}
    plain = [path for path in files if path not in packed and relative(path, root) not in split]

    def cut(texts: Iterator[tuple[str, int, Iterable[bytes]]]) -> Iterator[pa.RecordBatch]:
        return counted_batches(_records(texts, reader, parts), _NAMES, _TYPES, counter)

    found = []
    if plain:
        whole = lines_of(spark, plain, names).repartition("source_file").transform(as_written, "source_file")
        found.append(whole.mapInArrow(lambda batches: cut(_files(batches)), RECORDS))
    if split:
        # A part of a file is never in two tasks, and in the order of its lines.
        some = lines_of(spark, [path for path in files if relative(path, root) in split], names)
        blocks = some.select("source_file", "value", "block")
        found.append(blocks.mapInArrow(lambda batches: cut(_blocks(batches)), RECORDS))
    if packed:
        contents = read_files(spark, packed, "binaryFile", [names, "content"])
        found.append(contents.mapInArrow(lambda batches: cut(_unpacked(batches)), RECORDS))
    return reduce(DataFrame.union, found)


def read_rows(spark: SparkSession, files: Sequence[str], root: str, form: str) -> DataFrame:
    """One row per row of these files (`form`: parquet or avro) that is not all null (columns: `RECORDS`): all its columns as one
    JSON object, `header` their types, `line_no` its place in the file."""
    schemas: dict[str, list[str]] = {}
    for path in files:
        schemas.setdefault(read_files(spark, [path], form, ["*"]).schema.json(), []).append(path)
    return reduce(DataFrame.union, (_rows(spark, paths, root, form, schema) for schema, paths in schemas.items()))


def _rows(spark: SparkSession, files: Sequence[str], root: str, form: str, schema: str) -> DataFrame:
    row = F.struct("*").alias("row")
    rows = numbered(spark, files, form, [row, F.col("_metadata.file_path").alias("file_path")])
    return json_rows(
        rows,
        schema,
        source_file=relative_path(F.col("file_path"), root),
        line_no=F.col(POSITION),
        record_no=F.lit(0),
        problem=F.lit(None).cast("string"),
    ).where(F.col("payload") != "{}")


def json_rows(rows: DataFrame, schema: str, **more: Column) -> DataFrame:
    """`payload`, `header` and `more` of rows whose column `row` is of `schema` (JSON of Spark's): a row that is all null is
    `{}`."""
    fields = [F.col("row").getField(name) for name in T.StructType.fromJson(json.loads(schema)).fieldNames()]
    some = F.coalesce(*[F.when(field.isNotNull(), True) for field in fields])
    payload = F.when(some, F.to_json("row", JSON_VALUES)).otherwise("{}")
    return rows.select(
        payload.alias("payload"), F.lit(schema).alias("header"), *[c.alias(name) for name, c in more.items()]
    )


def numbered(spark: SparkSession, files: Sequence[str], form: str, columns: Sequence[Column | str]) -> DataFrame:
    """`columns` of the rows of these files (`form`: parquet or avro) with `position`: a row's place in its file, from 1."""
    if form == "parquet":  # whose reader tells it
        return read_files(spark, files, form, [*columns, (F.col("_metadata.row_index") + 1).alias(POSITION)])
    path, order = "_metadata.file_path", [F.col(_BLOCK).alias("__block"), _order().alias("__order")]
    rows = read_files(spark, files, form, [*columns, F.col(path).alias("__file"), *order])
    place = F.row_number().over(Window.partitionBy("__file").orderBy("__block", "__order"))
    return rows.withColumn(POSITION, place.cast("long")).drop("__file", "__block", "__order")


def lines_of(spark: SparkSession, files: Sequence[str], name: Any) -> DataFrame:
    """The bytes between line feeds (`value`), with what `as_written` needs."""
    columns = [name, F.col("value").cast("binary"), F.col(_BLOCK).alias("block"), _order().alias(POSITION)]
    return read_files(spark, files, "text", columns, lineSep="\n")


def as_written(lines: DataFrame, *keys: str) -> DataFrame:
    """The lines in the order in which they stand in their files."""
    return lines.sortWithinPartitions(*keys, "block", POSITION).select("source_file", "value")


def counted_batches(
    rows: Iterator[tuple[Any, ...]], names: Sequence[str], types: Sequence[pa.DataType], counter: "Accumulator[Counted]"
) -> Iterator[pa.RecordBatch]:
    """Rows, of which the third and fourth column are source_file and line_no, as batches of these columns. `counter` grows by
    them."""
    for some in in_batches(rows):
        counted: Counted = {}
        for row in some:
            counted[row[2]] = counted.get(row[2], (0, -1))[0] + 1, row[3]
        counter.add(counted)
        arrays = [pa.array(column, kind) for column, kind in zip(zip(*some, strict=True), types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, names)


def in_batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def unpacked(content: bytes) -> Iterator[bytes]:
    """The bytes between line feeds of a file packed by zstd."""
    rest = b""
    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        while piece := stream.read(1 << 20):
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
    if rest:
        yield rest


def _order() -> Column:
    """Within a file, a split starts at file_block_start and its rows keep their order."""
    return F.monotonically_increasing_id()


def _parts(
    spark: SparkSession, files: Sequence[str], root: str, names: Column, form: str
) -> dict[tuple[str, int], _Part]:
    """The parts, by name and place in their file, of those of `files` of which every line is whole."""
    if not files or form not in _WHOLE:
        return {}
    columns = [names, F.col(_BLOCK).alias("block"), F.expr(_WHOLE[form]).alias("whole")]
    lines = read_files(spark, files, "text", columns, lineSep="\n")
    told = lines.groupBy("source_file", "block").agg(F.count("*").alias("n"), F.bool_and("whole").alias("whole"))
    parts: dict[tuple[str, int], _Part] = {}
    rows = sorted(told.collect())  # as many as tasks read the files
    paths = {relative(path, root): path for path in files}
    for name, group in groupby(rows, key=lambda row: str(row["source_file"])):
        blocks = list(group)
        if name not in paths or len(blocks) == 1 or not all(row["whole"] for row in blocks):
            continue
        firsts = accumulate((row["n"] for row in blocks), initial=1)
        head = _head(spark, paths[name]) if form == "csv" else []
        for row, first in zip(blocks, firsts, strict=False):
            parts[name, row["block"]] = _Part(first, head if row["block"] else ())
    return parts


def _head(spark: SparkSession, path: str) -> list[bytes]:
    rows = lines_of(spark, [path], F.lit("").alias("source_file")).where("block = 0").take(_HEAD)
    return [bytes(row["value"]) for row in rows]


def _records(
    texts: Iterator[tuple[str, int, Iterable[bytes]]], reader: Reader, parts: dict[tuple[str, int], _Part]
) -> Iterator[tuple[Any, ...]]:
    for name, block, lines in texts:
        first, head = parts.get((name, block), _Part())
        moved = first - 1 - len(head)
        for record in reader.records(chain(head, lines)):
            if record.line_no > len(head):
                no = record.line_no + moved
                yield record.payload, record.header, name, no, record.record_no, record.problem


def _grouped(batches: Iterable[pa.RecordBatch], key: Callable[[Any], Any]) -> Iterator[tuple[Any, Iterator[bytes]]]:
    rows = chain.from_iterable(zip(*(c.to_pylist() for c in batch.columns), strict=True) for batch in batches)
    return ((name, (row[1] for row in group)) for name, group in groupby(rows, key=key))


def _files(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    return ((name, -1, lines) for name, lines in _grouped(batches, lambda row: row[0]))


def _blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    return ((*part, lines) for part, lines in _grouped(batches, lambda row: (row[0], row[2])))


def _unpacked(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    for batch in batches:
        for name, content in zip(batch.column(0), batch.column(1), strict=True):
            yield name.as_py(), -1, unpacked(content.as_py())
