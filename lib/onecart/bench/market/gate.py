"""The gate before a learned policy, on the customers it has not learned from."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from onecart.bench.market.past import NOTHING, lived
from onecart.bench.market.policies import Learned, learn, with_scores
from onecart.bench.market.shop import Rules
from onecart.decide.policies import Policy, mostly_best
from onecart.measure import go_live, off_policy
from onecart.samples.market import Market
from onecart.samples.market.market import MARGIN

LOGS = ("random", "habit")
REPLACED = ("log", "onecart")
TABLE: tuple[tuple[str, str], ...] = (
    ("log", "{}"),
    ("instead_of", "{}"),
    ("decisions", "{:,}"),
    ("effective_sample", "{:,.1f}"),
    ("lift", "{:+.3f}"),
    ("low", "{:+.3f}"),
    ("high", "{:+.3f}"),
    ("live", "{}"),
    ("why", "{}"),
)
_EXPLORE = 0.05


def measure(spark: SparkSession, sizes: Sequence[int], seed: int) -> Iterator[dict[str, Any]]:
    """One row per number of customers, log, and policy to be replaced (the log's own, OneCart's arithmetic): the verdict on
    fitted Q, in profit of a week per decision. Both policies were learned from the random log."""
    for size in sizes:
        rules = Rules(size)
        random = lived(spark, _market(rules, seed), rules)
        learned = learn(random, seed)
        habit = lived(spark, _market(rules, seed + 1), rules, habit=True)
        for name, log in zip(LOGS, (random, habit), strict=True):
            _, decisions, candidate = _asked(spark, log, learned.policy)
            sample = off_policy(decisions, candidate)["effective_sample"]
            for instead in REPLACED:
                yield {
                    "log": name,
                    "instead_of": instead,
                    "effective_sample": sample,
                    **judged(spark, log, learned.policy, current(instead, learned)),
                }


def current(instead: str, learned: Learned) -> Callable[[pd.DataFrame], pd.DataFrame] | None:
    """The policy to be replaced: that of the log (None), or OneCart's arithmetic."""
    return None if instead == "log" else lambda rows: arithmetic(rows, learned)


def judged(
    spark: SparkSession,
    log: pd.DataFrame,
    policy: Policy,
    now: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> dict[str, Any]:
    """The verdict of `measure.go_live` on the rows of `log` that nothing was learned from. now: what probabilities [row, action]
    the current policy gives to rows; None: it is the one that wrote the log."""
    rows, decisions, candidate = _asked(spark, log, policy)
    instead = None if now is None else spark.createDataFrame(_long(now(rows)))
    verdict = go_live(decisions, candidate, instead)
    return {
        "decisions": len(rows),
        "lift": verdict.lift,
        "low": verdict.low,
        "high": verdict.high,
        "live": verdict.live,
        "why": verdict.why,
    }


def _asked(spark: SparkSession, log: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, DataFrame, DataFrame]:
    """(The rows of `log` that nothing was learned from, the same as `measure.off_policy` reads them, the policy on them)."""
    rows = log[~log["learn"]].reset_index(drop=True)
    decisions = rows[["action", "propensity"]].assign(context=rows.index, reward=rows["profit"])
    return rows, spark.createDataFrame(decisions), spark.createDataFrame(_long(policy.probabilities(rows, _EXPLORE)))


def arithmetic(rows: pd.DataFrame, learned: Learned) -> pd.DataFrame:
    """[row, action]: the probabilities of the offer with the highest expected profit, as campaigns reckon it without limits."""
    scored, rules = with_scores(rows, learned), Rules(0)
    offers, contact = rules.campaign.offers, rows["channel"].map(rules.contacts.costs).fillna(np.inf)
    values = pd.DataFrame(0.0, index=rows.index, columns=sorted([NOTHING, *offers]))
    for name, offer in offers.items():
        adds = scored[f"uplift_{name}"] * (MARGIN - offer.discount) - scored["probability"] * offer.discount
        values[name] = scored["average_basket"] * adds - offer.cost - contact
    return mostly_best(values, _EXPLORE)


def _long(probabilities: pd.DataFrame) -> pd.DataFrame:
    named = probabilities.rename_axis("context").reset_index()
    return named.melt("context", var_name="action", value_name="probability")


def _market(rules: Rules, seed: int) -> Market:
    return Market(rules.customers, seed, rules.campaign.offers, rules.contacts)
