"""Campaigns of the past, drawn by chance: the log that every policy learns from."""

from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from onecart.bench.market.shop import ANSWERS, EVERY, FEATURES, Rules, asked, features
from onecart.samples.market import Market

NOTHING = "none"
ROUNDS = 10
RANDOM = (0.4, 0.2, 0.2, 0.2)  # of nothing, and of each offer
_HABIT = 0.0005  # how often each other action is taken by a shop that always does the same


def lived(
    spark: SparkSession, market: Market, rules: Rules, *, habit: bool = False, rounds: int = ROUNDS
) -> pd.DataFrame:
    """Lives through `rounds` campaigns and a week of answers; one row per campaign and customer who might be contacted, key
    (customer_id, round): FEATURES, action, channel, propensity, reward (profit until the next campaign), following (row of the
    customer's next one; null: none), gap (campaigns between), profit and bought (of ANSWERS days), learn (half of the customers).

    habit: the shop sent news to its better customers and nothing to the others, but for one in two thousand; else chance decided.
    """
    offers = [*rules.campaign.offers]
    actions = np.array([NOTHING, *offers])
    draw, parts, daily = np.random.default_rng([market.seed, 2]), [], []
    for day in range(EVERY * (rounds - 1) + ANSWERS):
        decisions = None
        if day % EVERY == 0 and day < EVERY * rounds:
            known = features(market.observed())
            said = asked(spark, known.assign(probability=0.05), rules, day)
            chances = _habits(known, len(actions)) if habit else np.tile(RANDOM, (len(known), 1))
            drawn = (draw.random((len(known), 1)) > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
            rows = known[["customer_id", *FEATURES]].assign(
                at=np.arange(len(known)),
                round=day // EVERY,
                action=actions[drawn],
                channel=said["channel"],
                hour=said["hour"],
                propensity=chances[np.arange(len(known)), drawn],
            )
            rows = rows[said["may_contact"].to_numpy(bool)]
            parts.append(rows)
            decisions = rows.rename(columns={"action": "offer"})[rows["action"] != NOTHING]
        daily.append(market.step(decisions)[["profit", "bought"]].to_numpy(float))
    return _log(pd.concat(parts, ignore_index=True), np.stack(daily))


def _habits(known: pd.DataFrame, actions: int) -> Any:
    good = (known["orders"] >= 2).to_numpy()
    chances = np.full((len(known), actions), _HABIT)
    often = 1 - _HABIT * (actions - 1)
    chances[good, 1], chances[~good, 0] = often, often
    return chances


def _log(rows: pd.DataFrame, daily: Any) -> pd.DataFrame:
    """daily: [day, customer, (profit, bought)]."""
    sums = np.concatenate([np.zeros((1, *daily.shape[1:])), daily.cumsum(axis=0)])
    begin, at = rows["round"].to_numpy() * EVERY, rows["at"].to_numpy()

    def within(days: int, what: int) -> Any:
        return sums[np.minimum(begin + days, len(daily)), at, what] - sums[begin, at, what]

    later = rows.assign(row=rows.index).sort_values(["at", "round"]).groupby("at")[["row", "round"]].shift(-1)
    half = pd.util.hash_array(rows["customer_id"].to_numpy(object), categorize=False) % 2 == 0
    return rows.assign(
        reward=within(EVERY, 0),
        profit=within(ANSWERS, 0),
        bought=(within(ANSWERS, 1) > 0).astype(int),
        following=later["row"].reindex(rows.index),
        gap=(later["round"].reindex(rows.index) - rows["round"]).fillna(1),
        learn=half,
    ).drop(columns=["at", "hour"])
