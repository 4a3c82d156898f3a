"""What each contact would bring, by the truth: how well the best policy could do."""

from typing import Any

import numpy as np
import pandas as pd

from onecart.samples.market.customers import CHANNELS
from onecart.samples.market.market import ANNOYANCE_LEFT, ANNOYS, BOOST_LEFT, COUPON_DAYS, MARGIN, PRESSURE_LEFT, Market

_AHEAD = 30  # days over which annoyance is counted


def true_offers(market: Market, allowed: Any) -> pd.DataFrame:
    """[customer_id, offer, value, cost, channel, hour], key (customer_id, offer): the expected profit of a contact today, at
    the customer's best hour, by the channel with the most of it. allowed: [customer, channel] whether it may be used.

    Myopic but for annoyance: what later contacts would have brought is left out.
    """
    known, h = market.observed(), market.hidden
    n, everybody = len(market), np.arange(len(market))
    hour = (h.hour - h.offset) % 24
    basket, rate = known["average_basket"].to_numpy(), h.rate * np.exp(-market.annoyance)
    # Pressure goes on to annoy at the next contact; half a week later is the usual one.
    next_pressure = (market.pressure + 1) * PRESSURE_LEFT**3
    annoyance = ANNOYS * h.temper * (market.pressure**2 + next_pressure**2 / 2)
    loss = rate * basket * MARGIN * annoyance * (1 - ANNOYANCE_LEFT**_AHEAD) / (1 - ANNOYANCE_LEFT)
    opened = np.stack(
        [
            np.where(allowed[:, i], market.open_chance(np.repeat(c, n), hour, everybody), -1)
            for i, c in enumerate(CHANNELS)
        ]
    )
    costs = np.array([market.contacts.costs[c] for c in CHANNELS])
    parts = []
    for name, offer in market.offers.items():
        pull = market.pull_of(name)
        moved = np.where(h.pull < 0, h.pull, opened * pull)
        extra = rate * moved / (1 - BOOST_LEFT)
        given = offer.discount * (rate * COUPON_DAYS + np.maximum(extra, 0))
        value = basket * (extra * MARGIN - given) - loss - costs[:, None] - offer.cost
        value[opened < 0] = -1e9
        best = value.argmax(axis=0)
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": known["customer_id"],
                    "offer": name,
                    "value": value[best, everybody],
                    "cost": costs[best] + offer.cost,
                    "channel": np.array(CHANNELS)[best],
                    "hour": hour,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
