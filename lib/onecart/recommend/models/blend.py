"""The blend: lists of several models made comparable, added up by weights, which come from interactions held back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError, nearest
from onecart.frames import DIGITS, break_lineage, literal_map
from onecart.recommend.interactions import Frames, Training, paired
from onecart.recommend.models import als, content, ease, item_knn, popularity
from onecart.recommend.models.als import Als
from onecart.recommend.models.content import Content
from onecart.recommend.models.ease import Ease
from onecart.recommend.models.item_knn import ItemKnn
from onecart.recommend.models.protocol import AGES, Mixture, Model, Space, proposals
from onecart.recommend.scoring.lists import Request, lists_of, with_seen
from onecart.recommend.split import had, held_back

PARTS = {part.name: part for part in (popularity.MODEL, item_knn.MODEL, als.MODEL, ease.MODEL, content.MODEL)}
SPACE: Space = {**item_knn.SPACE, **als.SPACE, **ease.SPACE, **AGES, **popularity.SPACE}
_STEPS = 12  # weights are twelfths or coarser
_PRIOR = 100  # users that would have to say otherwise, before a tier is moved half way from the same weight for all
FEWEST = 30  # fewer users with something held back say nothing about weights
_K = 10
_JUDGES = 2000  # users that weights are learnt on


class Blend(ItemKnn, Als, Ease, Content):
    """The `depth` best of popularity, item_knn, als, up to `max_items` items ease, and where products are given content,
    weighted.

    weights: of each part, one left out is not learnt; None: found on a `validation_share` of the interactions that the parts have not seen, drawn
    at random, or with validation="latest" the newest. validation_value: a pair counts as a hit there, and before it as had, if
    the values of its events sum to this at least.
    """

    weights: dict[str, float] | None = None
    depth: int = Field(100, ge=1)
    validation: Literal["random", "latest"] = "random"
    validation_share: float = Field(0.2, gt=0, lt=1)
    validation_value: float = 0.0

    @field_validator("weights")
    @classmethod
    def _of_parts(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        for part in set(weights or ()) - set(PARTS):
            raise UsageError(f"weights: a blend has no part '{part}'{nearest(part, PARTS)}")
        if weights is not None and (min(weights.values(), default=0) < 0 or not any(weights.values())):
            raise UsageError(
                f"weights={weights}: none may be below 0, and one must be above; leave them out to have them found"
            )
        return weights


def complete(training: Training, p: Blend) -> Blend:
    """`p` with the weights that it lacks: found on interactions held back, the same for all parts where few users are."""
    if p.weights is not None:
        return p
    parts = [name for name, part in PARTS.items() if part.needs_products is None or training.products is not None]
    few = training.data.users.count() < FEWEST
    return p.model_copy(update={"weights": equal(parts) if few else _found(training, p, parts)})


def _found(training: Training, p: Blend, parts: list[str]) -> dict[str, float]:
    """The weights of a blend of models that learn without a part of the pairs, asked for that part as they will be in use:
    what somebody had is hidden, what they only looked at (less than validation_value) is not."""
    train, held = held_back(
        training.interactions,
        p.validation_share,
        latest=p.validation == "latest",
        seed=p.seed,
        least=p.validation_value,
    )
    if train.isEmpty() or held.isEmpty():
        return equal(parts)
    past = paired(train, training.products, p, explicit=item_knn.of_ratings(p), as_of=training.as_of)
    frames = past.data.frames() | fit(past, p)
    ids = frames["items"].select("item", "item_id")
    known, seen = (
        rows.join(ids, on="item_id", how="inner").drop("item_id") for rows in (held, had(train, p.validation_value))
    )
    known = known.join(frames["users"].select("user_id"), on="user_id", how="left_semi")
    judges = known.select("user_id").distinct().orderBy(F.xxhash64("user_id")).limit(_JUDGES)
    known = break_lineage(known.join(judges, on="user_id", how="left_semi"))
    asked = with_seen(known.select("user_id").distinct(), seen)
    request = Request(asked, frames["items"], p.depth, True)
    lists = proposals([PARTS[part] for part in parts], frames, request, p)
    return learnt(comparable(lists, p.depth), known)


def fit(training: Training, p: Blend) -> Frames:
    """What its parts learn: those with a weight (none found yet: all), item_knn, whose neighbours tell reasons, and where
    products are given content, which tells als of new ones."""
    fits = training.data.items.count() <= p.max_items
    wanted = {*(PARTS if p.weights is None else p.weights), item_knn.MODEL.name} - {content.MODEL.name}
    frames: Frames = {}
    for name, part in PARTS.items():
        if name in wanted and (part is not ease.MODEL or fits):
            frames |= part.fit(training, p)
    if training.products is not None:
        frames |= content.fit(training, p)
        frames = content.with_new(frames, als.MODEL.name) if als.MODEL.has_learnt(frames) else frames
    return frames


def propose(frames: Frames, request: Request, p: Blend) -> DataFrame:
    """Lists by the weighted sum of what the parts propose, and `tiers`: the part that says most."""
    deep = replace(request, n=depth(p, request.n))
    return mixed(proposals([PARTS[part] for part in weighted(p)], frames, deep, p), p, request.n)


def fold_in(frames: Frames, cells: DataFrame, p: Blend) -> Frames:
    """The users' vectors of every part."""
    vectors: Frames = {}
    for part in PARTS.values():
        if part.fold_in and part.has_learnt(frames):
            vectors |= part.fold_in(frames, cells, p)
    return vectors


def weighted(p: Blend) -> list[str]:
    """The parts with a weight."""
    return [part for part, weight in (p.weights or {}).items() if weight > 0]


def depth(p: Blend, n: int) -> int:
    """How many items each part is asked for."""
    return max(n, p.depth)


def mixed(lists: Mapping[str, DataFrame], p: Blend, n: int) -> DataFrame:
    """[user_id, items, scores, tiers]: the `n` best of the lists of the parts."""
    weights = {part: (p.weights or {})[part] for part in weighted(p) if part in lists}
    return lists_of(blended({part: lists[part] for part in weights}, weights, depth(p, n)), n)


def blended(lists: Mapping[str, DataFrame], weights: Mapping[str, float], depth: int) -> DataFrame:
    """[user_id, item, score, tier]: the sum of weight * value over the lists, see `comparable`.

    `lists`: model -> lists, see `lists`; `tier` is the model with the largest part in the sum.
    """
    weight = literal_map(weights)[F.col("tier")]
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


MODEL = Model(
    "blend",
    Blend,
    SPACE,
    fit,
    propose,
    fold_in,
    of_ratings=item_knn.of_ratings,
    needs_products=lambda p: content.MODEL.name in (p.weights or ()),
    complete=complete,
    mixture=Mixture(PARTS, weighted, depth, mixed),
)
