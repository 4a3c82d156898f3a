"""Champion and challenger: a new model takes over only where it is better on the same rows by more than noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.contracts import contract
from onecart.intent import tracking
from onecart.intent.evaluation import model_report
from onecart.intent.model import IntentModel
from onecart.intent.training.split import LABEL, with_label
from onecart.lake.files import listed
from onecart.stats.bootstrap import interval, resampled_counts

TABLE = "gold.model_registry"
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


def champion(ctx: Context, question: str) -> tuple[Champion | None, str]:
    """The model that answers `question` now; or None, and why there is none."""
    row = _models(ctx, question).where("role = 'champion'").first()
    if row is None:
        return None, "there is no champion"
    path = f"{ctx.lake.root}/{row['path']}"
    if not listed(ctx.spark, path):
        return None, "the champion's files are gone"  # an erasure takes models that held the person
    try:
        return Champion(row["model_version"], IntentModel.load(path)), ""
    except Exception as e:  # as after an upgrade: scoring goes on, and the registry says why
        return None, f"the champion {row['model_version']} cannot be loaded: {str(e).splitlines()[0][:200]}"


def trained_on(ctx: Context, question: str) -> date | None:
    """The as_of of the newest model of `question`, whether it won or not; None: there is none."""
    row = _models(ctx, question).agg(F.max("as_of")).first()
    return row[0] if row else None


def _models(ctx: Context, question: str) -> DataFrame:
    return ctx.lake.read_if_exists(TABLE).where(F.col("model") == question)


def choose(
    ctx: Context, model: IntentModel, held: DataFrame, label: str, *, question: str, kind: str
) -> tuple[Champion, str]:
    """The model to answer `question` with from now on, and a word on the choice for a headline; empty for the first.

    Saves, registers, pictures and tracks the new one, `model`, as a model of `kind`. held: see `judge`.
    """
    version, path = ctx.model_version(kind), ctx.model_path(kind)
    old, lacking = champion(ctx, question)
    found = judge(held, label, model, old.model) if old else Verdict(True, lacking)
    model.save(path)
    below, as_of = path.removeprefix(f"{ctx.lake.root}/"), ctx.as_of()
    record(ctx, found, question=question, version=version, path=below, metrics=model.metrics)
    points = [(kind, version, *point, as_of) for point in model_report.points(model)]
    frame = ctx.spark.createDataFrame(points, contract("gold.model_overview").schema)
    ctx.lake.append_once("gold.model_overview", frame, app_id=version, version=0)
    if where := tracking.uri(ctx.settings.intent.tracking_uri, ctx.lake.root):
        tags = {"verdict": found.reason, "as_of": str(as_of), "path": below}
        tracking.track(where, model, version=version, tags=tags)
    if found.wins or old is None:
        return Champion(version, model), f"; {found.reason}" if old else ""
    return old, f"; {old.version} stays: the new one is {found.reason}"


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


def record(
    ctx: Context, found: Verdict, *, question: str, version: str, path: str, metrics: Mapping[str, float]
) -> None:
    """Writes the challenger's row; where it wins, the champion before becomes `retired`."""
    schema = contract(TABLE).schema
    row = {
        "model": question,
        "model_version": version,
        "role": "champion" if found.wins else "challenger",
        "reason": found.reason,
        "path": path,
        "better_by": found.better_by,
        "better_by_low": found.low,
        "better_by_high": found.high,
        "auc": metrics.get("auc"),
        "log_loss": metrics.get("log_loss"),
        "as_of": ctx.as_of(),
    }
    new = ctx.spark.createDataFrame([tuple(row[f.name] for f in schema.fields)], schema)
    if found.wins:
        old = _models(ctx, question).where("role = 'champion'").where(F.col("model_version") != F.lit(version))
        new = new.unionByName(old.withColumn("role", F.lit("retired")))
    ctx.lake.upsert(TABLE, new)


def _loss(p: Column) -> Column:
    kept = F.least(F.greatest(p, F.lit(1e-9)), F.lit(1 - 1e-9))
    return -(F.col(LABEL) * F.log(kept) + (1 - F.col(LABEL)) * F.log(1 - kept))
