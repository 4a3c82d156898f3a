"""Takes records out of files on any file system that Spark reaches: the file keeps its name and the others their places."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from onecart.frames import quoted
from onecart.lake.files import read_bytes, rewrite, write_bytes
from onecart.lake.records import POSITION, ZSTD, as_written, in_batches, lines_of, numbered, unpacked
from onecart.records.reader import Reader


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

    `scratch`: a folder for the time being.
    """
    gone = frozenset(places)
    if path.lower().endswith(ZSTD):  # Spark writes none: the driver has it whole
        lines = reader.blanked(unpacked(read_bytes(spark, path)), gone, found)
        packed = pa.compress(b"".join(line + b"\n" for line in lines), "zstd", asbytes=True)
        rewrite(spark, path, scratch, lambda folder: write_bytes(spark, f"{folder}/part-0", packed))
        return
    lines_there = lines_of(spark, [path], F.lit("").alias("source_file")).repartition(1).transform(as_written)

    def blanked(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        raws = (raw for batch in batches for raw in batch.column(1).to_pylist())
        for rows in in_batches(reader.blanked(raws, gone, found)):
            yield pa.RecordBatch.from_arrays([pa.array(rows, pa.binary())], ["value"])

    packing = "gzip" if path.endswith(".gz") else "bzip2" if path.endswith(".bz2") else "none"
    whole = lines_there.mapInArrow(blanked, "value BINARY").select(F.col("value").cast("string"))
    rewrite(spark, path, scratch, whole.write.option("compression", packing).text)


def blank_rows(
    spark: SparkSession,
    path: str,
    scratch: str,
    form: str = "parquet",
    *,
    places: Collection[int] = (),
    found: Callable[[Column], Column] = lambda text: F.lit(False),
) -> None:
    """`blank_records` for a Parquet or Avro file: the columns of rows that are numbered in `places` (from 1), or of whose JSON
    `found` is true, are null."""
    rows: Any = numbered(spark, [path], form, ["*"])
    names = [c for c in rows.columns if c != POSITION]
    gone = F.col(POSITION).isin(list(places)) | found(F.to_json(F.struct(*map(quoted, names))))
    blanked = rows.withColumns({c: F.when(~gone, quoted(c)) for c in names})
    whole = blanked.repartition(1).sortWithinPartitions(POSITION).drop(POSITION)
    rewrite(spark, path, scratch, whole.write.format(form).save)
