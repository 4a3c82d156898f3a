"""Gradient boosting by several engines on the same rows, each in a process of its own:
`python -m onecart.bench.boosters ENGINE DATA OUT` learns from DATA/train, is measured on DATA/test (Parquet: numbers and y).
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.bench import runs
from onecart.errors import require_known
from onecart.intent.evaluation.metrics import auc, average_precision

_TREES, _DEPTH, _STEP, _SEED = 100, 5, 0.1, 7
_FEATURES, _TEST_ROWS = 20, 100_000
Measured = tuple[float, Any, Any]  # seconds to train; of the test rows the probabilities and what came true
TABLE: tuple[tuple[str, str], ...] = (
    ("rows", "{:,}"),
    ("engine", "{}"),
    ("train_s", "{:.1f}"),
    ("peak_gib", "{:.2f}"),
    ("auc", "{:.4f}"),
    ("average_precision", "{:.4f}"),
)


def measure(
    spark: SparkSession, sizes: Sequence[int], engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:
    """One row per size and engine, the columns of TABLE.

    train_s: from rows on disk to a trained model, with 100 trees of depth 5 and steps of 0.1, but onecart, which is
    `intent.train` by default, calibration, figures and reasons included; peak_gib: resident memory of its processes; auc,
    average_precision: on other rows, the same for all. No `engines`: all. This session idles meanwhile.
    """
    require_known(engines or (), BOOSTERS, "engine")
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="onecart-bench-") as folder:
            rows(spark, size, seed).write.parquet(f"{folder}/data/train")
            rows(spark, _TEST_ROWS, seed + 1).write.parquet(f"{folder}/data/test")
            for engine in engines or BOOSTERS:
                argv, hint = (engine, f"{folder}/data", f"{folder}/{engine}"), " (pip install 'onecart[bench,xgboost]')"
                stats = runs.in_own_process("onecart.bench.boosters", *argv, what=engine, hint=hint)
                yield {"rows": size, "engine": engine, **stats}


def rows(spark: SparkSession, n: int, seed: int) -> DataFrame:
    """Made-up sessions: 20 numbers, of which some matter together only; y is 1 in about a fifth. Seeded."""
    numbers = [F.randn(seed * 100 + i).alias(f"x{i}") for i in range(_FEATURES)]
    z = F.expr(
        "-3 + x0 + 0.8 * x1 * x2 + IF(x3 > 0.5 AND x4 > 0, 1.5, 0) + 0.5 * sin(3 * x5) + abs(x6) - 0.3 * x7 * x7"
    )
    hit = (F.rand(seed * 100 + 99) < 1 / (1 + F.exp(-z))).cast("int")
    return spark.range(0, n, numPartitions=4).select(*numbers).withColumn("y", hit)


def main(argv: list[str]) -> int:
    name, data, out = argv
    return runs.write_stats(out, lambda: BOOSTERS[name](data), _figures)


def _figures(measured: Measured) -> dict[str, float]:
    seconds, p, y = measured
    place = np.unique(-p, return_inverse=True)[1]
    n, hits = np.bincount(place).astype(float), np.bincount(place, weights=y)
    return {"train_s": seconds, "auc": auc(n, hits), "average_precision": average_precision(n, hits)}


def onecart(folder: str) -> Measured:
    from onecart import intent, spark

    session = spark.session()
    train, test = (session.read.parquet(f"{folder}/{part}") for part in ("train", "test"))
    clock = time.monotonic()
    model = intent.train(train, "y")
    seconds = time.monotonic() - clock
    scored = model.score(test).select("y", "probability").toPandas()
    return seconds, scored["probability"].to_numpy(), scored["y"].to_numpy()


def mllib(folder: str) -> Measured:
    from pyspark.ml.classification import GBTClassifier

    made = partial(
        GBTClassifier,
        featuresCol="x",
        labelCol="y",
        maxIter=_TREES,
        maxDepth=_DEPTH,
        stepSize=_STEP,
        seed=_SEED,
        subsamplingRate=0.8,
    )
    return _spark(made, folder)


def xgboost_spark(folder: str) -> Measured:
    from xgboost.spark import SparkXGBClassifier

    made = partial(
        SparkXGBClassifier,
        features_col="x", label_col="y", n_estimators=_TREES, max_depth=_DEPTH, learning_rate=_STEP, random_state=_SEED,
        num_workers=1,
    )  # fmt: skip
    return _spark(made, folder)


def lightgbm(folder: str) -> Measured:
    import lightgbm as lgb
    import pandas as pd

    clock = time.monotonic()
    train = pd.read_parquet(f"{folder}/train")
    made = lgb.LGBMClassifier(
        n_estimators=_TREES, max_depth=_DEPTH, learning_rate=_STEP, random_state=_SEED, verbose=-1
    ).fit(train.drop(columns="y"), train["y"])
    seconds = time.monotonic() - clock
    test = pd.read_parquet(f"{folder}/test")
    return seconds, np.asarray(made.predict_proba(test.drop(columns="y")))[:, 1], test["y"].to_numpy()


BOOSTERS: dict[str, Callable[[str], Measured]] = {
    "onecart": onecart,
    "mllib-gbt": mllib,
    "xgboost-spark": xgboost_spark,
    "lightgbm": lightgbm,
}


def _spark(make: Callable[[], Any], folder: str) -> Measured:
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.functions import vector_to_array

    from onecart import spark

    session = spark.session()
    train, test = (session.read.parquet(f"{folder}/{part}") for part in ("train", "test"))
    clock = time.monotonic()
    joined = VectorAssembler(inputCols=[c for c in train.columns if c != "y"], outputCol="x")
    model = make().fit(joined.transform(train).select("x", "y"))
    seconds = time.monotonic() - clock
    scored = (
        model.transform(joined.transform(test))
        .select("y", vector_to_array(F.col("probability"))[1].alias("p"))
        .toPandas()
    )
    return seconds, scored["p"].to_numpy(), scored["y"].to_numpy()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
