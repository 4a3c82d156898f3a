"""`fit`: from interactions to a fitted model, whichever it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import break_lineage
from onecart.recommend.evaluation.split import held_back
from onecart.recommend.interactions import Pairs, pair_up
from onecart.recommend.models import blend, content, group_popularity, vectors
from onecart.recommend.models.sequence import fit_sequence
from onecart.recommend.models.vectors import Frames, Request
from onecart.recommend.parameters import PARTS, Blend, Content, parameters, rated
from onecart.recommend.recommender import Recommender

_JUDGES = 2000  # users that a blend's weights are learnt on
_FITS: dict[str, Callable[[Pairs, Any], Frames]] = {
    "item_knn": vectors.fit_item_knn,
    "user_knn": vectors.fit_user_knn,
    "als": vectors.fit_als,
    "als_explicit": vectors.fit_als,
    "ease": vectors.fit_ease,
    "sequence": fit_sequence,
}


def fit(
    interactions: DataFrame, model: str = "blend", *, products: DataFrame | None = None, **params: Any
) -> Recommender:
    """Learns from `interactions`[user_id, item_id, value?, ts?]: one row an event; no key.

    Ids are strings or integers; `value` (default 1.0) is how much the event counts, for als_explicit and user_knn with
    ratings=True the rating; `ts` is a timestamp, a date or seconds since 1970. Other columns are not looked at.

    popularity: the items with the largest sum of weights over users. item_knn, user_knn: neighbours. als, als_explicit:
    matrix factorisation. ease: a linear model of items on items. blend: item_knn, als, ease and popularity by weights that
    are learnt on a part of the interactions held back; then all learn from everything. sequence: a network of what follows
    what (extra `deep`). group_popularity: popularity among those of the same group, a column of `interactions`. content:
    likeness of what the products are. `params`: see `parameters`, which holds each model's names, bounds and defaults.
    Weights and popularity: see `pairs.pair_up`.

    `products`[item_id, text?, category?, image?], key item_id, for content and blend: what products are, in words, a
    label, an array of numbers. Products nobody has bought yet are offered too: by their content neighbours, and by ALS
    with the mean of these neighbours' factors.

    Raises UsageError for an unknown model or parameter, a value that does not fit, columns that are missing or of the
    wrong type, null ids, values or times, and an empty frame.
    """
    p = parameters(model, params)
    told = Told(interactions, _described(products, model, p))
    data = told.paired(model, p)
    if isinstance(p, Blend) and p.weights is None:
        parts = [part for part in PARTS if part != "content" or products is not None]
        few = data.users.count() < blend.FEWEST
        p = p.model_copy(update={"weights": blend.equal(parts) if few else _weights(told, p, parts)})
    return Recommender(model, p, told.learnt(data, model, p), {"newest_s": data.newest_s})


def _described(products: DataFrame | None, model: str, p: Any) -> DataFrame | None:
    if products is not None:
        if not isinstance(p, Content):
            raise UsageError(f"{model} does not look at products; leave them out, or fit content or blend")
        return content.checked(products)
    if model == "content" or "content" in (getattr(p, "weights", None) or ()):
        raise UsageError("content needs products[item_id, text?, category?, image?]: what the items are")
    return None


@dataclass(frozen=True)
class Told:
    """What `fit` was given."""

    interactions: DataFrame
    products: DataFrame | None

    def paired(self, model: str, p: Any) -> Pairs:
        return pair_up(
            self.interactions,
            explicit=rated(model, p),
            half_life_days=p.half_life_days,
            popularity_half_life_days=p.popularity_half_life_days,
            also=self.products,
        )

    def learnt(self, data: Pairs, model: str, p: Any) -> Frames:
        history = data.pairs.select("user_id", "item", "weight", "last_s")
        frames = {
            "items": data.items,
            "users": data.users,
            "history": history,
            "seen": history.select("user_id", "item"),
        }
        parts = [model]
        if isinstance(p, Blend):
            fits = data.items.count() <= p.max_items
            wanted = {*(PARTS if p.weights is None else p.weights), "item_knn"}  # whose neighbours tell reasons
            parts = [part for part in PARTS if part in wanted and (part != "ease" or fits)]
        for part in parts:
            frames |= _FITS[part](data, p) if part in _FITS else {}
        if model == "group_popularity":
            frames |= group_popularity.fit_groups(data, self.interactions, p)
        if self.products is not None:
            named = self.products.join(data.items.select("item", "item_id"), on="item_id", how="inner")
            frames |= content.fit_content(data, break_lineage(named), p)
            frames = content.with_new(frames, "als") if "als_items" in frames else frames
        return frames


def _weights(told: Told, p: Blend, parts: list[str]) -> dict[str, float]:
    """The weights of a blend of models that learn without a part of the pairs, asked for that part."""
    train, held = held_back(
        told.interactions, p.validation_share, latest=p.validation == "latest", seed=p.seed, least=p.validation_value
    )
    if train.isEmpty() or held.isEmpty():
        return blend.equal(parts)
    past = Told(train, told.products)
    fitted = Recommender("blend", p, past.learnt(past.paired("blend", p), "blend", p))
    known = held.join(fitted.frames["items"].select("item", "item_id"), on="item_id", how="inner").drop("item_id")
    known = known.join(fitted.frames["users"].select("user_id"), on="user_id", how="left_semi")
    judges = known.select("user_id").distinct().orderBy(F.xxhash64("user_id")).limit(_JUDGES)
    known = break_lineage(known.join(judges, on="user_id", how="left_semi"))
    request = Request(fitted.with_seen(known.select("user_id").distinct(), None), fitted.frames["items"], p.depth, True)
    return blend.learnt(blend.comparable(fitted.lists(request, parts), p.depth), known)
