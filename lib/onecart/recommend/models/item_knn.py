"""item_knn: items like those a user has."""

from typing import Any, Literal

from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.frames import break_lineage
from onecart.recommend.interactions import Frames, Training
from onecart.recommend.models.protocol import AGES, Model, Parameters, Space
from onecart.recommend.scoring.lists import Request
from onecart.recommend.scoring.similarity import nearest, newest
from onecart.recommend.scoring.topk import by_vectors, vectors

SPACE: Space = {"neighbours": (10, 500, "log"), "shrinkage": (0.0, 100.0)}


class ItemKnn(Parameters):
    """Items like those a user has, see `similarity.nearest`. max_history: of a user's items the newest make neighbours.
    adjusted_cosine: of ratings, each less its user's mean."""

    neighbours: int = Field(200, ge=1)
    shrinkage: float = Field(20.0, ge=0)
    max_history: int = Field(500, ge=1)
    similarity: Literal["cosine", "adjusted_cosine", "jaccard"] = "cosine"


def fit(training: Training, p: ItemKnn) -> Frames:
    """item_knn_users: a user's vector holds their weights; item_knn_items: an item's the similarities to its neighbours."""
    cells = break_lineage(newest(training.data.pairs, p.max_history))
    rows = cells.select(F.col("item").alias("row"), F.col("user").alias("column"), "weight")
    near = nearest(rows, p.neighbours, similarity=p.similarity, shrinkage=p.shrinkage)
    return {
        "item_knn_users": break_lineage(vectors(cells, "user_id", "item", "weight")),
        "item_knn_items": break_lineage(vectors(near.withColumnRenamed("row", "item"), "item", "other", "similarity")),
    }


def propose(frames: Frames, request: Request, p: Any) -> DataFrame:
    """Lists by the sum of weight * similarity over what a user has."""
    return by_vectors(frames, request, "item_knn")


def fold_in(frames: Frames, cells: DataFrame, p: ItemKnn) -> Frames:
    """The users' vectors anew."""
    return {"item_knn_users": vectors(newest(cells, p.max_history), "user_id", "item", "weight")}


def of_ratings(p: ItemKnn) -> bool:
    """Whether what is compared is more and less than a user's mean."""
    return p.similarity == "adjusted_cosine"


MODEL = Model(
    "item_knn",
    ItemKnn,
    {**SPACE, "similarity": ["cosine", "jaccard"], **AGES},
    fit,
    propose,
    fold_in,
    of_ratings,
)
