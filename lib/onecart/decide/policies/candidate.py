"""Writes gold.policy_candidate: what campaigns' learned policies would have done on decisions they have not learned from. The
job `measure` judges it, and the next run of `decide` asks for the verdict."""

from functools import reduce

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart import models
from onecart.config import Campaign
from onecart.context import Context
from onecart.contracts import contract
from onecart.contracts.base.features import FEATURE_NAMES
from onecart.decide.campaigns.people import worth_of
from onecart.decide.decision_log import CAMPAIGN, EXPECTED_PROFIT, Part
from onecart.decide.decision_log import TABLE as LOG
from onecart.decide.one_worker import in_one_worker
from onecart.decide.policies import contact
from onecart.decide.policies.examples import NOTHING, examples
from onecart.decide.policies.fitted_q import Policy
from onecart.errors import UsageError
from onecart.facts import ORDERS
from onecart.facts.shop import main_currency
from onecart.frames import begin_of, break_lineage, day_of, is_drawn
from onecart.stats import boosting

CANDIDATE = "gold.policy_candidate"


def write_policy_candidates(ctx: Context) -> Part:
    """Learns anew for each campaign whose policy is `learned`, from half of its past customers, and puts what the policy would
    have done about the others in place of the table; words on those that cannot learn yet."""
    asked = {name: one for name, one in ctx.settings.decide.running.items() if one.policy == "learned"}
    if ctx.lake.is_empty(LOG) or not (asked or ctx.lake.exists(CANDIDATE)):
        return Part()
    parts, words = [ctx.lake.frame(CANDIDATE, [])], []
    for name, campaign in asked.items():
        rows = _past(ctx, name, campaign).transform(break_lineage)
        rows = rows.withColumn("learns", _learns(rows.count(), ctx.settings.seed)).transform(break_lineage)
        try:
            policy = _in_one_worker(rows.where("learns"), ctx.settings.seed)
        except UsageError as e:
            words.append(f"{name}: nothing learned of contacts yet ({e})")
            continue
        version = _saved(ctx, name, policy)
        parts.append(_candidates(ctx, rows.where("NOT learns"), name, policy, version))
    ctx.lake.replace(CANDIDATE, reduce(DataFrame.unionByName, parts))
    return Part("; ".join(words))


def _past(ctx: Context, name: str, campaign: Campaign) -> DataFrame:
    """Rows of `examples` of decisions whose horizon is over by as_of. Those that a learned policy made already are left out: it
    would learn from those alone whom it chose itself."""
    as_of, zone, agreed = ctx.as_of(), ctx.settings.shop.time_zone, ctx.lake.for_purpose("profiling")
    log = agreed.read(LOG).where((F.col("kind") == CAMPAIGN) & (F.col("subject") == name))
    log = log.where(F.col("decision").isin("treated", "control") & F.col("policy").startswith(EXPECTED_PROFIT))
    days = _days(ctx, campaign)
    log = log.where((F.col("propensity") > 0) & (F.date_add("as_of", days) <= F.lit(as_of)))
    features = agreed.read_if_exists("gold.customer_features").select("customer_id", "as_of", *FEATURE_NAMES)
    orders = agreed.read_if_exists(ORDERS).where(F.col("order_ts") < begin_of(as_of, zone))
    orders = orders.where(F.col("currency") == F.lit(main_currency(orders, ctx.settings.shop)))
    orders = orders.select("customer_id", day_of("order_ts", zone).alias("day"), F.col("amount").cast("double"))
    margin = worth_of(ctx.lake, ctx.settings).by(campaign).margin
    return examples(log, features, orders, campaign, ctx.settings.decide.contacts, days, margin)


def _days(ctx: Context, campaign: Campaign) -> int:
    return campaign.horizon_days or ctx.settings.measure.horizon_days


def _learns(rows: int, seed: int) -> Column:
    """Whether a customer's decisions are learned from: half of the customers, fewer where a worker could not hold them."""
    share = min(0.5, boosting.NUMBERS / len(FEATURE_NAMES) / max(rows, 1))
    return is_drawn(share, "customer_id", F.lit(seed))


def _in_one_worker(rows: DataFrame, seed: int) -> Policy:
    """The policy, learned where the rows are brought together."""

    def learn(frame: pd.DataFrame) -> str:
        return contact.learned(frame, seed).to_json()

    return Policy.from_json(in_one_worker(rows, learn, ["decision_id"], "decide.policies"))


def _saved(ctx: Context, name: str, policy: Policy) -> str:
    model = models.named("policy", name)
    version = models.save_text(ctx, model, policy.to_json())
    models.register(ctx, model, version, wins=False, reason="measure judges it, in gold.policy_value")
    return version


def _candidates(ctx: Context, rows: DataFrame, name: str, policy: Policy, version: str) -> DataFrame:
    """Whom the policy wants is contacted or held back as likely as before; whom it does not want is left alone."""
    left_alone: Column = F.col("action") == NOTHING
    wanted = contact.is_wanted(policy, F.col("offered"))
    filled = {
        "campaign": F.lit(name),
        "horizon_days": F.lit(_days(ctx, ctx.settings.decide.running[name])),
        "probability": F.when(F.col("wanted"), F.col("propensity")).otherwise(left_alone.cast("double")),
        "as_of": F.lit(ctx.as_of()),
        "model_version": F.lit(version),
    }
    made = rows.withColumn("wanted", wanted).withColumns(filled)
    return made.select(*contract(CANDIDATE).schema.fieldNames())
