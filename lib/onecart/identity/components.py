"""Connected components of a graph that is a DataFrame."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def connected_components(edges: DataFrame) -> DataFrame:
    """One row per node that has an edge, key `node`: `component` is the smallest node of its component.

    `edges` has the string columns `a` and `b`, undirected, in any order, repeated or not. Alternates large-star and
    small-star (Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii: Connected Components in MapReduce and Beyond, 2014)
    until all edges point at their component's smallest node: O(log n) rounds, on a chain too. Only the nodes' own
    strings are compared, so the result does not depend on partitions or on adaptive execution.

    Each round ends in `localCheckpoint`: the plan stays one round long, the edges live on the executors' disks, and
    Spark frees them once the next round's frame has replaced them. A lost executor fails the job, which is then rerun;
    a library call has no table of its own to write to.
    """
    child, parent = F.greatest("a", "b").alias("child"), F.least("a", "b").alias("parent")
    stars = edges.select(child, parent).where("child != parent").distinct().localCheckpoint()
    while not _done(stars):
        stars = stars.transform(_large_star).transform(_small_star).distinct().localCheckpoint()
    roots = stars.select(F.col("parent").alias("node"), F.col("parent").alias("component")).distinct()
    return roots.unionByName(stars.select(F.col("child").alias("node"), F.col("parent").alias("component")))


def _done(edges: DataFrame) -> bool:
    """Whether no node has two parents, and no parent is itself a child."""
    children = edges.select(F.col("child").alias("node"), F.lit(1).alias("parents"), F.lit(0).alias("is_parent"))
    parents = edges.select(F.col("parent").alias("node"), F.lit(0).alias("parents"), F.lit(1).alias("is_parent"))
    roles = children.unionByName(parents).groupBy("node")
    return roles.agg((F.sum("parents") + F.max("is_parent")).alias("roles")).where("roles > 1").isEmpty()


def _large_star(edges: DataFrame) -> DataFrame:
    """Connects every larger neighbour of a node to the smallest node of the neighbourhood, the node included."""
    both = edges.unionByName(edges.select(F.col("parent").alias("child"), F.col("child").alias("parent")))
    lowest = F.least("child", F.min("parent").over(Window.partitionBy("child")))
    larger = both.withColumn("lowest", lowest).where("parent > child")
    return larger.select(F.col("parent").alias("child"), F.col("lowest").alias("parent"))


def _small_star(edges: DataFrame) -> DataFrame:
    """Connects a node and its parents to the smallest of the parents."""
    with_lowest = edges.withColumn("lowest", F.min("parent").over(Window.partitionBy("child")))
    node = F.explode(F.array("child", "parent")).alias("child")
    return with_lowest.select(node, F.col("lowest").alias("parent")).where("child != parent")
