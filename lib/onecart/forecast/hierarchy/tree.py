"""The tree of a hierarchy: names of its nodes, and where every leaf stands.

Nodes are named by their path from the top, as in Hive's partitions: `store=S1/department=TOYS/category=BAGS`, so equal
names under different parents stay apart; the top is `total`. `%` and `/` in a label are written %25 and %2F, a null
label is `unknown`, and a leaf that the tree lacks stands under unknown at every level.
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import IDS, LABELS, Kind, quoted, require_columns, require_type

TOTAL = "total"


def level_names(levels: Sequence[str]) -> list[str]:
    names = [levels] if isinstance(levels, str) else list(levels)
    if len({*names, "unique_id"}) != len(names) + 1:
        raise UsageError(f"hierarchy: levels must be different columns beside unique_id, found {', '.join(names)}")
    return names


def check(what: str, df: DataFrame, wanted: Mapping[str, Kind]) -> None:
    for name, kind in wanted.items():
        require_columns(df, [name], f"hierarchy: {what}")
        require_type(df, name, kind, f"hierarchy: {what}")


def places_of(tree: DataFrame, names: Sequence[str]) -> DataFrame:
    """[unique_id, parent, depth], key unique_id: the leaves of `tree`, then all nodes, those of unknown leaves, too.

    UsageError unless every leaf has one row and a name that no node has.
    """
    check("tree", tree, {"unique_id": IDS, **dict.fromkeys(names, LABELS)})
    leaf = F.col("unique_id").cast("string").alias("unique_id")
    leaves = tree.select(leaf, _path([quoted(name).cast("string") for name in names], names).alias("parent"))
    wrong = {
        "has no unique_id in a row": F.col("unique_id").isNull(),
        "has two rows of one unique_id; a leaf has one parent": F.col("n") > 1,
        "has a unique_id that is a node's name; rename it": is_node(names),
    }
    refuse("tree", wrong, leaves.groupBy("unique_id").agg(F.count("*").alias("n")))
    unknown = tree.sparkSession.range(1).select(unknown_node(names).alias("parent"))
    paths = leaves.select("parent").distinct().unionByName(unknown)
    nodes = paths.select(F.explode(upwards(names)).alias("unique_id")).distinct()
    depth = F.when(F.col("unique_id") == TOTAL, 0).otherwise(F.size(F.split("unique_id", "/")))
    return leaves.withColumn("depth", F.lit(len(names) + 1)).unionByName(
        nodes.select("unique_id", parent_of().alias("parent"), depth.alias("depth"))
    )


def refuse(what: str, wrong: Mapping[str, Column], rows: DataFrame, *figures: Column) -> Row:
    """The `figures` over `rows`, one job. UsageError for the first of `wrong` that a row is, with its smallest id."""
    example = F.coalesce("unique_id", F.lit("null"))
    row = rows.agg(*[F.min(F.when(bad, example)) for bad in wrong.values()], *figures).collect()[0]
    for i, words in enumerate(wrong):
        if row[i] is not None:
            raise UsageError(f"hierarchy: {what} {words} (unique_id {row[i]})")
    return row


def unknown_node(names: Sequence[str]) -> Column:
    return _path([F.lit("unknown")] * len(names), names)


def upwards(names: Sequence[str]) -> Column:
    """The node `parent` and all above it, an array."""
    above = [F.substring_index("parent", "/", depth) for depth in range(len(names), 0, -1)]
    return F.array(*above, F.lit(TOTAL))


def parent_of() -> Column:
    """The node above the node `unique_id`."""
    node = F.col("unique_id")
    path = F.when(node.contains("/"), F.regexp_replace(node, "/[^/]*$", "")).otherwise(TOTAL)
    return F.when(node != TOTAL, path)


def is_node(names: Sequence[str]) -> Column:
    node = F.col("unique_id") == TOTAL
    return node | F.col("unique_id").startswith(f"{_escaped(names[-1])}=") if names else node


def _path(labels: Sequence[Column], names: Sequence[str]) -> Column:
    """The name of the lowest node with these labels, which are in the order of `names`, from bottom to top."""
    steps = []
    for name, label in zip(names, labels, strict=True):
        escaped = F.regexp_replace(F.regexp_replace(F.coalesce(label, F.lit("unknown")), "%", "%25"), "/", "%2F")
        steps.append(F.concat(F.lit(f"{_escaped(name)}="), escaped))
    return F.concat_ws("/", *reversed(steps)) if steps else F.lit(TOTAL)


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")
