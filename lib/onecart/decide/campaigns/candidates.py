"""What each offer of a campaign would bring of each customer, and why some may not be contacted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Campaign, Contacts
from onecart.config.sections.decide.campaigns import Offer
from onecart.frames import literal_map

NO_PROFILING = "did not agree to profiling, from which the campaign chooses"
NO_SCORE = "has no probability to buy for this day; run the job intent"
NO_CONSENT = "agreed to none of the campaign's channels, or has no address for those agreed to"
PRESSURE = "has been contacted, or held back from it, as often this week as contacts.max_per_week allows"
NO_HOUR = "lives in a country where no hour is outside quiet hours in all its time zones"
NO_MONEY = "has baskets of which is not known what they bring in the shop's currency"
NOT_WORTH = "would bring less by any offer than it costs"
NOTHING_LEFT = "comes too late: no stock is left of what is offered, or its cap is reached"
NOT_CHOSEN = "would bring less than others whom the budget, the caps and the stock go to"


@dataclass(frozen=True)
class Worth:
    """What a purchase of a customer brings: columns of the shop's mean basket and of its margin, as a share."""

    basket: Column
    margin: Column

    def by(self, campaign: Campaign) -> "Worth":
        """The same with the campaign's own margin, where it has one."""
        return self if campaign.margin_share is None else replace(self, margin=F.lit(campaign.margin_share))


def with_offers(rows: DataFrame, campaign: Campaign, contacts: Contacts, worth: Worth, taught: bool) -> DataFrame:
    """Adds `offers`: for each offer its name, sku, uplift, cost and value, the profit it adds with its cost taken off.

    rows: probability, channel (null: none is allowed; the cheapest of the campaign's is taken for the cost), average_basket
    (null: never bought), where `taught` uplift (offer -> points).

    A contact moves the probability p to p + u: by u it brings the margin less the discount on a basket, and the discount is
    given as well to those who would have bought without. value = basket * (u * (margin - discount) - p * discount) - cost.
    """
    costs = {channel: contacts.costs.get(channel, 0.0) for channel in campaign.channels}
    channel_cost = F.coalesce(literal_map(costs)[F.col("channel")], F.lit(min(costs.values())))
    basket = F.coalesce(F.col("average_basket").cast("double"), worth.basket)
    made = [_offer(name, offer, basket, worth.margin, channel_cost, taught) for name, offer in campaign.offers.items()]
    return rows.withColumn("offers", F.array(*made))


def _offer(name: str, offer: Offer, basket: Column, margin: Column, channel_cost: Column, taught: bool) -> Column:
    p = F.col("probability")
    assumed = F.least(p * offer.lift, 1 - p)
    uplift = F.coalesce(F.col("uplift")[name], assumed) if taught else assumed
    cost = channel_cost + offer.cost
    value = basket * (uplift * (margin - offer.discount) - p * offer.discount) - cost
    return F.struct(
        F.lit(name).alias("offer"),
        F.lit(offer.sku).cast("string").alias("sku"),
        uplift.alias("uplift"),
        cost.alias("cost"),
        value.alias("value"),
    )


def with_refusal(rows: DataFrame, contacts: Contacts) -> DataFrame:
    """Adds `refusal`: the first reason for which the customer may not be contacted; null: may be."""
    best = F.array_max(F.transform("offers", lambda offer: offer["value"]))
    reasons: Mapping[str, Column] = {
        NO_PROFILING: ~F.col("profiled"),
        NO_SCORE: F.col("probability").isNull(),
        NO_MONEY: best.isNull(),
        NO_CONSENT: F.col("channel").isNull(),
        PRESSURE: F.coalesce("contacts", F.lit(0)) >= contacts.max_per_week,
        NO_HOUR: F.col("send_ts").isNull(),
        NOT_WORTH: best <= 0,
    }
    return rows.withColumn("refusal", F.coalesce(*[F.when(holds, F.lit(text)) for text, holds in reasons.items()]))
