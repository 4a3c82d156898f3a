"""Top-k by dot product: item vectors go to every worker, users pass in blocks, numpy multiplies and masks."""

from collections.abc import Callable, Iterable
from functools import reduce
from math import ceil

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

ITEMS_PER_BLOCK = 100_000  # item vectors sent out at once: 26 MB at rank 64
CELLS = 2**23  # scores a worker holds at once: 32 MB

Block = Callable[[Iterable[pd.DataFrame]], Iterable[pd.DataFrame]]


def top_k(users: DataFrame, items: DataFrame, k: int, *, items_per_block: int = ITEMS_PER_BLOCK) -> DataFrame:
    """The `k` items with the largest dot product for each user, without those seen.

    users[user_id, vector, seen: items or null], items[item, vector] -> [user_id, item, score], key (user_id, item);
    fewer than k rows only where fewer items are left. Vectors are arrays of numbers.

    Memory is bounded by the block sizes, whoever has seen how much: the items of one block pass through the driver on
    their way to the workers, a worker scores as many users at once as fit in `CELLS`, and writes -infinity over what a
    user has seen before it picks the k best, so that nobody is asked for more than k.
    """
    schema = T.StructType(
        [users.schema["user_id"], T.StructField("item", T.IntegerType()), T.StructField("score", T.DoubleType())]
    )
    blocks = max(1, ceil(items.count() / items_per_block))
    parts = []
    for block in range(blocks):
        vectors = items.where(F.pmod("item", F.lit(blocks)) == block).select("item", "vector").toPandas()
        parts.append(users.select("user_id", "vector", "seen").mapInPandas(_best_of(vectors, k), schema))
    best = reduce(DataFrame.unionByName, parts)
    return best if blocks == 1 else first_rows(best, k)


def first_rows(scored: DataFrame, n: int) -> DataFrame:
    """The `n` rows with the largest score of each user_id; on equal scores the smaller item number."""
    order = Window.partitionBy("user_id").orderBy(F.desc("score"), "item")
    return scored.withColumn("row", F.row_number().over(order)).where(F.col("row") <= n).drop("row")


def _best_of(vectors: pd.DataFrame, k: int) -> Block:
    vectors = vectors.sort_values("item")
    items = vectors["item"].to_numpy(np.int32)
    matrix = np.stack(vectors["vector"].to_list()).astype(np.float32).T if len(items) else np.empty((0, 0), np.float32)
    step = max(1, CELLS // max(1, len(items)))

    def run(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            for start in range(0, len(batch) if len(items) else 0, step):
                yield _best(batch.iloc[start : start + step], items, matrix, k)

    return run


def _best(users: pd.DataFrame, items: np.ndarray, matrix: np.ndarray, k: int) -> pd.DataFrame:
    scores = np.stack(users["vector"].to_list()).astype(np.float32) @ matrix
    lists = [np.asarray([] if seen is None else seen, np.int32) for seen in users["seen"]]
    rows, seen = np.repeat(np.arange(len(lists)), [len(x) for x in lists]), np.concatenate(lists)
    columns = np.minimum(np.searchsorted(items, seen), len(items) - 1)
    here = items[columns] == seen
    scores[rows[here], columns[here]] = -np.inf
    k = min(k, len(items))
    columns = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    best = np.take_along_axis(scores, columns, axis=1)
    keep = np.isfinite(best)
    return pd.DataFrame(
        {
            "user_id": users["user_id"].to_numpy()[np.nonzero(keep)[0]],
            "item": items[columns[keep]],
            "score": best[keep].astype(float),
        }
    )
