"""Interactions as the models see them: checked, ids numbered, one row for each user and item."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.frames import DIGITS, break_lineage, require_columns

_BUCKETS = 1024
_DAY_S = 86_400.0
Frames = dict[str, DataFrame]
_TIMES = (T.TimestampType, T.TimestampNTZType, T.DateType, T.NumericType)
_ID_TYPES = (T.StringType, T.ByteType, T.ShortType, T.IntegerType, T.LongType)


@dataclass(frozen=True)
class Pairs:
    """What every model is fitted on.

    pairs[user_id, user, item, weight, last_s]: one user and item; `weight` is what the model learns from, `last_s` the
    last time, s since 1970. items[item, item_id, popularity, position]: one item, `popularity` of the most popular one
    is 1, of one that nobody has 0, `position` 1 is the most popular. users[user_id, user]. newest_s: the last of all
    times; None: the interactions have none.
    """

    pairs: DataFrame
    items: DataFrame
    users: DataFrame
    newest_s: float | None

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
    """What `fit` was given, and the pairs made of it."""

    interactions: DataFrame
    products: DataFrame | None
    data: Pairs


def pair_up(
    interactions: DataFrame,
    *,
    explicit: bool,
    half_life_days: float | None,
    popularity_half_life_days: float | None,
    also: DataFrame | None = None,
) -> Pairs:
    """Checks `interactions`[user_id, item_id, value?, ts?] and adds them up to `Pairs`. `also`[item_id]: items that are
    numbered too, whether anybody has them or not.

    Implicit weight: ln(1 + sum of value * 0.5^(age / half life)), age counted from the newest row, half life None: no
    decay; the logarithm because the tenth purchase says less than the first (Hu, Koren & Volinsky 2008, eq. 6). Pairs
    whose values sum to 0 or less (all sent back) are left out. Explicit weight: the last rating, without ts the mean.
    Popularity: the sum over users of the implicit weight under its own half life (explicit: of one a user).
    Raises UsageError where columns, types or ids do not fit.
    """
    rows, newest_s = checked(interactions)
    if newest_s is None and (half_life_days or popularity_half_life_days):
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
    return Pairs(break_lineage(pairs.select("user_id", "user", "item", "weight", "last_s")), items, users, newest_s)


def paired(interactions: DataFrame, products: DataFrame | None, p: Any, *, explicit: bool) -> Training:
    """`interactions` and `products` with their pairs, see `pair_up`; p: half_life_days and popularity_half_life_days."""
    data = pair_up(
        interactions,
        explicit=explicit,
        half_life_days=p.half_life_days,
        popularity_half_life_days=p.popularity_half_life_days,
        also=products,
    )
    return Training(interactions, products, data)


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


def checked(interactions: DataFrame) -> tuple[DataFrame, float | None]:
    """(rows[user_id, item_id, value, ts_s], newest ts_s; None: no times) of `interactions`[user_id, item_id, value?, ts?].
    UsageError where columns, types or ids do not fit, or nothing is there."""
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
    of_days = timed and isinstance(types["ts"], T.DateType | T.TimestampNTZType)
    seconds = F.col("ts").cast("timestamp" if of_days else types.get("ts", "double"))
    rows = interactions.select(
        "user_id",
        "item_id",
        (F.col("value").cast("double") if "value" in types else F.lit(1.0)).alias("value"),
        (seconds.cast("double") if timed else F.lit(None).cast("double")).alias("ts_s"),
    )
    return rows, _newest(rows, timed)


def _newest(rows: DataFrame, timed: bool) -> float | None:
    """The newest ts_s. UsageError where something is null or infinite, or nothing is there."""
    numbers = {"value": "value", **({"ts": "ts_s"} if timed else {})}
    gaps = {(name, "null"): F.col(name).isNull() for name in ("user_id", "item_id")}
    gaps |= {(name, "null"): F.col(column).isNull() | F.isnan(column) for name, column in numbers.items()}
    gaps |= {(name, "infinite"): F.abs(column) == F.lit(float("inf")) for name, column in numbers.items()}
    sums = [F.count_if(gap).alias(str(at)) for at, gap in enumerate(gaps.values())]
    counts = rows.agg(F.count("*").alias("rows"), F.max("ts_s").alias("newest"), *sums).first()
    if not counts["rows"]:
        raise UsageError("interactions are empty: there is nothing to learn from")
    for at, (name, wrong) in enumerate(gaps):
        if n := counts[str(at)]:
            raise UsageError(
                f"interactions.{name} is {wrong} in {n} of {counts['rows']} rows; drop or repair those rows"
            )
    return counts["newest"]


def _ranked(summed: DataFrame, item_ids: DataFrame) -> DataFrame:
    """items[item, item_id, popularity, position]. One task sorts them: there are as many rows as products."""
    everything = Window.partitionBy()
    counted = summed.groupBy("item_id").agg(F.sum("popularity").alias("popularity"))
    order = Window.orderBy(F.desc("popularity"), "item_id")
    named = item_ids.join(counted, on="item_id", how="left")
    share = F.coalesce(F.col("popularity") / F.max("popularity").over(everything), F.lit(0.0))
    ranked = named.withColumn("popularity", share).withColumn("position", F.row_number().over(order))
    return ranked.select("item", "item_id", "popularity", "position")
