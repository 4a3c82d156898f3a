"""Top-k by dot product: item vectors go to every worker, users pass in blocks, numpy multiplies and masks."""

from collections.abc import Iterable
from functools import reduce
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from scipy import sparse

from onecart.recommend.interactions import Frames
from onecart.recommend.scoring.lists import Block, Request, lists_of, lists_schema, rows_of

ITEMS_PER_BLOCK = 100_000  # item vectors sent out at once: 26 MB at rank 64
CELLS = 2**23  # scores a worker holds at once: 32 MB
_WIDTH = 64  # columns of which only the best is looked at first


def top_k(users: DataFrame, items: DataFrame, k: int, *, items_per_block: int = ITEMS_PER_BLOCK) -> DataFrame:
    """The lists of the `k` items with the largest dot product for each user, without those seen.

    users[user_id, vector, seen: items or null], items[item, vector] -> lists, see `lists`; shorter than k only where fewer
    items are left. Vectors are arrays of numbers, or all are sparse, see `vectors`;
    between sparse ones a product of 0 is no score, as nothing is known.

    Memory is bounded by the block sizes, whoever has seen how much: the items of one block pass through the driver on
    their way to the workers, a worker scores as many users at once as fit in `CELLS`, and writes -infinity over what a
    user has seen before it picks the k best, so that nobody is asked for more than k.
    """
    schema = lists_schema(users.schema["user_id"])
    thin = isinstance(items.schema["vector"].dataType, T.StructType)
    rows = items.select("item", *_columns(thin)).limit(items_per_block + 1).toPandas()
    one_block = len(rows) <= items_per_block  # mostly; then nothing has to be counted first
    blocks = 1 if one_block else ceil(items.count() / items_per_block)
    parts = []
    for block in range(blocks):
        if not one_block:
            rows = items.where(F.pmod("item", F.lit(blocks)) == block).select("item", *_columns(thin)).toPandas()
        scored = users.select("user_id", "seen", *_columns(thin)).mapInPandas(_best_of(rows, k), schema)
        parts.append(scored)
    best = reduce(DataFrame.unionByName, parts)
    return best if blocks == 1 else lists_of(rows_of(best), k)


def vectors(cells: DataFrame, key: str, index: str, value: str) -> DataFrame:
    """[key, vector], key `key`: the sparse vectors whose `cells` are these, an entry each: struct(index, value), two
    arrays of equal length."""
    entries = F.collect_list(F.struct(F.col(index).cast("int").alias("i"), F.col(value).cast("float").alias("v")))
    pairs = cells.groupBy(key).agg(entries.alias("entries"))
    return pairs.select(
        key, F.struct(F.col("entries.i").alias("index"), F.col("entries.v").alias("value")).alias("vector")
    )


def by_vectors(frames: Frames, request: Request, model: str) -> DataFrame:
    """Lists by the largest dot products of user and item vectors."""
    users = frames[f"{model}_users"].join(request.users, on="user_id", how="inner")
    items = frames[f"{model}_items"].join(request.items.select("item"), on="item", how="left_semi")
    return top_k(users, items, request.n)


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
    seen = [() if some is None else some for some in users["seen"]]
    row, known = np.repeat(np.arange(len(seen)), [len(x) for x in seen]), np.concatenate([*seen, ()]).astype(np.int32)
    columns = np.minimum(np.searchsorted(items, known), len(items) - 1)
    here = items[columns] == known
    scores[row[here], columns[here]] = -np.inf
    columns, best = _largest(scores, min(k, len(items)))
    sizes = np.isfinite(best).sum(axis=1)  # -infinity comes last
    lists = [items[c[:n]] for c, n in zip(columns, sizes, strict=True)]
    values = [v[:n] for v, n in zip(best.astype(float), sizes, strict=True)]
    return pd.DataFrame({"user_id": users["user_id"].to_numpy(), "items": lists, "scores": values})


def _largest(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(columns, scores) of the `k` largest of each row, the largest first, of equal ones the first column first.

    They lie in those k blocks of columns whose largest are the largest: one pass finds the maxima of blocks, and only what
    is in k blocks is sorted. Column c is in block c modulo the number of blocks, so that the pass works on whole rows.
    """
    rows, n = scores.shape
    blocks = max(k, n // _WIDTH)
    high = -(-n // blocks)
    top = scores[:, :blocks].copy()
    for start in range(blocks, n, blocks):
        part = scores[:, start : start + blocks]
        np.maximum(top[:, : part.shape[1]], part, out=top[:, : part.shape[1]])
    chosen = np.argpartition(-top, k - 1, axis=1)[:, :k]
    at = (chosen[:, None, :] + blocks * np.arange(high)[None, :, None]).reshape(rows, -1)
    inside = np.minimum(at, n - 1)
    found = np.where(at < n, np.take_along_axis(scores, inside, axis=1), -np.inf)
    first = np.argpartition(-found, k - 1, axis=1)[:, :k]
    columns, best = (np.take_along_axis(a, first, axis=1) for a in (inside, found))
    order = np.lexsort((columns, -best))
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(best, order, axis=1)
