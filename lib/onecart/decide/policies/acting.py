"""Whether a campaign's learned policy decides today, which yesterday's verdict of `measure` says, and what it then leaves out."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart import models
from onecart.config import Campaign
from onecart.context import Context
from onecart.contracts.base.features import FEATURE_NAMES
from onecart.decide.decision_log import EXPECTED_PROFIT
from onecart.decide.policies import contact
from onecart.decide.policies.fitted_q import Policy
from onecart.frames import literal_map

VERDICT = "gold.policy_value"
NOT_WANTED = "is learned to bring more, from now on, when left alone than by any offer"


@dataclass(frozen=True)
class Standing:
    """What decides: policy, as gold.decision_log has it; words for the headline; learned, version: None unless it decides."""

    policy: str = EXPECTED_PROFIT
    words: str = ""
    learned: Policy | None = None
    version: str | None = None


def standing(ctx: Context, name: str, campaign: Campaign) -> Standing:
    """Of the campaign today: its learned policy decides in the version that measure.go_live's gate let through."""
    if campaign.policy != "learned":
        return Standing()
    verdicts = ctx.lake.read_if_exists(VERDICT).where((F.col("subject") == name) & F.col("model_version").isNotNull())
    verdict = verdicts.where("kind = 'campaign' AND outcome = 'profit'").select("live", "why", "model_version").first()
    if verdict is None:
        return _refused("it has not been judged yet")
    if not verdict["live"]:
        return _refused(f"refused by the gate, {verdict['why']}")
    version = verdict["model_version"]
    try:
        text = models.load_text(ctx, version)
    except models.Gone as e:
        return _refused(str(e))
    why = f"{version}, {verdict['why']}"
    return Standing(
        f"learned ({why}) says whom to leave alone; of the others {EXPECTED_PROFIT}",
        f"the learned policy decides: {why}",
        Policy.from_json(text),
        version,
    )


def with_wanted(ctx: Context, rows: DataFrame, stands: Standing) -> DataFrame:
    """Adds policy_version; where a learned policy decides, `offers` keeps those that it wants or has never seen, and who has none
    left gets the refusal NOT_WANTED. rows: customer_id, offers, refusal."""
    rows = rows.withColumn("policy_version", F.lit(stands.version).cast("string"))
    if stands.learned is None:
        return rows
    today = ctx.lake.for_purpose("profiling").read_if_exists("gold.customer_features")
    today = today.where(F.col("as_of") == F.lit(ctx.as_of())).select("customer_id", *FEATURE_NAMES)
    seen = contact.offers_of(stands.learned)
    wanted = {name: contact.is_wanted(stands.learned, F.lit(name)) for name in seen}
    said = today.select("customer_id", literal_map(wanted).alias("_wanted"))
    rows = rows.join(said, "customer_id", how="left")
    kept = F.filter("offers", lambda offer: F.coalesce(F.col("_wanted")[offer["offer"]], F.lit(True)))
    none_left = F.when(F.size("offers") == 0, F.lit(NOT_WANTED))
    rows = rows.withColumn("offers", kept).withColumn("refusal", F.coalesce("refusal", none_left))
    return rows.drop("_wanted")


def _refused(why: str) -> Standing:
    return Standing(f"{EXPECTED_PROFIT}; not the learned one: {why}", f"the learned policy does not decide: {why}")
