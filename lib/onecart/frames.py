"""What every room does with frames, once."""

import inspect
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar, get_args, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import from_arrow_schema

from onecart.errors import UsageError, nearest
from onecart.spark import session
from onecart.sql_settings import our_settings

Kind = tuple[tuple[type[T.DataType], ...], str]
IDS: Kind = ((T.StringType, T.IntegralType), "text or whole numbers")
TEXT: Kind = ((T.StringType,), "text")
NUMBERS: Kind = ((T.NumericType,), "numbers")
FLAGS: Kind = ((T.BooleanType,), "true or false")
LABELS: Kind = ((T.AtomicType,), "text, numbers or the like")
DATES: Kind = ((T.DateType, T.TimestampType, T.TimestampNTZType, T.StringType), "dates, timestamps or text")

Item = TypeVar("Item")
Made = TypeVar("Made")
P = ParamSpec("P")
R = TypeVar("R")
_AT_ONCE = 4
_AS_MANY_AS_THERE_ARE = 2**31 - 1
_ROWS_A_PARTITION = 20_000
_DRAWS = 2**30  # by which a hash is a share
_MARKS = r"[\u0300-\u036F\u3099\u309A]"  # of Latin, Greek, Cyrillic and Japanese letters
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


def begin_of(day: date, zone: str) -> Column:
    """The moment at which a day begins in the time zone `zone`: rows compared with it can be skipped by file."""
    midnight = F.lit(day).cast("timestamp")
    return midnight if zone == "UTC" else F.to_utc_timestamp(midnight, zone)


def sql_literal(text: str) -> str:
    """The text as SQL writes it, in quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


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


def quoted(name: str) -> Column:
    """The column of that name, whatever characters it has."""
    return F.col("`" + name.replace("`", "``") + "`")


def literal_map(values: Mapping[Any, Any]) -> Column:
    """Makes a map column of a dict that is not empty: key -> value, both literals; a value may be a column, too."""
    return F.create_map(*[F.lit(part) for pair in values.items() for part in pair])


def is_drawn(share: float, *keys: Column | str) -> Column:
    """Draws about a `share` (0 to 1) of the rows by a hash of `keys`: whether a row is drawn follows from their values alone."""
    return F.pmod(F.xxhash64(*keys), F.lit(_DRAWS)) < int(share * _DRAWS)


def composed(text: Column) -> Column:
    """`text` with letters and marks that were written apart (`u` and two dots) as one letter (`ü`), as most texts have them
    (Unicode NFC, without Korean, whose letters hardly ever come apart): equal words are equal then."""
    pairs = F.split(F.lit(" ".join(_composed_letters())), " ")
    joined = F.aggregate(
        pairs, text, lambda done, pair: F.replace(done, F.substring(pair, 1, 2), F.substring(pair, 3, 1))
    )
    return F.when(text.rlike(_MARKS), joined).otherwise(text)


@cache
def _composed_letters() -> list[str]:
    """A letter, a mark, and both as one; those first that others are made of."""
    letters = [chr(code) for code in range(0xC0, 0x3100) if unicodedata.is_normalized("NFC", chr(code))]
    apart = {one: unicodedata.normalize("NFD", one) for one in letters}
    made = [one for one, parts in apart.items() if len(parts) > 1 and re.fullmatch(_MARKS, parts[-1])]
    first = {one: unicodedata.normalize("NFC", apart[one][:-1]) for one in made}
    return [
        first[one] + apart[one][-1] + one for one in sorted(made, key=lambda c: len(apart[c])) if len(first[one]) == 1
    ]


def require_columns(df: DataFrame | pd.DataFrame, names: Iterable[str], what: str, *, role: str = "") -> None:
    """UsageError unless `df`, which the message calls `what`, has all `names`, which it calls `role` columns."""
    missing = [name for name in names if name not in df.columns]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing)
        raise UsageError(
            f"{what} has no {role and role + ' '}column {listed}{nearest(str(missing[0]), map(str, df.columns))}"
        )


def require_type(df: DataFrame, name: str, kind: Kind, what: str) -> None:
    """UsageError unless the column `name` of `df`, which the message calls `what`, is of `kind`."""
    types, words = kind
    found = df.schema[name].dataType
    if not isinstance(found, types):
        raise UsageError(f"{what}: column '{name}' must hold {words}, found {found.simpleString()}")


def library_function(*names: str, nlp: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a function that strangers call with frames of theirs: it works as it does in a job.

    - Frames may be of pandas; they are brought onto the session, times without a zone as timestamps without one.
    - UsageError where a frame has a column twice (Spark tells names apart by no case), or an argument that must be a frame
      is none. Names of columns are read in composed letters (NFC), in frames and in the arguments `names`.
    - Numbers, texts and arrays of numpy become Python's, in lists and mappings too.
    - Our SQL settings hold while it runs, see `sql_settings.our_settings`.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            who = f"{function.__module__.split('.')[1]}.{function.__name__}"
            may_be_none = _frame_arguments(function)
            for name, value in bound.arguments.items():
                if name in may_be_none and not (_is_frame(value) or (value is None and may_be_none[name])):
                    kind = type(value).__name__
                    raise UsageError(f"{who}: {name} must be a DataFrame of Spark or pandas, found {kind}")
            with our_settings(_session_of([*bound.arguments.values()], nlp)) as spark:
                for name, value in bound.arguments.items():
                    if name != "self":
                        bound.arguments[name] = _accepted(spark, value, f"{who}: {name}")
                for given in (bound.arguments, bound.arguments.get("params", {})):
                    given.update({name: _in_nfc(given[name]) for name in names if name in given})
                return function(*bound.args, **bound.kwargs)

        return called

    return decorated


@cache
def _frame_arguments(function: Callable[..., Any]) -> dict[str, bool]:
    """The parameters that take a frame and nothing else -> whether they may be None."""
    kinds = {name: {*(get_args(hint) or [hint])} for name, hint in get_type_hints(function).items() if name != "return"}
    return {name: type(None) in some for name, some in kinds.items() if some - {type(None)} == {DataFrame}}


def _is_frame(value: Any) -> bool:
    return isinstance(value, DataFrame | pd.DataFrame)


def _session_of(values: Iterable[Any], nlp: bool) -> SparkSession:
    """The session of the first frame, else the active one, else a new one (with Spark NLP)."""
    for value in values:
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, DataFrame):
                return one.sparkSession
    try:
        found: SparkSession = SparkSession.active()  # a user's thread without one gets the one that was started
    except PySparkRuntimeError:
        found = session(nlp)
    return found


def _accepted(spark: SparkSession, value: Any, what: str) -> Any:
    if isinstance(value, pd.DataFrame):
        value = _from_pandas(spark, value, what)
    if isinstance(value, DataFrame):
        return _with_names(value, what)
    if isinstance(value, np.datetime64):
        return pd.Timestamp(value).to_pydatetime()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | pd.Series | pd.Index):
        value = value.tolist()
    if type(value) in (list, tuple, set):
        return type(value)(_accepted(spark, one, what) for one in value)
    if type(value) is dict:
        return {_accepted(spark, key, what): _accepted(spark, one, what) for key, one in value.items()}
    return value


def _in_nfc(name: Any) -> Any:
    if isinstance(name, str):
        return unicodedata.normalize("NFC", name)
    return [_in_nfc(one) for one in name] if isinstance(name, Iterable) else name


def _with_names(df: DataFrame, what: str) -> DataFrame:
    """`df` with the names of its columns in composed letters. UsageError: one is there twice."""
    names = [unicodedata.normalize("NFC", name) for name in df.columns]
    require_unique(names, what)
    return df if names == df.columns else df.toDF(*names)


def require_unique(names: Iterable[str], what: str) -> None:
    """UsageError: a column is there twice."""
    seen: dict[str, str] = {}
    for name in names:
        if (first := seen.get(name.lower())) is not None:
            also = "" if first == name else f", once as '{first}' (Spark tells names apart by no case)"
            raise UsageError(
                f"{what} has the column '{name}' twice{also}; drop or rename one, as of two that a join left"
            )
        seen[name.lower()] = name


def _holds_lists(values: pd.Series) -> bool:
    return bool(values.dropna().map(lambda value: isinstance(value, list | tuple | np.ndarray)).all())


def _from_pandas(spark: SparkSession, frame: pd.DataFrame, what: str) -> DataFrame:
    """The rows of `frame`, without its index. UsageError: a column holds values of several kinds."""
    names = [str(name) for name in frame.columns]
    require_unique([unicodedata.normalize("NFC", name) for name in names], what)
    plain = frame.set_axis(names, axis="columns").reset_index(drop=True)
    without_zone: list[str] = []
    for name in names:
        values = plain[name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(values.cat.categories.dtype)
        kind = pd.api.types.infer_dtype(values, skipna=True)
        if (kind.startswith("mixed") and not _holds_lists(values)) or kind in ("complex", "period", "interval"):
            raise UsageError(
                f"{what}: column '{name}' holds values of several or unknown kinds ({kind}); make them one"
            )
        if kind == "empty" and values.dtype == object:
            values = values.astype("string")
        if kind == "datetime64" and getattr(values.dt, "tz", None) is None:
            without_zone.append(name)
            values = values.dt.tz_localize("UTC")
        plain[name] = values
    try:
        of_nothing = from_arrow_schema(pa.Schema.from_pandas(plain, preserve_index=False)) if plain.empty else None
        made = spark.createDataFrame([], of_nothing) if of_nothing else spark.createDataFrame(plain)
    except (TypeError, ValueError, ArithmeticError) as e:
        raise UsageError(f"{what}: pandas' frame is none for Spark: {str(e).splitlines()[0][:200]}") from e
    times = {name: quoted(name).cast("timestamp_ntz").alias(name) for name in without_zone}
    return made.select(*[times.get(name, quoted(name)) for name in names])
