"""Connected components of a graph that is a DataFrame."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.frames import break_lineage

_ONE_TASK = 3_000_000  # edges that one task solves in memory (about 1 GB); more take rounds over the cluster


def connected_components(edges: DataFrame, one_task: int = _ONE_TASK) -> DataFrame:
    """One row per node that has an edge, key `node`: `component` is the smallest node of its component.

    `edges` has the string columns `a` and `b`, undirected, in any order, repeated or not. Up to `one_task` edges are
    solved by scipy in one task on an executor; more by alternating large-star and small-star (Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii: Connected Components in MapReduce and Beyond, 2014)
    until all edges point at their component's smallest node: O(log n) rounds, on a chain too. Only the nodes' own
    strings are compared, so the result does not depend on partitions or on adaptive execution.

    Each round ends in `break_lineage`: the plan stays one round long, and Spark frees the edges of a round once the next
    one's frame has replaced them. A library call has no table of its own to write to.
    """
    child, parent = F.greatest("a", "b").alias("child"), F.least("a", "b").alias("parent")
    stars = edges.select(child, parent).where("child != parent").distinct().transform(break_lineage)
    if stars.count() <= one_task:
        return stars.coalesce(1).mapInPandas(_in_one_task, "node string, component string")
    while not _done(stars):
        stars = stars.transform(_large_star).transform(_small_star).distinct().transform(break_lineage)
    roots = stars.select(F.col("parent").alias("node"), F.col("parent").alias("component")).distinct()
    return roots.unionByName(stars.select(F.col("child").alias("node"), F.col("parent").alias("component")))


def _in_one_task(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components as solve

    parts = [batch for batch in batches if len(batch)]
    if not parts:
        return
    edges = pd.concat(parts, ignore_index=True)
    codes, nodes = pd.factorize(np.concatenate([edges["child"].to_numpy(object), edges["parent"].to_numpy(object)]))
    half = len(edges)
    graph = coo_matrix((np.ones(half, bool), (codes[:half], codes[half:])), shape=(len(nodes), len(nodes)))
    label = solve(graph, directed=False)[1]
    smallest = pd.Series(nodes).groupby(label).min().to_numpy(object)
    yield pd.DataFrame({"node": nodes, "component": smallest[label]})


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
