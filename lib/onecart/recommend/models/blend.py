"""The blend: lists of several models made comparable, added up by weights, which come from interactions held back."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.frames import DIGITS

_STEPS = 12  # weights are twelfths or coarser
_PRIOR = 100  # users that would have to say otherwise, before a tier is moved half way from the same weight for all
FEWEST = 30  # fewer users with something held back say nothing about weights
_K = 10


def blended(lists: Mapping[str, DataFrame], weights: Mapping[str, float], depth: int) -> DataFrame:
    """[user_id, item, score, tier]: the sum of weight * value over the lists, see `comparable`.

    `lists`: model -> lists, see `lists`; `tier` is the model with the largest part in the sum.
    """
    weight = F.create_map(*[F.lit(x) for pair in weights.items() for x in pair])[F.col("tier")]
    weighed = comparable(lists, depth).withColumn("part", F.col("value") * weight)
    return weighed.groupBy("user_id", "item").agg(
        F.round(F.sum("part"), DIGITS).alias("score"), F.max_by("tier", F.struct("part", "tier")).alias("tier")
    )


def comparable(lists: Mapping[str, DataFrame], depth: int) -> DataFrame:
    """[user_id, item, tier, value], key the first three: the scores of each user's list of at most `depth` items moved to
    0 ... 1. 0 is the last of a full list; in a shorter one it is the score 0, as the model knows nothing of the others."""
    low, high = F.array_min("scores"), F.array_max("scores")
    floor = F.when(F.size("items") >= depth, low).otherwise(F.least(low, F.lit(0.0)))
    value = F.when(F.col("high") > F.col("floor"), F.expr("(score - floor) / (high - floor)")).otherwise(1.0)
    ends = [
        rows.select("*", floor.alias("floor"), high.alias("high"), F.lit(tier).alias("tier"))
        for tier, rows in lists.items()
    ]
    entry = F.explode(F.arrays_zip("items", "scores")).alias("row")
    together = reduce(DataFrame.unionByName, ends).select("user_id", "tier", "floor", "high", entry)
    rows = together.select(
        "user_id", F.col("row.items").alias("item"), "tier", F.col("row.scores").alias("score"), "floor", "high"
    )
    return rows.select("user_id", "item", "tier", value.alias("value"))


def learnt(values: DataFrame, held: DataFrame) -> dict[str, float]:
    """The weight of each tier of `values` (of `comparable`), summing to 1, by the nDCG@10 against `held`[user_id, item].

    Forward selection with replacement (Caruana et al., Ensemble Selection from Libraries of Models, 2004): the tier that
    lifts the blend most is added, again and again, until none does. What n users say is drawn to the same weight for every
    tier by _PRIOR / (n + _PRIOR); below FEWEST users nothing else counts. All rows come to the driver: ask for few users.
    """
    hits = held.select("user_id", "item", F.lit(True).alias("hit"))
    rows = values.join(hits, on=["user_id", "item"], how="left").fillna(False, ["hit"]).toPandas()
    h = held.groupBy("user_id").agg(F.count("*").alias("h")).toPandas()
    table = rows.pivot_table(index=["user_id", "item"], columns="tier", values="value", fill_value=0.0)
    found, tiers = table.to_numpy(), [*table.columns]
    if len(h) < FEWEST:
        return equal(tiers)
    hit = rows.groupby(["user_id", "item"])["hit"].any().reindex(table.index).to_numpy(bool)
    users, user = np.unique(table.index.get_level_values("user_id"), return_inverse=True)
    sizes = h.set_index("user_id")["h"].reindex(users).to_numpy()
    score, counts, best = np.zeros(len(table)), np.zeros(len(tiers)), 0.0
    for _ in range(_STEPS):
        gains = [_ndcg(score + found[:, t], user, hit, sizes) for t in range(len(tiers))]
        if max(gains) <= best + 1e-5:
            break
        best, chosen = max(gains), int(np.argmax(gains))
        score, counts[chosen] = score + found[:, chosen], counts[chosen] + 1
    said = counts / counts.sum() if counts.any() else np.full(len(tiers), 1 / len(tiers))
    sure = len(h) / (len(h) + _PRIOR)
    return {tier: float(sure * w + (1 - sure) / len(tiers)) for tier, w in zip(tiers, said, strict=True)}


def equal(tiers: Sequence[str]) -> dict[str, float]:
    """The same weight for each."""
    return dict.fromkeys(tiers, 1 / max(1, len(tiers)))


def _ndcg(score: Any, user: Any, hit: Any, sizes: Any) -> float:
    order = np.lexsort((-score, user))
    of, hits = user[order], hit[order]
    first = np.concatenate([[0], np.flatnonzero(np.diff(of)) + 1])
    rank = np.arange(len(of)) - np.repeat(first, np.diff(np.concatenate([first, [len(of)]])))
    top = hits & (rank < _K)
    gain = np.bincount(of[top], 1 / np.log2(2 + rank[top]), len(sizes))
    ideal = np.cumsum(1 / np.log2(2 + np.arange(_K)))[np.minimum(sizes, _K).astype(int) - 1]
    return float((gain / ideal).mean())
