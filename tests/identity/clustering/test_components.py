import itertools
import random

import pytest

from onecart.identity.clustering import components as module
from onecart.identity.clustering.components import connected_components

ROUNDS = {"one_task": 0}
PATHS = pytest.mark.parametrize("path", [{}, ROUNDS], ids=["one task", "rounds"])


@pytest.fixture(params=["true", "false"], ids=["adaptive", "not adaptive"])
def adaptive(request, spark):
    wanted = {"spark.sql.adaptive.enabled": request.param, "spark.sql.shuffle.partitions": "3"}
    before = {key: spark.conf.get(key) for key in wanted}
    for settings in (wanted, before):
        for key, value in settings.items():
            spark.conf.set(key, value)
        if settings is wanted:
            yield


def components(spark, edges, **path):
    frame = connected_components(spark.createDataFrame(edges, "a string, b string"), **path)
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


@PATHS
def test_two_components_self_loops_and_repeated_edges(spark, path):
    edges = [("b", "a"), ("a", "b"), ("b", "c"), ("x", "y"), ("y", "y")]

    assert components(spark, edges, **path) == {"a": "a", "b": "a", "c": "a", "x": "x", "y": "x"}


@PATHS
def test_star_whose_centre_is_the_largest_node(spark, path):
    assert components(spark, [("z", n) for n in "dcba"], **path) == dict.fromkeys("abcdz", "a")


@PATHS
def test_no_edges(spark, path):
    assert components(spark, [], **path) == {}


@PATHS
def test_the_smallest_node_is_that_of_the_bytes(spark, path):
    edges = [("é", "z"), ("z", "Z"), ("10", "9"), ("日", "\U0001f600")]

    assert components(spark, edges, **path) == {
        **dict.fromkeys(("é", "z", "Z"), "Z"), "9": "10", "10": "10", "日": "日", "\U0001f600": "日",
    }  # fmt: skip


def sparse_and_chain(length):
    rng = random.Random(5)
    names = [f"r{i}" for i in rng.sample(range(5 * length), length)]
    sparse = [(f"s{rng.randrange(60)}", f"s{rng.randrange(60)}") for _ in range(40)]
    edges = list(itertools.pairwise(names)) + [(a, b) for a, b in sparse if a != b]
    rng.shuffle(edges)
    return edges


@pytest.mark.usefixtures("adaptive")
@pytest.mark.parametrize(("length", "path"), [(1000, {}), (200, ROUNDS)], ids=["one task", "rounds"])
def test_shuffled_chain_and_random_graph_match_naive(spark, length, path):
    edges = sparse_and_chain(length)

    assert components(spark, edges, **path) == naive(edges)


def test_a_star_of_a_hundred_thousand(spark):
    star = spark.range(100_000).selectExpr("CAST(id + 1000000 AS STRING) AS a", "'999999' AS b")
    found = connected_components(star.unionByName(spark.createDataFrame([("x", "y")], "a string, b string")))

    assert {tuple(r) for r in found.groupBy("component").count().collect()} == {("1000000", 100_001), ("x", 2)}


def test_rounds_grow_with_the_logarithm_of_a_chain(spark, monkeypatch):
    rounds = []
    small_star = module._small_star
    monkeypatch.setattr(module, "_small_star", lambda edges: rounds.append(1) or small_star(edges))
    edges = [(f"{i:04}", f"{i + 1:04}") for i in range(199)]  # in order: the slowest chain for min-label propagation

    assert set(components(spark, edges, **ROUNDS).values()) == {"0000"}
    assert 1 < len(rounds) <= 9
