"""Whether contacts kept the rules: counted from what was sent and what the market knows, not from what a policy says."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from onecart.bench.market.shop import Rules
from onecart.samples.market import Market

BREACHES = ("budget", "caps", "quiet_hours", "consent", "pressure", "control")
_WEEK = 7


class Referee:
    """Counts breaches day by day; held_back: the customers whom nobody may contact."""

    def __init__(self, rules: Rules, held_back: set[str]) -> None:
        self.breaches: Counter[str] = Counter(dict.fromkeys(BREACHES, 0))
        self._rules, self.held_back = rules, held_back
        self._week: list[pd.Series] = []

    def see(self, market: Market, decisions: pd.DataFrame) -> None:
        """`decisions` of today, as `Market.step` will get them; called every day, those without contacts too."""
        rules, everybody = self._rules, market.observed()
        at = pd.Index(everybody["customer_id"]).get_indexer(decisions["customer_id"])
        known = everybody.iloc[at]
        offers = rules.campaign.offers
        cost = decisions["channel"].map(rules.contacts.costs) + decisions["offer"].map(
            {name: offer.cost for name, offer in offers.items()}
        )
        self.breaches["budget"] += int(cost.sum() > rules.budget * (1 + 1e-9))
        counts = decisions["offer"].value_counts()
        self.breaches["caps"] += sum(int(counts.get(n, 0) > cap) for n, cap in rules.caps.items() if cap is not None)
        first, last = rules.contacts.quiet_hours
        clock = (decisions["hour"].to_numpy() + market.hidden.offset[at]) % 24
        self.breaches["quiet_hours"] += int(((clock >= first) | (clock < last)).sum())
        agreed = [bool(known[f"may_{c}"].iloc[i]) for i, c in enumerate(decisions["channel"])]
        self.breaches["consent"] += int((~(np.array(agreed, bool) & known["profiled"].to_numpy(bool))).sum())
        self.breaches["control"] += int(decisions["customer_id"].isin(self.held_back).sum())
        self._pressure(decisions["customer_id"])

    def _pressure(self, customers: Any) -> None:
        self._week = [*self._week[-(_WEEK - 1) :], customers]
        contacts = pd.concat(self._week).value_counts()
        self.breaches["pressure"] += int((contacts > self._rules.contacts.max_per_week).sum())
