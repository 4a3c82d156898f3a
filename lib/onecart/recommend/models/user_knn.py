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
from onecart.recommend.scoring.topk import vectors

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
    """user_knn_users: a user's vector holds the similarities to their neighbours; user_knn_cells[user, item, weight]: what
    these have. With ratings instead of the cells means[user_id, mean] and deviations[user, item, d]."""
    data = training.data
    cells = break_lineage(newest(data.pairs, p.max_history))
    rows = cells.select(F.col("user").alias("row"), F.col("item").alias("column"), "weight")
    near = nearest(rows, p.neighbours, similarity=p.similarity, shrinkage=p.shrinkage).withColumnRenamed("row", "user")
    named = near.join(data.users, on="user", how="inner")
    frames = {"user_knn_users": break_lineage(vectors(named, "user_id", "other", "similarity"))}
    if not p.ratings:
        return frames | {"user_knn_cells": cells.select("user", "item", "weight")}
    deviation = F.round(F.col("weight") - F.avg("weight").over(Window.partitionBy("user")), DIGITS)
    means = cells.groupBy("user_id").agg(F.round(F.avg("weight"), DIGITS).alias("mean"))
    return frames | {
        "means": break_lineage(means),
        "deviations": break_lineage(cells.select("user", "item", deviation.alias("d"))),
    }


def propose(frames: Frames, request: Request, p: UserKnn) -> DataFrame:
    """Lists by what the neighbours have, see `by_deviations` for ratings."""
    return by_deviations(frames, request) if p.ratings else by_neighbours(frames, request)


def by_neighbours(frames: Frames, request: Request) -> DataFrame:
    """Lists by the sum of similarity * weight over a user's neighbours. Only Spark joins: what users have never passes through
    the driver."""
    theirs = _near(frames, request).join(frames["user_knn_cells"], on="user", how="inner")
    theirs = theirs.join(request.items.select("item"), on="item", how="left_semi")
    score = F.round(F.sum(F.expr("s * weight")), DIGITS)
    return lists_of(_unseen(theirs.groupBy("user_id", "item").agg(score.alias("score")), request), request.n)


def by_deviations(frames: Frames, request: Request) -> DataFrame:
    """Lists by a user's mean rating and what the neighbours' ratings deviate from theirs, on average by
    similarity, over the neighbours who rated the item (Resnick et al. 1994)."""
    rated = _near(frames, request).join(frames["deviations"], on="user", how="inner")
    rated = rated.join(request.items.select("item"), on="item", how="left_semi")
    sums = rated.groupBy("user_id", "item").agg(F.round(F.sum(F.expr("s * d")) / F.sum("s"), DIGITS).alias("d"))
    scored = sums.join(frames["means"], on="user_id", how="inner")
    scored = scored.select("user_id", "item", (F.col("mean") + F.col("d")).alias("score"))
    return lists_of(_unseen(scored, request), request.n)


def _near(frames: Frames, request: Request) -> DataFrame:
    """[user_id, user, s]: the neighbours of those who ask, and how near they are."""
    asked = frames["user_knn_users"].join(request.users.select("user_id"), on="user_id", how="left_semi")
    entry = F.posexplode("vector.index").alias("i", "user")
    return asked.select("user_id", "vector.value", entry).selectExpr("user_id", "user", "double(value[i]) AS s")


def _unseen(scored: DataFrame, request: Request) -> DataFrame:
    if not request.filtered:
        return scored
    seen = request.users.select("user_id", F.explode("seen").alias("item"))
    return scored.join(seen, on=["user_id", "item"], how="left_anti")


def of_ratings(p: UserKnn) -> bool:
    """Whether values are ratings."""
    return p.ratings


MODEL = Model("user_knn", UserKnn, SPACE, fit, propose, of_ratings=of_ratings)
