"""What a frame of texts must have."""

from collections.abc import Iterable

from pyspark.sql import DataFrame

from onecart.frames import TEXT, require_columns, require_type


def require_text(df: DataFrame, others: Iterable[str] = ()) -> None:
    """UsageError unless `df` has a column `text` that holds text, and the `others`."""
    require_columns(df, ["text", *others], "the frame")
    require_type(df, "text", TEXT, "the frame")
