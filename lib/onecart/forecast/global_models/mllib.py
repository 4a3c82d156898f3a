"""Gradient-boosted trees of Spark's MLlib: trained and scored on the cluster, no row comes to the driver."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.forecast.global_models.settings import Training
from onecart.forecast.global_models.training_rows import AHEAD, FEWEST, scored_rows, training_rows
from onecart.forecast.local.backtest import Plan
from onecart.frames import in_order

_UNKNOWN = -1000.0  # below all features: the trees tell it apart, and MLlib knows no NaN
_PARAMS = {"maxDepth": 5, "stepSize": 0.2, "maxBins": 64, "minInstancesPerNode": 50}


def fit_gbt(
    names: Sequence[str], found: DataFrame, plan: Plan, cutoff: int | None, training: Training
) -> dict[str, Any]:
    """A GBTRegressionModel, the one of `names`, of the value over `Series.expected` by squared error, whose optimum is the mean.
    None where there are too few rows."""
    from pyspark.ml.regression import GBTRegressor

    rows = training_rows(found, plan, cutoff, training).persist()
    try:
        n = rows.count()
        if n < FEWEST:
            return {}
        placed = in_order(rows, n, "unique_id", "t", "k")
        learnt = placed.select(_vector().alias("features"), F.col("ratio").alias("label"), "weight")
        leaf = max(1, min(_PARAMS["minInstancesPerNode"], n // 200))
        params: dict[str, Any] = {
            **_PARAMS,
            "minInstancesPerNode": leaf,
            "seed": plan.seed,
            "maxIter": training.iterations,
        }
        return {names[0]: GBTRegressor(weightCol="weight", **params).fit(learnt)}
    finally:
        rows.unpersist()


def paths_gbt(found: DataFrame, plan: Plan, trained: dict[int | None, dict[str, Any]]) -> DataFrame:
    """[unique_id, model, yhats], key unique_id, by the model of each cutoff."""
    cutoffs = [cutoff for cutoff in trained if cutoff is not None]
    rows = scored_rows(found, plan, cutoffs).withColumn("vector", _vector())
    parts = [
        model.setFeaturesCol("vector").transform(rows.where(F.col("cutoff") == (AHEAD if cutoff is None else cutoff)))
        for cutoff, models in trained.items()
        for model in models.values()
    ]
    ratio = F.greatest("prediction", F.lit(0.0))
    numbers = [part.select("unique_id", "at", (F.col("level") * ratio).alias("yhat")) for part in parts]
    together = reduce(DataFrame.unionByName, numbers).groupBy("unique_id")
    path = F.sort_array(F.collect_list(F.struct("at", "yhat")))["yhat"]
    made: DataFrame = together.agg(path.alias("yhats"))
    return made.select("unique_id", F.lit("gbt").alias("model"), "yhats")


def _vector() -> Column:
    known = F.transform("features", lambda x: F.when(F.isnan(x), _UNKNOWN).otherwise(x.cast("double")))
    return array_to_vector(known)
