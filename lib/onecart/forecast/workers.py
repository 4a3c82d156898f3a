"""How series go through the workers, one row each."""

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import types as T


def spread_out(rows: DataFrame, key: str) -> DataFrame:
    """`rows` with those of one `key` together, over four tasks a core, which even out series that take longer.

    A few hundred series are a small shuffle, which AQE would join into one task and work on with one core; it leaves a
    repartition with a number alone.
    """
    return rows.repartition(4 * rows.sparkSession.sparkContext.defaultParallelism, key)


def mapped(frame: DataFrame, of_row: Callable[[Any], list[dict[str, Any]]], schema: T.StructType) -> DataFrame:
    """The rows, of `schema`, that `of_row` makes of each row of `frame`, a named tuple; what it leaves out is null."""
    columns = schema.fieldNames()

    def run(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            rows = [row for one in batch.itertuples(index=False) for row in of_row(one)]
            # As objects: a column that is empty here would be of floats, which do not turn into dates.
            yield pd.DataFrame(rows, columns=columns, dtype=object)

    return frame.mapInPandas(run, schema)
