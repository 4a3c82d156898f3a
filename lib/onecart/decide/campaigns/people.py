"""What campaigns ask about a customer: scores, consents, addresses, contacts of late, and a moment to reach them."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Campaign, Settings
from onecart.config.sections.decide.campaigns import Channel
from onecart.decide.campaigns.candidates import Worth
from onecart.decide.campaigns.sending import with_send_ts
from onecart.decide.conditions import holds
from onecart.errors import UsageError
from onecart.frames import begin_of
from onecart.governance.consent_filter import Purpose, agreements
from onecart.governance.pseudonym import hmac_sha256
from onecart.lake import Lake

UPLIFT = "gold.uplift_scores"
_OWN_ADDRESS: dict[Channel, str] = {  # column of silver.contacts without which the channel reaches nobody
    "push": "device_id",
    "app": "device_id",
    "social": "handle",
    "store_coupon": "card_id",
}
_NEAR: dict[str, tuple[Channel, ...]] = {  # kind of the channel bought in -> channels that are near to it
    "app": ("push", "app"),
    "store": ("store_coupon",),
    "other": ("social",),
    "online": ("email",),
}
_WEEK = timedelta(days=7)


def people(lake: Lake, settings: Settings, campaigns: Sequence[Campaign], as_of: date) -> DataFrame:
    """One row per customer of gold.customer_profile, key customer_id: its columns, and probability, decile, horizon_days, reasons
    and model_version of gold.intent_scores of `as_of`, segment, profiled (agreed to profiling), may_<channel> (agreed to it and
    has an address for it) and send_ts."""
    channels = sorted({channel for campaign in campaigns for channel in campaign.channels})
    scores = lake.read_if_exists("gold.intent_scores").where(F.col("as_of") == F.lit(as_of))
    scores = scores.select("customer_id", "probability", "decile", "model_version")
    named = lake.read_if_exists("gold.segments").where(F.col("as_of") == F.lit(as_of)).select("customer_id", "segment")
    wanted = {"profiled": Purpose("profiling"), **{f"agreed_{c}": Purpose("marketing", c) for c in channels}}
    parts = [scores, named, agreements(lake.consents(), wanted)]
    own = sorted({_OWN_ADDRESS[channel] for channel in channels if channel in _OWN_ADDRESS})
    if own:
        parts.append(_addresses(lake, own))
    profile = lake.read("gold.customer_profile")
    rows = reduce(lambda left, part: left.join(part, "customer_id", how="left"), parts, profile)
    may = {f"may_{channel}": _yes(f"agreed_{channel}") & _has_address(channel) for channel in channels}
    rows = rows.withColumns({**may, "profiled": _yes("profiled")})
    return rows.transform(with_send_ts, as_of=as_of, contacts=settings.decide.contacts, shop=settings.shop)


def worth_of(lake: Lake, settings: Settings) -> Worth:
    """The mean basket of the customers who buy in the shop's currency, and the mean of what is earned of products' prices."""
    profile = lake.read_if_exists("gold.customer_profile").where(F.col("currency") == currency_of(settings))
    priced = lake.read_if_exists("silver.products").where("list_price > 0")
    margins = priced.select((1 - F.col("unit_cost") / F.col("list_price")).alias("margin"))
    both = profile.select(F.col("average_basket").alias("basket")).unionByName(margins, allowMissingColumns=True)
    row: Any = both.agg(*[F.avg(name).cast("double") for name in ("basket", "margin")]).first()
    return Worth(*[F.lit(value).cast("double") for value in row])


def currency_of(settings: Settings) -> str:
    """The shop's currency. UsageError: the settings do not say in which one costs and budgets are."""
    if settings.shop.currency is None:
        raise UsageError("decide.campaigns has costs and budgets in the shop's currency; set shop.currency")
    return settings.shop.currency


def contacted(log: DataFrame, as_of: date, zone: str) -> DataFrame:
    """[customer_id, campaign], a row per contact that the log (gold.decision_log) has from a week before `as_of` on, those of
    that day's own run, which is made anew, left out.

    Contacts that control groups were kept from count, too, on the day of the decision: else who is held back by one campaign
    would be free for the next of its family while those contacted are not, and its two arms could not be compared.
    """
    when = F.coalesce("send_ts", "decided_ts")
    log = log.where("kind = 'campaign' AND decision IN ('treated', 'control')")
    log = log.where((when >= begin_of(as_of - _WEEK, zone)) & (F.col("as_of") != F.lit(as_of)))
    return log.select("customer_id", F.col("subject").alias("campaign"))


def with_contacts(rows: DataFrame, contacts: DataFrame) -> DataFrame:
    """`rows` with contacts, how many of `contacted` are the customer's (null: none), and contacted_by, their campaigns."""
    names = F.array_join(F.array_sort(F.collect_set("campaign")), ", ")
    counted = contacts.groupBy("customer_id").agg(F.count("*").alias("contacts"), names.alias("contacted_by"))
    return rows.join(counted, "customer_id", how="left")


def considered(rows: DataFrame, name: str, campaign: Campaign) -> DataFrame:
    """The rows of `people` that the campaign asks about. UsageError: its `where` is no condition on them."""
    if campaign.segments:
        rows = rows.where(F.col("segment").isin(*campaign.segments))
    if campaign.where is None:
        return rows
    return rows.where(holds(rows, campaign.where, f"decide.campaigns: '{name}'"))


def is_held_back(family: str, share: float, key: bytes) -> Column:
    """Whether the customer is in the control group of the family: by a keyed hash of both, so for ever, and not to be guessed
    without the key."""
    drawn = F.conv(F.substring(hmac_sha256(F.concat_ws("\x1f", F.lit(family), "customer_id"), key), 1, 13), 16, 10)
    return drawn.cast("double") / float(16**13) < share


def channel_of(channels: Sequence[Channel], kinds: dict[str, str]) -> Column:
    """The channel to take: of those allowed first one near to where the customer buys, then the first in the campaign's order;
    null: none is allowed. kinds: shop.channels."""
    near = [
        F.when(F.col(f"may_{channel}") & F.col("preferred_channel").isin(names), F.lit(channel))
        for channel in channels
        if (names := [name for name, kind in kinds.items() if channel in _NEAR.get(kind, ())])
    ]
    return F.coalesce(*near, *[F.when(F.col(f"may_{channel}"), F.lit(channel)) for channel in channels])


def uplift_of(lake: Lake, offers: Sequence[str]) -> DataFrame | None:
    """[customer_id, uplift (offer -> points of probability), uplift_version] that experiments have taught of these offers; None:
    of none of them."""
    if not lake.exists(UPLIFT):
        return None
    mine = lake.read(UPLIFT).where(F.col("treatment").isin(*offers))
    return mine.groupBy("customer_id").agg(
        F.map_from_entries(F.collect_set(F.struct("treatment", "uplift"))).alias("uplift"),
        F.max("model_version").alias("uplift_version"),
    )


def _yes(name: str) -> Column:
    return F.coalesce(F.col(name), F.lit(False))


def _has_address(channel: Channel) -> Column:
    if channel in _OWN_ADDRESS:
        return _yes(f"has_{_OWN_ADDRESS[channel]}")
    return F.col("email" if channel == "email" else "phone").isNotNull()


def _addresses(lake: Lake, columns: Sequence[str]) -> DataFrame:
    """[customer_id, has_<column>]: whether a contact record of the customer has one."""
    contacts = lake.read_if_exists("silver.contacts").select("record_id", *columns)
    linked = contacts.join(
        lake.read("gold.identity_links").select("record_id", "customer_id"), "record_id", how="inner"
    )
    return linked.groupBy("customer_id").agg(*[F.max(F.col(c).isNotNull()).alias(f"has_{c}") for c in columns])
