"""ease: a linear model of items on items, in closed form."""

from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import linalg, sparse

from onecart.errors import UsageError
from onecart.frames import break_lineage
from onecart.recommend.interactions import Frames, Training
from onecart.recommend.models.protocol import AGES, Model, Parameters, Space
from onecart.recommend.scoring.lists import Request
from onecart.recommend.scoring.topk import by_vectors, vectors

SPACE: Space = {"l2": (10.0, 3000.0, "log")}


class Ease(Parameters):
    """A linear model of items on items, in closed form. l2: its regularisation, in users. kept: coefficients of an item
    that are kept, the largest. It is solved on the driver, up to `max_items` items: 8 bytes * max_items^2, three times."""

    l2: float = Field(500.0, gt=0)
    kept: int = Field(200, ge=1)
    max_items: int = Field(8000, ge=1)


def fit(training: Training, p: Ease) -> Frames:
    """ease_users: a user's vector holds their weights; ease_items: an item's the `kept` largest coefficients of others.

    Steck, Embarrassingly Shallow Autoencoders for Sparse Data (2019): the least squares of each item on all others, from
    who has what. Solved on the driver, through which (user, item) of all pairs passes. UsageError: too many items.
    """
    data = training.data
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


def propose(frames: Frames, request: Request, p: Any) -> DataFrame:
    """Lists by the sum of weight * coefficient over what a user has."""
    return by_vectors(frames, request, "ease")


def fold_in(frames: Frames, cells: DataFrame, p: Any) -> Frames:
    """The users' vectors anew."""
    return {"ease_users": vectors(cells, "user_id", "item", "weight")}


MODEL = Model("ease", Ease, {**SPACE, **AGES}, fit, propose, fold_in)
