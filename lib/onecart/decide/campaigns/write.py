"""Writes gold.campaign_audience and gold.campaign_plan."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Campaign, resolve_secret
from onecart.context import Context
from onecart.decide.assignment.plan import Plan
from onecart.decide.campaigns import candidates
from onecart.decide.campaigns.candidates import Worth, with_offers, with_refusal
from onecart.decide.campaigns.people import (
    channel_of,
    considered,
    contacted,
    currency_of,
    is_held_back,
    people,
    uplift_of,
    with_contacts,
    worth_of,
)
from onecart.decide.campaigns.plan import planned
from onecart.decide.decision_log import CAMPAIGN, TABLE, Decisions, Part, versions_of
from onecart.decide.policies.acting import Standing, standing, with_wanted
from onecart.errors import UsageError
from onecart.frames import break_lineage

AUDIENCE, PLAN = "gold.campaign_audience", "gold.campaign_plan"


@dataclass(frozen=True)
class Decided:
    """One campaign: every customer considered, and the plan. rows: columns of `people`, campaign, family, held_back, refusal,
    contacted_by, offers, and of the offer chosen offer, sku, uplift, cost, value. caps: offer -> how many at most (None: any).
    standing: of its learned policy."""

    name: str
    campaign: Campaign
    rows: DataFrame
    plan: Plan
    caps: Mapping[str, float | None]
    standing: Standing


def write_campaigns(ctx: Context) -> Part:
    """Plans the settings' campaigns, in their order, for the run's as_of, and puts them in place of what the tables have of that
    day. Later campaigns know whom earlier ones contact. Gives back what was decided about everybody considered."""
    campaigns = ctx.settings.decide.running
    if not campaigns:
        return Part()
    shop, as_of = ctx.settings.shop, ctx.as_of()
    rows = people(ctx.lake, ctx.settings, list(campaigns.values()), as_of)
    rows = rows.transform(break_lineage) if len(campaigns) > 1 else rows
    contacts = contacted(ctx.lake.read_if_exists(TABLE), as_of, shop.time_zone)
    decided: list[Decided] = []
    worth = worth_of(ctx.lake, ctx.settings)
    given = _given(ctx, {offer.sku for one in campaigns.values() for offer in one.offers.values() if offer.sku})
    for name, campaign in campaigns.items():
        one = _decided(ctx, name, campaign, rows, contacts, given, worth)
        decided.append(one)
        if len(campaigns) > 1:
            chosen = one.rows.where("offer IS NOT NULL").select("customer_id", "campaign")
            contacts = contacts.unionByName(chosen).transform(break_lineage)
            treated = one.rows.where(_decision() == "treated")
            if any(offer.sku for offer in campaign.offers.values()):
                given.update(dict(map(tuple, treated.where("sku IS NOT NULL").groupBy("sku").count().collect())))
    log = reduce(DataFrame.unionByName, [_log(one) for one in decided])
    day = f"as_of = DATE'{as_of}'"
    audience = reduce(DataFrame.unionByName, [_audience(ctx, one) for one in decided])
    ctx.lake.replace_where(AUDIENCE, audience, day)
    summaries = [_summary(ctx, one) for one in decided]
    ctx.lake.replace_where(PLAN, ctx.lake.frame(PLAN, summaries), day)
    treated, control = (sum(summary[arm] for summary in summaries) for arm in ("treated", "control"))
    words = f"{treated:,} contacted, {control:,} held back by {len(campaigns)} campaign{'s' * (len(campaigns) > 1)}"
    learned = [f"{one.name}: {one.standing.words}" for one in decided if one.standing.words]
    return Part("; ".join([words, *learned]), Decisions(CAMPAIGN, log))


def _decided(
    ctx: Context,
    name: str,
    campaign: Campaign,
    rows: DataFrame,
    contacts: DataFrame,
    given: Mapping[str, int],
    worth: Worth,
) -> Decided:
    settings, family = ctx.settings, campaign.family or name
    rows = considered(rows, name, campaign)
    key = control_key(ctx)
    rows = rows.withColumn("held_back", is_held_back(family, campaign.control_share, key))
    rows = rows.transform(with_contacts, contacts)
    rows = rows.withColumn("channel", channel_of(campaign.channels, dict(settings.shop.channels)))
    taught = uplift_of(ctx.lake, [*campaign.offers])
    if taught is not None:
        rows = rows.join(taught, "customer_id", how="left")
    else:
        rows = rows.withColumn("uplift_version", F.lit(None).cast("string"))
    foreign = F.coalesce(F.col("currency") != currency_of(settings), F.lit(False))
    rows = rows.withColumn("average_basket", F.when(~foreign, F.col("average_basket")))
    rows = rows.transform(with_offers, campaign, settings.decide.contacts, worth.by(campaign), taught is not None)
    rows = rows.transform(with_refusal, settings.decide.contacts)
    stands = standing(ctx, name, campaign)
    rows = with_wanted(ctx, rows, stands)
    rows = rows.withColumns({"campaign": F.lit(name), "family": F.lit(family)}).drop("uplift")
    rows = rows.transform(break_lineage)
    each = rows.where("refusal IS NULL").select("customer_id", "held_back", F.inline("offers"))
    caps = _caps(ctx, campaign, given)
    plan = planned(each, campaign.budget, caps, campaign.control_share)
    return Decided(name, campaign, _with_choice(ctx, rows, plan).transform(break_lineage), plan, caps, stands)


def control_key(ctx: Context) -> bytes:
    """The key that draws control groups."""
    ref = ctx.settings.decide.control_key
    return resolve_secret(ref).encode() if ref else f"onecart control {ctx.settings.seed}".encode()


def _caps(ctx: Context, campaign: Campaign, given: Mapping[str, int]) -> dict[str, float | None]:
    """Offer -> how many: the setting, and no more than is left of its product's stock. UsageError: there is no such product."""
    skus = sorted({offer.sku for offer in campaign.offers.values() if offer.sku})
    if not skus:
        return {name: offer.cap for name, offer in campaign.offers.items()}
    products = ctx.lake.read_if_exists("silver.products").where(F.col("sku").isin(skus))
    on_hand = {row[0]: row[1] for row in products.select("sku", "stock_on_hand").collect()}
    stock = {sku: None if n is None else n - given.get(sku, 0) for sku, n in on_hand.items()}
    if missing := [sku for sku in skus if sku not in stock]:
        raise UsageError(f"decide.campaigns offers the product '{missing[0]}', which silver.products has not")
    caps: dict[str, float | None] = {}
    for name, offer in campaign.offers.items():
        limits = [n for n in (offer.cap, stock.get(offer.sku) if offer.sku else None) if n is not None]
        caps[name] = max(0, min(limits)) if limits else None
    return caps


def _given(ctx: Context, skus: set[str]) -> Counter[str]:
    """Product -> contacts that offered it since its stock was counted (silver.products.updated_ts), those of the day's own run,
    which is made anew, left out."""
    if not skus or ctx.lake.is_empty(AUDIENCE):
        return Counter()
    counted = ctx.lake.read_if_exists("silver.products").select("sku", "updated_ts").where(F.col("sku").isin(*skus))
    sent = ctx.lake.read(AUDIENCE).where("arm = 'treated'").where(F.col("as_of") != F.lit(ctx.as_of()))
    since = sent.join(counted, "sku", how="inner").where("send_ts >= updated_ts")
    return Counter(dict(map(tuple, since.groupBy("sku").count().collect())))


def _with_choice(ctx: Context, rows: DataFrame, plan: Plan) -> DataFrame:
    """Adds offer, sku, uplift, cost and value of what was chosen; null: nothing."""
    chosen = plan.chosen
    if isinstance(chosen, pd.DataFrame):
        pairs = [*zip(chosen["customer_id"], chosen["offer"], strict=True)]
        chosen = ctx.spark.createDataFrame(pairs, "customer_id string, offer string")
    named = chosen.select("customer_id", F.col("offer").alias("_offer"))
    joined = rows.join(named, "customer_id", how="left")
    picked = F.filter("offers", lambda offer: offer["offer"] == F.col("_offer"))[0]
    fields = ("offer", "sku", "uplift", "cost", "value")
    return joined.withColumn("_picked", picked).select(
        *rows.columns, *[F.col(f"_picked.{name}").alias(name) for name in fields]
    )


def _decision() -> Column:
    return F.when(F.col("offer").isNull(), "excluded").when(F.col("held_back"), "control").otherwise("treated")


def _log(one: Decided) -> DataFrame:
    share, price = one.campaign.control_share, one.plan.price_of_budget
    decision = _decision()
    chance = F.when(decision == "treated", 1 - share).when(decision == "control", share).otherwise(1.0)
    money = F.lit(price if one.campaign.budget is not None else None).cast("double")
    return one.rows.select(
        F.lit(one.name).alias("subject"),
        "customer_id",
        decision.alias("decision"),
        F.col("offer").alias("action"),
        F.when(decision != "excluded", F.col("channel")).alias("channel"),
        chance.alias("propensity"),
        F.col("value").alias("expected_value"),
        money.alias("price"),
        _reason(one).alias("reason"),
        F.when(decision == "treated", F.col("send_ts")).alias("send_ts"),
        versions_of({"intent": "model_version", "uplift": "uplift_version", "policy": "policy_version"}).alias(
            "versions"
        ),
        F.lit(one.standing.policy).alias("policy"),
    )


def _reason(one: Decided) -> Column:
    limit = (
        f"which is more than 1 of budget brings elsewhere ({one.plan.price_of_budget:,.2f} each)"
        if one.campaign.budget is not None
        else "and there is no limit"
    )
    words = F.format_string(
        "%s by %s is expected to add %.2f at a cost of %.2f, " + limit.replace("%", "%%"),
        "offer",
        "channel",
        "value",
        "cost",
    )
    held = F.concat(F.lit("held back to compare with: "), words)
    made = F.when(F.col("held_back"), held).otherwise(words)
    nothing_left = all(cap == 0 for cap in one.caps.values())
    by_whom = F.concat(F.col("refusal"), F.lit(" (by "), F.col("contacted_by"), F.lit(")"))
    refused = F.when(F.col("refusal") == candidates.PRESSURE, by_whom).otherwise(F.col("refusal"))
    left_out = F.coalesce(refused, "refusal", F.lit(candidates.NOTHING_LEFT if nothing_left else candidates.NOT_CHOSEN))
    return F.when(F.col("offer").isNull(), left_out).otherwise(made)


def _audience(ctx: Context, one: Decided) -> DataFrame:
    decision = _decision()
    return one.rows.where("offer IS NOT NULL").select(
        "campaign",
        "family",
        "customer_id",
        F.lit(ctx.as_of()).alias("as_of"),
        decision.alias("arm"),
        "offer",
        "sku",
        "channel",
        F.when(decision == "treated", F.col("send_ts")).alias("send_ts"),
        "probability",
        "uplift",
        F.col("value").alias("expected_profit"),
        "cost",
        F.lit(currency_of(ctx.settings)).alias("currency"),
        _reason(one).alias("reason"),
        F.lit(ctx.run_id).alias("run_id"),
    )


def _summary(ctx: Context, one: Decided) -> dict[str, Any]:
    """The row of gold.campaign_plan."""
    plan, decision = one.plan, _decision()
    priced = F.transform(
        "offers",
        lambda o: (
            o["value"]
            - F.lit(plan.price_of_budget) * o["cost"]
            - sum(
                (F.when(o["offer"] == n, F.lit(p)).otherwise(0.0) for n, p in plan.price_of_cap.items() if p),
                F.lit(0.0),
            )
        ),
    )
    more = F.greatest(F.array_max(priced), F.lit(0.0))
    treated = decision == "treated"
    row: Any = one.rows.agg(
        F.count("*").alias("considered"),
        F.count_if(F.col("refusal").isNull()).alias("eligible"),
        F.count_if(treated).alias("treated"),
        F.count_if(decision == "control").alias("control"),
        F.coalesce(F.sum(F.when(treated, F.col("cost"))), F.lit(0.0)).alias("spent"),
        F.coalesce(F.sum(F.when(treated, F.col("value"))), F.lit(0.0)).alias("expected_profit"),
        F.avg(F.when(F.col("refusal") == candidates.PRESSURE, more)).alias("price_of_contact"),
        F.avg(F.when(F.col("refusal") == candidates.NO_CONSENT, more)).alias("price_of_consent"),
    ).first()
    return {
        **row.asDict(),
        "campaign": one.name,
        "as_of": ctx.as_of(),
        "budget": one.campaign.budget,
        "plan_value": plan.value,
        "bound": plan.bound,
        "gap": plan.gap,
        "price_of_budget": plan.price_of_budget,
        "currency": currency_of(ctx.settings),
        "run_id": ctx.run_id,
    }
