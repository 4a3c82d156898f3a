"""Training: a frame with a label -> an IntentModel, calibrated and measured on rows it has not seen."""

import math
from collections.abc import Sequence
from typing import Any

from pyspark.ml.classification import DecisionTreeClassifier, GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import Matrices
from pyspark.ml.stat import Summarizer
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest
from onecart.intent.metrics import metrics
from onecart.intent.model import VECTOR, IntentModel, with_log_odds
from onecart.intent.prepare import Slot, require, slots, vector
from onecart.intent.split import LABEL, PART, with_label, with_part

MODELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "decision_tree": (DecisionTreeClassifier, {"maxDepth": 5, "minInstancesPerNode": 20}),
    "random_forest": (RandomForestClassifier, {"numTrees": 60, "maxDepth": 7, "minInstancesPerNode": 5}),
    # Small steps and large leaves did best on Online Retail II in the month before its holdout.
    "gbt": (
        GBTClassifier,
        {"maxIter": 30, "maxDepth": 3, "stepSize": 0.1, "subsamplingRate": 0.8, "minInstancesPerNode": 20},
    ),
    "logistic": (LogisticRegression, {"maxIter": 100, "regParam": 0.001}),
}
_WEIGHT, _ODDS = "__onecart_weight", "__onecart_odds"
_FEW = 10  # with fewer calibration rows of an outcome than this, Platt's curve would follow noise


def train(
    features: DataFrame,
    label: str,
    time: str | None = None,
    model: str = "gbt",
    *,
    columns: Sequence[str] | None = None,
    holdout_from: Any = None,
    seed: int = 7,
    **params: Any,
) -> IntentModel:
    """Learns the probability of `label` from one row per case.

    features: numbers, booleans and strings under any names, nulls allowed; other types and identifiers are left out
    and listed in `.skipped`. label: 0/1, boolean, or two strings. time: date, timestamp or number; the latest quarter
    of the rows, or those from `holdout_from` on, is held out, so that the figures are about the future of what was
    learned. Without it a quarter is drawn by a seeded hash. columns: the features, where not all but label and time.
    params: of the MLlib classifier, as in maxDepth=4.

    Outcomes are weighted to count alike, and the log-odds then calibrated (Platt, Probabilistic Outputs for Support
    Vector Machines, 1999) on a part of the training rows that is not fitted on. UsageError where something is amiss.
    """
    estimator = _estimator(model, params, seed)
    require(features, [label], "label")
    require(features, [time] if time else [], "time")
    require(features, columns or [], "feature")
    chosen = [c for c in (columns or features.columns) if c not in (label, time)]
    labelled, positive = with_label(features, label)
    hashed = [c for c in features.columns if c != label and isinstance(features.schema[c].dataType, T.AtomicType)]
    rows = with_part(labelled, time, hashed, seed=seed, holdout_from=holdout_from).persist()
    try:
        counts = _counts(rows, time)
        found, skipped = slots(rows.where(F.col(PART) == "fit"), chosen)
        if not found:
            raise UsageError(f"no column of {chosen} can be a feature: {skipped}")
        ready = rows.withColumn(VECTOR, vector(found))
        weight = counts["fit", 0.0] / counts["fit", 1.0]
        fitted = ready.where(F.col(PART) == "fit").withColumn(_WEIGHT, F.when(F.col(LABEL) == 1, weight).otherwise(1.0))
        classifier = estimator.fit(fitted.select(VECTOR, LABEL, _WEIGHT))
        judged = with_log_odds(ready.where(F.col(PART) != "fit"), classifier, _ODDS)
        slope, intercept = _calibration(judged.where(F.col(PART) == "calibrate"), counts, weight)
        score = F.lit(slope) * F.col(_ODDS) + F.lit(intercept)
        return IntentModel(
            model=model,
            classifier=classifier,
            slots=tuple(found),
            slope=slope,
            intercept=intercept,
            label=label,
            positive=positive,
            metrics=metrics(
                judged.where(F.col(PART) == "holdout"), score=score, label=LABEL, probability=1 / (1 + F.exp(-score))
            ),
            importances=_importances(classifier, found, fitted),
            skipped=skipped,
        )
    finally:
        rows.unpersist()


def _estimator(model: str, params: dict[str, Any], seed: int) -> Any:
    if model not in MODELS:
        raise UsageError(f"no model '{model}'{nearest(model, MODELS)}")
    kind, defaults = MODELS[model]
    estimator = kind(featuresCol=VECTOR, labelCol=LABEL, weightCol=_WEIGHT)
    known = {p.name for p in estimator.params if not p.name.endswith("Col") and p.name != "seed"}
    for name in params:
        if name not in known:
            raise UsageError(f"the model '{model}' has no parameter '{name}'{nearest(name, known)}")
    settings = {**defaults, **params, **({"seed": seed} if estimator.hasParam("seed") else {})}
    try:
        return estimator.copy(
            {estimator.getParam(k): estimator.getParam(k).typeConverter(v) for k, v in settings.items()}
        )
    except (TypeError, ValueError) as e:
        raise UsageError(f"the model '{model}': {e}") from e


def _counts(rows: DataFrame, time: str | None) -> dict[tuple[str, float], int]:
    """(part, outcome) -> rows. UsageError where a part that needs both outcomes lacks one."""
    found = {(r[0], r[1]): r[2] for r in rows.groupBy(PART, LABEL).count().collect()}
    counts = {(part, y): found.get((part, y), 0) for part in ("fit", "calibrate", "holdout") for y in (0.0, 1.0)}
    for part, use in (("fit", "to learn from"), ("holdout", "to be measured on")):
        if not counts[part, 0.0] or not counts[part, 1.0]:
            how = f"forward in '{time}'" if time else "by hash"
            raise UsageError(
                f"split {how}, the rows {use} hold {counts[part, 1.0]} positive and {counts[part, 0.0]} negative "
                "outcomes; both are needed, so give more rows"
            )
    return counts


def _calibration(judged: DataFrame, counts: dict[tuple[str, float], int], weight: float) -> tuple[float, float]:
    """Slope and intercept of the calibrated log-odds. The slope is not let below 0, which would turn the ranking."""
    if min(counts["calibrate", 0.0], counts["calibrate", 1.0]) < _FEW:
        return 1.0, -math.log(weight)  # what weighting did to the odds, undone
    platt = LogisticRegression(
        featuresCol=VECTOR, labelCol=LABEL, lowerBoundsOnCoefficients=Matrices.dense(1, 1, [0.0])
    )
    curve = platt.fit(judged.select(LABEL, array_to_vector(F.array(_ODDS)).alias(VECTOR)))
    return float(curve.coefficients[0]), float(curve.intercept)


def _importances(classifier: Any, found: Sequence[Slot], fitted: DataFrame) -> dict[str, float]:
    if hasattr(classifier, "featureImportances"):
        weights = classifier.featureImportances.toArray()
    else:
        row = fitted.select(Summarizer.std(F.col(VECTOR))).first()
        assert row is not None
        weights = abs(classifier.coefficients.toArray() * row[0].toArray())
    by_column: dict[str, float] = {}
    for slot, weight in zip(found, weights, strict=True):
        by_column[slot.column] = by_column.get(slot.column, 0.0) + float(weight)
    total = sum(by_column.values()) or 1.0
    return {c: w / total for c, w in sorted(by_column.items(), key=lambda item: -item[1])}
