"""What is popular among those who shop alike: by segment, by store, by country."""

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.frames import break_lineage, quoted, require_columns
from onecart.recommend.interactions import Frames, Training, numbered
from onecart.recommend.models.protocol import AGES, Model, Parameters
from onecart.recommend.scoring.lists import Request
from onecart.recommend.scoring.topk import by_vectors, vectors


class GroupPopularity(Parameters):
    """What is popular where a user belongs: `group` is the column of the interactions that says so, a segment or a store."""

    group: str = "group"


def fit(training: Training, p: GroupPopularity) -> Frames:
    """groups[group, number]; group_popularity_users: a user's vector is 1 at their group, that of most of their
    `interactions`; group_popularity_items: an item's vector holds, at each group, the sum of its users' weights there."""
    data, interactions = training.data, training.interactions
    require_columns(interactions, ("user_id", p.group), "interactions")
    named = interactions.select("user_id", quoted(p.group).cast("string").alias("group")).where("group IS NOT NULL")
    counted = named.groupBy("user_id", "group").agg(F.count("*").alias("n"))
    homes = counted.groupBy("user_id").agg(F.max_by("group", F.struct("n", "group")).alias("group"))
    frames = {"groups": break_lineage(numbered(homes, "group", "number"))}
    here = break_lineage(homes.join(F.broadcast(frames["groups"]), on="group", how="inner"))
    sums = (
        data.pairs.join(here, on="user_id", how="inner").groupBy("item", "number").agg(F.sum("weight").alias("weight"))
    )
    return {
        **frames,
        "group_popularity_users": break_lineage(_homes(here)),
        "group_popularity_items": break_lineage(vectors(sums, "item", "number", "weight")),
    }


def propose(frames: Frames, request: Request, p: Any) -> DataFrame:
    """Lists by the sum of weights in a user's group."""
    return by_vectors(frames, request, "group_popularity")


def fold_in(frames: Frames, cells: DataFrame, p: Any) -> Frames:
    """Nothing: users stay in their groups, the same items are popular there until the next fit."""
    return {}


def tell(frames: Frames, users: DataFrame, p: GroupPopularity) -> Frames:
    """`frames` with the groups that `users`[user_id, <p.group>?] say over those of the training."""
    if p.group not in users.columns:
        return frames
    here = users.select("user_id", quoted(p.group).cast("string").alias("group"))
    here = here.join(F.broadcast(frames["groups"]), on="group", how="inner")
    others = frames["group_popularity_users"].join(here.select("user_id"), on="user_id", how="left_anti")
    return {**frames, "group_popularity_users": others.unionByName(_homes(here))}


def _homes(users: DataFrame) -> DataFrame:
    return vectors(users.withColumn("one", F.lit(1.0)), "user_id", "number", "one")


MODEL = Model("group_popularity", GroupPopularity, AGES, fit, propose, fold_in, tell=tell)
