"""What makes a good list besides good items: diversity, caps, and a share of exploration. On lists a few times longer than k."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.types import StructField as Field

from onecart.errors import UsageError

TRIAL = "trial"  # the tier of an item that is there to be tried out


def reranked(
    lists: DataFrame,
    k: int,
    categories: DataFrame | None = None,
    *,
    per_category: int | None = None,
    diversity: float = 0.0,
    exploration: float = 0.0,
    seed: int = 7,
) -> DataFrame:
    """The `k` best of each user's longer list, chosen one after the other: the columns of `lists`, rank from 1 again.

    lists[user_id, item_id, score, rank, tier], key (user_id, rank): longer than k, or there is nothing to choose from.
    categories[item_id, category], key item_id; an item without one is of a kind of its own.
    per_category: items of one category at most. diversity, 0 to 1: maximal marginal relevance (Carbonell & Goldstein 1998),
    (1 - diversity) * relevance - diversity * the share of the chosen that are of the item's category; relevance is the score
    between the list's ends, 0 to 1. exploration: the share of places, the first apart, that go to an item drawn from the rest of
    the list, which shows what nobody was offered so far; its tier becomes `trial`. Drawn by a hash of user and seed.

    A score is what the model gave, so that it need not fall with the rank. UsageError: a share outside 0 to 1, k below 1.
    """
    if k < 1 or (per_category is not None and per_category < 1):
        raise UsageError(f"k={k}, per_category={per_category}: whole numbers from 1 on")
    for name, share in (("diversity", diversity), ("exploration", exploration)):
        if not 0 <= share <= 1:
            raise UsageError(f"{name}={share}: a share lies between 0 and 1")
    named = {} if categories is None else dict(categories.where("category IS NOT NULL").toPandas().values.tolist())
    entry = F.struct("rank", "item_id", "score", "tier")
    whole = lists.groupBy("user_id").agg(F.sort_array(F.collect_list(entry)).alias("list"))
    arrays = [F.col(f"list.{c}").alias(c) for c in ("item_id", "score", "tier")]
    wide = whole.select("user_id", F.pmod(F.xxhash64("user_id", F.lit(seed)), F.lit(2**31)).alias("draw"), *arrays)
    kinds = {f.name: f.dataType for f in lists.schema.fields}
    schema = T.StructType([Field(c, kinds[c]) for c in ("user_id", "item_id", "score", "rank", "tier")])
    choose = _chooser(k, named, per_category or k, diversity, exploration)
    return wide.mapInPandas(choose, schema)


def _chooser(
    k: int, categories: Mapping[Any, str], cap: int, diversity: float, exploration: float
) -> Callable[[Iterable[pd.DataFrame]], Iterable[pd.DataFrame]]:
    def run(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            parts = []
            for user, draw, items, scores, tiers in batch.itertuples(index=False):
                kinds = [categories.get(item, f"\0{at}") for at, item in enumerate(items)]
                places, tried = chosen(np.asarray(scores, float), kinds, k, cap, diversity, exploration, int(draw))
                rows = {"item_id": items[places], "score": scores[places], "rank": np.arange(1, len(places) + 1)}
                tier = np.where(tried, TRIAL, tiers[places])
                parts.append(pd.DataFrame({"user_id": [user] * len(places), **rows, "tier": tier}))
            yield pd.concat(parts) if parts else batch.iloc[:0]

    return run


def chosen(
    scores: np.ndarray, kinds: list[str], k: int, cap: int, diversity: float, exploration: float, draw: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions in one list, best first, that are chosen, and which of them are explored."""
    rng = np.random.default_rng(draw)
    low, high = scores.min(), scores.max()
    relevance = (scores - low) / (high - low) if high > low else np.ones(len(scores))
    codes = np.unique(kinds, return_inverse=True)[1]
    counts, free = np.zeros(codes.max() + 1), np.ones(len(scores), bool)
    places: list[int] = []
    tried: list[bool] = []
    while len(places) < min(k, len(scores)):
        open_ = free & (counts[codes] < cap)
        if not open_.any():
            break
        trial = bool(places) and rng.uniform() < exploration
        if trial:
            place = int(rng.choice(np.flatnonzero(open_)))
        else:
            value = (1 - diversity) * relevance - diversity * counts[codes] / max(1, len(places))
            place = int(np.argmax(np.where(open_, value, -np.inf)))
        free[place] = False
        counts[codes[place]] += 1
        places.append(place)
        tried.append(trial)
    return np.array(places, int), np.array(tried, bool)
