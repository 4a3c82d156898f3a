"""What users did since a model was fitted, without fitting it anew: the items stay as they are, users' vectors change."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.frames import break_lineage
from onecart.recommend.interactions import checked, decay
from onecart.recommend.models.vectors import newest
from onecart.recommend.parameters import Als
from onecart.recommend.scoring.topk import vectors

Frames = dict[str, DataFrame]
FOLDS = ("popularity", "item_knn", "als", "ease", "content", "group_popularity", "blend")  # models that can be updated


@dataclass(frozen=True)
class News:
    """What users have since a model was fitted: cells[user_id, item, weight, last_s], key (user_id, item), of the users of
    the events; history[same columns] of all, as it stands at `newest_s`."""

    cells: DataFrame
    history: DataFrame
    newest_s: float | None


def told(frames: Frames, events: DataFrame, p: Any, newest_s: float | None) -> News:
    """The history in `frames`, which stands at `newest_s`, and `events`[user_id, item_id, value?, ts?] together.

    The same weights as if all had been fitted together, to the day's decay: a sum halved with its age may be halved on
    from where it stands. Items that the model does not know are passed over.
    """
    rows, last_s = checked(events)
    now = max((s for s in (newest_s, last_s) if s is not None), default=None)
    known = F.broadcast(frames["items"].select("item", "item_id"))
    value = F.col("value") * decay("ts_s", now, p.half_life_days)
    new = rows.join(known, on="item_id", how="inner").select("user_id", "item", value.alias("sum"), "ts_s")
    users = rows.select("user_id").distinct()
    aged = F.expm1("weight") * decay("at_s", now, p.half_life_days)
    history = frames["history"].withColumn("at_s", F.lit(newest_s))
    history = history.select("user_id", "item", F.log1p(aged).alias("weight"), "last_s")
    theirs = history.join(users, on="user_id", how="left_semi")
    old = theirs.select("user_id", "item", F.expm1("weight").alias("sum"), F.col("last_s").alias("ts_s"))
    both = old.unionByName(new).groupBy("user_id", "item").agg(F.sum("sum").alias("sum"), F.max("ts_s").alias("last_s"))
    weight = F.log1p(F.greatest("sum", F.lit(0.0)))
    cells = break_lineage(both.select("user_id", "item", weight.alias("weight"), "last_s").where("weight > 0"))
    others = history.join(users, on="user_id", how="left_anti")
    return News(cells, others.unionByName(cells), now)


def updated(frames: Frames, news: News, p: Any) -> Frames:
    """`frames` with the vectors and the history as `news` say."""
    cells, users = news.cells, news.cells.select("user_id").distinct()

    def exchanged(old: DataFrame, new: DataFrame) -> DataFrame:
        return old.join(users, on="user_id", how="left_anti").unionByName(new.select(*old.columns))

    unnumbered = users.withColumn("user", F.lit(None).cast("int"))
    changed = {"history": news.history, "users": exchanged(frames["users"], unnumbered)}
    for part in ("item_knn", "ease", "content"):
        if f"{part}_users" in frames:
            mine = newest(cells, p.max_history) if part == "item_knn" else cells
            changed[f"{part}_users"] = exchanged(frames[f"{part}_users"], vectors(mine, "user_id", "item", "weight"))
    if "als_users" in frames:
        changed["als_users"] = exchanged(frames["als_users"], factors(frames, cells, p))
    return {**frames, **changed}


def factors(frames: Frames, cells: DataFrame, p: Als) -> DataFrame:
    """[user_id, vector], key user_id: the factors that implicit ALS would give the users of `cells`[user_id, item, weight]
    in its next half step, with the item factors as they are (Hu, Koren & Volinsky 2008, eq. 4)."""
    items = frames["als_items"]
    learnt = items.join(frames["items"].where("popularity > 0").select("item"), on="item", how="left_semi")

    def products(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            y = np.stack(batch["vector"].to_list()).astype(float)
            yield pd.DataFrame({"gram": [(y.T @ y).ravel()]})

    grams = learnt.select("vector").mapInPandas(products, "gram array<double>").toPandas()
    gram = np.sum(grams["gram"].to_list(), axis=0).reshape(p.rank, p.rank)
    alpha, reg = p.alpha, p.reg

    def solved(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            found = []
            for weight, vectors_ in zip(batch["weight"], batch["vector"], strict=True):
                y, more = np.stack(list(vectors_)).astype(float), alpha * np.asarray(weight, float)
                left = gram + (y.T * more) @ y + reg * len(more) * np.eye(len(gram))
                found.append(np.linalg.solve(left, y.T @ (1 + more)).astype(np.float32))
            yield pd.DataFrame({"user_id": batch["user_id"], "vector": found})

    has = cells.join(F.broadcast(items), on="item", how="inner").groupBy("user_id")
    lists = has.agg(F.collect_list("weight").alias("weight"), F.collect_list("vector").alias("vector"))
    schema = T.StructType([cells.schema["user_id"], T.StructField("vector", T.ArrayType(T.FloatType()))])
    return lists.mapInPandas(solved, schema)
