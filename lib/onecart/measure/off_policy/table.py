"""gold.policy_value: what simple policies would have brought, from the decisions that were made and logged."""

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.facts.horizons import horizon_of, horizons, within
from onecart.facts.shop import main_currency
from onecart.frames import begin_of, day_of
from onecart.measure.off_policy.gate import verdict
from onecart.measure.off_policy.moments import Estimate, Moments, moment_columns
from onecart.measure.off_policy.trust import MIN_EFFECTIVE, Overlap

_TABLE = "gold.policy_value"
OUTCOMES, PROFIT = ("bought", "revenue"), ("profit",)
_BY = ("kind", "subject", "policy", "model_version")
_OF_LOG = ("first_day", "last_day", "horizon_days")
_KEY = ("decision_id", "kind", "subject", "customer_id", "as_of")
_OF_DECISION = (*_KEY, "decision", "action", "propensity", "horizon_days")


def write_policy_value(ctx: Context) -> str:
    """Replaces gold.policy_value by the campaigns and placements whose decisions are old enough; its words for the headline,
    none where no decision is."""
    if ctx.lake.is_empty("gold.decision_log"):
        return ""
    asked, shop = ctx.settings.measure, ctx.settings.shop
    as_of = ctx.as_of()
    own = horizons(ctx.settings.decide)
    state = ctx.lake.read_if_exists("gold.content_state")
    decisions = drawn(ctx.lake.read("gold.decision_log"), state, own, asked.horizon_days)
    decisions = decisions.where(F.date_add("as_of", F.col("horizon_days")) <= F.lit(as_of))
    orders = ctx.lake.read("gold.customer_orders").where(F.col("order_ts") < begin_of(as_of, shop.time_zone))
    currency = main_currency(orders, shop)
    of_one = orders.withColumn("amount", F.when(F.col("currency") == F.lit(currency), F.col("amount")))
    judged = with_outcomes(decisions, of_one, zone=shop.time_zone)
    sums = [row.asDict() for row in policy_sums(judged).collect()]
    if not ctx.lake.is_empty("gold.policy_candidate"):
        sums += [row.asDict() for row in candidate_sums(ctx.lake.read("gold.policy_candidate")).collect()]
    if not sums and not ctx.lake.exists(_TABLE):
        return ""
    more = {"currency": currency, "as_of": as_of}
    rows = [{**row, **more} for one in sums for row in values_of(one, asked.min_effective_sample)]
    ctx.lake.replace(_TABLE, ctx.lake.frame(_TABLE, rows))
    return f"{sum(row['live'] for row in rows)} of {len(rows)} policies proved better" if rows else ""


def drawn(log: DataFrame, state: DataFrame, own: Mapping[str, int], otherwise: int) -> DataFrame:
    """The decisions of gold.decision_log about a customer that were drawn and could work: a campaign's treated and control, and
    the choices of a placement that are trials, as gold.content_state (`state`) counts them. Adds horizon_days, of the
    campaign (`own`), else `otherwise`.
    """
    arms = log.where((F.col("kind") == "campaign") & F.col("decision").isin("treated", "control"))
    arms = arms.withColumn("horizon_days", horizon_of(F.col("subject"), own, otherwise))
    trials = state.where("trials > 0").select(
        F.col("placement").alias("subject"), "customer_id", F.col("day").alias("as_of")
    )
    shown = log.where((F.col("kind") == "content") & (F.col("decision") == "chosen"))
    shown = shown.join(trials, ["subject", "customer_id", "as_of"], how="left_semi")
    both = arms.unionByName(shown.withColumn("horizon_days", F.lit(otherwise)))
    return both.where(F.col("customer_id").isNotNull()).select(*_OF_DECISION)


def with_outcomes(decisions: DataFrame, orders: DataFrame, *, zone: str) -> DataFrame:
    """The decisions, of `drawn`, with bought (1: ordered on one of the horizon_days from as_of on, else 0) and revenue of those
    days.

    Control groups are not sent anything, so both arms are counted from as_of. orders: gold.customer_orders, amounts of other currencies null.
    """
    daily = orders.where(F.col("customer_id").isNotNull()).select(
        "customer_id",
        day_of("order_ts", zone).alias("day"),
        F.col("amount").cast("double").alias("amount"),
        "is_return",
    )
    bought = (
        decisions.select("decision_id", "customer_id", "as_of", "horizon_days")
        .join(daily, "customer_id", how="inner")
        .where(within("day", "as_of", F.col("horizon_days")))
        .groupBy("decision_id")
        .agg(F.max((~F.col("is_return")).cast("double")).alias("bought"), F.sum("amount").alias("revenue"))
    )
    return decisions.join(bought, "decision_id", how="left").na.fill(0.0, [*OUTCOMES])


def policy_sums(judged: DataFrame) -> DataFrame:
    """One row per kind, subject and policy: the moments of weight and outcomes, the largest weight, and which decisions.

    judged: rows of `with_outcomes`. Policies: everyone and nobody is contacted; uniform: every item that the placement showed on
    that day is as likely as any other.
    """
    items = judged.where("kind = 'content'").groupBy("kind", "subject", "as_of")
    shown = items.agg(F.count_distinct("action").alias("items"))
    rows = judged.join(shown, ["kind", "subject", "as_of"], how="left")
    contacted = F.col("decision") == "treated"
    chosen = {"everyone": contacted, "nobody": ~contacted}
    of_campaign = F.array(*[_weighed(name, holds.cast("double")) for name, holds in chosen.items()])
    of_content = F.array(_weighed("uniform", F.lit(1.0) / F.col("items")))
    both = F.when(F.col("kind") == "campaign", of_campaign).otherwise(of_content)
    weighed = rows.where("propensity > 0").select("kind", "subject", "as_of", "horizon_days", *OUTCOMES, F.inline(both))
    return _summed(weighed.withColumn("model_version", F.lit(None).cast("string")), OUTCOMES)


def candidate_sums(candidates: DataFrame) -> DataFrame:
    """The same of what learned policies would have done: rows of gold.policy_candidate, by profit."""
    named = {"kind": F.lit("campaign"), "subject": F.col("campaign"), "policy": F.lit("learned"), "as_of": F.col("day")}
    weight = F.col("probability") / F.col("propensity")
    return _summed(candidates.withColumns({**named, "weight": weight}), PROFIT)


def _summed(weighed: DataFrame, outcomes: Sequence[str]) -> DataFrame:
    weighted = {f"weighted_{o}": F.col("weight") * F.col(o) for o in outcomes}
    return (
        weighed.withColumns(weighted)
        .groupBy(*_BY)
        .agg(
            *moment_columns(_moments(outcomes)),
            F.max("weight").alias("largest_weight"),
            F.min("as_of").alias("first_day"),
            F.max("as_of").alias("last_day"),
            F.max("horizon_days").alias("horizon_days"),
        )
        .orderBy(*_BY)
    )


def _moments(outcomes: Sequence[str]) -> tuple[str, ...]:
    return ("weight", *(f"weighted_{o}" for o in outcomes), *outcomes)


def _weighed(policy: str, probability: Column) -> Column:
    return F.struct(F.lit(policy).alias("policy"), (probability / F.col("propensity")).alias("weight"))


def values_of(sums: dict[str, Any], min_effective_sample: float = MIN_EFFECTIVE) -> list[dict[str, Any]]:
    """The rows of gold.policy_value, one per outcome, of one row of `policy_sums` or `candidate_sums`."""
    outcomes = OUTCOMES if OUTCOMES[0] in sums else PROFIT
    moments = Moments.of(sums, _moments(outcomes))
    overlap = Overlap.of(moments, sums["largest_weight"])
    found = []
    for outcome in outcomes:
        candidate = Estimate.ratio(moments, f"weighted_{outcome}", "weight")
        now = Estimate.mean(moments, outcome)
        judged = verdict(moments, candidate, now, [overlap], "snips", min_effective_sample)
        found.append(
            {
                **{name: sums[name] for name in (*_BY, *_OF_LOG)},
                "decisions": moments.rows,
                "outcome": outcome,
                "value": judged.value,
                "current_value": judged.current,
                "lift": judged.lift,
                "lift_low": judged.low,
                "lift_high": judged.high,
                "effective_sample": overlap.effective_sample,
                "mean_weight": overlap.mean_weight,
                "largest_weight": overlap.largest_weight,
                "trusted": judged.value is not None,
                "live": judged.live,
                "why": judged.why,
            }
        )
    return found
