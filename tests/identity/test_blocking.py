from itertools import combinations

import pytest

from onecart.config import Identity
from onecart.errors import DataError
from onecart.identity import blocking
from onecart.identity.blocking import IDENTIFIERS, Rule, candidates, choose, forecast, hash_of, pairs
from onecart.identity.fields import FIELDS

EMAIL = next(r for r in IDENTIFIERS if r.name == "email")
ACCOUNT = next(r for r in IDENTIFIERS if r.name == "account_id")
CITY = Rule("city", ("left(city, 6)",), ("city",))


def emails(spark, *values):
    return spark.createDataFrame([(f"r{i:03}", v) for i, v in enumerate(values)], "record_id string, email string")


def named(records, made):
    """The pairs by the records' ids instead of their hashes, found_by behind."""
    ids = {r.hash: r.record_id for r in records.select("record_id", hash_of("record_id").alias("hash")).collect()}
    assert all(r.hash_a < r.hash_b for r in made.collect())
    return [(*sorted((ids[r.hash_a], ids[r.hash_b])), r.found_by) for r in made.collect()]


def found(records, *rules_and_more):
    """The pairs of record ids that `pairs` makes of the records."""
    rows = [row[:2] for row in named(records, pairs(records, *rules_and_more))]
    assert len(rows) == len(set(rows))
    return set(rows)


@pytest.fixture
def people(spark):
    rows = [
        (f"r{i:02}", ("ann", "bob", "eve", "joe")[i % 4], ("lee", "kim", "orr")[i % 3], f"19{i % 7 + 50}0{i % 5 + 1}12",
         f"{i % 6}@x.com" if i % 2 else None, "leeds" if i % 3 else None)
        for i in range(30)
    ]  # fmt: skip
    columns = "record_id string, given_name string, surname string, date_of_birth string, email string, city string"
    return spark.createDataFrame(rows, columns)


def test_rules_come_from_the_columns():
    names = [r.name for r in candidates(["record_id", "given_name", "surname", "email", "card_id", "digest"])]

    assert names == [
        "card_id", "email", "given", "surname", "email",
        "given+surname", "given+email", "surname+email",
    ]  # fmt: skip
    assert [r.name for r in candidates(["record_id", "state"])] == []
    everything = candidates(list(FIELDS))
    assert len(everything) == len({(r.name, r.identifies) for r in everything})
    assert len(everything) <= 62  # a bit each in `found_by`


def test_a_pair_of_parts_needs_both(spark):
    people = spark.createDataFrame(
        [("1", "ann", "lee", "19800512"), ("2", "lee", "ann", "19801205"), ("3", "ann", None, None), ("4", "anne", "leah", "19800513")],
        "record_id string, given_name string, surname string, date_of_birth string",
    )  # fmt: skip
    by_name = {r.name: r for r in candidates(people.columns)}

    # Names either way round and by their sound; day and month either way round.
    assert found(people, [by_name["given+surname"]], Identity()) == {("1", "2"), ("1", "4"), ("2", "4")}
    assert found(people, [by_name["birth"]], Identity()) == {("1", "2")}
    assert ("1", "3") not in found(people, [by_name["given+birth"]], Identity())


def test_forecast_is_the_number_of_pairs(people):
    rules = candidates(people.columns)
    ahead = forecast(people, rules, Identity(max_block=8), records=30)

    for i, rule in enumerate(rules):
        if rule.identifies:
            continue
        made = pairs(people, [rule], Identity(max_block=8)).count()
        assert ahead.get(i, (0, 0))[0] == made, rule.name
    assert any(oversize for _, oversize in ahead.values())


def test_on_many_records_the_forecast_is_sampled(people, monkeypatch):
    rules = candidates(people.columns)
    monkeypatch.setattr(blocking, "_SAMPLE_FROM", 30)
    sampled = forecast(people, rules, Identity(), records=30)

    assert all(n % 8 == 0 for n, _ in sampled.values())
    assert set(sampled) < set(range(len(rules)))


def test_rules_are_chosen_within_the_budget(people):
    small, large = (choose(people, Identity(pairs_per_record=n), records=30) for n in (1, 8))

    assert [r.name for r in small if r.identifies] == ["email"]
    assert {r.name for r in small} < {r.name for r in large}
    for rules, per_record in ((small, 1), (large, 8)):
        identified = pairs(people, [r for r in rules if r.identifies], Identity()).count()
        others = [pairs(people, [r], Identity()).count() for r in rules if not r.identifies]
        assert sum(others) - min(others, default=0) * len(others) <= per_record * 30
        assert pairs(people, rules, Identity()).count() <= identified + per_record * 30 + min(others, default=0)
        assert others == sorted(others)  # the most specific first
        assert min(others, default=1) > 0


def test_an_identifier_on_too_many_records_makes_no_pairs(spark):
    frame = emails(spark, "a", "a", "a", "b", "b", None, None)

    assert found(frame, [EMAIL], Identity(max_records_per_key=2)) == {("r003", "r004")}
    assert len(found(frame, [EMAIL], Identity(max_records_per_key=3))) == 4
    assert len(found(frame, [EMAIL], Identity(max_records_per_key=2, caps={"email": 3}))) == 4
    blocks = blocking.blocks(frame, [EMAIL], Identity(max_records_per_key=2)).collect()
    assert sorted((r.rule, r.records, r.capped) for r in blocks) == [(0, 2, False), (0, 3, True)]


def test_a_part_looks_up_what_is_capped_among_all_records(spark):
    frame = emails(spark, "a", "a", "a", "b", "b")
    settings = Identity(max_records_per_key=2)
    capped = blocking.blocks(frame, [EMAIL], settings).where("capped")
    part = frame.where("record_id IN ('r000', 'r001', 'r003', 'r004')")

    assert found(part, [EMAIL], settings, capped) == {("r003", "r004")}


def test_a_huge_identifier_makes_a_star_around_its_first_record(spark):
    frame = emails(spark, *"aaaaa", "b", "b").withColumnRenamed("email", "account_id")
    ids = [f"r{i:03}" for i in range(5)]
    b = {("r005", "r006")}

    star = found(frame, [ACCOUNT], Identity(max_block=4))
    first = blocking.blocks(frame, [ACCOUNT], Identity(max_block=4)).where("star IS NOT NULL").first().star
    assert star == {tuple(sorted((first, i))) for i in ids if i != first} | b
    assert found(frame, [ACCOUNT], Identity(max_block=5)) == set(combinations(ids, 2)) | b


def test_a_block_too_large_to_block_by_makes_no_pairs(spark):
    frame = emails(spark, *"aaaaa", "b", "b").withColumnRenamed("email", "city")

    assert found(frame, [CITY], Identity(max_block=4)) == {("r005", "r006")}


def test_a_pair_says_which_rules_found_it(spark):
    frame = spark.createDataFrame(
        [("1", "a@x", "leeds"), ("2", "a@x", "leeds"), ("3", "a@x", "york"), ("4", None, "york")],
        "record_id string, email string, city string",
    )
    by = {a + b: found_by for a, b, found_by in named(frame, pairs(frame, [EMAIL, CITY], Identity()))}

    assert by == {"12": 0b11, "13": 0b01, "23": 0b01, "34": 0b10}


def test_too_many_pairs_stop_before_any_is_made(spark):
    frame = emails(spark, *["a"] * 15)

    with pytest.raises(DataError, match=r"would compare 105 pairs.*identity.max_pairs is 100"):
        choose(frame, Identity(max_pairs=100), records=15)
    assert [r.name for r in choose(frame, Identity(max_pairs=105), records=15) if r.identifies] == ["email"]
