import numpy as np
import pyarrow as pa
import pytest

from onecart.identity.blocking import hash_of
from onecart.identity.compare import COMPARED, COMPARISONS, compare, digit, digits, levels, with_sides

BY_NAME = {c.name: c for c in COMPARISONS}


def level(name, a, b, others=()):
    """The name of the level of comparison `name` for records a and b (dicts of fields)."""
    fields = sorted({f for c in (BY_NAME[name], *(BY_NAME[o] for o in others)) for f in c.fields})
    row = {f"{side}_{f}": pa.array([r.get(f)], pa.string()) for side, r in (("a", a), ("b", b)) for f in fields}
    batch = pa.RecordBatch.from_arrays(list(row.values()), names=list(row))
    found = levels(batch, tuple(c for c in COMPARISONS if c.name in (name, *others)))
    return BY_NAME[name].levels[found[name][0]]


@pytest.mark.parametrize(
    ("field", "a", "b", "expected"),
    [
        ("given_name", None, "ann", "missing"),
        ("given_name", None, None, "missing"),
        ("given_name", "ann", "ann", "exact"),
        ("given_name", "elizabeth", "liz", "nickname"),
        ("given_name", "liz", "beth", "nickname"),  # both short for Elizabeth
        ("given_name", "katherine", "katharine", "close"),
        ("given_name", "j", "john", "close"),
        ("given_name", "john", "p", "different"),
        ("given_name", "thomas", "thmoso", "similar"),
        ("given_name", "thomas", "bruce", "different"),
        ("surname", "smith", None, "missing"),
        ("surname", "smith", "smith", "exact"),
        ("surname", "robertson", "robertsen", "close"),
        ("surname", "smith", "smythe", "similar"),
        ("surname", "smith", "jones", "different"),
        ("date_of_birth", None, "19800512", "missing"),
        ("date_of_birth", "19800512", "19800512", "exact"),
        ("date_of_birth", "19800512", "19801205", "day and month swapped"),
        ("date_of_birth", "19800512", "19810512", "one slip"),
        ("date_of_birth", "19800512", "19805012", "one slip"),  # neighbours swapped
        ("date_of_birth", "19800512", "19810513", "two slips"),
        ("date_of_birth", "19800512", "19810533", "different"),
        ("date_of_birth", "19800512", "19811205", "different"),  # swapped, and another year
        ("email", "a@x.com", None, "missing"),
        ("email", "ann.lee@x.com", "ann.lee@x.com", "exact"),
        ("email", "ann.lee@x.com", "ann.lee@y.com", "same before @"),
        ("email", "ann.lee@x.com", "ann.leee@y.com", "close"),
        ("email", "ann.lee@x.com", "bob@x.com", "different"),
        ("phone", None, "0207946000", "missing"),
        ("phone", "0207946000", "0207946000", "exact"),
        ("phone", "0207946000", "0207946001", "one slip"),
        ("phone", "0207946000", "0207946011", "different"),
        ("national_id", "1234567", "1234567", "exact"),
        ("national_id", "1234567", "1234568", "slips"),
        ("national_id", "1234567", "1234578", "slips"),
        ("national_id", "1234567", "1234999", "different"),
        ("national_id", "", None, "missing"),
    ],
)
def test_levels_of_one_field(field, a, b, expected):
    assert level(field, {field: a}, {field: b}) == expected
    assert level(field, {field: b}, {field: a}) == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (("12highst", "ab12cd", "leeds"), ("12highst", "ab12cd", "leeds"), "street exact, place exact"),
        (("12highst", "ab12cd", "leeds"), ("13highst", "ab12cd", "york"), "street close, place postcode"),
        (("12highst", "ab12cd", "leeds"), ("12highs", "ab12ce", None), "street close, place postcode but one slip"),
        (("12highst", "ab12cd", "leeds"), ("5parkroad", "ab12ce", "leeds"), "street different, place city, postcode but one slip"),
        (("12highstreet", None, "leeds"), ("12highstre", None, "leeds"), "street similar, place city"),
        (("12highst", "ab12cd", None), (None, "ab12cd", "leeds"), "street missing, place postcode"),
        (("12highst", None, None), ("12highst", "ab12cd", None), "street exact, place missing"),
        (("12highst", "ab12cd", "leeds"), ("7mill", "ex43zz", "york"), "street different, place different"),
        (("12highst", None, "leeds"), (None, "ab12cd", None), "missing"),
    ],
)  # fmt: skip
def test_levels_of_an_address(a, b, expected):
    fields = ("street", "postcode", "city")
    found = level("address", dict(zip(fields, a, strict=True)), dict(zip(fields, b, strict=True)))

    assert found == expected


def test_names_the_wrong_way_round_count_once():
    a, b = {"given_name": "anna", "surname": "lee"}, {"given_name": "lee", "surname": "anna"}

    assert level("given_name", a, b, others=["surname"]) == "swapped with surname"
    assert level("surname", a, b, others=["given_name"]) == "missing"
    # Not where the surname is silent, and not where one half agrees only.
    assert level("given_name", a, {"given_name": "lee", "surname": None}, others=["surname"]) == "different"
    assert level("given_name", a, {"given_name": "lee", "surname": "brown"}, others=["surname"]) == "different"
    assert level("surname", a, {"given_name": "lee", "surname": "brown"}, others=["given_name"]) == "different"


def test_rates_of_every_level_are_chances():
    for c in COMPARISONS:
        assert len(c.m) == len(c.u) == len(c.levels) - 1, c.name
        assert c.levels[0] == "missing"
        assert len(set(c.levels)) == len(c.levels)
        assert min(*c.m, *c.u) > 0
        if c.name != "address":  # whose street or place alone may be missing
            assert sum(c.m) == pytest.approx(1, abs=0.011), c.name
            assert sum(c.u) == pytest.approx(1, abs=0.011), c.name


def test_pattern_holds_every_level():
    sizes = [len(c.levels) for c in COMPARISONS]
    rng = np.random.default_rng(2)
    wanted = np.column_stack([rng.integers(0, n, 200) for n in sizes])
    radix = np.concatenate([[1], np.cumprod(sizes[:-1])])

    assert (digits(wanted @ radix, COMPARISONS) == wanted).all()


def test_compares_in_spark_as_in_memory(spark):
    schema = "record_id string, given_name string, surname string, email string, card_id string, share_surname double"
    prepared = spark.createDataFrame(
        [
            ("1", "ann", "lee", "a@x.com", "k1", 0.1),
            ("2", "ann", "leee", None, "k2", 0.2),
            ("3", "lee", "ann", "b@x.com", None, 0.3),
        ],
        schema,
    )
    pairs = spark.createDataFrame([("1", "2", 5), ("1", "3", 6), ("2", "3", 7)], "a string, b string, found_by long")
    pairs = pairs.select(hash_of("a").alias("hash_a"), hash_of("b").alias("hash_b"), "found_by")
    used = tuple(c for c in COMPARISONS if c.name in ("given_name", "surname", "email"))

    compared = compare(with_sides(pairs, prepared), used)
    read = compared.selectExpr("*", *(f"{digit(used, c)} AS {c}" for c in ("given_name", "surname", "email", "phone")))
    found = {r.record_a + r.record_b: r for r in read.collect()}

    assert set(compared.columns) == {"record_a", "record_b", "found_by", "share_surname", "two_cards", "pattern"}
    named = {p: [BY_NAME[c].levels[r[c]] for c in ("given_name", "surname", "email")] for p, r in found.items()}
    assert named == {
        "12": ["exact", "close", "missing"],
        "13": ["swapped with surname", "missing", "different"],
        "23": ["swapped with surname", "missing", "missing"],
    }
    assert {p: (r.found_by, r.two_cards, r.share_surname) for p, r in found.items()} == {
        "12": (5, True, 0.1),
        "13": (6, False, 0.1),
        "23": (7, False, 0.2),
    }
    turned = compare(with_sides(pairs.selectExpr("hash_b AS hash_a", "hash_a AS hash_b"), prepared), used)
    assert {(r.record_a + r.record_b, r.pattern) for r in turned.collect()} == {
        (p, r.pattern) for p, r in found.items()
    }
    assert {r.phone for r in found.values()} == {0}
    assert set(COMPARED) >= {f for c in used for f in c.fields}
