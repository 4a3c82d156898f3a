"""How series go through the workers, one row each."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import types as T

_AT_ONCE = 10_000  # rows of a result that a worker holds as dicts: some 10 MiB


def spread_out(rows: DataFrame, key: str) -> DataFrame:
    """`rows` with those of one `key` together, over four tasks a core, which even out series that take longer.

    A few hundred series are a small shuffle, which AQE would join into one task and work on with one core; it leaves a
    repartition with a number alone.
    """
    return rows.repartition(4 * rows.sparkSession.sparkContext.defaultParallelism, key)


def mapped(frame: DataFrame, of_row: Callable[[Any], list[dict[str, Any]]], schema: T.StructType) -> DataFrame:
    """The rows, of `schema`, that `of_row` makes of each row of `frame`, a named tuple; what it leaves out is null."""
    columns = schema.fieldNames()
    return frame.mapInPandas(lambda batches: framed(batches, of_row, columns), schema)


def framed(
    batches: Iterable[pd.DataFrame], of_row: Callable[[Any], list[dict[str, Any]]], columns: list[str]
) -> Iterator[pd.DataFrame]:
    """The rows of all batches as frames of some `_AT_ONCE` rows: a batch of 10,000 series would make millions of dicts."""
    rows: list[dict[str, Any]] = []
    ones = (one for batch in batches for one in batch.itertuples(index=False))
    for one in ones:
        rows += of_row(one)
        if len(rows) >= _AT_ONCE:
            yield _frame(rows, columns)
            rows = []
    if rows:
        yield _frame(rows, columns)


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    # As objects: a column that is empty here would be of floats, which do not turn into dates.
    return pd.DataFrame(rows, columns=columns, dtype=object)
