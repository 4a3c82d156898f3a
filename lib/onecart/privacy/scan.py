"""The byte scan: every file below the lake, as it lies and, where it is packed, unpacked."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from onecart.config import is_local
from onecart.lake.files import UNFINISHED, read_bytes, read_files, relative
from onecart.privacy.matcher import OVERLAP, Matcher

_CHUNK = 1 << 24
_ROWS = 8192
_DIGITS = 10  # an integer column is looked at for numbers of this many digits and more: cards, phones
_PACKED: dict[str, Callable[[Any], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda file: pa.CompressedInputStream(pa.PythonFile(file), "zstd"),
}
OPAQUE = (".zip", ".7z", ".lz4", ".snappy", ".orc", ".avro")  # only their raw bytes are looked at
_BETWEEN = pa.scalar(b"\x1f", pa.large_binary())
_SCHEMA = "path STRING, kinds ARRAY<STRING>, unreadable BOOLEAN"


@dataclass(frozen=True)
class Finding:
    """A file that holds identifiers of these kinds, or that could not be read."""

    path: str
    kinds: tuple[str, ...]
    unreadable: bool = False
    named: bool = False  # its very name holds one


def scan(spark: SparkSession, files: Iterable[tuple[str, int]], matcher: Matcher, root: str) -> list[Finding]:
    """Looks for the matcher's identifiers in the files (path, bytes) and in their names below `root`, in parallel.

    Files of this machine's file system are read in pieces; on others each file is taken whole by one task.
    """
    found: list[Finding] = []
    local: list[str] = []
    remote: list[str] = []
    hidden: list[str] = []
    for path, size in sorted(files, key=lambda f: -f[1]):
        name = path.rsplit("/", 1)[-1]
        if kinds := matcher.kinds(relative(path, root).encode()):
            found.append(Finding(path, tuple(sorted(kinds)), named=True))
        elif size:
            here = is_local(path) and not path.startswith("file:")
            skipped = name[0] in "_." or name.lower().endswith(UNFINISHED)  # by Spark
            (local if here else hidden if skipped else remote).append(path)
    found += [f for path in hidden if (f := _looked_at(path, io.BytesIO(read_bytes(spark, path)), matcher))]
    if local:
        # Sorted by size and dealt out in turn, so that the parts take equally long.
        parts = min(len(local), 4 * spark.sparkContext.defaultParallelism)
        dealt = [(path,) for part in range(parts) for path in local[part::parts]]
        frame = spark.createDataFrame(dealt, "path STRING").repartition(parts)
        found += _collected(frame.mapInPandas(partial(_look_at_paths, matcher=matcher), _SCHEMA))
    if remote:
        limit = "spark.sql.execution.arrow.maxRecordsPerBatch"
        before = spark.conf.get(limit)
        spark.conf.set(limit, "1")  # a row is a whole file here
        try:
            whole = read_files(spark, remote, "binaryFile", ["path", "content"])
            found += _collected(whole.mapInPandas(partial(_look_at_contents, matcher=matcher), _SCHEMA))
        finally:
            spark.conf.set(limit, str(before))
    return sorted(found, key=lambda f: f.path)


def _collected(looked: Any) -> list[Finding]:
    rows = looked.where(F.col("unreadable") | (F.size("kinds") > 0)).collect()
    return [Finding(row["path"], tuple(row["kinds"]), row["unreadable"]) for row in rows]


def _look_at_paths(batches: Iterator[pd.DataFrame], matcher: Matcher) -> Iterator[pd.DataFrame]:
    for batch in batches:
        for path in batch["path"]:
            try:
                with open(path, "rb") as file:
                    yield _row(path, file, matcher)
            except FileNotFoundError:
                continue  # gone since it was listed
            except OSError:
                yield pd.DataFrame({"path": [path], "kinds": [[]], "unreadable": [True]})


def _look_at_contents(batches: Iterator[pd.DataFrame], matcher: Matcher) -> Iterator[pd.DataFrame]:
    for batch in batches:
        for path, content in zip(batch["path"], batch["content"], strict=True):
            yield _row(path, io.BytesIO(content), matcher)


def _row(path: str, file: IO[bytes], matcher: Matcher) -> pd.DataFrame:
    finding = _looked_at(path, file, matcher) or Finding(path, ())
    return pd.DataFrame({"path": [path], "kinds": [list(finding.kinds)], "unreadable": [finding.unreadable]})


def _looked_at(path: str, file: IO[bytes], matcher: Matcher) -> Finding | None:
    kinds = _in_stream(file, matcher)
    file.seek(0)
    unreadable = False
    suffix = "." + path.rsplit(".", 1)[-1]
    try:
        if suffix in _PACKED:
            kinds |= _in_stream(_PACKED[suffix](file), matcher)
        elif file.read(4) == b"PAR1":
            file.seek(0)
            kinds |= _in_parquet(file, matcher)
    except (OSError, EOFError, lzma.LZMAError, pa.ArrowException):
        unreadable = True  # damaged: what is in it cannot be ruled out
    return Finding(path, tuple(sorted(kinds)), unreadable) if kinds or unreadable else None


def _in_stream(file: IO[bytes], matcher: Matcher) -> set[str]:
    kinds: set[str] = set()
    tail = b""
    while chunk := file.read(_CHUNK):
        kinds |= matcher.kinds(tail + chunk)
        tail = chunk[-OVERLAP:]
    return kinds


def _in_parquet(file: IO[bytes], matcher: Matcher) -> set[str]:
    """Row by row, its texts next to each other, so that a name in two columns is found too; then what is nested."""
    kinds: set[str] = set()
    for batch in pq.ParquetFile(file).iter_batches(batch_size=_ROWS):
        plain: list[pa.Array] = []
        nested: list[pa.Array] = []
        for column in batch.columns:
            for leaf in _leaves(column):
                (plain if len(leaf) == len(batch) else nested).append(leaf)
        if plain:
            ends = pa.array(["\n"] * len(batch), pa.large_binary())
            rows = pc.binary_join_element_wise(*plain, ends, _BETWEEN, null_handling="skip")
            kinds |= matcher.kinds(b"".join(rows.to_pylist()))
        for leaf in nested:
            kinds |= matcher.kinds(b"\n".join(v for v in leaf.to_pylist() if v is not None))
    return kinds


def _leaves(column: pa.Array) -> Iterator[pa.Array]:
    """The texts, bytes and long integers of a column as binary arrays."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _leaves(column.dictionary_decode())
    elif pa.types.is_struct(kind):
        for inner in column.flatten():
            yield from _leaves(inner)
    elif pa.types.is_map(kind):
        yield from _leaves(column.keys)
        yield from _leaves(column.items)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _leaves(column.flatten())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield column.cast(pa.large_string()).cast(pa.large_binary())
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        yield column.cast(pa.large_binary())
    elif pa.types.is_int64(kind):
        long = pc.if_else(pc.greater_equal(column, 10 ** (_DIGITS - 1)), column, None)
        if long.null_count < len(long):
            yield long.cast(pa.large_string()).cast(pa.large_binary())
