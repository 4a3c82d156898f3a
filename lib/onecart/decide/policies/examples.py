"""What a campaign's past decisions teach: what was known, whether it was contacted, with which probability, and what came of it."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import Campaign, Contacts
from onecart.contracts.base.features import FEATURE_NAMES
from onecart.facts.horizons import within
from onecart.frames import literal_map

CONTACT, NOTHING = "contact", "nothing"


def examples(
    log: DataFrame,
    features: DataFrame,
    orders: DataFrame,
    campaign: Campaign,
    contacts: Contacts,
    days: int,
    margin: Column,
) -> DataFrame:
    """One row per decision whose customer had features on its day: decision_id, customer_id, day, offered, action (contact |
    nothing), propensity, profit (of `days` days from it on), reward (the same until the customer's next decision), following (its
    decision_id; null: none), gap (of the two, in horizons of `days`), and the features as numbers.

    log: treated and control of one campaign in gold.decision_log; an offer that the campaign has no more is left out. orders:
    customer_id, day, amount. margin: what is earned of an amount, as a share. Profit of a contact: amount x (margin - discount) -
    its cost.
    """
    offers = campaign.offers
    offered = F.col("action").alias("offered")
    rows = log.where(F.col("action").isin(*offers))
    rows = rows.select("decision_id", "customer_id", "as_of", offered, "decision", "channel", "propensity")
    rows = rows.join(features, ["customer_id", "as_of"], how="inner")
    turn = Window.partitionBy("customer_id").orderBy("as_of", "decision_id")
    rows = rows.withColumns({"following": F.lead("decision_id").over(turn), "next": F.lead("as_of").over(turn)})
    spans = rows.select("decision_id", "customer_id", "as_of", "next")
    spent = spans.join(orders, "customer_id", how="inner").where(within("day", "as_of", days))
    before_next = F.when(F.col("next").isNull() | (F.col("day") < F.col("next")), F.col("amount"))
    sums = spent.groupBy("decision_id").agg(F.sum("amount").alias("whole"), F.sum(before_next).alias("soon"))
    rows = rows.join(sums, "decision_id", how="left").fillna(0.0, ["whole", "soon"])
    treated = F.col("decision") == "treated"
    discount = F.when(treated, _of(F.col("offered"), {n: o.discount for n, o in offers.items()})).otherwise(0.0)
    channel = F.coalesce(_of(F.col("channel"), {str(k): v for k, v in contacts.costs.items()}), F.lit(0.0))
    cost = F.when(treated, channel + _of(F.col("offered"), {n: o.cost for n, o in offers.items()})).otherwise(0.0)
    return rows.select(
        "decision_id",
        "customer_id",
        F.col("as_of").alias("day"),
        "offered",
        F.when(treated, CONTACT).otherwise(NOTHING).alias("action"),
        "propensity",
        (F.col("whole") * (margin - discount) - cost).alias("profit"),
        (F.col("soon") * (margin - discount) - cost).alias("reward"),
        "following",
        (F.datediff("next", "as_of") / F.lit(days)).alias("gap"),
        *numbers(),
    )


def numbers() -> list[Column]:
    """The features as a policy takes them."""
    return [F.col(name).cast("double").alias(name) for name in FEATURE_NAMES]


def _of(key: Column, values: dict[str, float]) -> Column:
    return literal_map({name: float(value) for name, value in values.items()})[key]
