"""als and als_explicit: matrix factorisation of what users have, and of how they rated it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.frames import break_lineage
from onecart.recommend.interactions import Frames, Training
from onecart.recommend.models.protocol import AGES, Model, Parameters, Space
from onecart.recommend.scoring.lists import Request
from onecart.recommend.scoring.topk import by_vectors

_FACTORS: Space = {"rank": (8, 128, "log"), "reg": (0.01, 1.0, "log")}
SPACE: Space = {**_FACTORS, "alpha": (0.1, 40.0, "log")}


class AlsExplicit(Parameters):
    """Matrix factorisation of ratings."""

    rank: int = Field(32, ge=1)
    iterations: int = Field(10, ge=1)
    reg: float = Field(0.1, ge=0)
    blocks: int = Field(4, ge=1)
    seed: int = 7


class Als(AlsExplicit):
    """Implicit matrix factorisation: confidence 1 + alpha * weight."""

    reg: float = Field(0.2, ge=0)
    alpha: float = Field(1.0, gt=0)


def fit(training: Training, p: AlsExplicit) -> Frames:
    """als_users[user_id, vector], als_items[item, vector] (als_explicit_...) by Spark MLlib's alternating least squares.

    Implicit (`Als`): preference 1 with confidence 1 + alpha * weight (Hu, Koren & Volinsky 2008). Explicit: squared error
    of ratings. Both with the regularisation scaled by the number of ratings (Zhou et al. 2008), as MLlib does.
    """
    data = training.data
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


def propose(frames: Frames, request: Request, p: Any) -> DataFrame:
    """Lists by the dot product of the implicit factors."""
    return by_vectors(frames, request, "als")


def propose_explicit(frames: Frames, request: Request, p: Any) -> DataFrame:
    """Lists by the dot product of the factors of ratings."""
    return by_vectors(frames, request, "als_explicit")


def fold_in(frames: Frames, cells: DataFrame, p: Als) -> Frames:
    """The half step that MLlib would take next for these users."""
    return {"als_users": factors(frames, cells, p)}


def factors(frames: Frames, cells: DataFrame, p: Als) -> DataFrame:
    """[user_id, vector], key user_id: the factors that implicit ALS would give the users of `cells`[user_id, item, weight]
    in its next half step, with the item factors as they are (Hu, Koren & Volinsky 2008, eq. 4)."""
    items = frames["als_items"]
    learnt = items.join(frames["items"].where("popularity > 0").select("item"), on="item", how="left_semi")

    def products(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            y = np.stack(batch["vector"].to_list()).astype(float)
            yield pd.DataFrame({"gram": [(y.T @ y).ravel()]})

    grams = learnt.select("vector").mapInPandas(products, "gram array<double>").toPandas()
    gram = np.sum(grams["gram"].to_list(), axis=0).reshape(p.rank, p.rank)
    alpha, reg = p.alpha, p.reg

    def solved(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            found = []
            for weight, vectors_ in zip(batch["weight"], batch["vector"], strict=True):
                y, more = np.stack(list(vectors_)).astype(float), alpha * np.asarray(weight, float)
                left = gram + (y.T * more) @ y + reg * len(more) * np.eye(len(gram))
                found.append(np.linalg.solve(left, y.T @ (1 + more)).astype(np.float32))
            yield pd.DataFrame({"user_id": batch["user_id"], "vector": found})

    has = cells.join(F.broadcast(items), on="item", how="inner").groupBy("user_id")
    lists = has.agg(F.collect_list("weight").alias("weight"), F.collect_list("vector").alias("vector"))
    schema = T.StructType([cells.schema["user_id"], T.StructField("vector", T.ArrayType(T.FloatType()))])
    return lists.mapInPandas(solved, schema)


MODEL = Model("als", Als, {**SPACE, **AGES}, fit, propose, fold_in)
EXPLICIT = Model("als_explicit", AlsExplicit, _FACTORS, fit, propose_explicit, of_ratings=lambda p: True)
