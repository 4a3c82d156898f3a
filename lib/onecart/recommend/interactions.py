"""Interactions as the models see them: checked, ids numbered, one row for each user and item."""

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.frames import DIGITS, break_lineage, require_columns

_BUCKETS = 1024
_DAY_S = 86_400.0
_YEARS_OF_PYTHON = 1900  # around 1970 that Python's dates hold
_VANISHED = 20  # half lives after which a millionth is left
Frames = dict[str, DataFrame]
_TIMES = (T.TimestampType, T.TimestampNTZType, T.DateType, T.NumericType)
_ID_TYPES = (T.StringType, T.ByteType, T.ShortType, T.IntegerType, T.LongType)


@dataclass(frozen=True)
class Pairs:
    """What every model is fitted on.

    pairs[user_id, user, item, weight, last_s]: one user and item; `weight` is what the model learns from, `last_s` the
    last time, s since 1970. items[item, item_id, popularity, position]: one item, `popularity` of the most popular one
    is 1, of one that nobody has 0, `position` 1 is the most popular. users[user_id, user]. newest_s: the time that it all
    stands at, as_of or the last of all; None: the interactions have none. late: rows of as_of or later, which do not count.
    """

    pairs: DataFrame
    items: DataFrame
    users: DataFrame
    newest_s: float | None
    late: int = 0

    def frames(self) -> Frames:
        """What every fitted model holds: items, users, and their history[user_id, item, weight, last_s], which they have
        seen[user_id, item]."""
        history = self.pairs.select("user_id", "item", "weight", "last_s")
        return {
            "items": self.items,
            "users": self.users,
            "history": history,
            "seen": history.select("user_id", "item"),
        }


@dataclass(frozen=True)
class Training:
    """What `fit` was given, of the interactions those before as_of, and the pairs made of it."""

    interactions: DataFrame
    products: DataFrame | None
    data: Pairs
    as_of: Any = None


@dataclass(frozen=True)
class Checked:
    """rows[user_id, item_id, value, ts_s] before as_of, see `Pairs` for the others."""

    rows: DataFrame
    newest_s: float | None
    late: int


def pair_up(
    interactions: DataFrame,
    *,
    explicit: bool,
    half_life_days: float | None,
    popularity_half_life_days: float | None,
    also: DataFrame | None = None,
    as_of: Any = None,
) -> Pairs:
    """Checks `interactions`[user_id, item_id, value?, ts?] and adds them up to `Pairs`. `also`[item_id]: items that are
    numbered too, whether anybody has them or not. as_of: the first moment that does not count, a value of the type of ts.

    Implicit weight: ln(1 + sum of value * 0.5^(age / half life)), age counted from as_of or the newest row, half life None:
    no decay; the logarithm because the tenth purchase says less than the first (Hu, Koren & Volinsky 2008, eq. 6). Pairs
    whose values sum to 0 or less (all sent back) are left out. Explicit weight: the last rating, without ts the mean.
    Popularity: the sum over users of the implicit weight under its own half life (explicit: of one a user).
    Raises UsageError where columns, types or ids do not fit.
    """
    half_lives = [days for days in (half_life_days, popularity_half_life_days) if days]
    found = checked(interactions, as_of, half_life_days=max(half_lives, default=None))
    rows, newest_s = found.rows, found.newest_s
    if newest_s is None and half_lives:
        raise UsageError("a half life needs the time of the interactions: add a column ts, or leave the half life out")

    def implicit(half_life: float | None) -> Column:
        total = F.sum(F.col("value") * decay("ts_s", newest_s, half_life))
        return F.round(F.log1p(F.greatest(total, F.lit(0.0))), DIGITS)  # the same in whatever order it is added up

    rating = F.round(F.avg("value"), DIGITS) if newest_s is None else F.max_by("value", F.struct("ts_s", "value"))
    summed = rows.groupBy("user_id", "item_id").agg(
        (rating if explicit else implicit(half_life_days)).alias("weight"),
        (F.lit(1.0) if explicit else implicit(popularity_half_life_days)).alias("popularity"),
        F.max("ts_s").alias("last_s"),
    )
    summed = break_lineage(summed if explicit else summed.where("weight > 0"))
    if summed.isEmpty():
        raise UsageError("interactions are empty: every pair of user and item adds up to 0 or less")
    ids = summed.select("item_id")
    if also is not None:
        ids = ids.unionByName(also.select(as_type(also, "item_id", summed)))
    users = break_lineage(numbered(summed, "user_id", "user"))
    items = break_lineage(_ranked(summed, numbered(ids, "item_id", "item")))
    pairs = summed.join(users, on="user_id", how="inner").join(
        items.select("item_id", "item"), on="item_id", how="inner"
    )
    return Pairs(
        break_lineage(pairs.select("user_id", "user", "item", "weight", "last_s")), items, users, newest_s, found.late
    )


def paired(
    interactions: DataFrame, products: DataFrame | None, p: Any, *, explicit: bool, as_of: Any = None
) -> Training:
    """`interactions` and `products` with their pairs, see `pair_up`; p: half_life_days and popularity_half_life_days."""
    data = pair_up(
        interactions,
        explicit=explicit,
        half_life_days=p.half_life_days,
        popularity_half_life_days=p.popularity_half_life_days,
        also=products,
        as_of=as_of,
    )
    past = (
        interactions
        if as_of is None
        else interactions.where(_seconds(interactions, F.col("ts")) < F.lit(data.newest_s))
    )
    return Training(past, products, data, as_of)


def decay(ts_s: str, newest_s: float | None, half_life_days: float | None) -> Column:
    """What is left at `newest_s` of a value of the time in the column `ts_s`: 0.5^(age / half life)."""
    if half_life_days is None:
        return F.lit(1.0)
    return F.pow(F.lit(0.5), (F.lit(newest_s) - F.col(ts_s)) / (_DAY_S * half_life_days))


def as_type(df: DataFrame, column: str, like: DataFrame) -> Column:
    """`column` of `df` in the type it has in `like`. UsageError: text and numbers never stand for each other."""
    found, wanted = df.schema[column].dataType, like.schema[column].dataType
    if (found.typeName() == "string") != (wanted.typeName() == "string"):
        raise UsageError(f"{column} is {found.simpleString()}, but the model was fitted on {wanted.simpleString()}")
    return F.col(column).cast(wanted).alias(column)


def numbered(df: DataFrame, column: str, name: str) -> DataFrame:
    """The distinct values of `column`, each with an integer `name` of its own, dense from 0. Key: either.

    Ids are hashed into buckets, counted within a bucket, and moved on by the rows of the buckets before: the numbers
    depend on the ids alone. monotonically_increasing_id would give others each time that Spark computes a partition
    again, and a global row_number would sort all ids in one task.
    """
    ids = df.select(column).distinct().withColumn("bucket", F.pmod(F.xxhash64(column), F.lit(_BUCKETS)))
    before = Window.orderBy("bucket").rowsBetween(Window.unboundedPreceding, -1)
    offsets = ids.groupBy("bucket").agg(F.count("*").alias("n"))
    offsets = offsets.select("bucket", F.coalesce(F.sum("n").over(before), F.lit(0)).alias("offset"))
    within = F.row_number().over(Window.partitionBy("bucket").orderBy(column)) - 1
    numbers = ids.withColumn("within", within).join(F.broadcast(offsets), on="bucket", how="inner")
    return numbers.select(column, (F.col("offset") + F.col("within")).cast("int").alias(name))


def checked(interactions: DataFrame, as_of: Any = None, *, half_life_days: float | None = None) -> Checked:
    """The rows of `interactions`[user_id, item_id, value?, ts?]. UsageError where columns, types or ids do not fit, nothing is
    there, or, with a half life and no as_of, a few rows are of a time that can hardly be."""
    require_columns(interactions, ("user_id", "item_id"), "interactions")
    types = {f.name: f.dataType for f in interactions.schema.fields}
    for column in ("user_id", "item_id"):
        if not isinstance(types[column], _ID_TYPES):
            found = types[column].simpleString()
            raise UsageError(f"interactions.{column} is {found}; ids are strings or integers: cast them first")
    if not isinstance(types.get("value", T.DoubleType()), T.NumericType):
        raise UsageError(f"interactions.value is {types['value'].simpleString()}; it must be a number")
    timed = "ts" in types
    if timed and not isinstance(types["ts"], _TIMES):
        raise UsageError(
            f"interactions.ts is {types['ts'].simpleString()}; give a timestamp, a date or seconds since 1970"
        )
    if as_of is not None and not timed:
        raise UsageError(f"as_of={as_of} needs the time of the interactions: add a column ts, or leave it out")
    rows = interactions.select(
        "user_id",
        "item_id",
        (F.col("value").cast("double") if "value" in types else F.lit(1.0)).alias("value"),
        (_seconds(interactions, F.col("ts")) if timed else F.lit(None).cast("double")).alias("ts_s"),
    )
    end = F.lit(None).cast("double")
    if as_of is not None:
        end = _seconds(interactions, F.lit(as_of).cast(types["ts"]))
    counts = _counted(rows, timed, end)
    if as_of is None:
        if half_life_days and timed:
            _refuse_outliers(types["ts"], counts, half_life_days)
        return Checked(rows, counts["newest"], 0)
    if counts["end"] is None:
        raise UsageError(f"as_of={as_of!r} is no {types['ts'].simpleString()}, which interactions.ts is")
    if counts["late"] == counts["rows"]:
        raise UsageError(f"interactions are empty: all {counts['rows']} rows are of {as_of} or later")
    return Checked(rows.where(F.col("ts_s") < F.lit(counts["end"])), counts["end"], counts["late"])


def _seconds(interactions: DataFrame, ts: Column) -> Column:
    """`ts`, of the type of the interactions' column, in seconds since 1970."""
    kind = interactions.schema["ts"].dataType
    of_days = isinstance(kind, T.DateType | T.TimestampNTZType)
    return ts.cast("timestamp" if of_days else kind).cast("double")


def _refuse_outliers(kind: T.DataType, counts: Any, half_life_days: float) -> None:
    """UsageError where the newest hundredth of the rows (tenth, of fewer than 100) is farther ahead of the others than these
    are apart, and so far that the others would weigh nothing."""
    share, (first, last) = (99, counts["most"]) if counts["rows"] >= 100 else (90, counts["many"])
    if counts["newest"] - last <= max(last - first, _VANISHED * half_life_days * _DAY_S):
        return
    newest, usual = (_shown(kind, s) for s in (counts["newest"], last))
    raise UsageError(
        f"interactions.ts goes up to {newest}, while {share} % of the rows are not after {usual}, and would weigh nothing: drop "
        "the rows with a wrong time, or give as_of, the first moment that does not count"
    )


def _shown(kind: T.DataType, seconds: float) -> str:
    of_days = not isinstance(kind, T.NumericType) and abs(seconds) < _YEARS_OF_PYTHON * 365 * _DAY_S
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d}" if of_days else f"{seconds:g}"


def _counted(rows: DataFrame, timed: bool, end: Column) -> Any:
    """rows; newest, the newest ts_s; most and many: the ts_s from which and up to which 98 and 80 of 100 rows are; end; late:
    rows of `end` or later. UsageError where something is null or infinite, or nothing is there."""
    numbers = {"value": "value", **({"ts": "ts_s"} if timed else {})}
    gaps = {(name, "null"): F.col(name).isNull() for name in ("user_id", "item_id")}
    gaps |= {(name, "null"): F.col(column).isNull() | F.isnan(column) for name, column in numbers.items()}
    gaps |= {(name, "infinite"): F.abs(column) == F.lit(float("inf")) for name, column in numbers.items()}
    sums = [F.count_if(gap).alias(str(at)) for at, gap in enumerate(gaps.values())]
    times = [
        F.max("ts_s").alias("newest"),
        F.percentile_approx("ts_s", [0.01, 0.99]).alias("most"),
        F.percentile_approx("ts_s", [0.1, 0.9]).alias("many"),
        F.first(end).alias("end"),
        F.count_if(F.col("ts_s") >= end).alias("late"),
    ]
    counts = rows.agg(F.count("*").alias("rows"), *times, *sums).first()
    if not counts["rows"]:
        raise UsageError("interactions are empty: there is nothing to learn from")
    for at, (name, wrong) in enumerate(gaps):
        if n := counts[str(at)]:
            raise UsageError(
                f"interactions.{name} is {wrong} in {n} of {counts['rows']} rows; drop or repair those rows"
            )
    return counts


def _ranked(summed: DataFrame, item_ids: DataFrame) -> DataFrame:
    """items[item, item_id, popularity, position]. One task sorts them: there are as many rows as products."""
    everything = Window.partitionBy()
    counted = summed.groupBy("item_id").agg(F.sum("popularity").alias("popularity"))
    order = Window.orderBy(F.desc("popularity"), "item_id")
    named = item_ids.join(counted, on="item_id", how="left")
    share = F.coalesce(F.col("popularity") / F.max("popularity").over(everything), F.lit(0.0))
    ranked = named.withColumn("popularity", share).withColumn("position", F.row_number().over(order))
    return ranked.select("item", "item_id", "popularity", "position")
