import itertools
import random

import pytest

from onecart.identity.components import connected_components


def components(spark, edges):
    frame = connected_components(spark.createDataFrame(edges, "a string, b string"))
    rows = frame.collect()
    assert len(rows) == len({r.node for r in rows})
    return {r.node: r.component for r in rows}


def naive(edges):
    """Union by relabelling, one edge at a time."""
    label = {node: node for edge in edges for node in edge}
    for a, b in edges:
        low, high = sorted((label[a], label[b]))
        label = {node: low if name == high else name for node, name in label.items()}
    return label


def test_two_components_self_loops_and_repeated_edges(spark):
    edges = [("b", "a"), ("a", "b"), ("b", "c"), ("x", "y"), ("y", "y")]

    assert components(spark, edges) == {"a": "a", "b": "a", "c": "a", "x": "x", "y": "x"}


def test_star_whose_centre_is_the_largest_node(spark):
    assert components(spark, [("z", n) for n in "dcba"]) == dict.fromkeys("abcdz", "a")


def test_no_edges(spark):
    assert components(spark, []) == {}


@pytest.mark.parametrize("adaptive", ["true", "false"])
def test_shuffled_chain_of_200_and_random_graph_match_naive(spark, adaptive):
    rng = random.Random(5)
    names = [f"r{i}" for i in rng.sample(range(1000), 200)]
    chain = list(itertools.pairwise(names))
    sparse = [(f"s{rng.randrange(60)}", f"s{rng.randrange(60)}") for _ in range(40)]
    edges = chain + [(a, b) for a, b in sparse if a != b]
    rng.shuffle(edges)
    spark.conf.set("spark.sql.adaptive.enabled", adaptive)
    spark.conf.set("spark.sql.shuffle.partitions", "3")
    try:
        found = components(spark, edges)
    finally:
        spark.conf.set("spark.sql.adaptive.enabled", "true")
        spark.conf.set("spark.sql.shuffle.partitions", "1")

    assert found == naive(edges)


def test_rounds_grow_with_the_logarithm_of_a_chain(spark, monkeypatch):
    from onecart.identity import components as module

    rounds = []
    small_star = module._small_star
    monkeypatch.setattr(module, "_small_star", lambda edges: rounds.append(1) or small_star(edges))
    edges = [(f"{i:04}", f"{i + 1:04}") for i in range(999)]  # in order: the slowest chain for min-label propagation

    assert set(components(spark, edges).values()) == {"0000"}
    assert len(rounds) <= 12
