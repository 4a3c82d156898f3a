"""Lists files on any file system that Spark reaches."""

import logging
from collections.abc import Iterable

from pyspark.sql import SparkSession

from onecart.lake.files import UNFINISHED, by_name, hadoop, qualified, relative

_log = logging.getLogger(__name__)
ARRIVING = (".tmp", ".part", ".partial", ".filepart", UNFINISHED)  # names of files that are still being written


def list_files(spark: SparkSession, folder: str) -> list[str]:
    """All files below `folder`, sorted; hidden ones (`_`, `.`), empty ones and those
    that are still being written (`.tmp`, `.part`) left out. No folder: an empty list."""
    fs, path = hadoop(spark, folder)
    if not fs.exists(path):
        return []
    root, files = qualified(spark, folder), []
    walk = fs.listFiles(path, True)
    while walk.hasNext():
        status = walk.next()
        name = status.getPath().toString()
        hidden = any(part[0] in "_." for part in relative(name, root).split("/"))
        if status.getLen() > 0 and not hidden and not name.lower().endswith(ARRIVING):
            files.append(name)
    return sorted(files)


def unread(files: list[str], seen: Iterable[str], root: str) -> list[str]:
    """The files of which no name is in `seen`, the names that bronze has. A warning names files that share an old name."""
    paths, read = by_name(files, root), set()
    for name in seen:
        # Older lakes hold whole paths where the root's name was no regular expression for itself.
        same = paths.get(relative(name, root), [])
        if len(same) > 1:
            _log.warning(
                "bronze has lines of a file %s, which may be any of %s; none is read again. Give those that are new "
                "another name",
                name,
                ", ".join(same),
            )
        read.update(same)
    return [file for file in files if file not in read]
