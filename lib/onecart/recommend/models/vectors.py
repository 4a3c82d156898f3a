"""The models: how each is fitted, and how it proposes items for the users of a request."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from scipy import linalg, sparse

from onecart.errors import UsageError
from onecart.frames import DIGITS, break_lineage
from onecart.recommend.interactions import Pairs
from onecart.recommend.parameters import Als, AlsExplicit, Ease, ItemKnn, UserKnn
from onecart.recommend.scoring.lists import filled_up, lists_of
from onecart.recommend.scoring.similarity import nearest
from onecart.recommend.scoring.topk import top_k, vectors

Frames = dict[str, DataFrame]


@dataclass(frozen=True)
class Request:
    """Who asks and what each has seen (user_id, seen: items or null), the items allowed (item, ..., key item), how many.

    `filtered` says whether any `seen` is there.
    """

    users: DataFrame
    items: DataFrame
    n: int
    filtered: bool


def popular(request: Request) -> DataFrame:
    """Lists of the n most popular items that a user has not seen, by popularity."""
    return completed(None, request).drop("tiers")


def completed(own: DataFrame | None, request: Request) -> DataFrame:
    """A list for each user of the request: that of `own`[user_id, items, scores, tiers], filled up, see `filled_up`."""
    if own is None:
        nothing = {"items": "array<int>", "scores": "array<double>", "tiers": "array<string>"}
        lists = request.users.select("*", *[F.lit(None).cast(kind).alias(name) for name, kind in nothing.items()])
    else:
        lists = request.users.join(own, on="user_id", how="left")
    return filled_up(lists, request.items, request.n)


# -- neighbours ----------------------------------------------------------------------------------------------------


def fit_item_knn(data: Pairs, p: ItemKnn) -> Frames:
    """item_knn_users: a user's vector holds their weights; item_knn_items: an item's the similarities to its neighbours."""
    cells = break_lineage(newest(data.pairs, p.max_history))
    rows = cells.select(F.col("item").alias("row"), F.col("user").alias("column"), "weight")
    near = nearest(rows, p.neighbours, similarity=p.similarity, shrinkage=p.shrinkage)
    return {
        "item_knn_users": break_lineage(vectors(cells, "user_id", "item", "weight")),
        "item_knn_items": break_lineage(vectors(near.withColumnRenamed("row", "item"), "item", "other", "similarity")),
    }


def fit_user_knn(data: Pairs, p: UserKnn) -> Frames:
    """user_knn_users: a user's vector holds the similarities to their neighbours; user_knn_items: an item's the weights
    of its users. With ratings also means[user, mean] and ratings[user, item, weight]."""
    cells = break_lineage(newest(data.pairs, p.max_history))
    rows = cells.select(F.col("user").alias("row"), F.col("item").alias("column"), "weight")
    near = nearest(rows, p.neighbours, similarity=p.similarity, shrinkage=p.shrinkage).withColumnRenamed("row", "user")
    named = near.join(data.users, on="user", how="inner")
    frames = {"user_knn_users": break_lineage(vectors(named, "user_id", "other", "similarity"))}
    if not p.ratings:
        return frames | {"user_knn_items": break_lineage(vectors(cells, "item", "user", "weight"))}
    deviation = F.round(F.col("weight") - F.avg("weight").over(Window.partitionBy("user")), DIGITS)
    means = cells.groupBy("user_id").agg(F.round(F.avg("weight"), DIGITS).alias("mean"))
    return frames | {
        "means": break_lineage(means),
        "deviations": break_lineage(cells.select("user", "item", deviation.alias("d"))),
    }


def by_deviations(frames: Frames, request: Request) -> DataFrame:
    """Lists by a user's mean rating and what the neighbours' ratings deviate from theirs, on average by
    similarity, over the neighbours who rated the item (Resnick et al. 1994)."""
    asked = frames["user_knn_users"].join(request.users.select("user_id"), on="user_id", how="left_semi")
    entry = F.posexplode("vector.index").alias("i", "user")
    near = asked.select("user_id", "vector.value", entry).selectExpr("user_id", "user", "double(value[i]) AS s")
    rated = near.join(frames["deviations"], on="user", how="inner")
    rated = rated.join(request.items.select("item"), on="item", how="left_semi")
    sums = rated.groupBy("user_id", "item").agg(F.round(F.sum(F.expr("s * d")) / F.sum("s"), DIGITS).alias("d"))
    scored = sums.join(frames["means"], on="user_id", how="inner")
    scored = scored.select("user_id", "item", (F.col("mean") + F.col("d")).alias("score"))
    if request.filtered:
        seen = request.users.select("user_id", F.explode("seen").alias("item"))
        scored = scored.join(seen, on=["user_id", "item"], how="left_anti")
    return lists_of(scored, request.n)


def newest(pairs: DataFrame, n: int) -> DataFrame:
    """The `n` newest rows of each user."""
    order = Window.partitionBy("user_id").orderBy(F.desc("last_s"), F.desc("weight"), "item")
    return pairs.withColumn("place", F.row_number().over(order)).where(F.col("place") <= n).drop("place")


# -- linear model --------------------------------------------------------------------------------------------------


def fit_ease(data: Pairs, p: Ease) -> Frames:
    """ease_users: a user's vector holds their weights; ease_items: an item's the `kept` largest coefficients of others.

    Steck, Embarrassingly Shallow Autoencoders for Sparse Data (2019): the least squares of each item on all others, from
    who has what. Solved on the driver, through which (user, item) of all pairs passes. UsageError: too many items.
    """
    n = data.items.count()
    if n > p.max_items:
        raise UsageError(
            f"ease solves {n:,} items at once, max_items is {p.max_items:,}; raise it, or take item_knn or als"
        )
    pairs = data.pairs.select("user", "item").toPandas()
    ones = np.ones(len(pairs), np.float32)
    has = sparse.csr_matrix((ones, (pairs["user"].to_numpy(), pairs["item"].to_numpy())), (pairs["user"].max() + 1, n))
    inverse = _inverse_gram(has, p.l2)
    weights = -inverse / np.diag(inverse)  # of a row's item in a column's score
    np.fill_diagonal(weights, 0)
    kept = min(p.kept, n)
    place = np.argpartition(-np.abs(weights), kept - 1, axis=0)[:kept]
    values = np.take_along_axis(weights, place, axis=0)
    columns = {
        "item": np.arange(n, dtype=np.int32),
        "index": list(place.T.astype(np.int32)),
        "value": list(values.T.astype(np.float32)),
    }
    spark = data.items.sparkSession
    rows = spark.createDataFrame(pd.DataFrame(columns), "item int, index array<int>, value array<float>")
    items = rows.select("item", F.struct("index", "value").alias("vector"))
    return {
        "ease_users": break_lineage(vectors(data.pairs, "user_id", "item", "weight")),
        "ease_items": break_lineage(items),
    }


def _inverse_gram(has: sparse.csr_matrix, l2: float) -> np.ndarray:
    """(X'X + l2 I)^-1 of `has`, X[user, item], by whichever side is the shorter: with fewer users than items as
    (I - X'(XX' + l2 I)^-1 X) / l2 (Woodbury)."""
    users, items = has.shape
    small = (has @ has.T if users < items else has.T @ has).toarray().astype(np.float64)
    small[np.diag_indices(len(small))] += l2
    half, _ = linalg.lapack.dpotri(
        linalg.cholesky(small, lower=True), lower=True
    )  # a third of the work of solving for I
    inverse = np.tril(half) + np.tril(half, -1).T
    if users >= items:
        return inverse
    whole = has.astype(np.float64)
    inner = whole.T @ (whole.T @ inverse).T  # X' A^-1 X, A being symmetric
    return (np.eye(items) - inner) / l2


# -- matrix factorisation ------------------------------------------------------------------------------------------


def fit_als(data: Pairs, p: AlsExplicit) -> Frames:
    """als_users[user_id, vector], als_items[item, vector] (als_explicit_...) by Spark MLlib's alternating least squares.

    Implicit (`Als`): preference 1 with confidence 1 + alpha * weight (Hu, Koren & Volinsky 2008). Explicit: squared error
    of ratings. Both with the regularisation scaled by the number of ratings (Zhou et al. 2008), as MLlib does.
    """
    als = ALS(
        userCol="user",
        itemCol="item",
        ratingCol="weight",
        implicitPrefs=isinstance(p, Als),
        rank=p.rank,
        maxIter=p.iterations,
        regParam=p.reg,
        numUserBlocks=p.blocks,
        numItemBlocks=p.blocks,
        nonnegative=False,
        checkpointInterval=-1,
        seed=p.seed,
    )
    if isinstance(p, Als):
        als = als.setAlpha(p.alpha)
    model = als.fit(data.pairs.select("user", "item", "weight"))
    factors = [f.select("id", F.col("features").alias("vector")) for f in (model.userFactors, model.itemFactors)]
    users = data.users.join(factors[0].withColumnRenamed("id", "user"), on="user", how="inner").drop("user")
    name = "als" if isinstance(p, Als) else "als_explicit"
    return {
        f"{name}_users": break_lineage(users),
        f"{name}_items": break_lineage(factors[1].withColumnRenamed("id", "item")),
    }


def by_vectors(frames: Frames, request: Request, model: str) -> DataFrame:
    """Lists by the largest dot products of user and item vectors."""
    users = frames[f"{model}_users"].join(request.users, on="user_id", how="inner")
    items = frames[f"{model}_items"].join(request.items.select("item"), on="item", how="left_semi")
    return top_k(users, items, request.n)
