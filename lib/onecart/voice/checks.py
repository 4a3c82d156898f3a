"""What a frame must have, said alike by all functions of the room."""

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest


def require(what: str, df: DataFrame, *names: str) -> None:
    """UsageError for a column that is missing."""
    for name in names:
        if name not in df.columns:
            raise UsageError(f"{what} has no column '{name}'{nearest(name, df.columns)}")


def require_strings(df: DataFrame, *names: str) -> None:
    """UsageError for a column that does not hold strings."""
    for name in names:
        kind = df.schema[name].dataType
        if not isinstance(kind, T.StringType):
            raise UsageError(f"column '{name}' is {kind.simpleString()}; it must hold strings")


def require_text(df: DataFrame, *others: str) -> None:
    """UsageError unless `df` has a string column `text`, and the `others`."""
    require("the frame", df, "text", *others)
    require_strings(df, "text")
