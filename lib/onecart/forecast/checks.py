"""What a frame must have, said alike by all functions of the room."""

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest

Kind = tuple[tuple[type[T.DataType], ...], str]
IDS: Kind = ((T.StringType, T.IntegralType), "text or whole numbers")
NUMBERS: Kind = ((T.NumericType,), "numbers")
FLAGS: Kind = ((T.BooleanType,), "true or false")
LABELS: Kind = ((T.AtomicType,), "text, numbers or the like")
DATES: Kind = ((T.DateType, T.TimestampType, T.TimestampNTZType, T.StringType), "dates, timestamps or text")


def require(who: str, what: str, df: DataFrame, names: Iterable[str]) -> None:
    """UsageError for columns that are missing."""
    missing = [name for name in names if name not in df.columns]
    if missing:
        raise UsageError(f"{who}: {what} has no column {', '.join(missing)}{nearest(missing[0], df.columns)}")


def hold(who: str, what: str, df: DataFrame, name: str, kind: Kind) -> None:
    """UsageError for a column of another type than `kind`."""
    kinds, words = kind
    found = df.schema[name].dataType
    if not isinstance(found, kinds):
        raise UsageError(f"{who}: column {name} of {what} must hold {words}, found {found.simpleString()}")
