"""Ten products for each user, by three engines on the same interactions, each in a process of its own:
`python -m onecart.bench.lists ENGINE DATA OUT` learns from DATA (Parquet: user_id, item_id) and writes OUT/lists.
"""

import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.bench import runs
from onecart.errors import require_known

_K, _RANK, _ITERATIONS, _REG, _ALPHA, _SEED = 10, 32, 5, 0.05, 1.0, 7
_ITEMS, _TASTES, _A_USER = 20_000, 50, 30
TABLE: tuple[tuple[str, str], ...] = (
    ("users", "{:,}"),
    ("engine", "{}"),
    ("train_s", "{:.1f}"),
    ("topk_s", "{:.1f}"),
    ("peak_gib", "{:.2f}"),
    ("rows", "{:,}"),
    ("seen", "{:,}"),
)


def measure(
    spark: SparkSession, sizes: Sequence[int], engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:
    """One row per size (users) and engine, the columns of TABLE: matrix factorisation of rank 32 in 5 rounds, and the ten
    best of 20,000 items for each user, without what they have.

    train_s: from interactions on disk to vectors; topk_s: from vectors to lists on disk; peak_gib: resident memory of its
    processes; rows: of the lists; seen: rows among them that the user has already, which should be none. spark-mllib:
    recommendForAllUsers of 10 more than the most that anybody has, then an anti join. No `engines`: all.
    """
    require_known(engines or (), LISTS, "engine")
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="onecart-bench-") as folder:
            interactions(spark, size, seed).write.parquet(f"{folder}/data")
            for engine in engines or LISTS:
                argv, hint = (engine, f"{folder}/data", f"{folder}/{engine}"), " (pip install 'onecart[bench]')"
                stats = runs.in_own_process("onecart.bench.lists", *argv, what=engine, hint=hint)
                found, data = (spark.read.parquet(f"{folder}/{part}") for part in (f"{engine}/lists", "data"))
                seen = found.join(data, on=["user_id", "item_id"], how="left_semi").count()
                yield {"users": size, "engine": engine, **stats, "rows": found.count(), "seen": seen}


def interactions(spark: SparkSession, users: int, seed: int) -> DataFrame:
    """Made-up [user_id, item_id], key both: about 30 of 20,000 items a user, a few are very popular, and most of a user's
    come from one of 50 tastes. Seeded."""

    def made(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            ids = batch["id"].to_numpy()
            rng = np.random.default_rng([seed, int(ids[0])])
            many = rng.poisson(_A_USER - 1, len(ids)) + 1
            user = np.repeat(ids, many)
            popular = np.minimum((rng.pareto(0.8, len(user)) * 20).astype(np.int64), _ITEMS - 1)
            own = popular - popular % _TASTES + user % _TASTES
            item = np.where(rng.uniform(size=len(user)) < 0.7, np.minimum(own, _ITEMS - 1), popular)
            yield pd.DataFrame({"user_id": user, "item_id": item.astype(np.int64)}).drop_duplicates()

    return spark.range(0, users, numPartitions=4).mapInPandas(made, "user_id long, item_id long")


def main(argv: list[str]) -> int:
    name, data, out = argv
    seconds = ("train_s", "topk_s")
    return runs.write_stats(
        out, lambda: LISTS[name](data, f"{out}/lists"), lambda took: dict(zip(seconds, took, strict=True))
    )


def onecart(data: str, out: str) -> tuple[float, float]:
    from onecart import recommend, spark

    rows = spark.session().read.parquet(data)
    clock = time.monotonic()
    model = recommend.fit(rows, "als", rank=_RANK, iterations=_ITERATIONS, reg=_REG, alpha=_ALPHA, seed=_SEED)
    trained = time.monotonic()
    model.recommend(k=_K).select("user_id", "item_id").write.parquet(out)
    return trained - clock, time.monotonic() - trained


def spark_mllib(data: str, out: str) -> tuple[float, float]:
    from pyspark.ml.recommendation import ALS

    from onecart import spark

    rows = spark.session().read.parquet(data)
    numbers = rows.select(*[F.col(c).cast("int").alias(c) for c in ("user_id", "item_id")], F.lit(1.0).alias("value"))
    clock = time.monotonic()
    als = ALS(
        userCol="user_id", itemCol="item_id", ratingCol="value", implicitPrefs=True, rank=_RANK, maxIter=_ITERATIONS,
        regParam=_REG, alpha=_ALPHA, numUserBlocks=4, numItemBlocks=4, seed=_SEED,
    )  # fmt: skip
    model = als.fit(numbers)
    model.userFactors.count()
    trained = time.monotonic()
    most = numbers.groupBy("user_id").count().agg(F.max("count")).first()[0]
    lists = model.recommendForAllUsers(_K + most).select("user_id", F.posexplode("recommendations"))
    new = lists.select("user_id", "pos", F.col("col.item_id").alias("item_id"))
    new = new.join(numbers.select("user_id", "item_id"), on=["user_id", "item_id"], how="left_anti")
    kept = F.slice(F.sort_array(F.collect_list(F.struct("pos", "item_id"))), 1, _K)
    ten = new.groupBy("user_id").agg(kept.alias("ten")).select("user_id", F.explode("ten.item_id").alias("item_id"))
    ten.select(*[F.col(c).cast("long").alias(c) for c in ten.columns]).write.parquet(out)
    return trained - clock, time.monotonic() - trained


def implicit(data: str, out: str) -> tuple[float, float]:
    from implicit.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix

    clock = time.monotonic()
    rows = pd.read_parquet(data)
    ones = np.ones(len(rows), np.float32)
    matrix = csr_matrix((ones, (rows["user_id"].to_numpy(), rows["item_id"].to_numpy())))
    model = AlternatingLeastSquares(
        factors=_RANK, iterations=_ITERATIONS, regularization=_REG, alpha=_ALPHA, random_state=_SEED
    )
    model.fit(matrix, show_progress=False)
    trained = time.monotonic()
    users = np.arange(matrix.shape[0])
    items, _ = model.recommend(users, matrix, N=_K, filter_already_liked_items=True)
    os.makedirs(out)
    table = pd.DataFrame({"user_id": np.repeat(users, items.shape[1]), "item_id": items.ravel().astype(np.int64)})
    table.to_parquet(f"{out}/part.parquet")
    return trained - clock, time.monotonic() - trained


LISTS: dict[str, Callable[[str, str], tuple[float, float]]] = {
    "onecart": onecart,
    "spark-mllib": spark_mllib,
    "implicit": implicit,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
