"""The classifiers behind one call: their defaults, what a search tries, and where training stops."""

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.classification import (
    DecisionTreeClassifier,
    GBTClassificationModel,
    GBTClassifier,
    LogisticRegression,
    RandomForestClassifier,
)
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.errors import OneCartError, UsageError, nearest
from onecart.intent.explanation.tree_shap import Forest
from onecart.intent.training import lightgbm_worker
from onecart.intent.training.encoding import VECTOR
from onecart.intent.training.split import LABEL
from onecart.stats import boosting

WEIGHT, PLACE = "__onecart_weight", "__onecart_place"
_VALIDATES = "__onecart_validates"
_ROWS_A_WORKER = 200_000

# Small steps and shallow trees: on Online Retail II before its holdout and on tables of a few thousand rows deeper trees
# ranked worse and took three times as long. How many of the trees are kept is decided on the calibration rows.
MODELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "decision_tree": (DecisionTreeClassifier, {"maxDepth": 5, "maxBins": 64}),
    "random_forest": (RandomForestClassifier, {"numTrees": 60, "maxDepth": 7, "maxBins": 64}),
    "gbt": (GBTClassifier, {"maxIter": 100, "maxDepth": 3, "stepSize": 0.1, "subsamplingRate": 0.8, "maxBins": 64}),
    "logistic": (LogisticRegression, {"maxIter": 100, "regParam": 0.001}),
    "xgboost": (None, {"n_estimators": 300, "max_depth": 4, "learning_rate": 0.05, "subsample": 0.8}),
    # Picked by cross-validation inside the training part of a public table of 12,330 visits: AP .752, LightGBM's own .735.
    "lightgbm": (
        None,
        {"n_estimators": 600, "learning_rate": 0.05, "num_leaves": 15, "subsample": 0.8, "subsample_freq": 1}
        | {"colsample_bytree": 0.7},
    ),
}
AUTO = "auto"
SPACE: dict[str, dict[str, tuple[Any, ...]]] = {
    "decision_tree": {"maxDepth": (3, 4, 5, 6, 8), "minInstancesPerNode": (5, 20, 50, 100)},
    "random_forest": {
        "maxDepth": (5, 7, 9),
        "minInstancesPerNode": (2, 5, 20),
        "featureSubsetStrategy": ("sqrt", "0.5"),
    },
    "gbt": {
        "maxDepth": (2, 3, 4, 5),
        "stepSize": (0.05, 0.1, 0.2),
        "minInstancesPerNode": (5, 20, 50),
        "subsamplingRate": (0.6, 0.8, 1.0),
        "featureSubsetStrategy": ("all", "0.5"),
    },
    "logistic": {"regParam": (0.0, 0.0001, 0.001, 0.01, 0.1), "elasticNetParam": (0.0, 0.5, 1.0)},
    "xgboost": {
        "max_depth": (2, 3, 4, 6),
        "learning_rate": (0.03, 0.05, 0.1),
        "min_child_weight": (1, 5, 20),
        "subsample": (0.6, 0.8, 1.0),
        "colsample_bytree": (0.5, 0.8, 1.0),
    },
    "lightgbm": {
        "num_leaves": (4, 8, 15, 31),
        "learning_rate": (0.03, 0.05, 0.1),
        "min_child_samples": (5, 20, 50),
        "subsample": (0.6, 0.8, 1.0),
        "colsample_bytree": (0.5, 0.7, 1.0),
    },
}


def chosen(model: str, params: dict[str, Any], numbers: int) -> str:
    """`model`; of auto the engine that the names of `params` are of, and without them LightGBM where a table of so many
    `numbers` fits a worker, else MLlib's gbt."""
    if model != AUTO:
        return model
    fits = set(params) <= {*boosting.NAMES} if params else numbers <= boosting.NUMBERS
    return "lightgbm" if fits else "gbt"


def trials(model: str, params: dict[str, Any], search: int, seed: int) -> list[dict[str, Any]]:
    """`params`, and `search` seeded draws from SPACE beside it; what `params` fixes is not searched."""
    draw, found = random.Random(seed), [dict(params)]
    free = {k: v for k, v in SPACE[model].items() if k not in params}
    for _ in range(search if free else 0):
        found.append({**params, **{k: draw.choice(v) for k, v in free.items()}})
    return [t for i, t in enumerate(found) if t not in found[:i]]


def settled(model: str, params: dict[str, Any], rows: int, *, stops: bool = False) -> dict[str, Any]:
    """`params` and, where they say nothing, the defaults for a training part of so many `rows`: small parts get small
    leaves, and few trees where nothing `stops` it. A model that learns again keeps what was settled for it first."""
    _, defaults = MODELS[model]
    found = dict(defaults)
    if model in ("decision_tree", "random_forest", "gbt"):
        found["minInstancesPerNode"] = min(max(rows // 20, 2), 20)
    if model == "gbt" and rows < 2_000:  # too few to find out how many trees are too many
        found |= {"maxIter": 60, "featureSubsetStrategy": "onethird"}
    if model == "lightgbm":
        found["min_child_samples"] = min(max(rows // 20, 2), 20)
        found |= {} if stops else {"n_estimators": 60}
    return {**found, **params}


def estimator(model: str, params: dict[str, Any], *, seed: int, rows: int = 0, stops: bool = False) -> Any:
    """The unfitted classifier with the `params` of `settled`. UsageError: there is no such model, parameter or value, or a
    package is missing. rows: of the training part. stops: XGBoost will stop early, see `fitted`."""
    if model not in MODELS:
        raise UsageError(f"no model '{model}'{nearest(model, [*MODELS, AUTO])}")
    kind, _ = MODELS[model]
    if model == "lightgbm":
        return boosting.checked(params)
    if model == "xgboost":
        return _xgboost(params, seed=seed, rows=rows, stops=stops)
    made = kind(featuresCol=VECTOR, labelCol=LABEL, weightCol=WEIGHT)
    known = {p.name for p in made.params if not p.name.endswith("Col") and p.name != "seed"}
    for name in params:
        if name not in known:
            raise UsageError(f"the model '{model}' has no parameter '{name}'{nearest(name, known)}")
    values = {**params, **({"seed": seed} if made.hasParam("seed") else {})}
    try:
        return made.copy({made.getParam(k): made.getParam(k).typeConverter(v) for k, v in values.items()})
    except (TypeError, ValueError) as e:
        raise UsageError(f"the model '{model}': {e}") from e


def _xgboost(params: dict[str, Any], *, seed: int, rows: int, stops: bool) -> Any:
    try:
        from xgboost.spark import SparkXGBClassifier
    except ImportError as e:
        raise UsageError(
            "the model 'xgboost' needs the package xgboost: pip install 'onecart[xgboost]', or take model='gbt'"
        ) from e
    slots = SparkSession.active().sparkContext.defaultParallelism
    given = {"num_workers": max(1, min(slots, rows // _ROWS_A_WORKER)), "random_state": seed, **params}
    columns: dict[str, Any] = {"features_col": VECTOR, "label_col": LABEL, "weight_col": WEIGHT}
    if stops:
        columns |= {"validation_indicator_col": _VALIDATES, "early_stopping_rounds": 20, "eval_metric": "logloss"}
    try:
        return SparkXGBClassifier(**columns, **given)
    except (TypeError, ValueError) as e:
        raise UsageError(f"the model 'xgboost': {e}") from e


def fitted(model: str, made: Any, fit: DataFrame, validation: DataFrame | None, *, seed: int) -> Any:
    """The classifier learned from `fit`; XGBoost and LightGBM stop where the log loss of `validation` rises for some rounds."""
    if model == "lightgbm":
        columns = (VECTOR, LABEL, WEIGHT, F.col(PLACE))
        return lightgbm_worker.boosted(fit, validation, made, columns=columns, seed=seed)
    if model != "xgboost":
        return made.fit(fit)
    try:
        if validation is None:
            return made.fit(fit)
        both = fit.withColumn(_VALIDATES, F.lit(False)).unionByName(validation.withColumn(_VALIDATES, F.lit(True)))
        return made.fit(both)
    except Exception as e:
        raise OneCartError(f"XGBoost on Spark failed: {str(e).splitlines()[0][:300]}") from e


def staged_losses(rows: DataFrame, forest: Forest) -> Any:
    """The weighted log loss of the first 1, 2, ... trees on `rows` (VECTOR, LABEL, WEIGHT), one pass on Spark."""

    def partial(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            z = forest.base + np.cumsum(forest.staged(np.array(batch["x"].tolist())), axis=1)
            y, w = batch["y"].to_numpy()[:, None], batch["w"].to_numpy()[:, None]
            losses = (w * (np.logaddexp(0, z) - y * z)).sum(axis=0)
            yield pd.DataFrame({"stage": np.arange(len(losses)), "loss": losses})

    plain = rows.select(vector_to_array(F.col(VECTOR)).alias("x"), F.col(LABEL).alias("y"), F.col(WEIGHT).alias("w"))
    sums = plain.mapInPandas(partial, "stage LONG, loss DOUBLE").groupBy("stage").agg(F.sum("loss").alias("loss"))
    return np.array([r["loss"] for r in sums.orderBy("stage").collect()])


def first_trees(classifier: Any, n: int) -> Any:
    """A GBT model of the first n trees; MLlib itself can only train anew."""
    java, context = classifier._java_obj, SparkSession.active().sparkContext
    gateway: Any = context._gateway
    kind = context._jvm.org.apache.spark.ml.regression.DecisionTreeRegressionModel  # type: ignore[union-attr]
    trees, weights = gateway.new_array(kind, n), gateway.new_array(gateway.jvm.double, n)
    all_trees, all_weights = java.trees(), java.treeWeights()
    for i in range(n):
        trees[i], weights[i] = all_trees[i], all_weights[i]
    made = gateway.jvm.org.apache.spark.ml.classification.GBTClassificationModel
    return GBTClassificationModel(made(java.uid(), trees, weights, java.numFeatures(), 2))
