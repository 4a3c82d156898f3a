"""From scored pairs to customers: closure that stops where the evidence contradicts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import Identity
from onecart.frames import break_lineage, literal_map
from onecart.identity.clustering.components import connected_components
from onecart.identity.compare import COMPARED

_SOLVED = T.StructType(
    [
        T.StructField("kind", T.StringType(), False),  # node | pair
        T.StructField("record_a", T.StringType(), False),
        T.StructField("record_b", T.StringType()),
        T.StructField("cluster", T.StringType()),
        T.StructField("component", T.StringType()),
        T.StructField("reason", T.StringType()),
    ]
)


_SILENCE = 2.0  # bits against two groups for each pair of records between them that no blocking rule found
_MOST = 12.0  # bits of one pair that count between two groups, so that one does not outvote several


@dataclass
class _Group:
    """A customer in the making: its members, distinct values of each capped identifier, how many members can be
    compared, and for each other group that any pair leads to the sum of these pairs' bits."""

    members: list[int]
    values: dict[str, set[str]]
    comparable: int
    bits: dict[int, float] = field(default_factory=dict)
    cannot_link: set[int] = field(default_factory=set)


def split(
    nodes: list[str], values: list[dict[str, str]], comparable: list[bool], pairs: list[tuple[int, int, float, str | None]],
    threshold: float, most: dict[str, int],
) -> tuple[list[int], list[str | None]]:  # fmt: skip
    """The group of each node (the position of its first member), and of each pair why it was not followed (None: it was).

    `pairs`: (node, node, bits, why the two must not be one or None). `comparable`: the record says enough to be found
    by its fields; two such records that no rule brought together disagree in most of them. Average linkage on log odds:
    strongest pairs first, two groups become one if the bits of all pairs between them do not sum to less than none, no
    pair between them is cannot_link and no identifier has more than `most` values in it. Ties go by the nodes' order.
    """
    groups = {i: _Group([i], {k: {v} for k, v in values[i].items()}, int(comparable[i])) for i in range(len(nodes))}
    at = list(range(len(nodes)))
    for a, b, bits, cannot_link in pairs:
        said = max(-_MOST, min(_MOST, bits)) + (_SILENCE if comparable[a] and comparable[b] else 0.0)
        for one, other in ((a, b), (b, a)):
            groups[one].bits[other] = groups[one].bits.get(other, 0.0) + said
            if cannot_link:
                groups[one].cannot_link.add(other)
    why: list[str | None] = [None] * len(pairs)
    order = sorted(range(len(pairs)), key=lambda i: (-pairs[i][2], nodes[pairs[i][0]], nodes[pairs[i][1]]))
    for i in order:
        a, b, bits, cannot_link = pairs[i]
        one, other = at[a], at[b]
        if one == other:
            continue
        if bits < threshold:
            why[i] = "too little evidence"
            continue
        why[i] = _refusal(groups[one], groups[other], other, cannot_link, most)
        if why[i] is None:
            _merge(groups, at, min(one, other), max(one, other))
    # What was refused at first may have come together by other pairs later.
    return at, [None if at[p[0]] == at[p[1]] else reason for p, reason in zip(pairs, why, strict=True)]


def _refusal(one: _Group, other: _Group, name: int, cannot_link: str | None, most: dict[str, int]) -> str | None:
    if cannot_link:
        return cannot_link
    if name in one.cannot_link:
        return "other records of the two must not be one"
    if one.bits.get(name, 0.0) - _SILENCE * one.comparable * other.comparable < 0:
        return "other records of the two disagree"
    for key, limit in most.items():
        count = len(one.values.get(key, set()) | other.values.get(key, set()))
        if count > limit and count > max(len(one.values.get(key, ())), len(other.values.get(key, ()))):
            return f"more than {limit} values of {key}"
    return None


def _merge(groups: dict[int, _Group], at: list[int], kept: int, gone: int) -> None:
    into, old = groups[kept], groups.pop(gone)
    into.members += old.members
    into.comparable += old.comparable
    for member in old.members:
        at[member] = kept
    for key, found in old.values.items():
        into.values.setdefault(key, set()).update(found)
    for name, bits in old.bits.items():
        if name == kept:
            continue
        into.bits[name] = into.bits.get(name, 0.0) + bits
        groups[name].bits[kept] = groups[name].bits.get(kept, 0.0) + bits
        groups[name].bits.pop(gone, None)
    into.bits.pop(gone, None)
    for name in old.cannot_link:
        groups[name].cannot_link.discard(gone)
        groups[name].cannot_link.add(kept)
        into.cannot_link.add(name)


def solve(scored: DataFrame, prepared: DataFrame, settings: Identity, threshold: float) -> tuple[DataFrame, DataFrame]:
    """(members, pairs). `scored`: record_a, record_b, weight (bits), cannot_link (why they must not be one, else null), ...

    members: one row per record that a pair above `threshold` touches: record_id, cluster (its smallest record_id),
    component. pairs: of `scored` those within a component, with component, accepted and reason.
    """
    strong = scored.where((F.col("weight") >= threshold) & F.col("cannot_link").isNull())
    components = connected_components(strong.select(F.col("record_a").alias("a"), F.col("record_b").alias("b")))
    components = components.transform(break_lineage)
    inside = scored
    for side in ("a", "b"):
        one = components.select(F.col("node").alias(f"record_{side}"), F.col("component").alias(f"component_{side}"))
        inside = inside.join(one, f"record_{side}", how="inner")
    inside = inside.where("component_a = component_b").drop("component_b").withColumnRenamed("component_a", "component")
    solved = _solve_components(inside, components, prepared, settings, threshold).transform(break_lineage)
    members = solved.where("kind = 'node'").select(F.col("record_a").alias("record_id"), "cluster", "component")
    said = solved.where("kind = 'pair'").select("record_a", "record_b", "reason")
    pairs = inside.join(said, ["record_a", "record_b"], how="inner").withColumn("accepted", F.col("reason").isNull())
    return members, pairs


def _solve_components(
    inside: DataFrame, components: DataFrame, prepared: DataFrame, settings: Identity, threshold: float
) -> DataFrame:
    most = {k: n for k, n in settings.max_values.items() if k in prepared.columns}
    values = F.map_filter(
        literal_map({k: F.col(k) for k in most}) if most else F.create_map().cast("map<string,string>"),
        lambda _, v: v.isNotNull(),
    )  # fmt: skip
    known = sum((F.col(f).isNotNull().cast("int") for f in COMPARED if f in prepared.columns), F.lit(0))
    identifiers = prepared.select(
        F.col("record_id").alias("node"), F.to_json(values).alias("said"), known.cast("double").alias("weight")
    )
    none = F.lit(None).cast("string")
    nodes = components.join(identifiers, "node", how="inner").select(
        "component", F.col("node").alias("record_a"), none.alias("record_b"), "weight", "said"
    )
    pairs = inside.select("component", "record_a", "record_b", "weight", F.col("cannot_link").alias("said"))
    rows = (
        nodes.unionByName(pairs)
        .repartition("component")
        .sortWithinPartitions("component", F.col("record_b").isNotNull(), "record_a", "record_b")
    )

    def run(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        parts = [b for b in batches if len(b)]
        if parts:
            yield _solve_frame(pd.concat(parts, ignore_index=True), threshold, most)

    return rows.mapInPandas(run, _SOLVED)


def _solve_frame(rows: pd.DataFrame, threshold: float, most: dict[str, int]) -> pd.DataFrame:
    import json

    component = rows["component"].to_numpy(object)
    record_a, record_b = rows["record_a"].to_numpy(object), rows["record_b"].to_numpy(object)
    weight, said = rows["weight"].to_numpy(float), rows["said"].to_numpy(object)
    is_node = rows["record_b"].isna().to_numpy()
    cluster, reason = np.empty(len(rows), object), np.empty(len(rows), object)
    starts = np.flatnonzero(np.r_[True, component[1:] != component[:-1]])
    for start, end in zip(starts, np.r_[starts[1:], len(rows)], strict=True):
        first_pair = start + int(is_node[start:end].sum())
        nodes = record_a[start:first_pair].tolist()
        place = {node: i for i, node in enumerate(nodes)}
        found = [(place[record_a[i]], place[record_b[i]], float(weight[i]), said[i]) for i in range(first_pair, end)]
        values, comparable = [json.loads(x) for x in said[start:first_pair]], (weight[start:first_pair] > 2).tolist()
        at, why = split(nodes, values, comparable, found, threshold, most)
        cluster[start:first_pair] = [nodes[g] for g in at]
        reason[first_pair:end] = why
    kind = np.where(is_node, "node", "pair")
    return pd.DataFrame(
        {"kind": kind, "record_a": record_a, "record_b": record_b, "cluster": cluster, "component": component, "reason": reason}
    )  # fmt: skip
