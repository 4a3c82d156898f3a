import itertools
import math
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onecart.errors import UsageError
from onecart.identity import evaluate, review_sample
from onecart.identity.evaluate import THRESHOLDS

IDS = "record_id string, customer_id string"
PAIRS = "record_a string, record_b string, probability double"


def naive(links, truth, pairs):
    """Everything by loops over records and pairs."""
    owners = {}
    for record, customer in truth:
        if customer is not None:
            owners.setdefault(record, set()).add(customer)
    true = {r: next(iter(c)) for r, c in owners.items() if len(c) == 1}
    found = {r: links.get(r) or ("alone", r) for r in true}
    both = list(itertools.combinations(sorted(true), 2))
    matches = {p for p in both if true[p[0]] == true[p[1]]}
    linked = {p for p in both if found[p[0]] == found[p[1]]}
    groups = {frozenset(r for r in found if found[r] == c) for c in found.values()}
    true_groups = {frozenset(r for r in true if true[r] == c) for c in true.values()}
    mean = {"precision": 0.0, "recall": 0.0}
    for r in true:
        mine = {o for o in true if found[o] == found[r]}
        ours = {o for o in true if true[o] == true[r]}
        mean["precision"] += len(mine & ours) / len(mine) / len(true)
        mean["recall"] += len(mine & ours) / len(ours) / len(true)
    best = {}
    for a, b, p in pairs:
        if a != b and a in true and b in true:
            best[tuple(sorted((a, b)))] = max(p or 0.0, best.get(tuple(sorted((a, b))), 0.0))
    curve = {}
    for t in THRESHOLDS:
        chosen = {pair for pair, p in best.items() if p >= t}
        curve[t] = rates(len(chosen & matches), len(chosen), len(matches))
    return {
        "records": len(true),
        "records_shared": sum(len(c) > 1 for c in owners.values()),
        "customers": len(groups),
        "true_customers": len(true_groups),
        "pairs": len(linked),
        "true_pairs": len(matches),
        "correct_pairs": len(linked & matches),
        "pair": rates(len(linked & matches), len(linked), len(matches)),
        "bcubed": (*mean.values(), f1(*mean.values())),
        "cluster": rates(len(groups & true_groups), len(groups), len(true_groups)),
        "blocking_recall": len(best.keys() & matches) / len(matches) if matches else 1.0,
        "curve": curve,
    }


def rates(correct, found, true):
    p, r = correct / found if found else 1.0, correct / true if true else 1.0
    return p, r, f1(p, r)


def f1(p, r):
    return 2 * p * r / (p + r) if p + r else 0.0


RECORDS = [f"r{i}" for i in range(8)]
some_record = st.sampled_from(RECORDS)
some_customer = st.one_of(st.none(), st.sampled_from("ABC"))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    links=st.dictionaries(some_record, st.sampled_from(["c1", "c2", "r1", None]), min_size=1),
    truth=st.lists(st.tuples(some_record, some_customer), min_size=6, max_size=14),
    pairs=st.lists(st.tuples(some_record, some_record, st.sampled_from([None, 0.0, 0.014, 0.5, 0.9999, 1.0]))),
)
def test_any_links_measure_as_the_loops_do(spark, links, truth, pairs):
    expected = naive(links, truth, pairs)
    frames = spark.createDataFrame(list(links.items()), IDS), spark.createDataFrame(truth, IDS)
    owners = {r for r, c in truth if c is not None} - {
        r for r, n in Counter(r for r, c in set(truth) if c is not None).items() if n > 1
    }
    if not owners & links.keys():
        with pytest.raises(UsageError, match="nothing to score"):
            evaluate(*frames)
        return
    found = evaluate(*frames, pairs=spark.createDataFrame(pairs, PAIRS))

    for name, value in expected.items():
        if name in ("pair", "bcubed", "cluster"):
            actual = tuple(getattr(found, f"{name}_{what}") for what in ("precision", "recall", "f1"))
            assert actual == pytest.approx(value), name
        elif name != "curve":
            assert getattr(found, name) == pytest.approx(value), name
    curve = {r.threshold: (r.precision, r.recall, r.f1) for r in found.curve.collect()}
    assert curve.keys() == expected["curve"].keys()
    assert all(curve[t] == pytest.approx(expected["curve"][t]) for t in curve)
    assert found.to_dict()["blocking_recall"] == found.blocking_recall
    best = max(v[2] for v in expected["curve"].values())
    assert expected["curve"][found.best_threshold()][2] == pytest.approx(best)


def test_figures_of_a_worked_example(spark):
    links = spark.createDataFrame([(r, "x") for r in "abc"] + [("d", "y"), ("e", "y"), ("f", "z")], IDS)
    truth = spark.createDataFrame([("a", "A"), ("b", "A"), ("c", "B"), ("d", "C"), ("e", "C"), ("f", None)], IDS)
    previous = spark.createDataFrame([("a", "x"), ("b", "w"), ("d", "y"), ("e", "y"), ("gone", "q")], IDS)
    found = evaluate(links, truth, previous=previous)

    assert (found.pairs, found.true_pairs, found.correct_pairs) == (4, 2, 2)
    assert (found.pair_precision, found.pair_recall) == (0.5, 1.0)
    assert found.bcubed_precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert (found.cluster_precision, found.cluster_recall) == (0.5, pytest.approx(1 / 3))
    assert found.id_churn == 0.25
    assert (found.blocking_recall, found.curve) == (None, None)
    assert "pair     precision 0.5000  recall 1.0000" in str(found)
    assert found.to_dict()["true_customers"] == 3
    with pytest.raises(UsageError, match="give `pairs`"):
        found.best_threshold()


@pytest.mark.parametrize(
    ("links", "schema", "message"),
    [
        (
            [("a", "x")],
            "record string, customer_id string",
            "links needs the columns record_id, customer_id; found rec",
        ),
        ([("a", "x"), ("a", "y")], IDS, "record_id 'a' is in 2 rows of links"),
        ([(None, "y")], IDS, "record_id is null in 1 rows of links"),
        ([("z", "x")], IDS, r"nothing to score.*truth with one customer: 1 records, with several: 1"),
        ([], IDS, "nothing to score"),
    ],
)
def test_wrong_input(spark, links, schema, message):
    truth = spark.createDataFrame([("a", "A"), ("b", "A"), ("b", "B")], IDS)
    with pytest.raises(UsageError, match=message):
        evaluate(spark.createDataFrame(links, schema), truth)


def test_review_begins_at_the_boundary_and_spreads_over_patterns(spark):
    rows = [(f"a{i}", "b", 0.51, "model") for i in range(4)] + [("c", "d", 0.3, "email"), ("e", "f", 0.999, "phone")]
    edges = spark.createDataFrame(rows, f"{PAIRS}, rules string")
    chosen = review_sample(edges, 3, seed=1).orderBy("review_rank").collect()

    assert [r.review_rank for r in chosen] == [1, 2, 3]
    assert [r.rules for r in chosen] == ["model", "model", "email"]  # 0.06 bits, 0.06 + 1, 1.22; then 0.06 + log2(3)
    assert chosen[2].distance == pytest.approx(math.log2(7 / 3))
    assert review_sample(edges.orderBy("record_a"), 3, seed=1).orderBy("review_rank").collect() == chosen
    by_seed = {review_sample(edges, 1, seed=s).first().record_a for s in range(6)}
    assert len(by_seed) > 1


def test_review_tells_patterns_of_evidence_apart(spark):
    close, same = [("surname", "close", 2.0)], [("surname", "exact", 5.0)]
    edges = spark.createDataFrame(
        [("a", "b", 0.9, close), ("c", "d", 0.9, close), ("e", "f", 0.92, same), ("g", "h", None, same)],
        f"{PAIRS}, evidence array<struct<field string, level string, weight double>>",
    )
    chosen = review_sample(edges, 9, seed=1, threshold=0.9).orderBy("review_rank").collect()

    assert [r.evidence[0].level for r in chosen] == ["close", "exact", "close"]


@pytest.mark.parametrize(
    ("n", "threshold", "message"), [(0, 0.5, "at least 1"), (1, 1.0, "probability between 0 and 1")]
)
def test_wrong_review(spark, n, threshold, message):
    with pytest.raises(UsageError, match=message):
        review_sample(spark.createDataFrame([("a", "b", 0.5)], PAIRS), n, 1, threshold)
    with pytest.raises(UsageError, match="edges needs the columns"):
        review_sample(spark.createDataFrame([("a", "b")], IDS), 1, 1)
