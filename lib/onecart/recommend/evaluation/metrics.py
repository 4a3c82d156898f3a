"""How good recommendations are: ranking measures on what came later, and what the lists are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.frames import IDS, NUMBERS, break_lineage, library_function, require_columns, require_type
from onecart.stats.bootstrap import means_by

RANKING = ("map", "map_of_all", "ndcg", "precision", "recall", "hit_rate")
"""The measures of a user's list."""
_HEAD = 0.1


@library_function()
def evaluate(recommended: DataFrame, held_out: DataFrame, train: DataFrame, k: int = 10) -> dict[str, float]:
    """Measures the first `k` of `recommended`[user_id, item_id, rank] against `held_out`[user_id, item_id].

    Over the users with something held out, those without recommendations counting as 0; h = items held out of a user,
    hits of the first k with rank r, the mean over users of:
    - precision: hits / k.  recall: hits / h.  hit_rate: 1 with at least one hit.
    - map: average precision, the sum over hits of (hits up to r / r), divided by min(k, h); map_of_all: divided by h.
    - ndcg: the sum over hits of 1 / log2(1 + r), divided by its best possible value, that of min(k, h) hits at the top.
    Over all lists in `recommended`, with `train`[user_id, item_id] for what was known before:
    - coverage: different items recommended / items in train.
    - novelty: mean of -log2(users of the item / users in train); an item nobody had counts as one user's (Zhou 2010).
    - diversity: 1 - the mean share of the k places that two users' lists have in common, over all pairs of users
      (inter-list distance, Zhou et al. 2010), from how often each item is recommended; 1 where there is one list.
    - popularity_share: share of recommended rows among the most popular tenth of train's items (rounded up; equally
      popular ones by item_id).

    Rows beyond k, without an id, and repeated pairs count once or not at all. Only sums leave Spark. Raises UsageError where a column
    is missing, or nothing is held out, recommended or in train.
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise UsageError(f"k must be a whole number from 1 on, not {k!r}")
    require_columns(recommended, ("user_id", "item_id", "rank"), "recommended")
    require_type(recommended, "rank", NUMBERS, "recommended")
    recommended, held_out, train = (
        _with_ids(df, what, recommended)
        for df, what in ((recommended, "recommended"), (held_out, "held_out"), (train, "train"))
    )
    lists = _first(recommended, k).persist()
    try:
        row = per_user(lists, held_out, k).agg(*[F.avg(name).alias(name) for name in RANKING]).first()
        assert row is not None
        if row["map"] is None:
            raise UsageError("held_out is empty: there is nothing to measure against")
        return {**{name: float(row[name]) for name in RANKING}, **make_up(lists, known(train), k)}
    finally:
        lists.unpersist()


def _with_ids(df: DataFrame, what: str, like: DataFrame) -> DataFrame:
    """The rows of `df`, which has ids of the types that `like` has, that have both ids. UsageError: it has not."""
    require_columns(df, ("user_id", "item_id"), what)
    for name in ("user_id", "item_id"):
        require_type(df, name, IDS, what)
        found, wanted = (one.schema[name].dataType for one in (df, like))
        if isinstance(found, T.StringType) != isinstance(wanted, T.StringType):
            raise UsageError(
                f"{what}.{name} is {found.simpleString()}, that of recommended {wanted.simpleString()}; cast one"
            )
    return df.where("user_id IS NOT NULL AND item_id IS NOT NULL")


def _first(recommended: DataFrame, k: int, by: Sequence[str] = ()) -> DataFrame:
    require_columns(recommended, (*by, "user_id", "item_id", "rank"), "recommended")
    pairs = recommended.where(F.col("rank") <= k).groupBy(*by, "user_id", "item_id")
    return pairs.agg(F.min("rank").cast("int").alias("rank"))


def per_user(recommended: DataFrame, held_out: DataFrame, k: int = 10, *, by: Sequence[str] = ()) -> DataFrame:
    """One row per user with something held out and, with `by`, per value of these columns of `recommended`; key `by` and
    user_id: h (items held out) and the measures RANKING, whose means are those of `evaluate`."""
    require_columns(held_out, ("user_id", "item_id"), "held_out")
    lists = _first(recommended, k, by)
    truth = held_out.select("user_id", "item_id").distinct()
    sizes = truth.groupBy("user_id").agg(F.count("*").alias("h"))
    if by:
        sizes = sizes.crossJoin(F.broadcast(recommended.select(*by).distinct()))
    hits = lists.join(truth, on=["user_id", "item_id"], how="inner").groupBy(*by, "user_id")
    ranks = hits.agg(F.sort_array(F.collect_list("rank")).alias("ranks"))
    users = sizes.join(ranks, on=[*by, "user_id"], how="left").withColumns(
        {
            "ranks": F.coalesce("ranks", F.array().cast("array<int>")),
            "best": F.least("h", F.lit(k)),
        }
    )
    gain = "aggregate({}, 0D, (sum, r) -> sum + 1 / log2(1 + r))"
    precisions = "aggregate(transform(ranks, (r, i) -> (i + 1) / r), 0D, (sum, p) -> sum + p)"
    rules = {
        "map": f"{precisions} / best",
        "map_of_all": f"{precisions} / h",
        "ndcg": f"{gain.format('ranks')} / {gain.format('sequence(1L, best)')}",
        "precision": f"size(ranks) / {k}",
        "recall": "size(ranks) / h",
        "hit_rate": "double(if(size(ranks) > 0, 1, 0))",
    }
    return users.select(*by, "user_id", "h", *[F.expr(rules[name]).alias(name) for name in RANKING])


def intervals(users: DataFrame, names: Sequence[str] = ("ndcg",), draws: int = 200, seed: int = 7) -> dict[str, float]:
    """<name>_low and <name>_high: the 95 % interval of the mean of each column `names` of `users`, one row a user, see
    `stats.bootstrap`."""
    ends = intervals_by(users.withColumn("__all", F.lit("")), "__all", names, draws, seed)
    return {str(name): float(value) for name, value in ends.iloc[0].items()}


def intervals_by(
    users: DataFrame, by: str, names: Sequence[str] = ("ndcg",), draws: int = 200, seed: int = 7
) -> pd.DataFrame:
    """One row per value of the column `by` of `users`, a text and the index: what `intervals` finds on the rows with
    that value alone, for all values in one pass. Rows without a value are left out."""
    require_columns(users, ("user_id", by, *names), "users")
    ends = means_by(users, "user_id", by, names, draws, seed)
    if ends.empty:
        raise UsageError("users are empty: there is nothing to draw from")
    return ends


def compare(a: DataFrame, b: DataFrame, name: str = "ndcg", draws: int = 200, seed: int = 7) -> dict[str, float]:
    """difference, difference_low, difference_high: of the mean `name` of `a` less that of `b` (both of `per_user`), on the
    users of both. An interval without 0: one is better by more than chance."""
    both = a.select("user_id", F.col(name).alias("a")).join(
        b.select("user_id", F.col(name).alias("b")), on="user_id", how="inner"
    )
    gaps = both.select("user_id", (F.col("a") - F.col("b")).alias("difference")).persist()
    try:
        ends = intervals(gaps, ["difference"], draws, seed)
        return {"difference": float(gaps.agg(F.avg("difference")).first()[0]), **ends}
    finally:
        gaps.unpersist()


def activity(train: DataFrame) -> DataFrame:
    """[user_id, bucket], key user_id: how many items a user of `train`[user_id, item_id] has, 1 | 2-4 | 5-9 | 10-19 | 20+."""
    n = F.countDistinct("item_id")
    bucket = F.when(n == 1, "1").when(n < 5, "2-4").when(n < 10, "5-9").when(n < 20, "10-19").otherwise("20+")
    return train.groupBy("user_id").agg(bucket.alias("bucket"))


def by_group(users: DataFrame, groups: DataFrame, group: str) -> pd.DataFrame:
    """`summary` of `users` (of `per_user`) by the column `group` of `groups`[user_id, group]. A user of several groups
    counts in each; those without one are `none`."""
    mine = groups.select("user_id", F.col(group).cast("string").alias(group))
    named = users.join(mine, on="user_id", how="left").fillna("none", [group]).persist()
    try:
        return summary(named, group)
    finally:
        named.unpersist()


def summary(users: DataFrame, by: str) -> pd.DataFrame:
    """One row per value of the column `by` of `users`[user_id, `by`, RANKING]: value (text), n (users), the means
    RANKING and the interval of ndcg."""
    means = [F.avg(name).alias(name) for name in RANKING]
    table = users.groupBy(F.col(by).cast("string").alias("value")).agg(F.count("*").alias("n"), *means).toPandas()
    return table.join(intervals_by(users, by), on="value")


@dataclass(frozen=True)
class Known:
    """What was had before: items[item_id, users, head: 1 for the most popular tenth, else null], and how many of both."""

    items: DataFrame
    n_users: int
    n_items: int


def known(train: DataFrame) -> Known:
    """`Known` of `train`[user_id, item_id]. UsageError: it is empty."""
    items = train.groupBy("item_id").agg(F.countDistinct("user_id").alias("users"))
    n_users, n_items = train.agg(F.countDistinct("user_id"), F.countDistinct("item_id")).first() or (0, 0)
    if not n_users:
        raise UsageError("train is empty: there is nothing to measure")
    head = items.orderBy(F.desc("users"), "item_id").limit(ceil(_HEAD * n_items))
    head = F.broadcast(head.select("item_id", F.lit(1).alias("head")))
    return Known(break_lineage(items.join(head, on="item_id", how="left")), n_users, n_items)


def make_up(lists: DataFrame, before: Known, k: int) -> dict[str, float]:
    """What `evaluate` says over all lists, of `lists`[user_id, item_id]: no pair twice, at most `k` of a user."""
    found = make_up_by(lists.withColumn("__all", F.lit("")), before, k, "__all")
    if not found:
        raise UsageError("recommended is empty: there is nothing to measure")
    return found[""]


def make_up_by(lists: DataFrame, before: Known, k: int, by: str) -> dict[str, dict[str, float]]:
    """Value of the column `by` of `lists`[`by`, user_id, item_id] -> what `make_up` says of the lists with it, in one pass."""
    users = lists.groupBy(by).agg(F.countDistinct("user_id").alias("list_users"))
    # One row an item recommended, with `n` times: all four measures are sums over these.
    counted = lists.groupBy(by, "item_id").agg(F.count("*").cast("double").alias("n"))
    sums = (
        counted.join(before.items, on="item_id", how="left")
        .groupBy(by)
        .agg(
            F.sum("n").alias("rows"),
            F.count("users").alias("items"),
            F.sum(-F.col("n") * F.log2(F.coalesce("users", F.lit(1)) / F.lit(before.n_users))).alias("surprise"),
            F.sum(F.col("n") * (F.col("n") - 1)).alias("shared"),
            F.sum(F.when(F.col("head") == 1, F.col("n")).otherwise(0.0)).alias("head_rows"),
        )
    )
    found = {}
    for row in sums.join(users, on=by, how="inner").collect():
        pairs_of_users = row["list_users"] * (row["list_users"] - 1)
        found[row[by]] = {
            "coverage": row["items"] / before.n_items,
            "novelty": row["surprise"] / row["rows"],
            "diversity": 1 - row["shared"] / pairs_of_users / k if pairs_of_users else 1.0,
            "popularity_share": row["head_rows"] / row["rows"],
        }
    return found
