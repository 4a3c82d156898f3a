"""Training: a frame with a label -> an IntentModel, calibrated and measured on rows it has not seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyspark.ml.stat import Summarizer
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.frames import in_order, library_function, require_columns
from onecart.intent.evaluation import drift, metrics, model_report
from onecart.intent.explanation import explain
from onecart.intent.model import IntentModel, with_log_odds
from onecart.intent.training import classifiers, leakage
from onecart.intent.training.encoding import VECTOR, EncodedFeature, encoded_features, vector
from onecart.intent.training.split import BEFORE, LABEL, PART, as_number, with_label, with_part
from onecart.stats.calibration import Curve, calibrated

_ODDS = "__onecart_odds"
PROBABILITY = "probability"  # in a model's profile: what it gave its holdout
_SHOWN = 6  # columns with a partial dependence
_CHOOSE_FROM = 25  # calibration rows of either outcome from which on they choose among trials
_STOP_FROM = 100  # and how many trees are kept: fewer rows would stop at random

_Counts = dict[tuple[str, float], int]


@dataclass(frozen=True)
class _Trained:
    classifier: Any
    explainer: explain.Explainer
    params: dict[str, Any]
    loss: float


class OneOutcome(UsageError):
    """The rows hold no example of one of the two outcomes."""


@library_function("label", "time", "columns", "allow")
def train(
    features: DataFrame,
    label: str,
    time: str | None = None,
    model: str = classifiers.AUTO,
    *,
    columns: Sequence[str] | None = None,
    holdout_from: Any = None,
    gap: float = 0.0,
    search: int = 0,
    refit: bool | None = None,
    balance: bool = True,
    allow: Sequence[str] = (),
    seed: int = 7,
    **params: Any,
) -> IntentModel:
    """Learns the probability of `label` from one row per case.

    features: numbers, booleans and strings under any names, nulls allowed; other types and identifiers are left out
    and listed in `.skipped`. label: 0/1, boolean, or two strings, none missing. time: date, timestamp or number; the latest quarter
    of the rows, or those from `holdout_from` on, is held out, so that the figures are about the future of what was
    learned; rows less than `gap` (days, or the unit of a numeric time) before are left out: give the days a label looks
    ahead. Without `time` a quarter is drawn by a seeded hash. columns: the features, where not all but label and time.

    model: auto | lightgbm | gbt | random_forest | decision_tree | logistic (MLlib) | xgboost (the extra `xgboost`); auto is
    LightGBM where the table fits one worker, up to 20 million numbers, and gbt above; the model's `.model` says which. params:
    of the classifier, as in num_leaves=8 or maxDepth=4, whose names choose of auto's two. search: so many random settings are
    tried beside, and the one with the least log loss on the calibration rows is taken; how many trees a boosted model keeps is
    decided there too. Then it learns again from all rows before the holdout, which decides nothing. refit: it learns from all
    rows, holdout included, instead (default: where there is no `time`; the figures are those of the model before). balance:
    outcomes are weighted to count alike; the log-odds are calibrated after that (see `curve`), on rows that are not fitted on.

    UsageError where something is amiss. leakage.Leak where the frame holds its own answer, see `lint`; allow: columns that
    are known to be harmless.
    """
    likely = classifiers.chosen(model, params, 0)
    classifiers.estimator(likely, params, seed=seed)  # wrong names are told before any work
    chosen = _checked(features, label, time, columns, allow)
    labelled, positive = with_label(features, label, whole=True)
    hashed = [c for c in features.columns if c != label and isinstance(features.schema[c].dataType, T.AtomicType)]
    rows = with_part(labelled, time, hashed, seed=seed, holdout_from=holdout_from, gap=gap).persist()
    again = time is None if refit is None else refit
    try:
        counts, held_from = _counts(rows, time)
        fitted = rows.where(F.col(PART) == "fit")
        found, skipped = _features(fitted, chosen, allow)
        model = classifiers.chosen(model, params, sum(counts.values()) * len(found))
        weight = counts["fit", 0.0] / counts["fit", 1.0] if balance else 1.0
        ready = _matrix(rows, found, weight, sum(counts.values())).persist()
        try:
            made = _learned(ready, model, params, counts, search=search, seed=seed)
            curve = _curve(ready, model, made, shift=-math.log(weight))
            made = made if again else _again(ready.where(F.col(PART).isin(*BEFORE)), model, made, seed)
            measured = _measured(ready, model, made, curve, seed=seed)
            made = _again(ready, model, made, seed) if again else made
            spread = drift.profile(fitted, [s.column for s in found if s.kind == "value"])
            return IntentModel(
                model=model,
                classifier=made.classifier,
                explainer=made.explainer,
                slots=tuple(found),
                label=label,
                positive=positive,
                curve=curve,
                params=made.params,
                skipped=skipped,
                holdout_from=None if again else held_from,
                profile={**spread, **measured.pop("profile")},
                **measured,
                **_overview(ready, made, found, curve),
            )
        finally:
            ready.unpersist()
    finally:
        rows.unpersist()


def _checked(
    features: DataFrame, label: str, time: str | None, columns: Sequence[str] | None, allow: Sequence[str]
) -> list[str]:
    """The columns to learn from. UsageError: a column is not there; Leak: the frame looks ahead."""
    for names, what in (([label], "label"), ([time] if time else [], "time"), (columns or [], "feature")):
        require_columns(features, names, "the frame", role=what)
    leakage.timed(features, time, allow)
    leakage.late(features, time, None, allow)
    return [c for c in (columns or features.columns) if c not in (label, time)]


def _features(
    fitted: DataFrame, chosen: list[str], allow: Sequence[str]
) -> tuple[list[EncodedFeature], dict[str, str]]:
    """The features, and column -> why it is none. Leak: one holds the answer; UsageError: there is none."""
    leakage.answers(fitted, [c for c in chosen if c not in allow])
    found, skipped = encoded_features(fitted, chosen)
    if not found:
        raise UsageError(f"no column of {chosen} can be a feature: {skipped}")
    return found, skipped


def _curve(ready: DataFrame, model: str, made: _Trained, *, shift: float) -> Curve:
    """The calibration, from rows that were not fitted on."""
    judged = with_log_odds(ready.where(F.col(PART) == "calibrate"), model, made.classifier, made.explainer, _ODDS)
    return calibrated(judged, margin=_ODDS, label=LABEL, shift=shift)


def _measured(ready: DataFrame, model: str, made: _Trained, curve: Curve, *, seed: int) -> dict[str, Any]:
    """What the holdout says: metrics, intervals, gains, profile of an IntentModel."""
    judged = with_log_odds(ready.where(F.col(PART) == "holdout"), model, made.classifier, made.explainer, _ODDS)
    z = curve.column(F.col(_ODDS))
    held = judged.withColumn(PROBABILITY, 1 / (1 + F.exp(-z)))
    table = metrics.grouped(held, score=z, label=LABEL, probability=F.col(PROBABILITY))
    return {
        "metrics": metrics.figures(table),
        "intervals": metrics.intervals(table, seed=seed),
        "gains": metrics.gains(table),
        "profile": drift.profile(held.select(PROBABILITY), [PROBABILITY]),
    }


def _overview(ready: DataFrame, made: _Trained, found: Sequence[EncodedFeature], curve: Curve) -> dict[str, Any]:
    """importances and partial of an IntentModel."""
    sample = model_report.sampled(ready)
    shares = model_report.importances(made.explainer, found, sample)
    shown = model_report.partial(made.explainer, curve, found, sample, list(shares)[:_SHOWN])
    return {"importances": shares, "partial": shown}


def _matrix(rows: DataFrame, found: Sequence[EncodedFeature], weight: float, size: int) -> DataFrame:
    """VECTOR, LABEL, WEIGHT, PART, each row at the PLACE of its hash."""
    matrix = rows.select(
        vector(found).alias(VECTOR),
        LABEL,
        F.when(F.col(LABEL) == 1, float(weight)).otherwise(1.0).alias(classifiers.WEIGHT),
        PART,
        F.xxhash64(*[slot.number() for slot in found], LABEL, PART).alias(classifiers.PLACE),
    )
    return in_order(matrix, size, classifiers.PLACE)


def _learned(
    ready: DataFrame, model: str, params: dict[str, Any], counts: _Counts, *, search: int, seed: int
) -> _Trained:
    """The best trial: its trees are cut back to as many as the calibration rows bear out."""
    fit, validation = (ready.where(F.col(PART) == p).drop(PART) for p in ("fit", "calibrate"))
    fewest = min(counts["calibrate", 0.0], counts["calibrate", 1.0])
    if search and fewest < _CHOOSE_FROM:
        raise UsageError(f"search={search} needs {_CHOOSE_FROM} calibration rows of either outcome to choose by")
    size, best = counts["fit", 0.0] + counts["fit", 1.0], None
    stops = fewest >= _STOP_FROM and model in ("xgboost", "lightgbm")
    for one in classifiers.trials(model, params, search, seed):
        trial = classifiers.settled(model, one, int(size), stops=stops)
        made = classifiers.estimator(model, trial, seed=seed, rows=size, stops=stops)
        classifier = classifiers.fitted(model, made, fit, validation if stops else None, seed=seed)
        means = _means(fit) if model == "logistic" else []
        found = _Trained(classifier, explain.explainer(model, classifier, means=means), trial, math.inf)
        if search or (model == "gbt" and fewest >= _STOP_FROM):
            found = _judged(found, model, validation, cut=fewest >= _STOP_FROM)
        if isinstance(found.explainer, explain.Boosted | explain.LightGbm) and found.explainer.rounds:
            found = replace(found, params={**trial, "n_estimators": found.explainer.rounds})
        if best is None or found.loss < best.loss:
            best = found
    assert best is not None
    return best


def _judged(found: _Trained, model: str, validation: DataFrame, *, cut: bool) -> _Trained:
    """With its loss on the calibration rows and, where they may `cut`, no more trees than lower it."""
    explainer = found.explainer
    if isinstance(explainer, explain.Additive) and cut:
        losses = classifiers.staged_losses(validation, explainer.forest)
        kept = int(np.argmin(losses)) + 1
        fewer = explain.Additive(explainer.forest.first(kept), explainer.width)
        classifier = classifiers.first_trees(found.classifier, kept)
        return _Trained(classifier, fewer, {**found.params, "maxIter": kept}, float(losses[kept - 1]))
    z = with_log_odds(validation, model, found.classifier, explainer, _ODDS)
    odds = F.col(_ODDS)
    loss = F.log1p(F.exp(-F.abs(odds))) + F.greatest(odds, F.lit(0.0)) - F.col(LABEL) * odds
    row = z.agg(F.sum(F.col(classifiers.WEIGHT) * loss)).first()
    assert row is not None
    return _Trained(found.classifier, explainer, found.params, float(row[0]))


def _again(rows: DataFrame, model: str, made: _Trained, seed: int) -> _Trained:
    """The same settings, learned from `rows`."""
    matrix = rows.drop(PART)
    estimator = classifiers.estimator(model, made.params, seed=seed, rows=matrix.count() if model == "xgboost" else 0)
    classifier = classifiers.fitted(model, estimator, matrix, None, seed=seed)
    means = _means(matrix) if model == "logistic" else []
    return _Trained(classifier, explain.explainer(model, classifier, means=means), made.params, made.loss)


def _means(rows: DataFrame) -> list[float]:
    row = rows.select(Summarizer.mean(F.col(VECTOR))).first()
    assert row is not None
    return [float(v) for v in row[0]]


def _counts(rows: DataFrame, time: str | None) -> tuple[_Counts, float | None]:
    """(part, outcome) -> rows, and the first time of the holdout. OneOutcome where a part that needs both outcomes lacks one."""
    first = F.min(as_number(rows, time)) if time else F.lit(None).cast("double")
    counted = rows.groupBy(PART, LABEL).agg(F.count("*"), first).collect()
    found = {(r[0], r[1]): r[2] for r in counted}
    counts = {(part, y): found.get((part, y), 0) for part in ("fit", "calibrate", "holdout") for y in (0.0, 1.0)}
    for part, use in (("fit", "to learn from"), ("holdout", "to be measured on")):
        if not counts[part, 0.0] or not counts[part, 1.0]:
            how = f"forward in '{time}'" if time else "by hash"
            raise OneOutcome(
                f"split {how}, the rows {use} hold {counts[part, 1.0]} positive and {counts[part, 0.0]} negative "
                "outcomes; both are needed, so give more rows"
            )
    return counts, min((r[3] for r in counted if r[0] == "holdout" and time), default=None)
