"""`Recommender`: one front for all fitted models, any ids in and out, k items for everybody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.errors import UsageError, nearest
from onecart.frames import break_lineage, library_function, require_columns
from onecart.lake.files import literal
from onecart.recommend import fold_in
from onecart.recommend.interactions import Frames, as_type
from onecart.recommend.models.protocol import proposals
from onecart.recommend.models.registry import MODELS, fitted_with, parameters
from onecart.recommend.scoring.lists import POPULARITY, Request, completed, rows_of, with_seen
from onecart.recommend.serving.explain import with_because


@dataclass(frozen=True)
class Recommender:
    """A fitted model. `frames` hold what it learnt: the items with their ids, the users, what they had and have seen,
    vectors, neighbours. `notes`, saved with it, are what its maker wants to be remembered (figures, versions of data), and
    newest_s: the time up to which it knows."""

    model: str
    params: Any
    frames: Frames
    notes: dict[str, Any] = field(default_factory=dict)

    @library_function()
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
        asked = self._users(users)
        told = self if users is None else self._told(users)
        asked = told._seen(asked, seen) if filter_seen else asked.withColumn("seen", F.lit(None).cast("array<int>"))
        request = Request(asked, self._allowed(items), k, filter_seen)
        ranked = rows_of(completed(told._own(request), request))
        named = ranked.join(F.broadcast(self.frames["items"].select("item", "item_id")), on="item", how="inner")
        return named.select("user_id", "item_id", "score", "rank", *(["tier"] if with_tier else []))

    def by_part(self, users: DataFrame, k: int, *, seen: DataFrame) -> DataFrame:
        """What each of `parts` recommends to `users`[user_id], without the pairs of `seen`[user_id, item_id]: one row per part,
        user and item, key (model, user_id, item_id); model, user_id, item_id, score, rank as `using(model).recommend` has
        them. Each part is asked once, for itself and for the blend."""
        request = Request(self._seen(self._users(users), seen), self.frames["items"], k, True)
        models_of = {part: self.using(part) for part in self.parts}
        wanted = dict.fromkeys(part for model in models_of.values() for part in model._wanted)
        asked = [rows.withColumn("part", F.lit(part)) for part, rows in self.lists(self._deep(request), wanted).items()]
        whole = break_lineage(reduce(DataFrame.unionByName, asked)) if asked else None
        lists = {part: whole.where(F.col("part") == part).drop("part") for part in wanted} if whole is not None else {}
        ranked = [
            rows_of(completed(model._own(request, lists), request)).select(F.lit(part).alias("model"), "*")
            for part, model in models_of.items()
        ]
        ids = F.broadcast(self.frames["items"].select("item", "item_id"))
        together = reduce(DataFrame.unionByName, ranked).join(ids, on="item", how="inner")
        return together.select("model", "user_id", "item_id", "score", "rank")

    @library_function()
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
        fitted = fitted_with(self.params)
        return fitted.fold_in is not None and not fitted.of_ratings(self.params)

    @library_function()
    def for_users(self, users: DataFrame) -> Recommender:
        """The same model, but knowing no other users than `users`[user_id]: small enough to be updated at once."""
        asked = self._users(users)
        mine = {name: df for name, df in self.frames.items() if "user_id" in df.columns}
        few = {name: df.join(asked, on="user_id", how="left_semi") for name, df in mine.items()}
        return replace(self, frames={**self.frames, **few})

    @library_function()
    def updated(self, events: DataFrame, seen: DataFrame | None = None, *, as_of: Any = None) -> Recommender:
        """The same items, with what users, known or new ones, did since: `events`[user_id, item_id, value?, ts?], one row an
        event that the training did not have. They are weighed as if they had been in it; items that are new are passed
        over. `seen`[user_id, item_id]: what is no longer offered for it; None: all pairs of `events`. `as_of`: see `fit`.

        ALS takes the half step that MLlib would take next for these users (fold-in); neighbours, ease and content read
        their vectors anew. UsageError: a model that has to be fitted again (user_knn, sequence, als_explicit).
        """
        fold = fitted_with(self.params).fold_in
        if fold is None or not self.updatable:
            raise UsageError(f"a {self.model} model cannot be updated; fit it again")
        news = fold_in.told(self.frames, events, self.params, self.notes.get("newest_s"), as_of)
        frames = fold_in.updated(self.frames, news, fold(self.frames, news.cells, self.params))
        hidden = self._numbered(events if seen is None else seen)
        frames["seen"] = frames["seen"].unionByName(hidden).distinct()
        return replace(self, frames=frames, notes={**self.notes, "newest_s": news.newest_s})

    @library_function()
    def hiding(self, seen: DataFrame) -> Recommender:
        """The same model, for which `seen`[user_id, item_id] are the pairs that `filter_seen` leaves out."""
        return replace(self, frames={**self.frames, "seen": self._numbered(seen).distinct()})

    def hidden(self) -> DataFrame:
        """[user_id, item_id]: the pairs that `filter_seen` leaves out."""
        ids = F.broadcast(self.frames["items"].select("item", "item_id"))
        return self.frames["seen"].join(ids, on="item", how="inner").select("user_id", "item_id")

    @property
    def parts(self) -> list[str]:
        """What `using` takes."""
        mixture = MODELS[self.model].mixture
        parts = () if mixture is None else mixture.parts.values()
        return [POPULARITY, *(part.name for part in parts if part.has_learnt(self.frames)), self.model]

    def save(self, path: str) -> None:
        """Writes what was learnt below `path`: a folder of Parquet a frame, the parameters and the notes."""
        params, frames = self.params.model_dump(), sorted(self.frames)
        kind = fitted_with(self.params).name
        about = json.dumps(
            {"model": self.model, "fitted": kind, "params": params, "frames": frames, "notes": self.notes}
        )
        spark = self.frames["items"].sparkSession
        spark.createDataFrame([(about,)], "about STRING").coalesce(1).write.mode("overwrite").text(f"{path}/about")
        for name, frame in self.frames.items():
            frame.write.mode("overwrite").parquet(f"{path}/{name}")

    @staticmethod
    def load(spark: SparkSession, path: str) -> Recommender:
        """What `save` wrote below `path`."""
        row = spark.read.text(literal(f"{path}/about")).first()
        about = json.loads(row[0])
        frames = {name: spark.read.parquet(literal(f"{path}/{name}")) for name in about["frames"]}
        # A part is saved with the parameters of what it is a part of; older files do not name that.
        kind = about.get("fitted") or _taking(about["params"])
        return Recommender(about["model"], parameters(kind, about["params"]), frames, about["notes"])

    @property
    def _wanted(self) -> list[str]:
        """The parts whose lists the model's own are made of: a mixture's with a weight, else itself; popularity has none."""
        if mixture := MODELS[self.model].mixture:
            return mixture.weighted(self.params)
        return [] if self.model == POPULARITY else [self.model]

    def _deep(self, request: Request) -> Request:
        """What the parts are asked: a mixture wants more of them than it gives."""
        mixture = MODELS[self.model].mixture
        return replace(request, n=mixture.depth(self.params, request.n)) if mixture else request

    def _own(self, request: Request, lists: Mapping[str, DataFrame] | None = None) -> DataFrame | None:
        """[user_id, items, scores, tiers]: lists before they are filled up by popularity. None: there are none. `lists`: those
        of the parts, where they were asked already."""
        model = MODELS[self.model]
        if not self._wanted:
            return None
        if lists is None:
            proposed = model.propose(self.frames, request, self.params)
        else:
            proposed = model.mixture.mixed(lists, self.params, request.n) if model.mixture else lists[self.model]
        if "tiers" in proposed.columns:
            return proposed
        items, scores = (F.slice(c, 1, request.n).alias(c) for c in ("items", "scores"))
        tiers = F.array_repeat(F.lit(self.model), F.size(items)).alias("tiers")
        return proposed.select("user_id", items, scores, tiers)

    def lists(self, request: Request, parts: Iterable[str]) -> dict[str, DataFrame]:
        """Part -> the lists that it proposes; a part that has learnt nothing is left out."""
        return proposals([MODELS[part] for part in parts], self.frames, request, self.params)

    def _told(self, users: DataFrame) -> Recommender:
        """The same model, told of what `users` say of themselves."""
        return replace(self, frames=MODELS[self.model].tell(self.frames, users, self.params))

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
            items = _frame_of(known, items)
        require_columns(items, ("item_id",), "items")
        return known.join(items.select(as_type(items, "item_id", known)), on="item_id", how="left_semi")

    def _seen(self, asked: DataFrame, seen: DataFrame | None) -> DataFrame:
        """`asked`[user_id] with what each has seen: the pairs of `seen`[user_id, item_id], None: of the training."""
        return with_seen(asked, self.frames["seen"] if seen is None else self._numbered(seen))

    def _numbered(self, pairs: DataFrame) -> DataFrame:
        """[user_id, item] of `pairs`[user_id, item_id]."""
        require_columns(pairs, ("user_id", "item_id"), "seen")
        users, items = self.frames["users"], self.frames["items"]
        typed = pairs.select(as_type(pairs, "user_id", users), as_type(pairs, "item_id", items))
        named = typed.join(F.broadcast(items.select("item", "item_id")), on="item_id", how="inner")
        return named.select("user_id", "item")


def _frame_of(known: DataFrame, items: Iterable[Any]) -> DataFrame:
    """[item_id] of plain ids, none too. UsageError: they are no ids of one kind."""
    ids = [items] if isinstance(items, str | int) else [*items]
    if not ids:
        return known.select("item_id").limit(0)
    kinds = {type(one) for one in ids}
    if kinds not in ({str}, {int}):
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise UsageError(f"items must be ids, all texts or all whole numbers, found {found}")
    schema = "item_id string" if kinds == {str} else "item_id long"
    return known.sparkSession.createDataFrame([(one,) for one in ids], schema)


def _taking(params: Mapping[str, Any]) -> str:
    """The model that takes exactly these parameters."""
    return next(name for name, model in MODELS.items() if set(model.parameters.model_fields) == set(params))
