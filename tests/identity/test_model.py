import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart.identity import model
from onecart.identity.blocking import Rule
from onecart.identity.compare import COMPARISONS, Comparison
from onecart.identity.model import LinkModel, choose_threshold

RULES = (
    Rule("email", ("email",), ("email",), identifies=True, trust=0.99),
    Rule("surname", ("surname",), ("surname",)),
)
FIELDS = ("given_name", "surname", "date_of_birth", "email")


@pytest.fixture(scope="module")
def learned():
    """Weights that tell rule, comparison and level apart: 10 * rule + comparison + level / 8, none for missing."""
    used = [c for c in COMPARISONS if c.name in FIELDS]
    weights = [
        [[0.0, *(10.0 * r + f + level / 8 - 5 for level in range(1, len(c.levels)))] for f, c in enumerate(used)]
        for r in range(len(RULES))
    ]
    return LinkModel(RULES, FIELDS, [3.25, -6.5], weights, {"surname": 0.01}, 100, (*FIELDS, "record_id"), 1.5)


def pattern(**levels):
    number, radix = 0, 1
    for c in (c for c in COMPARISONS if c.name in FIELDS):
        number += radix * (c.levels.index(levels[c.name]) if c.name in levels else 0)
        radix *= len(c.levels)
    return number


def test_the_model_survives_being_written_as_json(learned):
    assert LinkModel.from_json(learned.to_json()) == learned
    odd = replace(learned, prior=[0.1 + 0.2, -math.pi], threshold=1 / 3)
    assert LinkModel.from_json(odd.to_json()) == odd
    assert all(isinstance(c, Comparison) for c in LinkModel.from_json(odd.to_json()).comparisons)


@pytest.fixture
def compared(spark):
    rows = [
        ("both", 0b11, pattern(surname="exact", email="exact"), 0.02),
        ("found by its name", 0b10, pattern(surname="exact", given_name="nickname"), 0.02),
        ("rare", 0b10, pattern(surname="exact"), 1e-9),
        ("common", 0b10, pattern(surname="exact"), 0.9),
        ("not the best level", 0b10, pattern(surname="close"), 1e-9),
        ("silent", 0b01, pattern(), None),
        ("silent, by its name", 0b10, pattern(), None),
        ("parent", 0b10, pattern(given_name="different", date_of_birth="different", surname="exact"), 0.01),
    ]
    schema = "record_b string, found_by long, pattern long, share_surname double"
    return spark.createDataFrame(rows, schema).selectExpr("'a' AS record_a", "*", "false AS two_cards")


def test_weights_of_the_fields_and_the_prior_sum_to_the_weight(compared, learned):
    scored = model.with_weight(compared, learned)
    found = {r.record_b: r for r in scored.withColumn("evidence", model.evidence(scored, learned)).collect()}

    rarity = math.log2(0.01 / 0.02)
    assert {k: r.weight for k, r in found.items()} == pytest.approx(
        {
            "both": 3.25 + (1 + 4 / 8 - 5) + (3 + 4 / 8 - 5),  # by the identifier, whose strangers are families
            "found by its name": -6.5 + (10 + 5 / 8 - 5) + (11 + 4 / 8 - 5) + rarity,
            "rare": -6.5 + (11 + 4 / 8 - 5) + 8,  # at most
            "common": -6.5 + (11 + 4 / 8 - 5) - 4,
            "not the best level": -6.5 + (11 + 3 / 8 - 5),
            "silent": math.log2(0.99 / 0.01),  # nothing else can tell: the identifier's trust
            "silent, by its name": -6.5,
            "parent": -6.5 + (10 + 1 / 8 - 5) + (11 + 4 / 8 - 5) + (12 + 1 / 8 - 5),
        }
    )
    for r in found.values():
        assert r.probability == pytest.approx(1 / (1 + 2**-r.weight))
        assert r.evidence[0].field == "prior"
        assert r.evidence[0].level == RULES[r.rule].name
        assert sum(e.weight for e in r.evidence) == pytest.approx(r.weight, abs=0.005 * len(r.evidence))
    assert [(e.field, e.level, e.weight) for e in found["both"].evidence] == [
        ("prior", "email", 3.25),
        ("surname", "exact", -3.5),
        ("email", "exact", -1.5),
    ]


def test_parents_and_children_are_barred_unless_beyond_doubt(spark, learned):
    rows = [
        ("parent", pattern(given_name="different", date_of_birth="different"), False),
        ("sure", pattern(given_name="different", date_of_birth="different", surname="exact", email="exact"), False),
        ("cards", pattern(given_name="different"), True),
        ("card", pattern(given_name="different"), False),
        ("twin", pattern(given_name="different", date_of_birth="exact"), False),
    ]
    schema = "record_b string, pattern long, two_cards boolean"
    frame = spark.createDataFrame(rows, schema).selectExpr(
        "*", "1L AS found_by", "CAST(NULL AS DOUBLE) AS share_surname"
    )
    low = replace(learned, prior=[-5.0, -5.0], weights=[[[w / 10 for w in f] for f in r] for r in learned.weights])
    high = replace(low, prior=[30.0, 0.0])

    cannot_link = {r.record_b: r.cannot_link for r in model.with_weight(frame, low).collect()}
    assert cannot_link == {
        "parent": "birth dates and given names disagree",
        "sure": "birth dates and given names disagree",
        "cards": "two cards, and given names disagree",
        "card": None,
        "twin": None,
    }
    assert {r.cannot_link for r in model.with_weight(frame, high).collect()} == {None}


def test_a_pair_belongs_to_its_first_rule_however_many_there_are(spark):
    found = (
        spark.range(62)
        .selectExpr("id", "shiftleft(1L, CAST(id AS INT)) AS found_by")
        .withColumn("rule", model.first_rule())
    )

    assert [r.id for r in found.where("rule <> id").collect()] == []
    both = spark.createDataFrame([(0b1100,)], "found_by long").select(model.first_rule())
    assert both.first()[0] == 2


def test_a_pair_counts_under_each_rule_that_found_it_and_once_for_all(spark):
    rows = [(0b11, 5), (0b11, 5), (0b10, 5), (0b01, 7)]
    counts = model.pattern_counts(spark.createDataFrame(rows, "found_by long, pattern long")).toPandas()

    rule, pattern, pairs, once = model.per_rule(counts, rules=2)
    assert list(zip(rule, pattern, pairs, once, strict=True)) == [(0, 5, 2, 1.0), (0, 7, 1, 1.0), (1, 5, 3, 2.0)]
    none = model.per_rule(counts.iloc[:0], rules=2)
    assert [len(x) for x in none] == [0, 0, 0, 0]


def test_terms_are_the_names_of_several_records(spark):
    names = ["ann", "ann", "ann", "bob", "eve", None]
    prepared = spark.createDataFrame([(str(i), n) for i, n in enumerate(names)], "record_id string, given_name string")
    terms = model.terms(prepared)

    assert [r.share for r in terms.collect()] == [0.6]
    assert model.collisions(terms) == {"given_name": pytest.approx(0.36)}
    shares = {r.record_id: r.share_given_name for r in model.with_shares(prepared, terms, 50).collect()}
    assert shares == {**dict.fromkeys("012", 0.6), "3": 1 / 50, "4": 1 / 50, "5": None}


def test_a_threshold_links_every_pair_that_was_counted_for_it(spark):
    scored = spark.createDataFrame(
        [(5.868, 0.98), (5.83, 0.98), (-3.01, 0.11), (99.0, 1.0), (-99.0, 0.0)], "weight double, probability double"
    )
    bars = model.histogram(scored).collect()

    assert {r.weight: r.pairs for r in bars} == {5.8: 2, -3.1: 1, 20.0: 1, -20.0: 1}
    assert sum(r.matches for r in bars) == pytest.approx(3.07)
    assert choose_threshold(bars) == 5.8


def naive_threshold(rows):
    """The highest weight between -2 and 6 above which the expected F1 is best, counting anew for each."""
    best, chosen = 0.0, 0.0
    for weight in sorted({w for w, _, _ in rows}, reverse=True):
        linked = [(n, p) for w, n, p in rows if w >= weight]
        pairs, right, total = sum(n for n, _ in linked), sum(p for _, p in linked), sum(p for _, _, p in rows)
        f1 = 2 * right / (pairs + total) if pairs + total else 0.0
        if -2 <= weight <= 6 and f1 > best + 1e-12:
            best, chosen = f1, weight
    return chosen


def test_threshold_of_a_hand_made_histogram():
    rows = [(12.0, 100, 100.0), (3.0, 10, 9.0), (0.5, 10, 6.0), (-1.0, 10, 3.0), (-8.0, 1000, 1.0)]

    assert choose_threshold(rows) == naive_threshold(rows) == 0.5
    assert choose_threshold([]) == 0.0
    assert choose_threshold([(15.0, 9, 9.0), (-15.0, 9, 0.0)]) == 0.0  # nobody in between


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.integers(-100, 100), st.tuples(st.integers(1, 50), st.floats(0, 1)), max_size=25))
def test_threshold_is_the_naive_one(bars):
    rows = [(w / 10, n, n * share) for w, (n, share) in bars.items()]
    found = choose_threshold(rows)

    assert found == pytest.approx(naive_threshold(rows)) or _f1(rows, found) == pytest.approx(
        _f1(rows, naive_threshold(rows))
    )


def _f1(rows, weight):
    linked = [(n, p) for w, n, p in rows if w >= weight]
    return 2 * sum(p for _, p in linked) / (sum(n for n, _ in linked) + sum(p for _, _, p in rows))
