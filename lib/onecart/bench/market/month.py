"""Thirty days of the market under each policy."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from onecart.bench.market import policies
from onecart.bench.market.gate import current, judged
from onecart.bench.market.past import lived
from onecart.bench.market.policies import LEARNED, POLICIES, Learned, learn, with_scores
from onecart.bench.market.referee import Referee
from onecart.bench.market.shop import EVERY, Rules, asked, features
from onecart.samples.market import Market
from onecart.samples.market.market import COMPLAINT
from onecart.stats.proportions import Z_95

DAYS, SEEDS = 30, 3
TABLE: tuple[tuple[str, str], ...] = (
    ("policy", "{}"),
    ("profit", "{:.3f}"),
    ("more", "{:+.3f}"),
    ("more_low", "{:+.3f}"),
    ("more_high", "{:+.3f}"),
    ("buyers", "{:.2%}"),
    ("buyers_more", "{:+.2%}"),
    ("buyers_low", "{:+.2%}"),
    ("buyers_high", "{:+.2%}"),
    ("onecart_more", "{:+.3f}"),
    ("onecart_low", "{:+.3f}"),
    ("onecart_high", "{:+.3f}"),
    ("contacts", "{:,}"),
    ("spent", "{:.0%}"),
    ("left", "{:,}"),
    ("broken", "{}"),
    ("gate", "{}"),
)
LEARNED_POLICY = "reinforcement"
NOT_LIVE = f"{LEARNED_POLICY}, not live"  # what it would have brought where the gate refused it
_FLAT_HOUR = 10.0  # at which popularity sends


@dataclass(frozen=True)
class Month:
    """What came of a policy. each: one row per customer: profit, bought (0/1), contacts, left; spent: on contacts, as a share of
    the budgets; broken: breaches, by name; market: its seed."""

    each: pd.DataFrame
    spent: float
    broken: dict[str, int]
    market: int


def measure(
    spark: SparkSession, sizes: Sequence[int], seed: int, engines: Sequence[str] | None
) -> Iterator[dict[str, Any]]:
    """One row per number of customers and policy: the columns of TABLE, over SEEDS markets. profit and buyers: per customer, in
    DAYS days; more, buyers_more: than if nobody were contacted; onecart_more: what OneCart's decisions make above the policy;
    low, high: 95 %, paired by market and customer. broken: breaches of budget, caps, quiet hours, consent, pressure and control
    groups. The learned policy is in the row `reinforcement` only with the markets in whose past the gate let it through in the
    place of OneCart's arithmetic; with the others in a row whose name says that it was not live. gate: in how many markets."""
    for size in sizes:
        rules, found = Rules(size), dict[str, list[Month]]()
        for number in range(seed, seed + SEEDS):
            market = Market(size, number, rules.campaign.offers, rules.contacts)
            log = lived(spark, market, rules)
            learned = learn(log, number)
            for name in engines or POLICIES:
                shown = name
                if name == LEARNED_POLICY:
                    verdict = judged(spark, log, learned.policy, current("onecart", learned))
                    shown = LEARNED_POLICY if verdict["live"] else NOT_LIVE
                found.setdefault(shown, []).append(month(spark, deepcopy(market), name, rules, learned))
        yield from ({"customers": size, "seed": seed, **row} for row in rows_of(found))


def rows_of(found: dict[str, list[Month]]) -> Iterator[dict[str, Any]]:
    """The columns of TABLE of each policy, with what the gate said of the learned one; refused everywhere, it has no figures."""
    if NOT_LIVE in found and LEARNED_POLICY not in found:
        yield {**dict.fromkeys(name for name, _ in TABLE), "policy": LEARNED_POLICY, "gate": "refused by the gate"}
    for name, months in found.items():
        said = {LEARNED_POLICY: "let through", NOT_LIVE: "refused by the gate"}.get(name)
        yield {**figures(name, found), "gate": f"{said} in {len(months)} of {SEEDS}" if said else None}


def month(spark: SparkSession, market: Market, name: str, rules: Rules, learned: Learned, days: int = DAYS) -> Month:
    """Lives through `days` days of the market under the policy `name`, with a campaign every third."""
    draw, daily, cost, referee = np.random.default_rng([market.seed, 3]), [], 0.0, None
    for day in range(days):
        decisions = market.observed()[["customer_id"]].iloc[:0].assign(offer="", channel="", hour=0)
        if day % EVERY == 0 and name != "nobody":
            known = with_scores(_at_hours(features(market.observed()), name, draw), learned)
            said = asked(spark, known, rules, market.day)
            held = {*said.loc[said["held_back"], "customer_id"]}
            referee = referee or Referee(rules, held)
            decisions = _decided(name, market, said, known, rules, learned, draw)
            # A group that changed would no longer be one: everybody who was in it once stays in it.
            referee.breaches["control"] += len(held ^ referee.held_back)
        if referee:
            referee.see(market, decisions)
        found = market.step(decisions)
        cost += float(found.loc[found["contacts"] > 0, "cost"].sum() - COMPLAINT * found["complained"].sum())
        daily.append(found[["profit", "bought", "contacts", "left"]].to_numpy(float))
    sums = pd.DataFrame(np.sum(daily, axis=0), columns=["profit", "bought", "contacts", "left"])
    sums["bought"] = (sums["bought"] > 0).astype(float)
    spent = cost / (rules.budget * len(range(0, days, EVERY)))
    return Month(sums, spent, dict(referee.breaches) if referee else {}, market.seed)


def _decided(
    name: str, market: Market, said: Any, known: Any, rules: Rules, learned: Learned, draw: np.random.Generator
) -> pd.DataFrame:
    if name == "random":
        return policies.at_random(said, known, rules, draw)
    if name == "oracle":
        return policies.oracle(market, said, known, rules)
    return LEARNED[name](said, known, rules, learned)


def _at_hours(known: pd.DataFrame, name: str, draw: np.random.Generator) -> pd.DataFrame:
    """The hours that the policy wants, before quiet hours move them."""
    if name == "random":
        return known.assign(preferred_hour=draw.integers(0, 24, len(known)).astype(float))
    return known.assign(preferred_hour=_FLAT_HOUR) if name == "popularity" else known


def figures(name: str, found: dict[str, list[Month]]) -> dict[str, Any]:
    """The columns of TABLE, but for the gate."""
    mine = pd.concat([m.each for m in found[name]], ignore_index=True)
    row: dict[str, Any] = {"policy": name, "profit": mine["profit"].mean(), "buyers": mine["bought"].mean()}
    for prefix, other, column, sign in (
        ("more", "nobody", "profit", 1),
        ("buyers", "nobody", "bought", 1),
        ("onecart", "onecart", "profit", -1),
    ):
        row |= _paired(prefix, found[name], found.get(other) if name != other else None, column, sign)
    return row | {
        "contacts": int(mine["contacts"].sum()),
        "left": int(mine["left"].sum()),
        "spent": float(np.mean([m.spent for m in found[name]])),
        "broken": sum(sum(m.broken.values()) for m in found[name]),
    }


def _paired(prefix: str, own: list[Month], months: list[Month] | None, column: str, sign: int) -> dict[str, Any]:
    """The mean difference in the policy's own markets, customer by customer, with its 95 % interval."""
    name = "more" if prefix == "more" else f"{prefix}_more"
    if months is None:
        return {name: None, f"{prefix}_low": None, f"{prefix}_high": None}
    others = {m.market: m.each[column] for m in months}
    apart = pd.concat([sign * (m.each[column] - others[m.market]) for m in own], ignore_index=True)
    mean, half = float(apart.mean()), float(Z_95 * apart.std() / np.sqrt(len(apart)))
    return {name: mean, f"{prefix}_low": mean - half, f"{prefix}_high": mean + half}
