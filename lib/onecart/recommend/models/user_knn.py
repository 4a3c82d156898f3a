"""user_knn: what users like this one have, or how they rated it."""

from typing import Literal

from pydantic import Field
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.frames import DIGITS, break_lineage
from onecart.recommend.interactions import Frames, Training
from onecart.recommend.models.protocol import AGES, Model, Parameters, Space
from onecart.recommend.scoring.lists import Request, lists_of
from onecart.recommend.scoring.similarity import nearest, newest
from onecart.recommend.scoring.topk import by_vectors, vectors

SPACE: Space = {"neighbours": (10, 500, "log"), "shrinkage": (0.0, 100.0), "similarity": ["cosine", "jaccard"], **AGES}


class UserKnn(Parameters):
    """What users like this one have. ratings: `value` is a rating, and an item's score the predicted rating: the user's
    mean plus the neighbours' deviations from theirs, weighted by similarity (Resnick et al. 1994)."""

    neighbours: int = Field(60, ge=1)
    shrinkage: float = Field(0.0, ge=0)
    max_history: int = Field(500, ge=1)
    similarity: Literal["cosine", "jaccard"] = "cosine"
    ratings: bool = False


def fit(training: Training, p: UserKnn) -> Frames:
    """user_knn_users: a user's vector holds the similarities to their neighbours; user_knn_items: an item's the weights
    of its users. With ratings also means[user, mean] and ratings[user, item, weight]."""
    data = training.data
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


def propose(frames: Frames, request: Request, p: UserKnn) -> DataFrame:
    """Lists by what the neighbours have, see `by_deviations` for ratings."""
    return by_deviations(frames, request) if p.ratings else by_vectors(frames, request, "user_knn")


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


def of_ratings(p: UserKnn) -> bool:
    """Whether values are ratings."""
    return p.ratings


MODEL = Model("user_knn", UserKnn, SPACE, fit, propose, of_ratings=of_ratings)
