"""The policies: what each makes of the same customers, limits and past."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from onecart.bench.market.past import NOTHING, RANDOM
from onecart.bench.market.shop import FEATURES, Rules, offers_of
from onecart.decide import train_uplift
from onecart.decide.campaigns.plan import planned
from onecart.decide.policies import Policy, fitted_q
from onecart.decide.uplift.learners import Engine, Trees
from onecart.decide.uplift.model import UpliftModel
from onecart.samples.market import Market
from onecart.samples.market.customers import CHANNELS
from onecart.samples.market.market import MARGIN
from onecart.samples.market.oracle import true_offers

POLICIES = ("nobody", "random", "popularity", "response", "onecart", "reinforcement", "oracle")
_SENT = ["customer_id", "offer", "channel", "hour"]


@dataclass(frozen=True)
class Learned:
    """What half of the past's customers teach. probability: of a purchase within a week; response: offer -> the same of those
    who got it; uplift: of `train_uplift`; popular: (offer, channel) with the most purchases per contact; policy: fitted Q."""

    probability: Trees
    response: Mapping[str, Trees]
    uplift: UpliftModel
    popular: tuple[str, str]
    policy: Policy


def learn(log: pd.DataFrame, seed: int) -> Learned:
    """From the rows of `past.lived` that are to learn from."""
    rows = log[log["learn"]]
    engine, x, y = Engine({}, seed), rows[[*FEATURES]].to_numpy(float), rows["bought"].to_numpy(float)
    sent = rows[rows["action"] != NOTHING]
    offers = sorted({*sent["action"]})
    treated = RANDOM[1] / (RANDOM[0] + RANDOM[1])
    examples: Any = rows[[*FEATURES, "action", "bought"]]
    best: Any = sent.groupby(["action", "channel"])["bought"].mean().idxmax()
    return Learned(
        probability=engine.fit(x, y),
        response={a: engine.fit(x[rows["action"] == a], y[rows["action"] == a]) for a in offers},
        uplift=train_uplift(examples, "bought", "action", NOTHING, propensity=treated, seed=seed),
        popular=best,
        policy=reinforced(log, seed),
    )


def reinforced(log: pd.DataFrame, seed: int) -> Policy:
    """Fitted Q iteration on the rows of `past.lived` that are to learn from."""
    rows = log[log["learn"]]
    return fitted_q(rows, FEATURES, following=rows["following"], gap=rows["gap"], seed=seed)


def with_scores(known: pd.DataFrame, learned: Learned) -> pd.DataFrame:
    """Adds probability and uplift_<offer>, as gold.intent_scores and gold.uplift_scores would have them: the mean effect where
    no heterogeneity was found."""
    found = known.assign(probability=learned.probability(known[[*FEATURES]].to_numpy(float)))
    x = learned.uplift.encoder.matrix(known)
    for name, offer in learned.uplift.offers.items():
        found[f"uplift_{name}"] = offer.uplift(x) if offer.report.heterogeneous else offer.report.effect
    return found


def onecart(said: pd.DataFrame, known: pd.DataFrame, rules: Rules, learned: Learned) -> pd.DataFrame:
    """As the job `decide` does: the expected profit of its own arithmetic, for those whom it does not refuse."""
    said = said.assign(may_contact=said["worth"])
    return by_value(said, {name: said[f"value_{name}"] for name in rules.campaign.offers}, rules)


def response(said: pd.DataFrame, known: pd.DataFrame, rules: Rules, learned: Learned) -> pd.DataFrame:
    """Every purchase of somebody contacted is put down to the contact."""
    x, basket = known[[*FEATURES]].to_numpy(float), known["average_basket"].to_numpy()
    values = {
        name: basket * (MARGIN - offer.discount) * learned.response[name](x) - said[f"cost_{name}"]
        for name, offer in rules.campaign.offers.items()
    }
    return by_value(said, values, rules)


def reinforcement(said: pd.DataFrame, known: pd.DataFrame, rules: Rules, learned: Learned) -> pd.DataFrame:
    """What an action is worth from now on, above that of none."""
    worth = learned.policy.values(known)
    return by_value(said, {name: worth[name] - worth[NOTHING] for name in rules.campaign.offers}, rules)


def popularity(said: pd.DataFrame, known: pd.DataFrame, rules: Rules, learned: Learned) -> pd.DataFrame:
    """The offer and channel with the most purchases per contact, to the likeliest buyers."""
    offer, channel = learned.popular
    order = np.argsort(-known["probability"].to_numpy(), kind="stable")
    return in_turn(said, known, rules, order, np.full(len(known), offer), np.full(len(known), channel))


def at_random(said: pd.DataFrame, known: pd.DataFrame, rules: Rules, draw: np.random.Generator) -> pd.DataFrame:
    """Any customer, any offer, any channel."""
    n = len(known)
    channel, offer = draw.choice(CHANNELS, n), draw.choice([*rules.campaign.offers], n)
    return in_turn(said, known, rules, draw.permutation(n), offer, channel)


def oracle(market: Market, said: pd.DataFrame, known: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Knows how each customer will answer, on average."""
    may = known[[f"may_{c}" for c in CHANNELS]].to_numpy(bool) & said["may_contact"].to_numpy(bool)[:, None]
    truth = true_offers(market, may)
    truth["held_back"] = np.tile(said["held_back"].to_numpy(bool), len(rules.campaign.offers))
    plan = planned(truth[truth["value"] > 0], rules.budget, rules.caps, rules.control_share)
    chosen: pd.DataFrame = plan.chosen.merge(truth.drop(columns=["value", "cost"]), on=["customer_id", "offer"])
    return chosen[~chosen["held_back"]][_SENT]


def by_value(said: pd.DataFrame, values: Mapping[str, Any], rules: Rules) -> pd.DataFrame:
    """The contacts of a plan for the highest value under the limits, those held back left out."""
    plan = planned(offers_of(said, dict(values)), rules.budget, rules.caps, rules.control_share)
    chosen: pd.DataFrame = plan.chosen[["customer_id", "offer"]].merge(
        said[["customer_id", "channel", "hour", "held_back"]], on="customer_id"
    )
    return chosen[~chosen["held_back"]][_SENT]


def in_turn(
    said: pd.DataFrame, known: pd.DataFrame, rules: Rules, order: Any, offer: Any, channel: Any
) -> pd.DataFrame:
    """The contacts of customers in turn as long as budget and caps last; who did not agree to the channel is passed over."""
    agreed = np.select([channel == c for c in CHANNELS], [known[f"may_{c}"] for c in CHANNELS], False)
    rows: Any = said.assign(offer=offer, channel=channel, agreed=agreed).iloc[order]
    rows = rows[(rows["agreed"] & rows["may_contact"] & ~rows["held_back"]).astype(bool)]
    caps = rows["offer"].map({name: np.inf if cap is None else cap for name, cap in rules.caps.items()})
    rows = rows[rows.groupby("offer").cumcount() < caps]
    costs = {name: one.cost for name, one in rules.campaign.offers.items()}
    spent = rows["offer"].map(costs) + rows["channel"].map(rules.contacts.costs)
    sent: pd.DataFrame = rows.loc[(spent.cumsum() <= rules.budget).to_numpy(), _SENT]
    return sent


LEARNED: dict[str, Callable[..., pd.DataFrame]] = {
    "popularity": popularity,
    "response": response,
    "onecart": onecart,
    "reinforcement": reinforcement,
}
