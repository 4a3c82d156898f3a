"""The market, day by day: it takes contacts and answers with opens, purchases, complaints and people who leave."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from onecart.config import Contacts, Offer
from onecart.errors import UsageError, nearest
from onecart.samples.market.customers import CHANNELS, Hidden, drawn

MARGIN = 0.35  # of a basket
COMPLAINT = 5.0  # what one costs
COUPON_DAYS = 6  # for which a discount holds
BOOST_LEFT, PRESSURE_LEFT, ANNOYANCE_LEFT = 0.6, 0.8, 0.98  # of each, a day later
_MOST_PRESSING = 0.3  # how much less is opened per contact of late
ANNOYS, _LEAVES, _COMPLAINS = 0.03, 0.05, 0.02
_DECISION = ("customer_id", "channel", "offer", "hour")


class Market:
    """`n` customers and their answers, the same for the same seed and contacts. Chance is drawn per customer and day whatever
    is decided, so that policies can be compared customer by customer.

    A message that is opened lifts the rate of purchase by a multiple that fades; contacts in short succession are opened less
    and annoy, who is annoyed buys less, leaves the channel or complains. A discount is taken off the purchases of anybody
    who has it. offers: what can be offered, with cost and discount.
    """

    def __init__(self, n: int, seed: int, offers: Mapping[str, Offer], contacts: Contacts) -> None:
        self.offers, self.contacts, self.seed, self.day = dict(offers), contacts, seed, 0
        self._known, self._hidden = drawn(n, seed)
        self._at = pd.Index(self._known["customer_id"])
        self.boost, self.pressure, self.annoyance = np.zeros(n), np.zeros(n), np.zeros(n)
        self._coupon, self._coupon_until = np.zeros(n), np.full(n, -1)
        self._sent: list[Any] = []
        self._opened: list[Any] = []

    def __len__(self) -> int:
        return len(self._known)

    @property
    def hidden(self) -> Hidden:
        """The truth: for the oracle and for tests, never for a policy."""
        return self._hidden

    def observed(self) -> pd.DataFrame:
        """What the retailer knows this morning: one row per customer, key customer_id: country, preferred_channel,
        preferred_hour (on the shop's clock, UTC; null: unknown), average_basket, orders, recency_days, open_share,
        discount_share, contacts_7 and contacts_28 (of the days before), opens_28, profiled, and the consents may_<channel>."""
        found = self._known.copy()
        found["contacts_7"], found["contacts_28"] = self._last(self._sent, 7), self._last(self._sent, 28)
        found["opens_28"] = self._last(self._opened, 28)
        return found

    def step(self, decisions: pd.DataFrame | None = None) -> pd.DataFrame:
        """Lives through a day, and says what came of it: one row per customer, in the order of `observed`: contacts, opened,
        left, complained, bought, revenue, cost (of contacts and complaints), profit.

        decisions: [customer_id, channel, offer, hour (on the shop's clock, UTC)], at most one per customer; None: nobody.
        UsageError: one of somebody, of a channel or an offer that the market has not, or two of one customer.
        """
        n, h = len(self), self._hidden
        u = np.random.default_rng([self.seed, 1, self.day]).random((6, n))
        sent, opened, left, complained = (np.zeros(n, bool) for _ in range(4))
        cost = np.zeros(n)
        if decisions is not None and len(decisions):
            at, channel, offer, hour = self._read(decisions)
            sent[at] = True
            who = self.open_chance(channel, hour, at)
            opened[at] = u[0, at] < who
            pull, discount, price = self._of_offers(offer, channel, at)
            moved = np.where(h.pull[at] < 0, h.pull[at], np.where(opened[at], pull, 0.0))
            self.boost[at] = np.maximum(self.boost[at] + moved, -1.0)
            self.annoyance[at] += ANNOYS * h.temper[at] * self.pressure[at] ** 2
            anger = 1 - np.exp(-self.annoyance[at])
            left[at] = u[1, at] < 0.001 + _LEAVES * anger
            complained[at] = u[2, at] < 0.0005 + _COMPLAINS * anger
            cost[at] = price
            given = discount > 0
            self._coupon[at[given]] = discount[given]
            self._coupon_until[at[given]] = self.day + COUPON_DAYS - 1
            for name in CHANNELS:
                gone = at[left[at] & (channel == name)]
                self._known.loc[gone, f"may_{name}"] = False
            self.pressure[at] += 1
        found = self._bought(u)
        cost += COMPLAINT * complained
        found = found.assign(contacts=sent.astype(int), opened=opened, left=left, complained=complained, cost=cost)
        found["profit"] -= cost
        self._close(found, sent, opened)
        return found

    def open_chance(self, channel: Any, hour: Any, at: Any) -> Any:
        """Of the customers at these places: chance to open a message by this channel at this hour of the shop's clock."""
        h = self._hidden
        away = np.abs((hour + h.offset[at]) % 24 - h.hour[at])
        away = np.minimum(away, 24 - away)
        liked = h.channels[at, pd.Index(CHANNELS).get_indexer(channel)]
        timely = 0.5 + 0.5 * np.exp(-((away / 4) ** 2))
        chance = (0.15 + 0.7 * h.openness[at]) * liked * timely * np.exp(-_MOST_PRESSING * self.pressure[at])
        return np.clip(chance, 0, 0.95)

    def pull_of(self, offer: str) -> Any:
        """Of each customer: what the offer, once it is read, adds to the rate of purchase, as a multiple of it."""
        h, one = self._hidden, self.offers[offer]
        if one.discount > 0:
            return h.pull * (0.4 + 2.0 * h.thrift)
        return h.pull * (0.6 if one.cost == 0 else 2.6 - 2.0 * h.thrift)

    def rate_now(self) -> Any:
        """Of each customer: chance to buy today."""
        return np.clip(self._hidden.rate * np.exp(-self.annoyance) * (1 + self.boost), 0, 1)

    def _of_offers(self, offer: Any, channel: Any, at: Any) -> tuple[Any, Any, Any]:
        pull, discount, price = (np.zeros(len(at)) for _ in range(3))
        for name, one in self.offers.items():
            mine = offer == name
            pull[mine] = self.pull_of(name)[at[mine]]
            discount[mine], price[mine] = one.discount, one.cost
        return pull, discount, price + pd.Series(channel).map(self.contacts.costs).to_numpy(float)

    def _bought(self, u: Any) -> pd.DataFrame:
        bought = u[3] < self.rate_now()
        size = np.exp(0.4 * np.sqrt(-2 * np.log(np.maximum(u[4], 1e-12))) * np.cos(2 * np.pi * u[5]) - 0.08)
        revenue = np.where(bought, self._known["average_basket"].to_numpy() * size, 0.0)
        held = np.where(self._coupon_until >= self.day, self._coupon, 0.0)
        self._coupon_until[bought] = -1
        return pd.DataFrame(
            {
                "customer_id": self._known["customer_id"],
                "bought": bought,
                "revenue": revenue * (1 - held),
                "profit": revenue * (MARGIN - held),
            }
        )

    def _close(self, found: pd.DataFrame, sent: Any, opened: Any) -> None:
        bought = found["bought"].to_numpy()
        self._known["recency_days"] = np.where(bought, 1, self._known["recency_days"] + 1)
        self._known["orders"] += bought
        self._sent.append(sent)
        self._opened.append(opened)
        self.boost *= BOOST_LEFT
        self.pressure *= PRESSURE_LEFT
        self.annoyance *= ANNOYANCE_LEFT
        self.day += 1

    def _last(self, days: list[Any], n: int) -> Any:
        return np.sum(days[-n:], axis=0, dtype=int) if days else np.zeros(len(self), int)

    def _read(self, decisions: pd.DataFrame) -> tuple[Any, Any, Any, Any]:
        who = "Market.step: decisions"
        if missing := [c for c in _DECISION if c not in decisions.columns]:
            raise UsageError(f"{who} have no column '{missing[0]}'")
        for name, allowed in (("channel", CHANNELS), ("offer", tuple(self.offers))):
            if odd := sorted({*decisions[name]} - {*allowed}):
                raise UsageError(f"{who} name the {name} '{odd[0]}'{nearest(str(odd[0]), allowed)}")
        at = self._at.get_indexer(decisions["customer_id"])
        if (at < 0).any():
            raise UsageError(f"{who} name '{decisions['customer_id'].iloc[int(at.argmin())]}', who is no customer")
        if len(np.unique(at)) < len(at):
            raise UsageError(f"{who} have two of one customer; a day has room for one")
        return at, decisions["channel"].to_numpy(), decisions["offer"].to_numpy(), decisions["hour"].to_numpy(int)
