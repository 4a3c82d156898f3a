"""What past campaigns brought: customers contacted against those held back, from the decision log and their orders."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Settings
from onecart.context import Context
from onecart.facts.horizons import horizon_of, horizons, propensity_treated, within
from onecart.facts.shop import main_currency
from onecart.frames import day_of
from onecart.measure.experiments import on_spark
from onecart.measure.experiments.columns import Columns
from onecart.measure.experiments.judgement import Rules, judged
from onecart.measure.experiments.moments import Arm

_TREATED, _CONTROL = "treated", "control"
_TABLE = "gold.experiment_results"
_log = logging.getLogger(__name__)


def write_experiment_results(ctx: Context) -> str:
    """Replaces gold.experiment_results: every campaign of gold.decision_log that began before as_of. Says how many moved
    conversion."""
    as_of = ctx.as_of()
    decisions = first_decisions(ctx.lake.read_if_exists("gold.decision_log").where(F.col("as_of") < F.lit(as_of)))
    told = {row["campaign"]: row.asDict() for row in _campaigns(decisions).collect()}
    rows = []
    if told:
        orders = ctx.lake.read_if_exists("gold.customer_orders")
        currency = main_currency(orders, ctx.settings.shop)
        units = outcomes(decisions, orders, ctx.settings, as_of=as_of, currency=currency)
        for campaign, arms in _by_campaign(on_spark.experiment(units, _columns(ctx.settings)).arms):
            rows += _results(campaign, arms, told[campaign], ctx.settings, as_of, currency)
    if not rows and not ctx.lake.exists(_TABLE):
        return ""
    plain = [{name: _none(value) for name, value in row.items()} for row in rows]
    ctx.lake.replace(_TABLE, ctx.lake.frame(_TABLE, plain))
    return _words(rows)


def first_decisions(log: DataFrame) -> DataFrame:
    """One row per campaign and customer, its key: arm (treated | control), day and share_treated, the probability with which
    the customer would be treated; of the first decision, which later ones cannot change (intention to treat)."""
    share = propensity_treated().alias("share_treated")
    earliest = F.min(F.struct("as_of", "decided_ts", "decision", share)).alias("first")
    drawn = log.where((F.col("kind") == "campaign") & F.col("decision").isin(_TREATED, _CONTROL))
    per_customer = drawn.where(F.col("customer_id").isNotNull()).groupBy(
        F.col("subject").alias("campaign"), "customer_id"
    )
    return per_customer.agg(earliest).select(
        "campaign",
        "customer_id",
        F.col("first.decision").alias("arm"),
        F.col("first.as_of").alias("day"),
        F.col("first.share_treated").alias("share_treated"),
    )


def outcomes(
    decisions: DataFrame,
    orders: DataFrame,
    settings: Settings,
    *,
    as_of: date,
    currency: str | None,
) -> DataFrame:
    """One row per campaign and customer, its key: arm, conversion (0 or 1), orders and revenue (returns taken off) in the horizon
    from the day of the decision on, for both arms alike whenever a message was sent; orders_before and revenue_before in the
    days of history; segment, by the orders ever made before; cell, campaign and segment as one text.

    decisions: of `first_decisions`; orders: gold.customer_orders. The horizon is the campaign's own, else measure.horizon_days.
    What nobody's orders say is 0.
    """
    rules = settings.measure
    lines = orders.withColumns(
        {
            "order_day": day_of("order_ts", settings.shop.time_zone),
            "money": F.when(F.col("currency").eqNullSafe(F.lit(currency)), F.col("amount").cast("double")),
            "bought": (F.col("quantity") > 0).cast("int"),
        }
    ).where(F.col("order_day") < F.lit(as_of))
    receipts = lines.groupBy("customer_id", "order_id", "order_day").agg(
        F.coalesce(F.sum("money"), F.lit(0.0)).alias("money"), F.max("bought").alias("bought")
    )
    age = F.datediff("order_day", "day")
    horizon = horizon_of(F.col("campaign"), horizons(settings.decide), rules.horizon_days)
    after = within("order_day", "day", horizon)
    before = (age < 0) & (age >= -rules.history_days)

    def total(of: str, period: Column) -> Column:
        return F.coalesce(F.sum(F.when(period, F.col(of))), F.lit(0))

    counted = (
        decisions.join(receipts, "customer_id", how="left")
        .groupBy("campaign", "customer_id", "arm")
        .agg(
            total("bought", after).alias("orders"),
            total("money", after).alias("revenue"),
            total("bought", before).alias("orders_before"),
            total("money", before).alias("revenue_before"),
            total("bought", age < 0).alias("ever"),
        )
    )
    bought = F.when(F.col("ever") < 1, "never bought").when(F.col("ever") < 2, "bought once").otherwise("bought again")
    return counted.withColumns(
        {
            "conversion": (F.col("orders") > 0).cast("int"),
            "segment": bought,
            "cell": F.to_json(F.array("campaign", bought)),
        }
    ).drop("ever")


def _columns(settings: Settings) -> Columns:
    metrics = tuple(settings.measure.metrics)
    return Columns(metrics, _covariates(settings), arm="arm", unit=None, segment="cell")


def _covariates(settings: Settings) -> dict[str, str]:
    earlier = {"conversion": "orders_before", "orders": "orders_before", "revenue": "revenue_before"}
    return {name: earlier[name] for name in settings.measure.metrics if settings.measure.history_days}


def _campaigns(decisions: DataFrame) -> DataFrame:
    """One row per campaign: first and last day, and the share of customers that the draw meant to treat."""
    return decisions.groupBy("campaign").agg(
        F.min("day").alias("first_day"), F.max("day").alias("last_day"), F.avg("share_treated").alias("share_treated")
    )


def _by_campaign(arms: Sequence[Arm]) -> Iterator[tuple[str, list[Arm]]]:
    """Each campaign's arms, in its segments."""
    found: dict[str, list[Arm]] = {}
    for arm in arms:
        campaign, segment = json.loads(arm.segment or "[]")
        found.setdefault(campaign, []).append(replace(arm, segment=segment))
    yield from sorted(found.items())


def _results(
    campaign: str, arms: Sequence[Arm], told: Mapping[str, Any], settings: Settings, as_of: date, currency: str | None
) -> list[dict[str, Any]]:
    """The rows of one campaign; none, with a warning, where nobody was held back or nobody contacted."""
    share = told["share_treated"]
    if {arm.name for arm in arms} != {_TREATED, _CONTROL} or not 0 < share < 1:
        _log.warning("campaign '%s' cannot be judged: it held nobody back, or contacted nobody", campaign)
        return []
    rules = settings.measure
    found = judged(
        arms,
        rules.metrics,
        Rules(
            _CONTROL,
            expected={_TREATED: share, _CONTROL: 1 - share},
            covariates=_covariates(settings),
            alpha=rules.alpha,
            correction=rules.correction,
            tuned_to=rules.tuned_to,
            sample_ratio_alpha=rules.sample_ratio_alpha,
        ),
    )
    if not found.trusted:
        _log.warning("campaign '%s': %s", campaign, found.notes[0])
    horizon = horizons(settings.decide).get(campaign, rules.horizon_days)
    common = {
        "campaign": campaign,
        "first_day": told["first_day"],
        "last_day": told["last_day"],
        "horizon_days": horizon,
        "complete": told["last_day"] + timedelta(days=horizon) <= as_of,
        "as_of": as_of,
    }
    rows = [{**common, **_row(row, currency)} for row in found.table.to_dict("records")]
    for row in rows[: len(rules.metrics)]:  # of all customers
        row["note"] = "; ".join(filter(None, [*(note.rstrip(".") for note in found.notes), row["note"]]))
    return rows


def _row(row: Mapping[Any, Any], currency: str | None) -> dict[str, Any]:
    """A row of the verdict in the words of gold.experiment_results."""
    plain = {f"raw_{name}": row[name] for name in ("effect", "lo", "hi")} | {"variance_reduction": 0.0}
    return {
        **plain,
        **row,
        "treated": row["units"],
        "control": row["control_units"],
        "treated_mean": row["mean"],
        "incremental": row["effect"] * row["units"],
        "currency": currency if row["metric"] == "revenue" else None,
    }


def _none(value: Any) -> Any:
    """NaN as null, numbers of numpy as Python's."""
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and plain != plain else plain


def _words(rows: Sequence[dict[str, Any]]) -> str:
    whole = [row for row in rows if row["segment"] == "all" and row["metric"] == "conversion"]
    if not whole:
        return ""
    moved = [row for row in whole if row["trusted"] and (row["lo"] > 0 or row["hi"] < 0)]
    return f"{len(moved)} of {len(whole)} campaigns moved conversion"
