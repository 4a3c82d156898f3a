"""`fit` and `Recommender`: one front for all models, any ids in and out, k items for everybody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from onecart.errors import UsageError, nearest
from onecart.recommend import blend, content, fold, groups, models
from onecart.recommend.because import with_because
from onecart.recommend.models import Frames, Request
from onecart.recommend.pairs import Pairs, as_type, pair_up, require_columns, settled
from onecart.recommend.parameters import PARTS, Blend, Content, parameters
from onecart.recommend.sequence import by_sequence, fit_sequence

_JUDGES = 2000  # users that a blend's weights are learnt on
_FITS: dict[str, Callable[[Pairs, Any], Frames]] = {
    "item_knn": models.fit_item_knn,
    "user_knn": models.fit_user_knn,
    "als": models.fit_als,
    "als_explicit": models.fit_als,
    "ease": models.fit_ease,
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
        rated = model == "als_explicit" or getattr(p, "ratings", False)
        return pair_up(
            self.interactions,
            explicit=rated or getattr(p, "similarity", None) == "adjusted_cosine",
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
            frames |= groups.fit_groups(data, self.interactions, p)
        if self.products is not None:
            named = self.products.join(data.items.select("item", "item_id"), on="item_id", how="inner")
            frames |= content.fit_content(data, settled(named), p)
            frames = content.with_new(frames, "als") if "als_items" in frames else frames
        return frames


def _weights(told: Told, p: Blend, parts: list[str]) -> dict[str, float]:
    """The weights of a blend of models that learn without a part of the pairs, asked for that part."""
    train, held = _held_back(told.interactions, p)
    if train.isEmpty() or held.isEmpty():
        return blend.equal(parts)
    past = Told(train, told.products)
    fitted = Recommender("blend", p, past.learnt(past.paired("blend", p), "blend", p))
    known = held.join(fitted.frames["items"].select("item", "item_id"), on="item_id", how="inner").drop("item_id")
    known = known.join(fitted.frames["users"].select("user_id"), on="user_id", how="left_semi")
    judges = known.select("user_id").distinct().orderBy(F.xxhash64("user_id")).limit(_JUDGES)
    known = settled(known.join(judges, on="user_id", how="left_semi"))
    request = Request(
        fitted._with_seen(known.select("user_id").distinct(), None), fitted.frames["items"], p.depth, True
    )
    return blend.learnt(blend.comparable(fitted._lists(request, parts), p.depth), known)


def _held_back(interactions: DataFrame, p: Blend) -> tuple[DataFrame, DataFrame]:
    """(interactions to learn from, [user_id, item_id] to be asked for)."""
    if p.validation == "latest":
        require_columns(interactions, ("ts",), "interactions")
        seconds = F.col("ts").cast("timestamp").cast("double")
        timed = interactions.withColumn("__s", seconds)
        cut = timed.approxQuantile("__s", [1 - p.validation_share], 0.001)
        later = F.col("__s") >= F.lit(cut[0] if cut else 0.0)
    else:
        timed = interactions
        later = F.pmod(F.xxhash64("user_id", "item_id", F.lit(p.seed)), F.lit(10_000)) < 10_000 * p.validation_share
    train = settled(timed.where(~later).drop("__s"))
    value = F.sum("value") if "value" in interactions.columns else F.count("*")
    held = timed.where(later).groupBy("user_id", "item_id").agg(value.alias("value"))
    held = held.where(F.col("value") >= p.validation_value).select("user_id", "item_id")
    return train, held.join(train.select("user_id", "item_id").distinct(), on=["user_id", "item_id"], how="left_anti")


@dataclass(frozen=True)
class Recommender:
    """A fitted model. `frames` hold what it learnt: the items with their ids, the users, what they had and have seen,
    vectors, neighbours. `notes`, saved with it, are what its maker wants to be remembered (figures, versions of data), and
    newest_s: the time up to which it knows."""

    model: str
    params: Any
    frames: Frames
    notes: dict[str, Any] = field(default_factory=dict)

    def recommend(
        self,
        users: DataFrame | None = None,
        k: int = 10,
        filter_seen: bool = True,
        items: DataFrame | Iterable[Any] | None = None,
        *,
        seen: DataFrame | None = None,
        with_tier: bool = False,
    ) -> DataFrame:
        """The `k` best items for each of `users`[user_id] (None: all users of the training).

        One row a user and item, key (user_id, item_id) and (user_id, rank): user_id and item_id in the types of the
        training, score (falls with rank, comparable within one user), rank from 1. Everybody gets k rows as long as
        that many items are allowed: what the model leaves open, and whatever a user it does not know gets, comes by
        popularity. `items`: the only items allowed, a frame with item_id or plain ids; ids not in the training are
        passed over. `filter_seen` leaves out the pairs of the training, or those of `seen`[user_id, item_id] where
        given. `with_tier` adds the model that gave the row: popularity or one of the others. group_popularity: users that
        come with the column of groups are of those.
        """
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise UsageError(f"k must be a whole number from 1 on, not {k!r}")
        if self.model == "group_popularity" and users is not None and self.params.group in users.columns:
            named = users.select("user_id", F.col(self.params.group).alias("group"))
            return replace(self, frames=groups.told(self.frames, named)).recommend(
                users.select("user_id"), k, filter_seen, items, seen=seen, with_tier=with_tier
            )
        asked = self._users(users)
        asked = (
            self._with_seen(asked, seen) if filter_seen else asked.withColumn("seen", F.lit(None).cast("array<int>"))
        )
        request = Request(asked, self._allowed(items), k, filter_seen)
        order = Window.partitionBy("user_id").orderBy(F.desc("score"), "item")
        ranked = self._scored(request).withColumn("rank", F.row_number().over(order)).where(F.col("rank") <= k)
        named = ranked.join(F.broadcast(self.frames["items"].select("item", "item_id")), on="item", how="inner")
        return named.select("user_id", "item_id", "score", "rank", *(["tier"] if with_tier else []))

    def because(self, lists: DataFrame, n: int = 2) -> DataFrame:
        """Adds `because` to `lists`[user_id, item_id, ...]: up to `n` items of the user's history, the strongest first, that
        the item is like. Null: nothing is near. UsageError: a model without item neighbours (item_knn and blend have them)."""
        if "item_knn_items" not in self.frames:
            raise UsageError(f"a {self.model} model knows no item neighbours; fit item_knn or blend")
        named = lists.join(F.broadcast(self.frames["items"].select("item", "item_id")), on="item_id", how="left")
        return with_because(named, self.frames, n).drop("item")

    def using(self, model: str) -> Recommender:
        """The same fit seen through one of its parts: a blend holds those that have a weight, and popularity."""
        if model not in self.parts:
            raise UsageError(f"a {self.model} model has no part '{model}'{nearest(model, self.parts)}")
        return replace(self, model=model)

    @property
    def updatable(self) -> bool:
        """Whether `updated` can tell it of news."""
        return self.model in fold.FOLDS

    def for_users(self, users: DataFrame) -> Recommender:
        """The same model, but knowing no other users than `users`[user_id]: small enough to be updated at once."""
        asked = self._users(users)
        mine = {name: df for name, df in self.frames.items() if "user_id" in df.columns}
        few = {name: df.join(asked, on="user_id", how="left_semi") for name, df in mine.items()}
        return replace(self, frames={**self.frames, **few})

    def updated(self, events: DataFrame, seen: DataFrame | None = None) -> Recommender:
        """The same items, with what users, known or new ones, did since: `events`[user_id, item_id, value?, ts?], one row an
        event that the training did not have. They are weighed as if they had been in it; items that are new are passed
        over. `seen`[user_id, item_id]: what is no longer offered for it; None: all pairs of `events`.

        ALS takes the half step that MLlib would take next for these users (fold-in); neighbours, ease and content read
        their vectors anew. UsageError: a model that has to be fitted again (user_knn, sequence, als_explicit).
        """
        if not self.updatable:
            raise UsageError(f"a {self.model} model cannot be updated; fit it again")
        cells = fold.cells_of(self.frames, events, self.params, self.notes.get("newest_s"))
        frames = fold.updated(self.frames, cells, self.params)
        hidden = self._numbered(events if seen is None else seen)
        frames["seen"] = frames["seen"].unionByName(hidden).distinct()
        return replace(self, frames=frames)

    def hiding(self, seen: DataFrame) -> Recommender:
        """The same model, for which `seen`[user_id, item_id] are the pairs that `filter_seen` leaves out."""
        return replace(self, frames={**self.frames, "seen": self._numbered(seen).distinct()})

    @property
    def parts(self) -> list[str]:
        """What `using` takes."""
        held = [part for part in PARTS if f"{part}_items" in self.frames]
        return ["popularity", *(held if self.model == "blend" else ()), self.model]

    def save(self, path: str) -> None:
        """Writes what was learnt below `path`: a folder of Parquet a frame, the parameters and the notes."""
        params, frames = self.params.model_dump(), sorted(self.frames)
        about = json.dumps({"model": self.model, "params": params, "frames": frames, "notes": self.notes})
        spark = self.frames["items"].sparkSession
        spark.createDataFrame([(about,)], "about STRING").coalesce(1).write.mode("overwrite").text(f"{path}/about")
        for name, frame in self.frames.items():
            frame.write.mode("overwrite").parquet(f"{path}/{name}")

    @staticmethod
    def load(spark: SparkSession, path: str) -> Recommender:
        """What `save` wrote below `path`."""
        row = spark.read.text(f"{path}/about").first()
        about = json.loads(row[0])
        frames = {name: spark.read.parquet(f"{path}/{name}") for name in about["frames"]}
        kind = (
            "blend" if "weights" in about["params"] else about["model"]
        )  # a part is saved with its blend's parameters
        return Recommender(about["model"], parameters(kind, about["params"]), frames, about["notes"])

    def _scored(self, request: Request) -> DataFrame:
        """[user_id, item, score, tier]: at least n rows a user, as long as there are that many items."""
        if self.model == "popularity":
            return models.popular(request).withColumn("tier", F.lit("popularity"))
        if self.model == "blend":
            weights = {part: weight for part, weight in self.params.weights.items() if weight > 0}
            deep = replace(request, n=max(request.n, self.params.depth))
            own = blend.blended(self._lists(deep, [*weights]), weights, deep.n)
        else:
            own = self._lists(request, [self.model])[self.model].withColumn("tier", F.lit(self.model))
        return models.filled_up(own, request)

    def _lists(self, request: Request, parts: Iterable[str]) -> dict[str, DataFrame]:
        """Part -> [user_id, item, score]: what it proposes."""
        lists = {}
        for part in parts:
            if part == "popularity":
                lists[part] = models.popular(request)
            elif "means" in self.frames:
                lists[part] = models.by_deviations(self.frames, request)
            elif part == "sequence":
                lists[part] = by_sequence(self.frames, request, self.params.candidates)
            elif f"{part}_items" in self.frames:
                lists[part] = models.by_vectors(self.frames, request, part)
        return lists

    def _users(self, users: DataFrame | None) -> DataFrame:
        if users is None:
            return self.frames["users"].select("user_id")
        require_columns(users, ("user_id",), "users")
        asked = users.select(as_type(users, "user_id", self.frames["users"])).distinct()
        if not asked.where(F.col("user_id").isNull()).isEmpty():
            raise UsageError("users.user_id is null in some rows; drop them")
        return asked

    def _allowed(self, items: DataFrame | Iterable[Any] | None) -> DataFrame:
        known = self.frames["items"]
        if items is None:
            return known
        if not isinstance(items, DataFrame):
            ids = [(i,) for i in items]
            schema = "item_id string" if all(isinstance(i, str) for (i,) in ids) else "item_id long"
            items = known.sparkSession.createDataFrame(ids, schema)
        require_columns(items, ("item_id",), "items")
        return known.join(items.select(as_type(items, "item_id", known)), on="item_id", how="left_semi")

    def _with_seen(self, asked: DataFrame, seen: DataFrame | None) -> DataFrame:
        if seen is None:
            pairs = self.frames["seen"].join(asked, on="user_id", how="left_semi")
        else:
            pairs = self._numbered(seen).join(asked, on="user_id", how="left_semi")
        lists = pairs.groupBy("user_id").agg(F.collect_set("item").alias("seen"))
        return settled(asked.join(lists, on="user_id", how="left"))

    def _numbered(self, pairs: DataFrame) -> DataFrame:
        """[user_id, item] of `pairs`[user_id, item_id]."""
        require_columns(pairs, ("user_id", "item_id"), "seen")
        users, items = self.frames["users"], self.frames["items"]
        typed = pairs.select(as_type(pairs, "user_id", users), as_type(pairs, "item_id", items))
        named = typed.join(F.broadcast(items.select("item", "item_id")), on="item_id", how="inner")
        return named.select("user_id", "item")
