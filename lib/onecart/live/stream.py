"""A table followed as a stream. The checkpoint, below the lake, holds how far the stream is and no row of data."""

import json
import time
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame

from onecart.lake import Lake
from onecart.lake.commits import is_lost
from onecart.lake.files import delete, read_bytes

_LOOK_S = 0.1
Apply = Callable[[DataFrame, int, str], None]  # called with a batch, its number from 0 on, and the stream's id


def follow(lake: Lake, table: str, checkpoint: str, apply: Apply, *, every_seconds: float | None) -> bool:
    """Calls `apply` for what is in `table` and was not told before: once, or again and again after `every_seconds`.

    The first batch of a stream holds all rows. A batch may come again after a kill, with the same number and rows.
    Returns whether the stream had to begin anew, under another id, because the table no longer has the versions it
    would go on from, or is another table. An error of `apply` comes back as it was raised.
    """
    folder = f"{lake.root}/checkpoints/{checkpoint}"
    try:
        _run(lake, table, folder, apply, every_seconds)
    except Exception as e:
        if not is_lost(e):
            raise
        delete(lake.spark, folder)
        _run(lake, table, folder, apply, every_seconds)
        return True
    return False


def _run(lake: Lake, table: str, folder: str, apply: Apply, every_seconds: float | None) -> None:
    failures: list[Exception] = []

    def each(batch: DataFrame, number: int) -> None:
        try:
            stream = json.loads(read_bytes(lake.spark, f"{folder}/metadata"))["id"]
            apply(batch, number, stream)
        except Exception as e:
            failures.append(e)
            raise

    pace: Any = {"availableNow": True} if every_seconds is None else {"processingTime": f"{every_seconds} seconds"}
    writer = lake.stream(table).writeStream.option("checkpointLocation", folder)
    query = writer.foreachBatch(each).trigger(**pace).start()
    try:
        while query.isActive:  # asleep, so that a stop by the keyboard seldom breaks into a call to Java
            time.sleep(_LOOK_S)
        error = query.exception()
        if error is not None:
            raise failures[0] if failures else error
    finally:
        query.stop()
