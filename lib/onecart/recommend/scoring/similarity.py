"""Who is nearest to whom: similarities between the rows of a sparse matrix, exact, in blocks of bounded memory."""

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from scipy import sparse

from onecart.frames import DIGITS

# What a worker holds at once; together some 300 MB, whatever the matrix.
CELLS_PER_BLOCK = 2_000_000  # of the matrix: two blocks
PRODUCTS = 2_000_000  # similarities
KEPT = 4_000_000  # neighbours found
_SCHEMA = "row int, other int, similarity double"


def nearest(
    cells: DataFrame, n: int, *, similarity: str = "cosine", shrinkage: float = 0.0, among: DataFrame | None = None
) -> DataFrame:
    """The `n` most similar other rows of each row: [row, other, similarity], key (row, other), similarity above 0.
    `among`[row]: the only rows that may be the other one.

    cells[row, column, weight], key (row, column): a matrix by its entries; rows and columns are integers. cosine: dot /
    (norm * norm + shrinkage) (shrinkage: Dacrema et al. 2019); adjusted_cosine: of weights less their column's mean
    (Sarwar et al. 2001); jaccard: columns in common / (columns of either + shrinkage).

    Blocks of rows meet block by block, each meeting in one task as products of sparse matrices, a few rows at a time, so
    memory does not grow with the matrix, however popular a column is. Equal similarities: the smaller `other`.
    """
    if similarity == "adjusted_cosine":
        mean = F.avg("weight").over(Window.partitionBy("column"))
        cells = cells.withColumn("weight", F.col("weight") - mean)
    elif similarity == "jaccard":
        cells = cells.withColumn("weight", F.lit(1.0))
    cells = cells.select(*[F.col(c).cast("int") for c in ("row", "column")], F.col("weight").cast("double"))
    others = cells if among is None else cells.join(among, on="row", how="left_semi")
    size = others.agg(F.count("*").alias("cells"), F.approx_count_distinct("row").alias("rows")).first()
    blocks = max(1, ceil(size["cells"] / CELLS_PER_BLOCK))
    most = max(blocks, ceil(size["rows"] * n / KEPT), cells.sparkSession.sparkContext.defaultParallelism)

    def meetings(side: DataFrame, mine: str, mine_n: int, other: str, other_n: int) -> Any:
        every = F.explode(F.sequence(F.lit(0), F.lit(other_n - 1)))
        # Columns under new ids: Spark takes the columns of two sides with one origin for each other's.
        side = side.select(*[F.col(c).alias(c) for c in side.columns])
        return side.withColumns({mine: F.pmod("row", F.lit(mine_n)), other: every}).groupBy("left", "right")

    met = meetings(cells, "left", most, "right", blocks).cogroup(meetings(others, "right", blocks, "left", most))
    found = met.applyInPandas(_meet(n, similarity == "jaccard", shrinkage), _SCHEMA)
    if blocks == 1:
        return found
    order = Window.partitionBy("row").orderBy(F.desc("similarity"), "other")
    return found.withColumn("place", F.row_number().over(order)).where(F.col("place") <= n).drop("place")


def newest(pairs: DataFrame, n: int) -> DataFrame:
    """The `n` newest rows of each user."""
    order = Window.partitionBy("user_id").orderBy(F.desc("last_s"), F.desc("weight"), "item")
    return pairs.withColumn("place", F.row_number().over(order)).where(F.col("place") <= n).drop("place")


def _meet(n: int, jaccard: bool, shrinkage: float) -> Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]:
    def meet(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
        if left.empty or right.empty:
            return pd.DataFrame({"row": [], "other": [], "similarity": []})
        width = 1 + max(left["column"].max(), right["column"].max())
        (a, a_ids), (b, b_ids) = (_matrix(side, width) for side in (left, right))
        a_size, b_size = (np.asarray(m.multiply(m).sum(axis=1)).ravel() for m in (a, b))
        if not jaccard:
            a_size, b_size = np.sqrt(a_size), np.sqrt(b_size)
        columns, step, out = b.T.tocsr(), max(1, PRODUCTS // len(b_ids)), []
        for start in range(0, len(a_ids), step):
            dots = a[start : start + step] @ columns
            for at in range(dots.shape[0]):
                row, mine = start + at, slice(dots.indptr[at], dots.indptr[at + 1])
                dot, others = dots.data[mine], dots.indices[mine]
                if jaccard:
                    below = a_size[row] + b_size[others] - dot + shrinkage
                else:
                    below = a_size[row] * b_size[others] + shrinkage
                # Rounded, so that equal ones are equal in whatever order their sums are taken.
                similarity = np.round(dot / np.maximum(below, 1e-12), DIGITS)
                out.append(_first(a_ids[row], b_ids[others], similarity, n))
        rows, others, similarities = zip(*out, strict=True)
        sizes = [len(o) for o in others]
        return pd.DataFrame(
            {
                "row": np.repeat(rows, sizes),
                "other": np.concatenate(others),
                "similarity": np.concatenate(similarities),
            }
        )

    return meet


def _first(row: int, others: Any, similarity: Any, n: int) -> tuple[int, Any, Any]:
    """`row`, and its `n` best others with their similarities, above 0; of equal ones the smaller other."""
    able = (similarity > 0) & (others != row)
    if able.sum() > n:
        able &= similarity >= np.partition(similarity[able], -n)[-n]
    others, similarity = others[able], similarity[able]
    order = np.lexsort((others, -similarity))[:n]
    return row, others[order], similarity[order]


def _matrix(cells: pd.DataFrame, width: int) -> tuple[Any, np.ndarray]:
    ids, rows = np.unique(cells["row"].to_numpy(), return_inverse=True)
    shape = (len(ids), width)
    return sparse.csr_matrix((cells["weight"].to_numpy(), (rows, cells["column"].to_numpy())), shape), ids
