"""How good recommendations are: ranking measures on what came later, and what the lists are made of."""

from math import ceil

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.recommend.pairs import require_columns

_HEAD = 0.1


def evaluate(recommended: DataFrame, held_out: DataFrame, train: DataFrame, k: int = 10) -> dict[str, float]:
    """Measures the first `k` of `recommended`[user_id, item_id, rank] against `held_out`[user_id, item_id].

    Over the users with something held out, those without recommendations counting as 0; h = items held out of a user,
    hits of the first k with rank r, the mean over users of:
    - precision: hits / k.  recall: hits / h.  hit_rate: 1 with at least one hit.
    - map: average precision, the sum over hits of (hits up to r / r), divided by min(k, h).
    - ndcg: the sum over hits of 1 / log2(1 + r), divided by its best possible value, that of min(k, h) hits at the top.
    Over all lists in `recommended`, with `train`[user_id, item_id] for what was known before:
    - coverage: different items recommended / items in train.
    - novelty: mean of -log2(users of the item / users in train); an item nobody had counts as one user's (Zhou 2010).
    - diversity: 1 - the mean share of the k places that two users' lists have in common, over all pairs of users
      (inter-list distance, Zhou et al. 2010), from how often each item is recommended; 1 where there is one list.
    - popularity_share: share of recommended rows among the most popular tenth of train's items (rounded up; equally
      popular ones by item_id).

    Rows beyond k and repeated pairs count once or not at all. Only sums leave Spark. Raises UsageError where a column
    is missing, or nothing is held out, recommended or in train.
    """
    require_columns(recommended, ("user_id", "item_id", "rank"), "recommended")
    require_columns(held_out, ("user_id", "item_id"), "held_out")
    require_columns(train, ("user_id", "item_id"), "train")
    pairs = recommended.where(F.col("rank") <= k).groupBy("user_id", "item_id")
    lists = pairs.agg(F.min("rank").cast("int").alias("rank")).persist()
    try:
        return {**_ranking(lists, held_out, k), **_make_up(lists, train, k)}
    finally:
        lists.unpersist()


def _ranking(lists: DataFrame, held_out: DataFrame, k: int) -> dict[str, float]:
    truth = held_out.select("user_id", "item_id").distinct()
    sizes = truth.groupBy("user_id").agg(F.count("*").alias("h"))
    hits = lists.join(truth, on=["user_id", "item_id"], how="inner").groupBy("user_id")
    ranks = hits.agg(F.sort_array(F.collect_list("rank")).alias("ranks"))
    users = sizes.join(ranks, on="user_id", how="left").withColumns(
        {
            "ranks": F.coalesce("ranks", F.array().cast("array<int>")),
            "best": F.least("h", F.lit(k)),
        }
    )
    gain = "aggregate({}, 0D, (sum, r) -> sum + 1 / log2(1 + r))"
    measures = {
        "map": "aggregate(transform(ranks, (r, i) -> (i + 1) / r), 0D, (sum, p) -> sum + p) / best",
        "ndcg": f"{gain.format('ranks')} / {gain.format('sequence(1L, best)')}",
        "precision": f"size(ranks) / {k}",
        "recall": "size(ranks) / h",
        "hit_rate": "if(size(ranks) > 0, 1, 0)",
    }
    row = users.agg(*[F.avg(F.expr(rule)).alias(name) for name, rule in measures.items()]).first()
    if row["map"] is None:
        raise UsageError("held_out is empty: there is nothing to measure against")
    return {name: float(row[name]) for name in measures}


def _make_up(lists: DataFrame, train: DataFrame, k: int) -> dict[str, float]:
    items = train.groupBy("item_id").agg(F.countDistinct("user_id").alias("users"))
    train_users, train_items, list_users = (
        df.select(column).distinct().count()
        for df, column in ((train, "user_id"), (train, "item_id"), (lists, "user_id"))
    )
    if not train_users or not list_users:
        raise UsageError(f"{'train' if list_users else 'recommended'} is empty: there is nothing to measure")
    head = items.orderBy(F.desc("users"), "item_id").limit(ceil(_HEAD * train_items))
    head = F.broadcast(head.select("item_id", F.lit(1).alias("head")))
    # One row an item recommended, with `n` times: all four measures are sums over these.
    counted = lists.groupBy("item_id").agg(F.count("*").cast("double").alias("n"))
    counted = counted.join(items, on="item_id", how="left").join(head, on="item_id", how="left")
    row = counted.agg(
        F.sum("n").alias("rows"),
        F.count("users").alias("items"),
        F.sum(-F.col("n") * F.log2(F.coalesce("users", F.lit(1)) / F.lit(train_users))).alias("surprise"),
        F.sum(F.col("n") * (F.col("n") - 1)).alias("shared"),
        F.sum(F.when(F.col("head") == 1, F.col("n")).otherwise(0.0)).alias("head_rows"),
    ).first()
    pairs_of_users = list_users * (list_users - 1)
    return {
        "coverage": row["items"] / train_items,
        "novelty": row["surprise"] / row["rows"],
        "diversity": 1 - row["shared"] / pairs_of_users / k if pairs_of_users else 1.0,
        "popularity_share": row["head_rows"] / row["rows"],
    }
