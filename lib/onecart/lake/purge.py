"""Removes rows from a table for good: from its files, its history, its change feed and its log."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from onecart.contracts.base.table import PURGED_FROM, PURGED_TO
from onecart.errors import OneCartError
from onecart.lake.files import delete, hadoop
from onecart.lake.store import Lake

_NOTE = "onecart erase"  # userMetadata of our commits
_NO_ROWS = ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "REORG")
_INTERVAL, _USUAL = "delta.checkpointInterval", "10"
_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


@contextmanager
def erasing(spark: SparkSession) -> Iterator[None]:
    """Within it commits bear our note and VACUUM may leave no history at all; the session's settings come back after."""
    ours = {_USER_METADATA: _NOTE, _RETENTION_CHECK: "false"}
    before: dict[str, str | None] = {key: spark.conf.get(key, None) for key in ours}
    for key in ours:
        spark.conf.set(key, ours[key])
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, value)


def remove_rows(lake: Lake, name: str, keys: DataFrame) -> None:
    """Deletes the rows with these keys (the contract's key columns, distinct): from now on nobody reads them.

    By MERGE on the key, so that no value stands in the log's predicates.
    """
    lake.matching(name, keys).whenMatchedDelete().execute()


def change_rows(lake: Lake, name: str, rows: DataFrame, changes: dict[str, str]) -> None:
    """Sets columns (`changes`: column -> SQL over `old` and `new`) of the rows that have the keys of `rows`."""
    lake.matching(name, rows).whenMatchedUpdate(set=dict(changes)).execute()


def purge(lake: Lake, name: str, before: int) -> None:
    """Leaves nothing of a table but its newest version: data files, change feed, statistics and predicates go.

    `before` is the version whose rows a reader of changes knows: `Lake.added_since` goes on after the purge from there,
    unless other jobs have written since. Time travel to older versions fails from now on. Call it within `erasing`,
    while no other job writes the table; done twice it does no harm.
    """
    detail: Any = lake.delta(name).detail().select("location", "properties", "tableFeatures").first()
    properties = dict(detail["properties"])
    where = lake.sql_name(name)
    if "deletionVectors" in (detail["tableFeatures"] or ()):
        lake.spark.sql(f"REORG TABLE {where} APPLY (PURGE)")  # else DELETE leaves the rows' bytes in their files
    lake.vacuum(name, 0)
    known, last = _known_before(lake, name, before, properties), lake.version(name)
    # A checkpoint is written with this commit, and what stands before it in the log can go.
    lake.spark.sql(f"ALTER TABLE {where} SET TBLPROPERTIES ('{_INTERVAL}' = '1', '{PURGED_FROM}' = '{known}')")
    first = _checkpointed(lake.spark, f"{detail['location']}/_delta_log", last, name)
    marks = f"'{PURGED_TO}' = '{first}', '{_INTERVAL}' = '{properties.get(_INTERVAL, _USUAL)}'"
    lake.spark.sql(f"ALTER TABLE {where} SET TBLPROPERTIES ({marks})")
    _forget(lake.spark, f"{detail['location']}/_delta_log", first)


def _known_before(lake: Lake, name: str, before: int, properties: dict[str, str]) -> int:
    """The oldest version after which only purges happened until now; -1: others have written in between."""
    history = lake.delta(name).history().select("version", "operation", "userMetadata").collect()
    foreign = [h["version"] for h in history if h["operation"] not in _NO_ROWS and h["userMetadata"] != _NOTE]
    if any(version > before for version in foreign):
        return -1
    earlier = properties.get(PURGED_FROM)
    return int(earlier) if earlier is not None and not foreign else before


def _checkpointed(spark: SparkSession, log: str, last: int, name: str) -> int:
    """The newest version with a checkpoint, which must be later than `last`."""
    versions = [int(n[:20]) for n in _names(spark, log) if ".checkpoint" in n]
    if max(versions, default=-1) <= last:
        raise OneCartError(
            f"table {name} got no checkpoint, so the old log in {log} cannot be removed; run erase again"
        )
    return max(versions)


def _forget(spark: SparkSession, log: str, first: int) -> None:
    """Deletes the log's files of versions before `first`, the oldest first: the rest is readable at every moment."""
    for name in sorted(_names(spark, log)):
        if int(name[:20]) < first:
            delete(spark, f"{log}/{name}")


def _names(spark: SparkSession, log: str) -> list[str]:
    fs, folder = hadoop(spark, log)
    names = [str(status.getPath().getName()) for status in fs.listStatus(folder)]
    return [name for name in names if re.match(r"\d{20}\.", name)]
