"""Writes gold.uplift_scores and gold.uplift_curve: what past campaigns, each an experiment, have taught of each offer."""

import logging
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart import models
from onecart.context import Context
from onecart.contracts import contract
from onecart.contracts.base.features import FEATURE_NAMES
from onecart.decide.decision_log import Part
from onecart.decide.uplift.evaluation import OfferReport
from onecart.decide.uplift.model import UpliftModel
from onecart.decide.uplift.train import train_uplift
from onecart.errors import UsageError
from onecart.facts import ORDERS
from onecart.facts.horizons import horizon_of, horizons, propensity_treated, within
from onecart.frames import break_lineage, day_of

SCORES, CURVE, LOG = "gold.uplift_scores", "gold.uplift_curve", "gold.decision_log"
_CONTROL, _BOUGHT, _PROPENSITY = "control", "bought", "propensity_treated"
_log = logging.getLogger(__name__)


def write_uplift_scores(ctx: Context) -> Part:
    """Learns of each offer that was once held back from a control group, and scores the customers of today. Only campaigns count
    whose horizon is over by as_of, and only customers who agreed to profiling.

    The features of an example are those of the day it was decided on: nothing that came after it.
    """
    how, as_of = ctx.settings.decide.uplift, ctx.as_of()
    if ctx.lake.is_empty(LOG):
        return Part()
    agreed = ctx.lake.for_purpose("profiling")
    log = agreed.read(LOG).where("kind = 'campaign' AND decision IN ('treated', 'control') AND action IS NOT NULL")
    days = horizon_of(F.col("subject"), horizons(ctx.settings.decide), how.horizon_days)
    log = log.where((F.col("propensity") > 0) & (F.col("propensity") < 1)).withColumn("horizon_days", days)
    log = log.where(F.date_add("as_of", F.col("horizon_days")) <= F.lit(as_of))
    features = agreed.read_if_exists("gold.customer_features").select("customer_id", "as_of", *FEATURE_NAMES)
    orders = agreed.read_if_exists(ORDERS).where("quantity > 0")
    orders = orders.select("customer_id", day_of("order_ts", ctx.settings.shop.time_zone).alias("day"))
    rows = examples(log, features, orders).transform(break_lineage)
    arms = {(r["action"], r["decision"]): r["count"] for r in rows.groupBy("action", "decision").count().collect()}
    named = sorted({action for action, _ in arms})
    enough = [a for a in named if min(arms.get((a, arm), 0) for arm in ("treated", _CONTROL)) >= how.min_arm]
    found = {}
    for action in enough:
        try:
            found[action] = _learned(rows.where(F.col("action") == action), ctx.settings.seed)
        except UsageError as e:
            _log.warning("no uplift of '%s' is learned: %s", action, str(e).removeprefix("decide.train_uplift: "))
    if found:
        versions = {action: _saved(ctx, action, model) for action, model in found.items()}
        now = features.where(F.col("as_of") == F.lit(as_of))
        parts = [_scores(model, now, action, versions[action]) for action, model in found.items()]
        ctx.lake.replace(SCORES, reduce(DataFrame.unionByName, parts))
        _write_curves(ctx, found, versions)
    return Part(f"uplift of {len(found)} offer{'s' * (len(found) > 1)}" if found else "")


def examples(log: DataFrame, features: DataFrame, orders: DataFrame) -> DataFrame:
    """One row per decision of `log` whose customer had features on its day: action, decision, propensity_treated, bought (0/1:
    an order from the day on, within the decision's horizon_days), and the features.

    log: rows of gold.decision_log, treated or control, whose propensity is that of what was decided, with horizon_days;
    features: gold.customer_features; orders: customer_id and day of what was bought.
    """
    days = "horizon_days"
    plain = log.select(
        "decision_id", "customer_id", "as_of", days, "action", "decision", propensity_treated().alias(_PROPENSITY)
    )
    pairs = plain.select("decision_id", "customer_id", "as_of", days).join(orders, "customer_id", how="inner")
    bought = pairs.where(within("day", "as_of", F.col(days))).select("decision_id").distinct()
    rows = plain.join(features, ["customer_id", "as_of"], how="inner")
    rows = rows.join(bought.withColumn(_BOUGHT, F.lit(1)), "decision_id", how="left").fillna(0, [_BOUGHT])
    return rows.drop("decision_id", "customer_id", "as_of", days)


def _learned(rows: DataFrame, seed: int) -> UpliftModel:
    return train_uplift(rows, _BOUGHT, "decision", _CONTROL, columns=FEATURE_NAMES, propensity=_PROPENSITY, seed=seed)


def _report(model: UpliftModel) -> OfferReport:
    return model.offers["treated"].report


def _saved(ctx: Context, action: str, model: UpliftModel) -> str:
    """Saves and registers the model; its version."""
    name = models.named("uplift", action)
    version = models.save_text(ctx, name, model.to_json())
    report = _report(model)
    models.register(ctx, name, version, reason=report.advice)
    figures = {k: float(v) for k, v in vars(report).items() if isinstance(v, int | float)}
    ctx.write_health({name: figures}, "experiment")
    return version


def _scores(model: UpliftModel, now: DataFrame, action: str, version: str) -> DataFrame:
    report = _report(model)
    learned = model.score(now).withColumnRenamed("uplift", "learned_uplift")
    used = F.col("learned_uplift") if report.heterogeneous else F.lit(report.effect)
    return learned.select(
        "customer_id",
        F.lit(action).alias("treatment"),
        used.alias("uplift"),
        "learned_uplift",
        F.lit(report.heterogeneous).alias("heterogeneous"),
        "as_of",
        F.lit(version).alias("model_version"),
    )


def _write_curves(ctx: Context, found: dict[str, UpliftModel], versions: dict[str, str]) -> None:
    rows = [
        (action, i, share, gain, chord, ctx.as_of(), versions[action])
        for action, model in found.items()
        for i, (share, gain, chord) in enumerate(zip(*model.offers["treated"].curve.values(), strict=True))
    ]
    ctx.lake.replace(CURVE, ctx.spark.createDataFrame(rows, contract(CURVE).schema))
