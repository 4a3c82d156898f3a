import random
from collections import Counter

import pytest

from onecart.errors import UsageError
from onecart.samples import corruption, persons
from onecart.samples.persons import FIELDS, PROFILES, _Maker, _poisson

POOLS = {
    "given": [("ann",), ("joshua",), ("emily",), ("michael",)],
    "surname": [("white",), ("o'brien",), ("clarke",), ("campbell",), ("nguyen",)],
    "street": [("stanley street",), ("long place",)],
    "number": [(str(i),) for i in range(1, 60)],
    "place": [("dapto", "2530", "nsw"), ("hobart", "7000", "tas")],
}


@pytest.fixture
def pools(monkeypatch):
    monkeypatch.setattr(persons, "_pools", lambda: POOLS)


def made(count, profile="default"):
    maker = _Maker(PROFILES[profile], 7, count, POOLS)
    import pandas as pd

    return next(maker.frames(iter([pd.DataFrame({"id": range(maker.persons())})])))


@pytest.mark.parametrize("count", [1, 2, 161, 162, 163, 500])
def test_exactly_as_many_records_as_asked_for(count):
    frame = made(count)

    assert len(frame) == frame["record_id"].nunique() == count
    assert frame["person_id"].value_counts().max() <= 5


def test_rates_of_the_profiles():
    for name, profile in PROFILES.items():
        frame = made(1620, name)
        assert frame["person_id"].nunique() == 1000
        for field in FIELDS:  # a slip can swap a missing name with the other
            assert frame[field].isna().mean() == pytest.approx(profile.missing[field], abs=0.04), (name, field)
    assert made(1620, "clean")["given_name"].nunique() < made(1620, "noisy")["given_name"].nunique()
    draws = [_poisson(random.Random(i), 2.5) for i in range(2000)]
    assert sum(draws) / len(draws) == pytest.approx(2.5, abs=0.15)


def test_one_person_in_twenty_lives_with_another_one():
    maker = _Maker(PROFILES["clean"], 7, 10, POOLS)
    people = [maker.person(i, maker.rng(1, i)) for i in range(4000)]
    homes = Counter((p.surname, p.home) for p in people)

    assert max(homes.values()) == 2
    assert sum(n for n in homes.values() if n == 2) / 4000 == pytest.approx(0.05, abs=0.015)


def test_the_same_seed_makes_the_same_records_whatever_the_partitions(spark, pools):
    def rows(seed):
        records, truth = persons.generate(spark, 300, "noisy", seed)
        assert records.columns == ["record_id", *FIELDS]
        return sorted(tuple(r) for r in records.join(truth, "record_id").collect())

    first = rows(1)
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "7")
    try:
        assert rows(1) == first
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    assert {r[0] for r in rows(2)}.isdisjoint({r[0] for r in first})


def test_febrl_as_record_frame_with_its_truth(spark, tmp_path, monkeypatch):
    (tmp_path / "dataset1.csv").write_text(
        "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, "
        "soc_sec_id\n"
        "rec-7-org, ann, lee, 4, main street, , dapto, 2530, nsw, 19800102, 1234567\n"
        "rec-7-dup-0, , lee, , , , dapto, 0800, nsw, , 1234567\n"
    )
    monkeypatch.setattr(persons, "fetch", lambda name: [tmp_path / "dataset1.csv"])
    records, truth = persons.load(spark, "febrl1", 0)

    assert [tuple(r) for r in records.collect()] == [
        ("rec-7-org", "ann", "lee", "4 main street", "dapto", "2530", "nsw", "19800102", "1234567"),
        ("rec-7-dup-0", None, "lee", None, "dapto", "0800", "nsw", None, "1234567"),
    ]
    assert {r.record_id: r.customer_id for r in truth.collect()} == {"rec-7-org": "rec-7", "rec-7-dup-0": "rec-7"}


def test_unknown_data(spark):
    with pytest.raises(UsageError, match="no data 'febrl5'; did you mean 'febrl"):
        persons.load(spark, "febrl5", 10)
    with pytest.raises(UsageError, match="no profile 'nosy'; did you mean 'noisy'"):
        persons.generate(spark, 10, "nosy")


def test_slips_change_one_place():
    from rapidfuzz.distance import OSA

    texts = [corruption.typo(random.Random(i), "margaret") for i in range(400)]
    assert {OSA.distance(t, "margaret") for t in texts} <= {0, 1}
    assert Counter(len(t) for t in texts).keys() == {7, 8, 9}
    assert {corruption.typo(random.Random(i), "7") for i in range(40)} > {"1", "17"}
    assert {corruption.misread(random.Random(i), "morn") for i in range(40)} == {"rnorn", "m0rn", "mom"}
    assert {corruption.misheard(random.Random(i), "phil") for i in range(40)} == {"fil", "phill"}
    assert corruption.misheard(random.Random(1), "oh") == "oh"
    assert corruption.shortened("12 court street") == "12 ct st"
