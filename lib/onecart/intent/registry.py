"""Champion and challenger: a new model takes over only where it is better on the same rows by more than noise."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart import models
from onecart.context import Context
from onecart.contracts import contract
from onecart.intent.evaluation import metrics, model_report
from onecart.intent.model import IntentModel
from onecart.intent.training.split import LABEL, with_label
from onecart.stats.bootstrap import interval, resampled_counts

RESAMPLES = 500
_GONE = "__onecart_theirs"


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger wins, and why. better_by: the champion's mean log loss less the challenger's, low and high
    the ends of its 95 % interval; None: nothing to compare with."""

    wins: bool
    reason: str
    better_by: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Champion:
    version: str
    model: IntentModel


@dataclass(frozen=True)
class Choice:
    """Who answers the question in this run, how good it is on this run's holdout, and a word on it for a headline."""

    scorer: Champion
    figures: dict[str, float]
    note: str


def champion(ctx: Context, question: str) -> tuple[Champion | None, str]:
    """The model that answers `question` now; or None, and why there is none."""
    version = models.current(ctx, question)
    if version is None:
        return None, "there is no champion"
    try:
        return Champion(version, models.load(ctx, version, IntentModel.load)), ""
    except models.Gone as e:  # an erasure takes models that held the person
        return None, str(e)
    except Exception as e:  # as after an upgrade: scoring goes on, and the registry says why
        return None, f"the champion {version} cannot be loaded: {str(e).splitlines()[0][:200]}"


def choose(ctx: Context, model: IntentModel, held: DataFrame, label: str, *, question: str, kind: str) -> Choice:
    """The model to answer `question` with. Saves, registers, pictures and tracks the new one, `model`, as one of `kind`.

    A champion that has learned from `held`, as where an earlier as_of is run again, is no measure: the new one answers this
    run, and is the champion from now on unless there is a model of a later as_of.

    held: the new one's holdout, see `judge`.
    """
    old, lacking = champion(ctx, question)
    knows = old is not None and _knows(old.model, model)
    if old is None:
        found = Verdict(True, lacking)
    elif knows:
        newest = models.newest_as_of(ctx, question)
        why = f"not compared: the champion {old.version} has learned from this holdout"
        found = Verdict(newest is None or ctx.as_of() >= newest, why)
    else:
        found = judge(held, label, model, old.model)
    version, as_of = models.save(ctx, kind, model.save), ctx.as_of()
    figures = {"better_by": found.better_by, "better_by_low": found.low, "better_by_high": found.high}
    figures |= {name: model.metrics.get(name) for name in ("auc", "log_loss")}
    models.register(
        ctx, question, version, wins=found.wins, reason=found.reason, figures=figures, record=_record(model)
    )
    points = [(kind, version, *point, as_of) for point in model_report.points(model)]
    frame = ctx.spark.createDataFrame(points, contract("gold.model_overview").schema)
    ctx.lake.append_once("gold.model_overview", frame, app_id=version, version=0)
    if found.wins or old is None or knows:
        note = f"; {found.reason}" if old else ""
        return Choice(Champion(version, model), {**model.metrics, **model.intervals}, note)
    note = f"; {old.version} stays: the new one is {found.reason}"
    return Choice(old, measured(old.model, held, label), note)


def _knows(old: IntentModel, new: IntentModel) -> bool:
    """Whether `old` has learned from rows of the holdout of `new`; False where either does not say."""
    known = old.holdout_from is not None and new.holdout_from is not None
    return known and old.holdout_from > new.holdout_from  # type: ignore[operator]


def measured(model: IntentModel, held: DataFrame, label: str) -> dict[str, float]:
    """Figures of `model` on the rows of `held`, and the ends of their intervals."""
    scored = model.score(with_label(held, label)[0])
    p = F.col("probability")
    table = metrics.grouped(scored, score=metrics.log_odds(p), label=LABEL, probability=p)
    return {**metrics.figures(table), **metrics.intervals(table)}


def judge(held: DataFrame, label: str, challenger: IntentModel, old: IntentModel) -> Verdict:
    """Both models on the rows of `held`, which neither has learned from: a paired bootstrap of the difference of log
    losses. Spark counts how often each difference comes, to three decimals; a resample draws Poisson numbers of each."""
    lacking = [c for c in old.features if c not in held.columns]
    if lacking:
        return Verdict(True, f"the champion needs the column '{lacking[0]}', which is there no more")
    rows = with_label(held, label)[0]
    both = challenger.score(old.score(rows).withColumnRenamed("probability", _GONE))
    gain = _loss(F.col(_GONE)) - _loss(F.col("probability"))
    counted = both.groupBy(F.round(gain, 3).alias("gain")).count().orderBy("gain").collect()
    return verdict(np.array([r["gain"] for r in counted]), np.array([r["count"] for r in counted]))


def verdict(gains: Any, counts: Any, seed: int = 7) -> Verdict:
    """gains: distinct differences of log loss, in favour of the challenger; counts: rows of each."""
    draw = np.random.default_rng(seed)
    weights = resampled_counts(counts, RESAMPLES, draw)
    means = (weights @ gains) / np.maximum(weights.sum(axis=1), 1)
    low, high = interval(means)
    mean = float((gains * counts).sum() / counts.sum())
    if low > 0:
        return Verdict(True, "better than the champion by more than noise", mean, low, high)
    why = "worse than the champion" if high < 0 else "no better than the champion beyond noise"
    return Verdict(False, why, mean, low, high)


def _loss(p: Column) -> Column:
    kept = F.least(F.greatest(p, F.lit(1e-9)), F.lit(1 - 1e-9))
    return -(F.col(LABEL) * F.log(kept) + (1 - F.col(LABEL)) * F.log(1 - kept))


def _record(model: IntentModel) -> models.Record:
    overview = {"importances": model.importances, "gains": model.gains, "partial": model.partial}
    return models.Record(
        {"model": model.model, **model.params, "calibration": model.curve.method},
        {**model.metrics, **model.intervals},
        {"overview.json": overview},
        {"rules.txt": model.rules()},
    )
