"""The models: how each is fitted, and how it proposes items for the users of a request."""

from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.recommend.pairs import Pairs, settled
from onecart.recommend.topk import first_rows, top_k

Frames = dict[str, DataFrame]
_RRF = 60  # Cormack et al. 2009: the constant that keeps first places from deciding alone


@dataclass(frozen=True)
class Request:
    """Who asks and what each has seen (user_id, seen: items or null), the items allowed (item, ..., key item), how many.

    `filtered` says whether any `seen` is there.
    """

    users: DataFrame
    items: DataFrame
    n: int
    filtered: bool


# -- popularity ----------------------------------------------------------------------------------------------------


def popular(request: Request) -> DataFrame:
    """The n most popular items that a user has not seen -> [user_id, item, score: popularity]."""
    if not request.filtered:  # everybody gets the same rows
        first = request.items.orderBy("position").limit(request.n)
        return request.users.crossJoin(F.broadcast(first)).select("user_id", "item", F.col("popularity").alias("score"))
    items = request.items.select("item", F.array(-F.col("position")).alias("vector"))
    users = request.users.withColumn("vector", F.array(F.lit(1)))
    rows = top_k(users, items, request.n).select("user_id", "item")
    scores = request.items.select("item", F.col("popularity").alias("score"))
    return rows.join(F.broadcast(scores), on="item", how="inner")


def filled_up(own: DataFrame, popular: DataFrame) -> DataFrame:
    """[user_id, item, score, tier]: rows of `popular`[same columns] below those of `own`, where `own` has not got them.

    A row of `popular` scores its popularity (at most 1) less 1 plus the user's lowest own score; alone, its popularity.
    """
    rows = own.withColumn("own", F.lit(True)).unionByName(popular.withColumn("own", F.lit(False)))
    rows = rows.groupBy("user_id", "item").agg(F.max_by(F.struct("own", "score", "tier"), "own").alias("row"))
    rows = rows.select("user_id", "item", "row.*")
    floor = F.min(F.when(F.col("own"), F.col("score"))).over(Window.partitionBy("user_id"))
    below = F.coalesce(floor - 1, F.lit(0.0)) + F.col("score")
    return rows.withColumn("score", F.when(F.col("own"), F.col("score")).otherwise(below)).drop("own")


# -- item neighbours -----------------------------------------------------------------------------------------------


def fit_item_knn(data: Pairs, p: dict[str, Any]) -> Frames:
    """history[user_id, item, weight], neighbours[item, neighbour, similarity].

    Similarity: cosine of the items' columns of weights with shrinkage, dot / (norm * norm + shrinkage) (Dacrema et al.
    2019), the largest `neighbours` of each item. Of each user the `max_history` newest pairs count, which bounds the
    pairs of items a user makes (Schelter et al. 2012).
    """
    newest = Window.partitionBy("user").orderBy(F.desc("last_s"), F.desc("weight"), "item")
    kept = data.pairs.withColumn("row", F.row_number().over(newest)).where(F.col("row") <= p["max_history"])
    history = settled(kept.select("user_id", "user", "item", "weight"))
    left = history.select("user", "item", "weight")
    right = left.select("user", F.col("item").alias("other"), F.col("weight").alias("other_weight"))
    both = left.join(right, on="user", how="inner").where("item < other")
    dots = both.groupBy("item", "other").agg(F.sum(F.col("weight") * F.col("other_weight")).alias("dot"))
    norms = F.broadcast(history.groupBy("item").agg(F.sqrt(F.sum(F.col("weight") ** 2)).alias("norm")))
    similar = (
        dots.join(norms, on="item", how="inner")
        .join(norms.select(F.col("item").alias("other"), F.col("norm").alias("other_norm")), on="other", how="inner")
        .withColumn("similarity", F.col("dot") / (F.col("norm") * F.col("other_norm") + p["shrinkage"]))
    )
    directions = F.array(
        F.struct("item", F.col("other").alias("neighbour")),
        F.struct(F.col("other").alias("item"), F.col("item").alias("neighbour")),
    )
    ways = similar.select(F.explode(directions).alias("way"), "similarity").select("way.*", "similarity")
    best = Window.partitionBy("item").orderBy(F.desc("similarity"), "neighbour")
    neighbours = ways.withColumn("row", F.row_number().over(best)).where(F.col("row") <= p["neighbours"]).drop("row")
    return {"history": history.drop("user"), "neighbours": settled(neighbours)}


def neighbours_of_history(frames: Frames, request: Request) -> DataFrame:
    """[user_id, item, score]: the sum of similarity * weight over a user's history."""
    history = frames["history"].join(F.broadcast(request.users.select("user_id")), on="user_id", how="left_semi")
    similar = frames["neighbours"].join(
        request.items.select(F.col("item").alias("neighbour")), on="neighbour", how="left_semi"
    )
    # By user first: the rows of a user's history then never leave their partition.
    near = history.repartition("user_id").join(F.broadcast(similar), on="item", how="inner")
    scored = near.groupBy("user_id", F.col("neighbour").alias("item")).agg(
        F.sum(F.col("similarity") * F.col("weight")).alias("score")
    )
    if request.filtered:
        seen = request.users.select("user_id", F.explode("seen").alias("item"))
        scored = scored.join(seen, on=["user_id", "item"], how="left_anti")
    return first_rows(scored, request.n)


# -- matrix factorisation ------------------------------------------------------------------------------------------


def fit_als(data: Pairs, p: dict[str, Any], *, implicit: bool) -> Frames:
    """als_users[user_id, vector], als_items[item, vector] by Spark MLlib's alternating least squares.

    Implicit: preference 1 with confidence 1 + alpha * weight (Hu, Koren & Volinsky 2008). Explicit: squared error of
    ratings. Both with the regularisation scaled by the number of ratings (Zhou et al. 2008), as MLlib does.
    """
    als = ALS(
        userCol="user",
        itemCol="item",
        ratingCol="weight",
        implicitPrefs=implicit,
        rank=p["rank"],
        maxIter=p["iterations"],
        regParam=p["reg"],
        numUserBlocks=p["blocks"],
        numItemBlocks=p["blocks"],
        nonnegative=False,
        checkpointInterval=-1,
        seed=p["seed"],
    )
    model = als.setAlpha(p.get("alpha", 1.0)).fit(data.pairs.select("user", "item", "weight"))
    vectors = [f.select(F.col("id"), F.col("features").alias("vector")) for f in (model.userFactors, model.itemFactors)]
    users = data.users.join(vectors[0].withColumnRenamed("id", "user"), on="user", how="inner").drop("user")
    return {"als_users": settled(users), "als_items": settled(vectors[1].withColumnRenamed("id", "item"))}


def by_factors(frames: Frames, request: Request, name: str = "als") -> DataFrame:
    """[user_id, item, score]: the largest dot products of `<name>_users` and `<name>_items`."""
    users = frames[f"{name}_users"].join(request.users, on="user_id", how="inner")
    items = frames[f"{name}_items"].join(request.items.select("item"), on="item", how="left_semi")
    return top_k(users, items, request.n)


# -- blend ---------------------------------------------------------------------------------------------------------


def blended(lists: dict[str, DataFrame], weights: dict[str, float]) -> DataFrame:
    """[user_id, item, score, tier]: weighted reciprocal rank fusion, the sum of weight / (60 + rank) over the lists.

    `lists`: model -> [user_id, item, score, tier], tier the model's name; `tier` of the result is the model with the
    largest part in the sum.
    """
    order = Window.partitionBy("user_id", "tier").orderBy(F.desc("score"), "item")
    weight = F.create_map(*[F.lit(x) for pair in weights.items() for x in pair])[F.col("tier")]
    together = reduce(DataFrame.unionByName, lists.values())
    parts = together.withColumn("part", weight / (_RRF + F.row_number().over(order)))
    return parts.groupBy("user_id", "item").agg(
        F.sum("part").alias("score"), F.max_by("tier", F.struct("part", "tier")).alias("tier")
    )
