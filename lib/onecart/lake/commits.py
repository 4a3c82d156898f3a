"""A table's log, read where it is a folder of this machine.

Delta's own answers are the same, but each costs a Spark job or more: to ask for a table's version, and, for every plan that
reads a table, to ask again which files it has. With small tables that was a third of a run's time.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pyspark.sql import types as T

_MOST_COMMITS, _MOST_FILES = 200, 32
_PATTERN = re.compile(r"[\\{}\[\]*?]")  # what Spark takes for a pattern in a path
# How Spark and Delta say that a reader of changes cannot go on: the log was cut, the table was made anew, or files are gone.
_LOST = (
    *("DELTA_EMPTY_DIRECTORY", "DELTA_MISSING_FILES_UNEXPECTED_VERSION", "DELTA_LOG_FILE_NOT_FOUND"),
    *("DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE", "DELTA_VERSIONS_NOT_CONTIGUOUS", "FileNotFoundException"),
    *("Cannot time travel Delta table", "FILE_NOT_EXIST"),
)


@dataclass(frozen=True)
class State:
    """A table at one version: its schema, the paths of its data files, and their rows (None: Delta has not counted them)."""

    schema: T.StructType
    files: tuple[str, ...]
    rows: int | None


def is_lost(error: Exception) -> bool:
    """Whether a reader of changes got `error` because the versions it would go on from are no longer there."""
    return any(word in str(error) for word in _LOST)


def newest(log: str) -> tuple[int, dict[str, str]] | None:
    """The newest version in `log` (the folder `_delta_log`), and what Delta counted in that commit (the history's
    operationMetrics). None: `log` is not a folder of this machine."""
    names = _commits(log)
    if not names:
        return None
    info: dict[str, Any] = next(
        (a["commitInfo"] for a in _actions(os.path.join(log, names[-1])) if "commitInfo" in a), {}
    )
    return int(names[-1][:20]), dict(info.get("operationMetrics") or {})


def metadata(log: str) -> tuple[str, dict[str, str]] | None:
    """The id of the table whose log this is (a table made anew has another) and its properties. None: Delta has to be
    asked."""
    for name in reversed(_commits(log)[-_MOST_COMMITS:]):
        for action in _actions(os.path.join(log, name)):
            if "metaData" in action:
                return action["metaData"]["id"], dict(action["metaData"].get("configuration") or {})
    return None


def state(log: str, version: int) -> State | None:
    """The table at `version`. None, and Delta has to be asked: the log is not all there (upkeep or an erasure has cut it), it
    has more than a few commits or files, or the table has what only Delta can read (partitions, deletion vectors, mapped
    columns)."""
    if version >= _MOST_COMMITS:
        return None
    meta: dict[str, Any] = {}
    files: dict[str, int | None] = {}  # their rows, in the order they came
    try:
        for at in range(version + 1):
            for action in _actions(os.path.join(log, f"{at:020}.json")):
                meta = action.get("metaData", meta)
                if "remove" in action:
                    files.pop(action["remove"]["path"], None)
                if "add" in action:
                    if action["add"].get("deletionVector"):
                        return None
                    files[action["add"]["path"]] = json.loads(action["add"].get("stats") or "{}").get("numRecords")
    except FileNotFoundError:
        return None
    mapped = meta.get("configuration", {}).get("delta.columnMapping.mode", "none") != "none"
    if not meta or mapped or meta["partitionColumns"] or len(files) > _MOST_FILES:
        return None
    folder = os.path.dirname(log)
    paths = tuple(os.path.join(folder, unquote(path)) for path in files)
    if any(_PATTERN.search(path) or "://" in path for path in paths):
        return None
    counted = [rows for rows in files.values() if rows is not None]
    rows = sum(counted) if len(counted) == len(files) else None
    return State(T.StructType.fromJson(json.loads(meta["schemaString"])), paths, rows)


def has_removals(log: str, first: int, last: int) -> bool | None:
    """Whether a commit of versions `first` to `last` took rows away. None: they are not all there, and Delta has to be asked."""
    try:
        return any(
            action.get("remove", {}).get("dataChange", False)
            for at in range(first, last + 1)
            for action in _actions(os.path.join(log, f"{at:020}.json"))
        )
    except FileNotFoundError:
        return None


def _commits(log: str) -> list[str]:
    """The files of the commits in `log`, oldest first; none where it is not a folder of this machine."""
    try:
        return sorted(name for name in os.listdir(log) if re.fullmatch(r"\d{20}\.json", name))
    except OSError:
        return []


def _actions(path: str) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
