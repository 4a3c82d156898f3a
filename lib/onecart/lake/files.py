"""Files beside the tables, on any file system that Spark reaches."""

import os
from collections.abc import Callable
from contextlib import closing
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from onecart.config import is_local


def hadoop(spark: SparkSession, path: str) -> tuple[Any, Any]:
    """Hadoop's file system that holds `path`, and its Path object: both of the JVM."""
    jvm: Any = spark.sparkContext._jvm
    there = jvm.org.apache.hadoop.fs.Path(path)
    return there.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()), there


def listed(spark: SparkSession, folder: str) -> list[tuple[str, int]]:
    """(path, bytes) of every file below `folder`, hidden ones too; none where there is no folder."""
    if is_local(folder):
        paths = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]
        return [(path, os.path.getsize(path)) for path in sorted(paths) if os.path.isfile(path)]
    fs, path = hadoop(spark, folder)
    found = []
    walk = fs.listFiles(path, True) if fs.exists(path) else None
    while walk is not None and walk.hasNext():
        status = walk.next()
        found.append((str(status.getPath().toString()), int(status.getLen())))
    return sorted(found)


def read_bytes(spark: SparkSession, path: str) -> bytes:
    """The whole of a small file."""
    fs, there = hadoop(spark, path)
    with closing(fs.open(there)) as stream:
        return bytes(stream.readAllBytes())


def write_text(spark: SparkSession, path: str, text: str) -> None:
    """Writes a small file, readable by its owner only; it is there whole or, after a kill, as it was before."""
    fs, new = hadoop(spark, f"{path}.new")
    with closing(fs.create(new, True)) as stream:
        stream.write(bytearray(text, "utf-8"))
    permission = spark.sparkContext._jvm.org.apache.hadoop.fs.permission.FsPermission("600")  # type: ignore[union-attr]
    fs.setPermission(new, permission)
    move(spark, f"{path}.new", path)


def move(spark: SparkSession, source: str, target: str) -> None:
    """Renames a file over `target`, in one step where the file system can."""
    jvm: Any = spark.sparkContext._jvm
    rename = getattr(jvm.org.apache.hadoop.fs, "Options$Rename")
    flags = spark.sparkContext._gateway.new_array(rename, 1)  # type: ignore[union-attr]
    flags[0] = rename.OVERWRITE
    fs, there = hadoop(spark, source)
    context = jvm.org.apache.hadoop.fs.FileContext.getFileContext(fs.getUri(), fs.getConf())
    context.rename(fs.makeQualified(there), fs.makeQualified(hadoop(spark, target)[1]), flags)


def delete(spark: SparkSession, path: str) -> bool:
    """Deletes a file or a folder with all in it; False: it was not there."""
    fs, there = hadoop(spark, path)
    return bool(fs.delete(there, True))


def blank_lines(
    spark: SparkSession,
    path: str,
    lines: DataFrame | None,
    scratch: str,
    *,
    found: Callable[[Column], Column] | None = None,
) -> None:
    """Empties lines of a text file: those numbered in `lines` (line_no, from 1), and those of which `found` is true.

    The file keeps its name and the other lines their numbers, so `ingest` takes it for the same file. `scratch`: a
    folder for the time being.
    """
    read = spark.read.text(path).select(
        "value", F.col("_metadata.file_block_start").alias("block"), F.monotonically_increasing_id().alias("position")
    )
    as_written = Window.orderBy("block", "position")
    rows = read.repartition(1).withColumn("line_no", F.row_number().over(as_written).cast("long"))
    keep = F.lit(True)
    if lines is not None:
        rows = rows.join(F.broadcast(lines.select("line_no").withColumn("go", F.lit(True))), "line_no", how="left")
        keep = F.col("go").isNull()
    keep = keep & ~found(F.col("value")) if found else keep
    whole = rows.select("line_no", F.when(keep, F.col("value")).otherwise("").alias("value"))
    packing = "gzip" if path.endswith(".gz") else "bzip2" if path.endswith(".bz2") else "none"
    delete(spark, scratch)
    sorted_again = whole.coalesce(1).sortWithinPartitions("line_no").select("value")
    sorted_again.write.option("compression", packing).text(scratch)
    move(spark, part(spark, scratch), path)
    delete(spark, scratch)


def part(spark: SparkSession, folder: str) -> str:
    """The one file that Spark wrote into `folder`."""
    fs, path = hadoop(spark, folder)
    names = [str(status.getPath().getName()) for status in fs.listStatus(path)]
    return f"{folder}/{next(name for name in names if name.startswith('part-'))}"
