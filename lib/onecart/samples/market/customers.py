"""Customers of a simulated market: what they want, and what a retailer sees of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

CHANNELS = ("email", "sms", "push")
_COUNTRIES = {"United Kingdom": 0.6, "Germany": 0.2, "France": 0.1, "Japan": 0.05, "Portugal": 0.05}
_OFFSETS = {"United Kingdom": 1, "Germany": 2, "France": 2, "Japan": 9, "Portugal": 1}  # hours to UTC, in June
_BUYS_IN = {"web": 0.5, "app": 0.3, "store": 0.2}
_CONSENT = {"email": 0.7, "sms": 0.4, "push": 0.4}


@dataclass(frozen=True)
class Hidden:
    """What decides how customers answer; one value per customer.

    rate: purchases per day without any contact. openness: chance to open a message at the best hour by a channel neither liked
    nor disliked. pull: offer-free strength of a message that is opened, as a multiple of the rate; negative: a sleeping dog,
    whom any contact keeps from buying. thrift: how much more a discount counts than a gift, 0 to 1. channels: [customer,
    channel] factor of openness. hour: the best one, on the customer's own clock. offset: hours of that clock to UTC. temper:
    how much contacts in short succession annoy.
    """

    rate: Any
    openness: Any
    pull: Any
    thrift: Any
    channels: Any
    hour: Any
    offset: Any
    temper: Any


def drawn(n: int, seed: int) -> tuple[pd.DataFrame, Hidden]:
    """(one row per customer, key customer_id, with what the retailer knows on the first day; what it does not know)."""
    draw = np.random.default_rng([seed, 0])
    engaged = draw.normal(size=n)
    openness = draw.beta(2, 3, n)
    rate = np.clip(0.006 * np.exp(0.8 * engaged), 0.0005, 0.06)
    # Those in the middle are moved; the keen buy anyway, the keen who never read are put off, the distant do not care.
    moved = 7 * openness * np.exp(-(((engaged - 0.2) / 0.8) ** 2)) * draw.uniform(0.6, 1.4, n)
    pull = np.where((engaged > 0.3) & (openness < 0.3), -0.7, moved)
    country = draw.choice([*_COUNTRIES], n, p=[*_COUNTRIES.values()])
    offset = pd.Series(country).map(_OFFSETS).to_numpy()
    buys_in = draw.choice([*_BUYS_IN], n, p=[*_BUYS_IN.values()])
    channels = draw.uniform(0.4, 1.2, (n, len(CHANNELS)))
    channels[:, CHANNELS.index("push")] *= np.where(buys_in == "app", 1.4, 0.7)
    hour = draw.integers(8, 20, n)
    thrift = draw.beta(2, 2, n)
    hidden = Hidden(rate, openness, pull, thrift, channels, hour, offset, draw.gamma(2, 0.5, n))
    seen_hour = (hour - offset + draw.integers(-2, 3, n)) % 24
    known = pd.DataFrame(
        {
            "customer_id": [f"c{i:07d}" for i in range(n)],
            "country": country,
            "preferred_channel": buys_in,
            "preferred_hour": np.where(draw.random(n) < 0.8, seen_hour, np.nan),
            "average_basket": np.round(draw.gamma(4, 15, n) + 5, 2),
            "orders": draw.poisson(rate * 365),
            "recency_days": np.minimum(draw.geometric(rate), 730),
            "open_share": draw.binomial(20, openness) / 20,
            "discount_share": draw.binomial(6, thrift) / 6,
            "profiled": draw.random(n) < 0.85,
            **{f"may_{c}": draw.random(n) < _CONSENT[c] for c in CHANNELS},
        }
    )
    return known, hidden
