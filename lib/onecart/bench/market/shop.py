"""The shop of the bench: its offers, limits and days, and what its campaigns' own code says about whom it may contact."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from onecart.config import Campaign, Contacts, Shop
from onecart.decide.campaigns.candidates import NOT_WORTH, Worth, with_offers, with_refusal
from onecart.decide.campaigns.people import channel_of, is_held_back
from onecart.decide.campaigns.sending import with_send_ts
from onecart.frames import literal_map
from onecart.samples.market.customers import CHANNELS
from onecart.samples.market.market import MARGIN

EVERY = 3  # days between two campaigns
ANSWERS = 6  # days within which a purchase counts as an answer to a contact
FIRST_DAY = date(2026, 6, 1)
KINDS = {"web": "online", "app": "app", "store": "store"}
FEATURES = (
    *("average_basket", "orders", "recency_days", "open_share", "discount_share", "contacts_7", "contacts_28"),
    *("opens_28", "is_app", "is_store"),
)
_SHARES = {"news": 0.10, "ten_percent": 0.05, "gift": 0.02}  # of the customers who may get the offer, per campaign
_BUDGET = 0.02  # per customer and campaign


@dataclass(frozen=True)
class Rules:
    """The limits, the same for every policy. key: draws the control group."""

    customers: int
    control_share: float = 0.1
    key: bytes = b"market bench"
    contacts: Contacts = field(
        default_factory=lambda: Contacts(max_per_week=2, costs={"email": 0.02, "sms": 0.08, "push": 0.01})
    )

    @property
    def budget(self) -> float:
        """Of one campaign."""
        return _BUDGET * self.customers

    @property
    def campaign(self) -> Campaign:
        """The campaign, with the caps of one of its days."""
        offers = {
            "news": {},
            "ten_percent": {"discount": 0.1},
            "gift": {"cost": 0.8},
        }
        capped = {name: {**offer, "cap": int(_SHARES[name] * self.customers)} for name, offer in offers.items()}
        return Campaign.model_validate(
            {
                "family": "market",
                "channels": [*CHANNELS],
                "offers": capped,
                "budget": self.budget,
                "control_share": self.control_share,
                "horizon_days": ANSWERS,
                "margin_share": MARGIN,
            }
        )

    @property
    def caps(self) -> dict[str, float | None]:
        """Offer -> how many per campaign."""
        return {name: offer.cap for name, offer in self.campaign.offers.items()}


def features(observed: pd.DataFrame) -> pd.DataFrame:
    """`observed` with FEATURES, all numbers."""
    return observed.assign(
        is_app=(observed["preferred_channel"] == "app").astype(float),
        is_store=(observed["preferred_channel"] == "store").astype(float),
    )


def asked(spark: SparkSession, observed: pd.DataFrame, rules: Rules, day: int) -> pd.DataFrame:
    """What the campaigns' code says of each customer today: one row per row of `observed`, in its order: customer_id,
    held_back, channel, hour (to send at, on the shop's clock), may_contact (consent, address, pressure and hour allow it),
    worth (by the campaign's own arithmetic, too), value_<offer>, cost_<offer>.

    observed: of `Market.observed`, with probability (of a purchase) and, where experiments have taught it, uplift_<offer>.
    One Spark plan of the functions that `write_campaigns` calls.
    """
    campaign, offers = rules.campaign, [*rules.campaign.offers]
    taught = f"uplift_{offers[0]}" in observed.columns
    begin = FIRST_DAY + timedelta(days=day)
    rows = spark.createDataFrame(observed.assign(contacts=observed["contacts_7"], at=np.arange(len(observed))))
    rows = rows.withColumn("preferred_hour", F.nanvl("preferred_hour", F.lit(None)).cast("int"))
    if taught:
        rows = rows.withColumn("uplift", literal_map({name: F.col(f"uplift_{name}") for name in offers}))
    rows = rows.withColumns(
        {
            "held_back": is_held_back(str(campaign.family), campaign.control_share, rules.key),
            "channel": channel_of(campaign.channels, KINDS),
        }
    )
    rows = rows.transform(with_send_ts, as_of=begin, contacts=rules.contacts, shop=Shop(currency="EUR"))
    worth = Worth(F.lit(None).cast("double"), F.lit(MARGIN))
    rows = rows.transform(with_offers, campaign, rules.contacts, worth, taught)
    rows = rows.transform(with_refusal, rules.contacts)
    each = [
        F.col("offers")[i][part].alias(f"{part}_{name}") for i, name in enumerate(offers) for part in ("value", "cost")
    ]
    refusal, start = F.col("refusal"), F.to_timestamp(F.lit(f"{begin} 00:00:00"))
    found = rows.select(
        "at",
        "customer_id",
        "held_back",
        "channel",
        ((F.unix_timestamp("send_ts") - F.unix_timestamp(start)) / 3600).alias("hour"),
        (refusal.isNull() | (refusal == NOT_WORTH)).alias("may_contact"),
        refusal.isNull().alias("worth"),
        *each,
    ).toPandas()
    return found.sort_values("at").drop(columns="at").reset_index(drop=True)


def offers_of(answers: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    """[customer_id, offer, value, cost, held_back], key (customer_id, offer), of those of `asked` who may be contacted.
    values: offer -> value of each row of `answers`."""
    mine = answers["may_contact"].to_numpy(bool)
    parts = [
        pd.DataFrame(
            {
                "customer_id": answers["customer_id"],
                "offer": name,
                "value": value,
                "cost": answers[f"cost_{name}"],
                "held_back": answers["held_back"],
            }
        )[mine]
        for name, value in values.items()
    ]
    return pd.concat(parts, ignore_index=True)
