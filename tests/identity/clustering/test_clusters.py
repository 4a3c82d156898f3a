import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart.config import Identity
from onecart.identity.clustering.clusters import _MOST, _SILENCE, solve, split

BARRED = "birth dates and given names disagree"


def solved(pairs, values=None, comparable=True, most=None, threshold=0.0, nodes=None):
    """`pairs`: [("a", "b", bits)] or with a fourth, why cannot_link. -> (groups as sorted texts, {pair: reason})."""
    nodes = nodes or sorted({n for p in pairs for n in p[:2]})
    place = {n: i for i, n in enumerate(nodes)}
    at, why = split(
        nodes,
        [(values or {}).get(n, {}) for n in nodes],
        [comparable if isinstance(comparable, bool) else n in comparable for n in nodes],
        [(place[p[0]], place[p[1]], float(p[2]), p[3] if len(p) > 3 else None) for p in pairs],
        threshold,
        most or {},
    )
    groups = {}
    for node, group in zip(nodes, at, strict=True):
        groups.setdefault(group, []).append(node)
    reasons = {p[0] + p[1]: reason for p, reason in zip(pairs, why, strict=True)}
    return sorted("".join(sorted(g)) for g in groups.values()), reasons


def test_two_persons_glued_by_one_weak_bridge_are_cut_there():
    pairs = [("a", "b", 10), ("b", "c", 1), ("c", "d", 10)]

    assert solved(pairs) == (["ab", "cd"], {"ab": None, "bc": "other records of the two disagree", "cd": None})


def test_a_chain_of_identifiers_holds_where_the_records_say_nothing_else():
    assert solved([("a", "b", 6), ("b", "c", 5), ("c", "d", 6)], comparable=False) == (
        ["abcd"],
        {"ab": None, "bc": None, "cd": None},
    )


def test_disagreement_of_others_outvotes_the_pair():
    assert solved([("a", "b", 9), ("b", "c", 3), ("a", "c", -9)])[0] == ["ab", "c"]
    assert solved([("a", "b", 9), ("b", "c", 3), ("a", "c", -2)])[0] == ["abc"]


def test_a_barred_pair_keeps_its_groups_apart():
    groups, why = solved([("a", "b", 10), ("b", "c", 8), ("a", "c", 1, BARRED)])

    assert groups == ["ab", "c"]
    assert why == {"ab": None, "bc": "other records of the two must not be one", "ac": BARRED}


def test_the_bar_goes_on_to_what_the_group_becomes():
    groups, why = solved(
        [("b", "c", 12), ("a", "c", 11), ("d", "e", 10), ("a", "d", 9), ("b", "e", 0, BARRED)], comparable=False
    )

    assert groups == ["abc", "de"]
    assert why["ad"] == "other records of the two must not be one"


def test_no_customer_has_more_values_of_an_identifier_than_allowed():
    values = {n: {"card_id": f"card of {n}"} for n in "abc"}
    pairs = [("a", "b", 9), ("b", "c", 8), ("a", "c", 8)]

    groups, why = solved(pairs, values, most={"card_id": 2})
    assert groups == ["ab", "c"]
    assert why == {"ab": None, "bc": "more than 2 values of card_id", "ac": "more than 2 values of card_id"}
    assert solved(pairs, values, most={"card_id": 3})[0] == ["abc"]
    assert solved(pairs, {**values, "c": {"card_id": "card of a"}}, most={"card_id": 2})[0] == ["abc"]


def test_below_the_threshold_nothing_joins_but_the_pair_of_one_group_is_accepted():
    pairs = [("a", "b", 9), ("b", "c", 8), ("a", "c", 1), ("c", "d", 1.9)]

    groups, why = solved(pairs, threshold=2.0, comparable=False)
    assert groups == ["abc", "d"]
    assert why == {"ab": None, "bc": None, "ac": None, "cd": "too little evidence"}


def test_a_pair_refused_at_first_is_accepted_once_others_have_joined_its_ends():
    pairs = [("a", "b", 9), ("a", "d", -10), ("a", "c", 8), ("b", "c", 0), ("c", "d", 7), ("b", "d", 8.5)]

    groups, why = solved(pairs, comparable=False)
    assert groups == ["abcd"]
    assert set(why.values()) == {None}


def test_records_without_pairs_are_groups_of_their_own():
    assert solved([], nodes=["a", "b"]) == (["a", "b"], {})


def naive(pairs, values, comparable, most):
    """Average linkage as the docstring of `split` says it, summing over all pairs again at each step."""
    nodes = sorted({n for p in pairs for n in p[:2]})
    group = {n: {n} for n in nodes}
    for a, b, bits, cannot_link in sorted(pairs, key=lambda p: (-p[2], p[0], p[1])):
        if group[a] is group[b] or bits < 0 or cannot_link:
            continue
        between = [
            p for p in pairs if (p[0] in group[a] and p[1] in group[b]) or (p[0] in group[b] and p[1] in group[a])
        ]
        silent = sum(x in comparable and y in comparable for x, y in product(group[a], group[b]))
        silent -= sum(p[0] in comparable and p[1] in comparable for p in between)
        total = sum(max(-_MOST, min(_MOST, p[2])) for p in between) - _SILENCE * silent
        kinds = {values[n] for n in group[a] | group[b] if n in values}
        own = max(len({values[n] for n in group[x] if n in values}) for x in (a, b))
        if total < 0 or any(p[3] for p in between) or (len(kinds) > most and len(kinds) > own):
            continue
        joined = group[a] | group[b]
        group.update(dict.fromkeys(joined, joined))
    return sorted({"".join(sorted(g)) for g in group.values()})


@st.composite
def graphs(draw):
    names = "abcdefgh"
    ends = st.tuples(st.sampled_from(names), st.sampled_from(names)).filter(lambda p: p[0] < p[1])
    found = draw(st.lists(ends, min_size=1, max_size=16, unique=True))
    bits = draw(st.lists(st.integers(-15, 15), min_size=len(found), max_size=len(found)))
    bars = draw(st.lists(st.sampled_from([None, None, None, None, BARRED]), min_size=len(found), max_size=len(found)))
    pairs = [(*p, w, bar if w < 2 else None) for p, w, bar in zip(found, bits, bars, strict=True)]
    values = draw(st.dictionaries(st.sampled_from(names), st.sampled_from("xyz")))
    return pairs, values, draw(st.sets(st.sampled_from(names)))


@settings(max_examples=300, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_splits_as_the_naive_loop_does_whatever_the_order_of_input(graph, rng):
    pairs, values, comparable = graph
    shown = {n: {"email": v} for n, v in values.items()}
    expected = solved(pairs, shown, comparable, {"email": 2})
    nodes = sorted({n for p in pairs for n in p[:2]})
    rng.shuffle(nodes)
    mixed = rng.sample(pairs, len(pairs))

    assert solved(mixed, shown, comparable, {"email": 2}, nodes=nodes) == expected
    assert expected[0] == naive(pairs, values, comparable, 2)
    group = {n: g for g in expected[0] for n in g}
    assert all((why is None) == (group[p[0]] == group[p[1]]) for p in pairs for why in [expected[1][p[0] + p[1]]])


@pytest.fixture
def frames(spark):
    """(scored, prepared): two persons a, b, c and d, e glued by one weak bridge; f alone."""
    said = [("a", "b", 9.0), ("b", "c", 8.0), ("a", "c", -1.0), ("c", "d", 1.0), ("d", "e", 9.0), ("a", "f", -5.0)]
    random.Random(1).shuffle(said)
    scored = spark.createDataFrame(
        [(*s, None) for s in said], "record_a string, record_b string, weight double, cannot_link string"
    )
    rows = [(n, "x", "y", "1", f"{n}@x") for n in "fedcba"]
    return scored, spark.createDataFrame(
        rows, "record_id string, given_name string, surname string, date_of_birth string, email string"
    )


@pytest.mark.parametrize("partitions", ["1", "3"])
def test_solve_names_clusters_components_and_reasons(spark, frames, partitions):
    spark.conf.set("spark.sql.shuffle.partitions", partitions)
    try:
        members, pairs = solve(*frames, Identity(), threshold=0.5)
        found = {tuple(r) for r in members.collect()}
        said = {r.record_a + r.record_b: (r.component, r.accepted, r.reason) for r in pairs.collect()}
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", "1")

    assert found == {(n, "a" if n in "abc" else "d", "a") for n in "abcde"}
    assert said == {
        **dict.fromkeys(("ab", "bc", "ac", "de"), ("a", True, None)),
        "cd": ("a", False, "other records of the two disagree"),
    }
