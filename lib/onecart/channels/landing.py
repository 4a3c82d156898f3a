"""Lists files of the landing zone on any file system that Spark reaches, and says which of them are to be read."""

import contextlib
import logging
import os
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from pyspark.sql import SparkSession

from onecart.config import Source
from onecart.lake.files import UNFINISHED, by_name, hadoop, qualified, relative
from onecart.lake.records import ZSTD

_log = logging.getLogger(__name__)
_ARRIVING = (".tmp", ".part", ".partial", ".filepart", UNFINISHED)  # names of files that are still being written
_PACKED = (".gz", ".bz2", ZSTD)
_LARGE = 2**28  # bytes, from which a file is split among tasks


@dataclass(frozen=True)
class LandingFile:
    """A file as it was listed: where, how large (bytes), and when it was changed (ms since 1970)."""

    path: str
    size: int
    modified: int

    def state(self, source: Source) -> str:
        """A word for what is read from the file: another one, and it has changed since, or is read in another way."""
        text = {"csv": f" {source.encoding} {source.delimiter}", "json": f" {source.encoding}"}.get(
            source.format or "", ""
        )
        return f"{self.size}-{self.modified}{text}"

    @property
    def is_large(self) -> bool:
        """Whether several tasks are to read it, if they can."""
        return self.size >= _LARGE and not self.path.lower().endswith(_PACKED)


def list_files(spark: SparkSession, folder: str) -> list[LandingFile]:
    """All files below `folder`, sorted; hidden ones (`_`, `.`), empty ones and those
    that are still being written (`.tmp`, `.part`) left out. No folder: an empty list."""
    fs, path = hadoop(spark, folder)
    if not fs.exists(path):
        return []
    root, files = qualified(spark, folder), []
    if root.startswith("file:/"):
        return _list_local(root.removeprefix("file:"))
    walk = fs.listFiles(path, True)
    while walk.hasNext():
        status = walk.next()
        name = status.getPath().toString()
        if status.getLen() > 0 and is_delivered(relative(name, root)):
            files.append(LandingFile(name, status.getLen(), status.getModificationTime()))
    return sorted(files, key=lambda file: file.path)


def _list_local(root: str) -> list[LandingFile]:
    """A hundred times as fast as to ask Hadoop about each."""
    files = []
    for where, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if name[0] not in "_."]
        for path in (os.path.join(where, name) for name in names if is_delivered(name)):
            with contextlib.suppress(FileNotFoundError):  # gone since it was listed
                status = os.stat(path)
                if status.st_size > 0 and stat.S_ISREG(status.st_mode):
                    files.append(LandingFile(f"file:{path}", status.st_size, status.st_mtime_ns // 1_000_000))
    return sorted(files, key=lambda file: file.path)


def is_delivered(name: str) -> bool:
    """Whether a file of that name below the landing zone is neither hidden nor still being written."""
    return not any(part[0] in "_." for part in name.split("/")) and not name.lower().endswith(_ARRIVING)


def settled(spark: SparkSession, files: Iterable[LandingFile], source: Source) -> list[LandingFile]:
    """The files that are not still being written. One that was changed within the feed's `settle_seconds` and does not end
    with a line's end (Parquet: its mark) waits for the next run, which a warning says."""
    since = (time.time() - source.settle_seconds) * 1000
    found = []
    for file in files:
        if file.modified < since or _is_whole(spark, file, source):
            found.append(file)
        else:
            _log.warning(
                "%s was changed within the last %g s and does not end with a line end: it waits for the next run",
                file.path,
                source.settle_seconds,
            )
    return found


def _is_whole(spark: SparkSession, file: LandingFile, source: Source) -> bool:
    if source.format == "parquet":
        return _bytes(spark, file, file.size - 4, 4) == b"PAR1"
    if source.format == "avro":  # each block ends with a mark of 16 bytes, which its header says
        return _bytes(spark, file, file.size - 16, 16) in _bytes(spark, file, 0, min(file.size - 16, 2**16))
    return file.path.lower().endswith(_PACKED) or _bytes(spark, file, file.size - 1, 1) in (b"\n", b"\r")


def _bytes(spark: SparkSession, file: LandingFile, start: int, count: int) -> bytes:
    fs, there = hadoop(spark, file.path)
    with closing(fs.open(there)) as stream:
        stream.seek(max(0, start))
        return bytes(stream.readNBytes(count))


def unread(
    files: list[LandingFile], seen: Mapping[str, str | None], source: Source, root: str
) -> tuple[list[LandingFile], list[LandingFile]]:
    """(new, changed) files, by `seen`: the names that bronze has, and their files' states then (None: taken as it is now).
    A warning names files that share an old name."""
    paths = by_name([file.path for file in files], root)
    states: dict[str, str | None] = {}
    for name, state in seen.items():
        # Older lakes hold whole paths where the root's name was no regular expression for itself.
        same = paths.get(relative(name, root), [])
        if len(same) > 1:
            _log.warning(
                "bronze has lines of a file %s, which may be any of %s; none is read again. Give those that are new "
                "another name",
                name,
                ", ".join(same),
            )
        states.update(dict.fromkeys(same, state))
    new = [file for file in files if file.path not in states]
    changed = [file for file in files if states.get(file.path) not in (None, file.state(source))]
    return new, changed
