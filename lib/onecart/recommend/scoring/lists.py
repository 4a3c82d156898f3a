"""Lists, one row a user: user_id, items and scores, two arrays of equal length, best first; key user_id. And how they are
filled up to k, so that everybody gets something."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.frames import break_lineage

POPULARITY = "popularity"
Block = Callable[[Iterable[pd.DataFrame]], Iterable[pd.DataFrame]]


@dataclass(frozen=True)
class Request:
    """Who asks and what each has seen (user_id, seen: items or null), the items allowed (item, ..., key item), how many.

    `filtered` says whether any `seen` is there.
    """

    users: DataFrame
    items: DataFrame
    n: int
    filtered: bool


def with_seen(users: DataFrame, pairs: DataFrame) -> DataFrame:
    """`users`[user_id] with what each has seen, see `Request`: the items of `pairs`[user_id, item]."""
    mine = pairs.join(users, on="user_id", how="left_semi").groupBy("user_id").agg(F.collect_set("item").alias("seen"))
    return break_lineage(users.join(mine, on="user_id", how="left"))


def lists_schema(user_id: T.StructField) -> T.StructType:
    """The columns of lists."""
    items, scores = T.ArrayType(T.IntegerType()), T.ArrayType(T.DoubleType())
    return T.StructType([user_id, T.StructField("items", items), T.StructField("scores", scores)])


def lists_of(rows: DataFrame, n: int) -> DataFrame:
    """The lists of the `n` rows with the largest score of each user of `rows`[user_id, item, score, tier?]; on equal scores
    the smaller item number. A tier becomes the array `tiers`."""
    more = ["tier"] if "tier" in rows.columns else []
    entry = F.struct((-F.col("score")).alias("down"), "item", *more)
    best = rows.groupBy("user_id").agg(F.slice(F.sort_array(F.collect_list(entry)), 1, n).alias("best"))
    scores = F.transform("best.down", lambda down: -down).alias("scores")
    return best.select(
        "user_id", F.col("best.item").alias("items"), scores, *[F.col(f"best.{c}").alias(f"{c}s") for c in more]
    )


def rows_of(lists: DataFrame) -> DataFrame:
    """[user_id, item, score, tier?, rank from 1], key (user_id, rank) and (user_id, item)."""
    one = {"items": "item", "scores": "score", "tiers": "tier"}
    arrays = [name for name in one if name in lists.columns]
    at = lists.select("user_id", F.posexplode(F.arrays_zip(*arrays)).alias("at", "row"))
    return at.select(
        "user_id", *[F.col(f"row.{name}").alias(one[name]) for name in arrays], (F.col("at") + 1).alias("rank")
    )


def completed(own: DataFrame | None, request: Request) -> DataFrame:
    """A list for each user of the request: that of `own`[user_id, items, scores, tiers], filled up, see `filled_up`."""
    if own is None:
        nothing = {"items": "array<int>", "scores": "array<double>", "tiers": "array<string>"}
        lists = request.users.select("*", *[F.lit(None).cast(kind).alias(name) for name, kind in nothing.items()])
    else:
        lists = request.users.join(own, on="user_id", how="left")
    return filled_up(lists, request.items, request.n)


def filled_up(lists: DataFrame, items: DataFrame, n: int) -> DataFrame:
    """`lists`[user_id, seen, items, scores, tiers] (null: nothing) with the most popular other ones of
    `items`[item, popularity, position] below, up to n: the columns of lists, and tiers.

    Such an item scores its popularity (at most 1) less 2 plus the lowest score above; alone, its popularity.
    """
    ranked = items.select("item", "popularity", "position").toPandas().sort_values("position")
    fill = _filler(ranked["item"].tolist(), ranked["popularity"].tolist(), n)
    schema = lists_schema(lists.schema["user_id"]).add("tiers", T.ArrayType(T.StringType()))
    return lists.select("user_id", "seen", "items", "scores", "tiers").mapInPandas(fill, schema)


def _filler(order: list[int], popularity: list[float], n: int) -> Block:
    def filled(seen: Any, items: Any, scores: Any, tiers: Any) -> tuple[Any, Any, Any]:
        has = [] if items is None else list(items)[:n]
        if len(has) == n:
            return items[:n], scores[:n], tiers[:n]
        passed = {*has, *(() if seen is None else seen)}
        more = [*islice((at for at, item in enumerate(order) if item not in passed), n - len(has))]
        floor = min(scores[: len(has)]) - 2 if has else 0.0
        return (
            has + [order[at] for at in more],
            [*(scores[: len(has)] if has else ()), *(floor + popularity[at] for at in more)],
            [*(tiers[: len(has)] if has else ()), *[POPULARITY] * len(more)],
        )

    def run(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            whole = [filled(*row) for row in batch[["seen", "items", "scores", "tiers"]].itertuples(index=False)]
            found = pd.DataFrame(whole, columns=["items", "scores", "tiers"], dtype=object)
            found.insert(0, "user_id", batch["user_id"].to_numpy())
            yield found

    return run
