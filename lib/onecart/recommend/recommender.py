"""`fit` and `Recommender`: one front for all models, any ids in and out, k items for everybody."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from onecart.errors import UsageError, nearest
from onecart.recommend import models
from onecart.recommend.models import Request
from onecart.recommend.pairs import pair_up, require_columns, settled

_DECAY = {"half_life_days": None, "popularity_half_life_days": None}
_ALS = {"rank": 32, "iterations": 10, "reg": 0.05, "blocks": 4, "seed": 7}
_KNN = {"neighbours": 50, "shrinkage": 5.0, "max_history": 100}
MODELS: dict[str, dict[str, Any]] = {
    "popularity": {**_DECAY},
    "item_knn": {**_DECAY, **_KNN},
    "als": {**_DECAY, **_ALS, "alpha": 10.0},
    "als_explicit": {**_DECAY, **_ALS, "reg": 0.1},
    "blend": {**_DECAY, **_KNN, **_ALS, "alpha": 10.0, "als_weight": 0.4, "popularity_weight": 0.2, "depth": 100},
}
"""Each model's parameters and their defaults."""
_MAY_BE_ZERO = ("shrinkage", "reg", "seed", "als_weight")


def fit(interactions: DataFrame, model: str = "blend", **params: Any) -> Recommender:
    """Learns from `interactions`[user_id, item_id, value?, ts?]: one row an event; no key.

    Ids are strings or integers; `value` (default 1.0) is how much the event counts, for als_explicit the rating; `ts`
    is a timestamp, a date or seconds since 1970. Other columns are not looked at. Models and parameters (`MODELS`):

    - popularity: the items with the largest sum of weights over users.
    - item_knn: items like those a user has (`neighbours`, `shrinkage`, `max_history`).
    - als: implicit matrix factorisation (`rank`, `iterations`, `reg`, `alpha`, `blocks`, `seed`).
    - als_explicit: matrix factorisation of ratings (same, no alpha).
    - blend: the `depth` best of als, item_knn and popularity by weighted reciprocal rank: `als_weight` (0.4) for als,
      `popularity_weight` (0.2) for popularity, the rest for item_knn. These are fixed, not learnt from the data given.

    `half_life_days` halves an event's value with each such age, `popularity_half_life_days` does so for popularity
    alone; both need ts. Weights and popularity: see `pairs.pair_up`; similarity and factors: see `models`.

    Raises UsageError for an unknown model or parameter, a value that does not fit, columns that are missing or of the
    wrong type, null ids, values or times, and an empty frame.
    """
    p = _parameters(model, params)
    data = pair_up(
        interactions,
        explicit=model == "als_explicit",
        half_life_days=p["half_life_days"],
        popularity_half_life_days=p["popularity_half_life_days"],
    )
    frames = {"items": data.items, "users": data.users, "seen": data.pairs.select("user_id", "item")}
    if model in ("item_knn", "blend"):
        frames |= models.fit_item_knn(data, p)
    if model in ("als", "als_explicit", "blend"):
        frames |= models.fit_als(data, p, implicit=model != "als_explicit")
    return Recommender(model, p, frames)


@dataclass(frozen=True)
class Recommender:
    """A fitted model. `frames` hold what it learnt: the items, the users, what they have seen, vectors, neighbours."""

    model: str
    params: dict[str, Any]
    frames: dict[str, DataFrame]

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
        given. `with_tier` adds the model that gave the row: als, als_explicit, item_knn, popularity.
        """
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise UsageError(f"k must be a whole number from 1 on, not {k!r}")
        asked = self._users(users)
        asked = (
            self._with_seen(asked, seen) if filter_seen else asked.withColumn("seen", F.lit(None).cast("array<int>"))
        )
        request = Request(asked, self._allowed(items), k, filter_seen)
        order = Window.partitionBy("user_id").orderBy(F.desc("score"), "item")
        ranked = self._scored(request).withColumn("rank", F.row_number().over(order)).where(F.col("rank") <= k)
        named = ranked.join(F.broadcast(self.frames["items"].select("item", "item_id")), on="item", how="inner")
        return named.select("user_id", "item_id", "score", "rank", *(["tier"] if with_tier else []))

    def using(self, model: str) -> Recommender:
        """The same fit seen through one of its parts: a blend holds als, item_knn and popularity."""
        parts = ("als", "item_knn", "popularity", "blend") if self.model == "blend" else ("popularity", self.model)
        if model not in parts:
            raise UsageError(f"a {self.model} model has no part '{model}'{nearest(model, parts)}")
        return Recommender(model, self.params, self.frames)

    def save(self, path: str) -> None:
        """Writes what was learnt below `path`: a folder of Parquet a frame, and the parameters."""
        about = json.dumps({"model": self.model, "params": self.params, "frames": sorted(self.frames)})
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
        return Recommender(about["model"], about["params"], frames)

    def _scored(self, request: Request) -> DataFrame:
        """[user_id, item, score, tier]: at least n rows a user, as long as there are that many items."""
        blend = self.model == "blend"
        if blend:
            request = replace(request, n=max(request.n, self.params["depth"]))
        lists = {"popularity": models.popular(request)}
        if self.model in ("item_knn", "blend"):
            lists["item_knn"] = models.neighbours_of_history(self.frames, request)
        if self.model in ("als", "als_explicit", "blend"):
            lists["als" if blend else self.model] = models.by_factors(self.frames, request)
        lists = {tier: rows.withColumn("tier", F.lit(tier)) for tier, rows in lists.items()}
        if blend:
            als, popularity = self.params["als_weight"], self.params["popularity_weight"]
            return models.blended(lists, {"als": als, "popularity": popularity, "item_knn": 1 - als - popularity})
        popular = lists.pop("popularity")
        return models.filled_up(lists[self.model], popular) if lists else popular

    def _users(self, users: DataFrame | None) -> DataFrame:
        if users is None:
            return self.frames["users"].select("user_id")
        require_columns(users, ("user_id",), "users")
        asked = users.select(self._typed(users, "user_id", self.frames["users"])).distinct()
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
        return known.join(items.select(self._typed(items, "item_id", known)), on="item_id", how="left_semi")

    def _with_seen(self, asked: DataFrame, seen: DataFrame | None) -> DataFrame:
        if seen is None:
            pairs = self.frames["seen"].join(asked, on="user_id", how="left_semi")
        else:
            require_columns(seen, ("user_id", "item_id"), "seen")
            columns = ("user_id", self.frames["users"]), ("item_id", self.frames["items"])
            pairs = seen.select(*[self._typed(seen, c, like) for c, like in columns])
            pairs = pairs.join(asked, on="user_id", how="left_semi")
            pairs = pairs.join(F.broadcast(self.frames["items"].select("item", "item_id")), on="item_id", how="inner")
        lists = pairs.groupBy("user_id").agg(F.collect_set("item").alias("seen"))
        return settled(asked.join(lists, on="user_id", how="left"))

    def _typed(self, df: DataFrame, column: str, like: DataFrame) -> Any:
        """`column` of `df` in the training's type; text and numbers never stand for each other."""
        found, wanted = df.schema[column].dataType, like.schema[column].dataType
        if (found.typeName() == "string") != (wanted.typeName() == "string"):
            raise UsageError(f"{column} is {found.simpleString()}, but the model was fitted on {wanted.simpleString()}")
        return F.col(column).cast(wanted).alias(column)


def _parameters(model: str, given: dict[str, Any]) -> dict[str, Any]:
    if model not in MODELS:
        raise UsageError(f"no model '{model}'; available: {', '.join(MODELS)}")
    defaults = MODELS[model]
    for name, value in given.items():
        if name not in defaults:
            raise UsageError(f"model {model} has no parameter '{name}'{nearest(name, defaults)}")
        if value is None and defaults[name] is None:
            continue
        whole = isinstance(defaults[name], int)
        number = isinstance(value, int) or (isinstance(value, float) and not whole)
        if isinstance(value, bool) or not number or value < 0 or (value == 0 and name not in _MAY_BE_ZERO):
            raise UsageError(f"{name}={value!r}: expected a {'whole ' if whole else ''}number greater than 0")
    p = {**defaults, **given}
    if p.get("als_weight", 0) + p.get("popularity_weight", 0) > 1:
        raise UsageError("als_weight and popularity_weight are shares: together at most 1, the rest is item_knn's")
    return p
