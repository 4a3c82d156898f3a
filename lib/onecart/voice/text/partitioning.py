"""Where a vector takes long: partitions of about the same amount of text, and in each, texts of one length together."""

import math

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_BYTES = 256 * 1024  # of a partition: MiniLM reads this in about half a minute
_FEW = 16 * 1024  # not worth a second task
_MOST = 10_000


def by_length(df: DataFrame, text: str = "text") -> DataFrame:
    """The same rows in partitions of about 256 KiB of what the source says it holds, sorted by length within each, so that
    texts read at once need little padding. A stream is left as it comes: its batches cannot be sorted."""
    if df.isStreaming:
        return df
    return df.repartition(_partitions(df)).sortWithinPartitions(F.length(text))


def _partitions(df: DataFrame) -> int:
    size = int(str(df._jdf.queryExecution().optimizedPlan().stats().sizeInBytes()))
    least = df.sparkSession.sparkContext.defaultParallelism
    if size > 1 << 50:  # Spark does not know, and says as much as a number can hold
        return 8 * least
    return max(1 if size < _FEW else least, min(_MOST, math.ceil(size / _BYTES)))
