"""What every room does with frames, once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest

Kind = tuple[tuple[type[T.DataType], ...], str]
IDS: Kind = ((T.StringType, T.IntegralType), "text or whole numbers")
TEXT: Kind = ((T.StringType,), "text")
NUMBERS: Kind = ((T.NumericType,), "numbers")
FLAGS: Kind = ((T.BooleanType,), "true or false")
LABELS: Kind = ((T.AtomicType,), "text, numbers or the like")
DATES: Kind = ((T.DateType, T.TimestampType, T.TimestampNTZType, T.StringType), "dates, timestamps or text")

Item = TypeVar("Item")
Made = TypeVar("Made")
_AT_ONCE = 4
_AS_MANY_AS_THERE_ARE = 2**31 - 1
_ROWS_A_PARTITION = 20_000
DIGITS = 9  # to which a sum of doubles is rounded, to be the same in whatever order it was taken


def break_lineage(df: DataFrame) -> DataFrame:
    """`df` computed now and cut off from what it was computed from; the same rows, columns and partitions.

    A cached frame keeps its whole plan, which every later query then carries and searches: queries on a fitted model
    took minutes to plan. The rows go to the checkpoint folder where the session has one, which outlives a lost executor,
    else to the executors' disks.
    """
    # `coalesce` hides by which columns the rows lie: where Spark knows it, it cannot join the frame with others of the
    # same origin ("Conflicting attributes", unless adaptive execution happens to hide it).
    plain = df.coalesce(_AS_MANY_AS_THERE_ARE)
    has_folder = df.sparkSession.sparkContext.getCheckpointDir() is not None
    return plain.checkpoint() if has_folder else plain.localCheckpoint()


def local_time(moment: Column | str, zone: str) -> Column:
    """What the clocks of the time zone `zone` show at a moment, in sessions whose own zone is UTC."""
    column = F.col(moment) if isinstance(moment, str) else moment
    return column if zone == "UTC" else F.from_utc_timestamp(column, zone)


def day_of(moment: Column | str, zone: str) -> Column:
    """The day on which a moment falls in the time zone `zone`: where a day ends is the shop's to say (shop.time_zone)."""
    return F.to_date(local_time(moment, zone))


def in_order(df: DataFrame, rows: int, *keys: str) -> DataFrame:
    """`df`, which has `rows` rows, in partitions and an order that follow from the values of `keys` alone.

    MLlib draws rows by their places and adds up by partitions: the same rows in another order, or from more partitions, would
    give another model. Few partitions, for it starts a task for each, a hundred times and more.
    """
    return df.repartition(max(1, rows // _ROWS_A_PARTITION), *keys).sortWithinPartitions(*keys)


def side_by_side(work: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
    """What `work` gives for each of `items`, in their order, some at once: small tasks leave cores idle while the driver
    plans. The first error is raised when all that began have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, items))


def require_columns(df: DataFrame, names: Iterable[str], what: str, *, role: str = "") -> None:
    """UsageError unless `df`, which the message calls `what`, has all `names`, which it calls `role` columns."""
    missing = [name for name in names if name not in df.columns]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        raise UsageError(f"{what} has no {role and role + ' '}column {listed}{nearest(missing[0], df.columns)}")


def require_type(df: DataFrame, name: str, kind: Kind, what: str) -> None:
    """UsageError unless the column `name` of `df`, which the message calls `what`, is of `kind`."""
    types, words = kind
    found = df.schema[name].dataType
    if not isinstance(found, types):
        raise UsageError(f"{what}: column '{name}' must hold {words}, found {found.simpleString()}")
