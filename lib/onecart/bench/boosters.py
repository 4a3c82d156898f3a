"""Gradient boosting by three engines, each in a process of its own: `python -m onecart.bench.boosters NAME FOLDER`.

FOLDER holds train/ and test/ (Parquet: numbers and y). An engine leaves NAME.json there: seconds from rows on disk to a
trained model, peak_gib, auc on the test rows.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from onecart.bench.memory import Peak

_TREES, _DEPTH, _STEP, _SEED = 100, 5, 0.1, 7


def main(argv: list[str]) -> int:
    name, folder = argv
    try:
        with Peak() as peak:
            seconds, auc = BOOSTERS[name](folder)
    except Exception as e:
        print(f"{type(e).__name__}: {' '.join(str(e).split())}"[:500], file=sys.stderr)
        return 1
    Path(folder, f"{name}.json").write_text(json.dumps({"seconds": seconds, "auc": auc, "peak_gib": peak.gib}))
    return 0


def mllib(folder: str) -> tuple[float, float]:
    from pyspark.ml.classification import GBTClassifier

    made = GBTClassifier(
        featuresCol="x", labelCol="y", maxIter=_TREES, maxDepth=_DEPTH, stepSize=_STEP, seed=_SEED, subsamplingRate=0.8
    )
    return _spark(made, folder)


def xgboost_spark(folder: str) -> tuple[float, float]:
    from xgboost.spark import SparkXGBClassifier

    made = SparkXGBClassifier(
        features_col="x", label_col="y", n_estimators=_TREES, max_depth=_DEPTH, learning_rate=_STEP, random_state=_SEED,
        num_workers=1,
    )  # fmt: skip
    return _spark(made, folder)


def lightgbm(folder: str) -> tuple[float, float]:
    import lightgbm as lgb
    import pandas as pd

    clock = time.monotonic()
    train = pd.read_parquet(f"{folder}/train")
    made = lgb.LGBMClassifier(
        n_estimators=_TREES, max_depth=_DEPTH, learning_rate=_STEP, random_state=_SEED, verbose=-1
    ).fit(train.drop(columns="y"), train["y"])
    seconds = time.monotonic() - clock
    test = pd.read_parquet(f"{folder}/test")
    return seconds, _auc(np.asarray(made.predict_proba(test.drop(columns="y")))[:, 1], test["y"].to_numpy())


BOOSTERS: dict[str, Callable[[str], tuple[float, float]]] = {
    "mllib-gbt": mllib,
    "xgboost-spark": xgboost_spark,
    "lightgbm": lightgbm,
}


def _spark(made: Any, folder: str) -> tuple[float, float]:
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    from onecart import spark

    session = spark.session()
    train, test = (session.read.parquet(f"{folder}/{part}") for part in ("train", "test"))
    clock = time.monotonic()
    joined = VectorAssembler(inputCols=[c for c in train.columns if c != "y"], outputCol="x")
    model = made.fit(joined.transform(train).select("x", "y"))
    seconds = time.monotonic() - clock
    scored = (
        model.transform(joined.transform(test))
        .select("y", vector_to_array(F.col("probability"))[1].alias("p"))
        .toPandas()
    )
    return seconds, _auc(scored["p"].to_numpy(), scored["y"].to_numpy())


def _auc(p: Any, y: Any) -> float:
    from scipy.stats import rankdata

    ranks, hits = rankdata(p), y.sum()
    return float((ranks[y == 1].sum() - hits * (hits + 1) / 2) / (hits * (len(y) - hits)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
