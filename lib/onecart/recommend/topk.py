"""Top-k by dot product: item vectors go to every worker, users pass in blocks, numpy multiplies and masks."""

from collections.abc import Callable, Iterable
from functools import reduce
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T
from scipy import sparse

ITEMS_PER_BLOCK = 100_000  # item vectors sent out at once: 26 MB at rank 64
CELLS = 2**23  # scores a worker holds at once: 32 MB

Block = Callable[[Iterable[pd.DataFrame]], Iterable[pd.DataFrame]]


def top_k(users: DataFrame, items: DataFrame, k: int, *, items_per_block: int = ITEMS_PER_BLOCK) -> DataFrame:
    """The `k` items with the largest dot product for each user, without those seen.

    users[user_id, vector, seen: items or null], items[item, vector] -> [user_id, item, score], key (user_id, item);
    fewer than k rows only where fewer items are left. Vectors are arrays of numbers, or all are sparse, see `vectors`;
    between sparse ones a product of 0 is no score, as nothing is known.

    Memory is bounded by the block sizes, whoever has seen how much: the items of one block pass through the driver on
    their way to the workers, a worker scores as many users at once as fit in `CELLS`, and writes -infinity over what a
    user has seen before it picks the k best, so that nobody is asked for more than k.
    """
    schema = T.StructType(
        [users.schema["user_id"], T.StructField("item", T.IntegerType()), T.StructField("score", T.DoubleType())]
    )
    thin = isinstance(items.schema["vector"].dataType, T.StructType)
    blocks = max(1, ceil(items.count() / items_per_block))
    parts = []
    for block in range(blocks):
        rows = items.where(F.pmod("item", F.lit(blocks)) == block).select("item", *_columns(thin)).toPandas()
        scored = users.select("user_id", "seen", *_columns(thin)).mapInPandas(_best_of(rows, k), schema)
        parts.append(scored)
    best = reduce(DataFrame.unionByName, parts)
    return best if blocks == 1 else first_rows(best, k)


def vectors(cells: DataFrame, key: str, index: str, value: str) -> DataFrame:
    """[key, vector], key `key`: the sparse vectors whose `cells` are these, an entry each: struct(index, value), two
    arrays of equal length."""
    entries = F.collect_list(F.struct(F.col(index).cast("int").alias("i"), F.col(value).cast("float").alias("v")))
    pairs = cells.groupBy(key).agg(entries.alias("entries"))
    return pairs.select(
        key, F.struct(F.col("entries.i").alias("index"), F.col("entries.v").alias("value")).alias("vector")
    )


def first_rows(scored: DataFrame, n: int) -> DataFrame:
    """The `n` rows with the largest score of each user_id; on equal scores the smaller item number."""
    order = Window.partitionBy("user_id").orderBy(F.desc("score"), "item")
    return scored.withColumn("row", F.row_number().over(order)).where(F.col("row") <= n).drop("row")


def _columns(thin: bool) -> list[Column]:
    return [F.col("vector.index"), F.col("vector.value")] if thin else [F.col("vector").alias("value")]


def _best_of(rows: pd.DataFrame, k: int) -> Block:
    rows = rows.sort_values("item")
    items = rows["item"].to_numpy(np.int32)
    thin = "index" in rows
    width = 1 + max((int(np.max(i)) for i in rows["index"] if len(i)), default=0) if thin else None
    matrix = _matrix(rows, width).T if len(items) else None
    step = max(1, CELLS // max(1, len(items)))

    def run(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            for start in range(0, len(batch) if len(items) else 0, step):
                some = batch.iloc[start : start + step]
                scores = _matrix(some, width) @ matrix
                if thin:
                    scores = scores.toarray()
                    scores[scores == 0] = -np.inf
                yield _best(some, items, scores, k)

    return run


def _matrix(rows: pd.DataFrame, width: int | None) -> Any:
    """A row of numbers each; sparse ones are cut off at `width`, beyond which the other side has nothing."""
    if width is None:
        return np.stack(rows["value"].to_list()).astype(np.float32)
    row, index, value = flat(rows["index"], rows["value"])
    here = index < width
    return sparse.csr_matrix((value[here], (row[here], index[here])), (len(rows), width), dtype=np.float32)


def flat(index: pd.Series, value: pd.Series) -> tuple[Any, Any, Any]:
    """Position of the row, index and value of every entry of rows of arrays."""
    row = np.repeat(np.arange(len(index)), [len(x) for x in index])
    if not len(row):
        return row, np.zeros(0, np.int32), np.zeros(0, np.float32)
    return row, np.concatenate(index.to_list()).astype(np.int32), np.concatenate(value.to_list()).astype(np.float32)


def _best(users: pd.DataFrame, items: np.ndarray, scores: np.ndarray, k: int) -> pd.DataFrame:
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
