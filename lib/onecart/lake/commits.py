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


@dataclass(frozen=True)
class State:
    """A table at one version: its schema and the paths of its data files."""

    schema: T.StructType
    files: tuple[str, ...]


def newest(log: str) -> tuple[int, dict[str, str]] | None:
    """The newest version in `log` (the folder `_delta_log`), and what Delta counted in that commit (the history's
    operationMetrics). None: `log` is not a folder of this machine."""
    try:
        names = [name for name in os.listdir(log) if re.fullmatch(r"\d{20}\.json", name)]
    except OSError:
        return None
    if not names:
        return None
    info: dict[str, Any] = next(
        (a["commitInfo"] for a in _actions(os.path.join(log, max(names))) if "commitInfo" in a), {}
    )
    return int(max(names)[:20]), dict(info.get("operationMetrics") or {})


def state(log: str, version: int) -> State | None:
    """The table at `version`. None, and Delta has to be asked: the log is not all there (upkeep or an erasure has cut it), it
    has more than a few commits or files, or the table has what only Delta can read (partitions, deletion vectors, mapped
    columns)."""
    if version >= _MOST_COMMITS:
        return None
    meta: dict[str, Any] = {}
    files: dict[str, None] = {}  # in the order they came
    try:
        for at in range(version + 1):
            for action in _actions(os.path.join(log, f"{at:020}.json")):
                meta = action.get("metaData", meta)
                if "remove" in action:
                    files.pop(action["remove"]["path"], None)
                if "add" in action:
                    if action["add"].get("deletionVector"):
                        return None
                    files[action["add"]["path"]] = None
    except FileNotFoundError:
        return None
    mapped = meta.get("configuration", {}).get("delta.columnMapping.mode", "none") != "none"
    if not meta or mapped or meta["partitionColumns"] or len(files) > _MOST_FILES:
        return None
    folder = os.path.dirname(log)
    paths = tuple(os.path.join(folder, unquote(path)) for path in files)
    if any(_PATTERN.search(path) or "://" in path for path in paths):
        return None
    return State(T.StructType.fromJson(json.loads(meta["schemaString"])), paths)


def _actions(path: str) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
