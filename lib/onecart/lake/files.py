"""Files beside the tables, on any file system that Spark reaches."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import reduce
from typing import Any
from urllib.parse import unquote

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.config import is_local
from onecart.errors import OneCartError

UNFINISHED = "._copying_"  # how the name of a file ends that Hadoop is still copying
_PATTERN = re.compile(r"([\\{}\[\]*?])")  # what Spark takes for a pattern in a path
_ORIGIN = r"^[A-Za-z][A-Za-z0-9+.-]*:(//[^/]*)?"  # scheme and host
_PATTERNS = "__globPaths__"  # Spark's own option, by which its streams read the files that they have listed
# Hadoop keeps a checksum beside each local file, under a name that cannot have a colon in it.
_NO_CHECKSUMS = {
    "fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "fs.file.impl.disable.cache": "true",
}


def hadoop(spark: SparkSession, path: str) -> tuple[Any, Any]:
    """Hadoop's file system that holds `path`, and its Path object: both of the JVM."""
    jvm: Any = spark.sparkContext._jvm
    there = jvm.org.apache.hadoop.fs.Path(path)
    conf: Any = spark.sparkContext._jsc.hadoopConfiguration()
    fs = there.getFileSystem(conf)
    if _has_colon(path) and fs.getUri().getScheme() == "file":
        fs = jvm.org.apache.hadoop.fs.FileSystem.getLocal(conf).getRawFileSystem()
    return fs, there


def qualified(spark: SparkSession, path: str) -> str:
    """The path in full, as Hadoop writes it in listings."""
    fs, there = hadoop(spark, path)
    return str(fs.makeQualified(there).toString())


def literal(path: str) -> str:
    """A path that Spark takes for itself, not for a pattern."""
    return _PATTERN.sub(r"\\\1", path)


def read_files(
    spark: SparkSession, paths: Sequence[str], form: str, columns: Sequence[Column | str], **options: str
) -> DataFrame:
    """Reads `columns` of these files (`form`: text, parquet, binaryFile; `options`: of Spark's reader).

    OneCartError: one cannot be read, or others would be read.
    """
    # Hadoop finds no colon in a path that it looks for patterns in. Spark can do without looking, of one path at a time.
    alone = {path for path in paths if ":" in _plain(path) and _PATTERN.search(path)}
    together = [path for path in paths if path not in alone]
    groups = [*([together] if together else []), *([path] for path in sorted(alone))]
    return reduce(DataFrame.union, (_scan(spark, group, form, options).select(*columns) for group in groups))


def _scan(spark: SparkSession, paths: Sequence[str], form: str, options: Mapping[str, str]) -> DataFrame:
    reader = spark.read.format(form).options(**options)
    if any(map(_has_colon, paths)):
        reader = reader.options(**_NO_CHECKSUMS)
    if alone := len(paths) == 1 and ":" in _plain(paths[0]):
        reader = reader.option(_PATTERNS, False)
    try:
        rows = reader.load([path if alone else literal(path) for path in paths])
        asked, read = {_plain(path) for path in paths}, {_plain(unquote(path)) for path in rows.inputFiles()}
    except PySparkException as e:
        raise OneCartError(f"cannot read {_some(paths)}: {str(e).partition(chr(10))[0]}") from e
    if missed := asked - read:
        raise OneCartError(f"Spark does not read {_some(missed)}; give the file another name")
    if others := read - asked:
        raise OneCartError(f"Spark would read {_some(others)} in place of {_some(paths)}")
    return rows


def relative(path: str, root: str) -> str:
    """The name of a file: its path below `root`, or the path itself where it is elsewhere."""
    start = f"{_plain(root).rstrip('/')}/"
    plain = _plain(path)
    return plain.removeprefix(start) if plain.startswith(start) else path


def relative_path(column: Column, root: str) -> Column:
    """`relative` as a column; Spark's file paths are URL-encoded."""
    decoded = F.url_decode(F.replace(column, F.lit("+"), F.lit("%2B")))
    plain, start = F.regexp_replace(decoded, _ORIGIN, ""), f"{_plain(root).rstrip('/')}/"
    return F.when(plain.startswith(start), F.substring(plain, len(start) + 1, 2**31 - 1)).otherwise(decoded)


def by_name(paths: Iterable[str], root: str) -> dict[str, list[str]]:
    """Name -> the files that bronze can mean by it: the one of this name below `root`; where there is none, those that
    had it in older lakes, whose names began after the last folder called like the root."""
    folder = f"/{root.rstrip('/').rsplit('/', 1)[-1]}/"
    files = {relative(path, root): [path] for path in paths}
    old = defaultdict(list)
    for name, (path,) in files.items():
        old[f"{folder}{name}".rsplit(folder, 1)[-1]].append(path)
    return {**old, **files}


def _has_colon(path: str) -> bool:
    return ":" in path.rsplit("/", 1)[-1] and path.startswith(("/", "file:"))


def _plain(path: str) -> str:
    """The path without scheme and host: one file has several ways to write them."""
    return re.sub("/+", "/", re.sub(_ORIGIN, "", path))


def _some(paths: Iterable[str]) -> str:
    first, *others = sorted(paths)
    return f"{first} and {len(others)} other files" if others else first


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


def write_bytes(spark: SparkSession, path: str, content: bytes) -> None:
    """Writes a file, with the folders that lead to it."""
    fs, there = hadoop(spark, path)
    with closing(fs.create(there, True)) as stream:
        stream.write(bytearray(content))


def write_text(spark: SparkSession, path: str, text: str) -> None:
    """Writes a small file, readable by its owner only; it is there whole or, after a kill, as it was before."""
    fs, new = hadoop(spark, f"{path}.new")
    write_bytes(spark, f"{path}.new", text.encode())
    permission = spark.sparkContext._jvm.org.apache.hadoop.fs.permission.FsPermission("600")  # type: ignore[union-attr]
    fs.setPermission(new, permission)
    move(spark, f"{path}.new", path)


def move(spark: SparkSession, source: str, target: str) -> None:
    """Renames a file over `target`, in one step where the file system can."""
    to, end = hadoop(spark, target)
    if _has_colon(target) and to.getUri().getScheme() == "file":  # without checksums: see `hadoop`
        if not to.rename(hadoop(spark, source)[1], end):
            raise OneCartError(f"cannot write {target}; see who may write there, and do it again")
        return
    jvm: Any = spark.sparkContext._jvm
    rename = getattr(jvm.org.apache.hadoop.fs, "Options$Rename")
    flags = spark.sparkContext._gateway.new_array(rename, 1)  # type: ignore[union-attr]
    flags[0] = rename.OVERWRITE
    fs, there = hadoop(spark, source)
    context = jvm.org.apache.hadoop.fs.FileContext.getFileContext(fs.getUri(), fs.getConf())
    context.rename(fs.makeQualified(there), to.makeQualified(end), flags)


def delete(spark: SparkSession, path: str) -> bool:
    """Deletes a file or a folder with all in it; False: it was not there."""
    fs, there = hadoop(spark, path)
    return bool(fs.delete(there, True))


def rewrite(spark: SparkSession, path: str, scratch: str, save: Callable[[str], None]) -> None:
    """Puts the one file that `save` writes into a folder in the place of `path`. `scratch`: a folder for the time being."""
    delete(spark, scratch)
    save(scratch)
    move(spark, part(spark, scratch), path)
    delete(spark, scratch)


def part(spark: SparkSession, folder: str) -> str:
    """The one file that Spark wrote into `folder`."""
    fs, path = hadoop(spark, folder)
    names = [str(status.getPath().getName()) for status in fs.listStatus(path)]
    return f"{folder}/{next(name for name in names if name.startswith('part-'))}"
