"""What is popular among those who shop alike: by segment, by store, by country."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.frames import break_lineage
from onecart.recommend.interactions import Pairs, numbered, require_columns
from onecart.recommend.parameters import GroupPopularity
from onecart.recommend.scoring.topk import vectors

Frames = dict[str, DataFrame]


def fit_groups(data: Pairs, interactions: DataFrame, p: GroupPopularity) -> Frames:
    """groups[group, number]; group_popularity_users: a user's vector is 1 at their group, that of most of their
    `interactions`; group_popularity_items: an item's vector holds, at each group, the sum of its users' weights there."""
    require_columns(interactions, ("user_id", p.group), "interactions")
    named = interactions.select("user_id", F.col(p.group).cast("string").alias("group")).where("group IS NOT NULL")
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


def told(frames: Frames, users: DataFrame) -> Frames:
    """`frames` with the groups that `users`[user_id, group] say over those of the training."""
    here = users.select("user_id", F.col("group").cast("string").alias("group"))
    here = here.join(F.broadcast(frames["groups"]), on="group", how="inner")
    others = frames["group_popularity_users"].join(here.select("user_id"), on="user_id", how="left_anti")
    return {**frames, "group_popularity_users": others.unionByName(_homes(here))}


def _homes(users: DataFrame) -> DataFrame:
    return vectors(users.withColumn("one", F.lit(1.0)), "user_id", "number", "one")
