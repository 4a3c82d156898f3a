"""Interactions to learn from and interactions to be measured on."""

from datetime import date
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.errors import OneCartError, UsageError
from onecart.frames import break_lineage, library_function, require_columns

Parts = tuple[DataFrame, DataFrame]


@library_function()
def by_time(rows: DataFrame, cut: Any) -> Parts:
    """(rows before `cut`, rows from it on): `cut` is a value of the type of ts. What a model sees in use: the past."""
    require_columns(rows, ("ts",), "interactions")
    return rows.where(F.col("ts") < F.lit(cut)), rows.where(F.col("ts") >= F.lit(cut))


@library_function()
def leave_last_out(rows: DataFrame, n: int = 1) -> Parts:
    """(the others, the `n` newest items of each user): by their last ts, on equal ones by item_id. Users with no more than
    `n` items are learnt from. The training holds rows that are later than other users' held-out ones."""
    require_columns(rows, ("user_id", "item_id", "ts"), "interactions")
    last = rows.groupBy("user_id", "item_id").agg(F.max("ts").alias("ts"))
    mine = Window.partitionBy("user_id")
    place = F.row_number().over(mine.orderBy(F.desc("ts"), "item_id"))
    placed = last.withColumns({"place": place, "items": F.count("*").over(mine)})
    out = placed.where((F.col("place") <= n) & (F.col("items") > n)).select("user_id", "item_id")
    return _apart(rows, out)


@library_function()
def stratified(rows: DataFrame, share: float = 0.25, by: str = "item_id", seed: int = 7) -> Parts:
    """(the others, a `share` of the pairs of each value of `by`, rounded): user_id or item_id, drawn by a seeded hash."""
    if not 0 < share < 1 or by not in ("user_id", "item_id"):
        raise UsageError(f"share={share}, by={by!r}: a share between 0 and 1, of each user_id or item_id")
    require_columns(rows, ("user_id", "item_id"), "interactions")
    mine = Window.partitionBy(by)
    draw = F.xxhash64("user_id", "item_id", F.lit(seed))
    placed = rows.select("user_id", "item_id").distinct()
    placed = placed.withColumns(
        {"place": F.row_number().over(mine.orderBy(draw, "user_id", "item_id")), "pairs": F.count("*").over(mine)}
    )
    return _apart(
        rows, placed.where(F.col("place") > F.round((1 - share) * F.col("pairs"))).select("user_id", "item_id")
    )


def held_back(rows: DataFrame, share: float = 0.2, *, latest: bool = False, seed: int = 7, least: float = 0.0) -> Parts:
    """(rows to learn from, [user_id, item_id] to be asked for, key both): what settings are judged on, inside `rows`.

    A `share` of the rows is held back, the newest (`latest`, needs ts) or pairs drawn by a seeded hash. Asked for are those that
    are had there and were not before, see `had`: with `least` the value of a purchase also what was only looked at before.
    """
    if latest:
        require_columns(rows, ("ts",), "interactions")
        seconds = F.col("ts").cast("timestamp").cast("double")
        timed = rows.withColumn("__s", seconds)
        cut = timed.approxQuantile("__s", [1 - share], 0.001)
        later = F.col("__s") >= F.lit(cut[0] if cut else 0.0)
    else:
        timed = rows
        later = F.pmod(F.xxhash64("user_id", "item_id", F.lit(seed)), F.lit(10_000)) < 10_000 * share
    train = break_lineage(timed.where(~later).drop("__s"))
    return train, had(timed.where(later), least).join(had(train, least), on=["user_id", "item_id"], how="left_anti")


def had(rows: DataFrame, least: float) -> DataFrame:
    """[user_id, item_id], key both: the pairs whose values (none: 1 a row) sum to `least` at least; 0: all."""
    value = F.sum("value") if "value" in rows.columns and least > 0 else F.count("*")
    pairs = rows.groupBy("user_id", "item_id").agg(value.alias("value"))
    return pairs.where(F.col("value") >= least).select("user_id", "item_id")


def refuse_leakage(train: DataFrame, cut: date) -> None:
    """OneCartError if a row of `train` is of the day `cut` or later: the model would have seen what it is measured on."""
    late = train.where(F.col("ts") >= F.lit(cut)).count()
    if late:
        raise OneCartError(
            f"{late} training rows are of {cut} or later, which is held out: the measures would be false"
        )


def _apart(rows: DataFrame, out: DataFrame) -> Parts:
    return tuple(rows.join(out, on=["user_id", "item_id"], how=how) for how in ("left_anti", "left_semi"))  # type: ignore[return-value]
