"""`fit`: from interactions to a fitted model, whichever it is."""

from typing import Any

from pyspark.sql import DataFrame

from onecart.errors import UsageError
from onecart.frames import library_function
from onecart.recommend.interactions import paired
from onecart.recommend.models import content
from onecart.recommend.models.protocol import Model
from onecart.recommend.models.registry import MODELS, parameters
from onecart.recommend.recommender import Recommender


@library_function("group")
def fit(
    interactions: DataFrame,
    model: str = "blend",
    *,
    products: DataFrame | None = None,
    as_of: Any = None,
    **params: Any,
) -> Recommender:
    """Learns from `interactions`[user_id, item_id, value?, ts?]: one row an event; no key.

    Ids are strings or integers; `value` (default 1.0) is how much the event counts, for als_explicit and user_knn with
    ratings=True the rating; `ts` is a timestamp, a date or seconds since 1970. Other columns are not looked at. `as_of`: the
    first moment that does not count, a value of the type of `ts`: rows of it or later are left out, and counted in the
    model's `notes` as `late`; ages count from there. Without it they count from the newest row.

    popularity: the items with the largest sum of weights over users. item_knn, user_knn: neighbours. als, als_explicit:
    matrix factorisation. ease: a linear model of items on items. blend: item_knn, als, ease and popularity by weights that
    are learnt on a part of the interactions held back; then all learn from everything. sequence: a network of what follows
    what (extra `deep`). group_popularity: popularity among those of the same group, a column of `interactions`. content:
    likeness of what the products are. `params`: the file of each model below
    `models/` holds their names, bounds and defaults. Weights and popularity: see `interactions.pair_up`.

    `products`[item_id, text?, category?, image?], key item_id, for content and blend: what products are, in words, a
    label, an array of numbers. Products nobody has bought yet are offered too: by their content neighbours, and by ALS
    with the mean of these neighbours' factors.

    Raises UsageError for an unknown model or parameter, a value that does not fit, columns that are missing or of the
    wrong type, null ids, values or times, values or parameters that are infinite, a few rows far ahead in time of all
    others where ages count and there is no `as_of`, and an empty frame.
    """
    p = parameters(model, params)
    kind = MODELS[model]
    training = paired(interactions, _described(products, kind, p), p, explicit=kind.of_ratings(p), as_of=as_of)
    p = kind.complete(training, p)
    notes = {"newest_s": training.data.newest_s, **({} if as_of is None else {"late": training.data.late})}
    return Recommender(model, p, training.data.frames() | kind.fit(training, p), notes)


def _described(products: DataFrame | None, model: Model, p: Any) -> DataFrame | None:
    if products is None:
        if model.needs_products and model.needs_products(p):
            raise UsageError("content needs products[item_id, text?, category?, image?]: what the items are")
        return None
    if model.needs_products is None:
        looking = " or ".join(name for name, other in MODELS.items() if other.needs_products)
        raise UsageError(f"{model.name} does not look at products; leave them out, or fit {looking}")
    return content.checked(products)
