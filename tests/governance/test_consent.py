"""Only consented purposes leave the lake: the reader filters, and there is one way out."""

import ast
from pathlib import Path

import pytest

import onecart
from onecart.config import Privacy
from onecart.errors import UsageError
from onecart.governance.consent_filter import Purpose, granted
from onecart.governance.pseudonym import key_ring

ROOT = Path(onecart.__file__).parent


@pytest.fixture
def people(fill, lake, rows_of):
    """a: everything; b: withdrawn; c: never asked; d: e-mail only."""
    fill("gold.segments", rows_of("gold.segments", *[{"customer_id": c} for c in "abcd"]))
    words = {"a": (True, True, True), "b": (False, False, False), "d": (True, False, False)}
    said = [
        {
            "customer_id": c,
            "email": f"{c}@x.org",
            "consent_email": yes[0],
            "consent_sms": yes[1],
            "consent_profiling": yes[2],
        }
        for c, yes in words.items()
    ]
    fill("gold.customer_profile", rows_of("gold.customer_profile", *said))
    fill(
        "gold.identity_links",
        [{"record_id": f"crm:{c}", "customer_id": c, "probability": 1.0, "rule": "x"} for c in "abcd"],
    )
    return lake


def seen(lake, name="gold.segments"):
    return sorted(r.customer_id for r in lake.read(name).collect())


def test_a_lake_for_a_purpose_shows_only_who_agreed(people):
    assert seen(people) == ["a", "b", "c", "d"]
    assert seen(people.for_purpose("marketing")) == ["a", "d"]
    assert seen(people.for_purpose("marketing", "sms")) == ["a"]
    assert seen(people.for_purpose("profiling")) == ["a"]
    assert seen(people.for_purpose("matching")) == []  # nobody was ever asked


def test_records_are_judged_by_their_customer(people, fill, rows_of):
    fill("silver.contacts", rows_of("silver.contacts", *[{"record_id": f"crm:{c}"} for c in "abcd"]))
    rows = people.for_purpose("marketing", "email").read("silver.contacts").collect()
    assert sorted(r.record_id for r in rows) == ["crm:a", "crm:d"]


@pytest.mark.parametrize(("table", "purpose"), [("gold.segments", "operations"), ("ops.quarantine", "marketing")])
def test_what_no_purpose_may_see_is_refused(people, fill, table, purpose):
    fill("ops.quarantine", [])
    with pytest.raises(UsageError, match=r"about"):
        people.for_purpose(purpose).read(table)


def test_unknown_purposes_and_channels_are_named(lake):
    with pytest.raises(UsageError, match="no purpose 'marketting'; did you mean 'marketing'"):
        lake.for_purpose("marketting")
    with pytest.raises(UsageError, match="no channel 'fax'"):
        lake.for_purpose("marketing", "fax")


def test_an_export_needs_a_purpose_and_leaves_the_withdrawn_out(people):
    with pytest.raises(TypeError, match="purpose"):
        people.export("gold.segments")
    folder = people.export("gold.segments", "marketing")
    assert sorted(people.spark.read.option("header", True).csv(folder).toPandas()["customer_id"]) == ["a", "d"]


def test_personal_data_leaves_as_pseudonyms_unless_named(people, tmp_path, monkeypatch):
    monkeypatch.setenv("ONECART_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match="needs keys or columns"):
        people.export("gold.customer_profile", "marketing")
    keys = key_ring(Privacy(), people.root)
    folder = people.export("gold.customer_profile", "marketing", channel="sms", keys=keys)
    row = people.spark.read.option("header", True).csv(folder).first()
    assert row.email == f"{keys.version}.{keys.sign('a@x.org')}"
    folder = people.export("gold.customer_profile", "marketing", channel="sms", columns=["customer_id", "email"])
    assert people.spark.read.option("header", True).csv(folder).first().asDict() == {
        "customer_id": "a",
        "email": "a@x.org",
    }


def test_there_is_no_other_way_out():
    """Data frames are written by the lake, by models into their folder, by the simulator and by benches, whose rows are
    generated; nowhere else."""
    allowed = {
        "lake/store.py",
        "lake/records.py",
        "voice/sentiment/model.py",
        "recommend/recommender.py",
        "intent/model.py",
        "privacy/leftovers.py",
        "bench/behaviour.py",
        "bench/boosters.py",
        "bench/engines.py",
        "bench/identity.py",
        "bench/lists.py",
        "bench/questions.py",
        "bench/recommenders.py",
    }
    writers = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("csv", "parquet", "json", "text", "save", "saveAsTable", "orc")
        if any(isinstance(part, ast.Attribute) and part.attr == "write" for part in ast.walk(node.value))
    }
    assert {w for w in writers if not w.startswith("samples/")} <= allowed
    assert "lake/store.py" in writers


def test_each_word_counts_for_its_purpose_and_channel(spark):
    said = [
        ("a", "marketing", "email", True),
        ("a", "marketing", "sms", False),
        ("b", "marketing", "any", False),
        ("b", "marketing", "email", True),
        ("c", "profiling", "any", True),
    ]
    words = spark.createDataFrame(said, "customer_id string, purpose string, channel string, granted boolean")

    def agreed(*purpose: str) -> list[str]:
        return sorted(r.customer_id for r in granted(words, Purpose(*purpose)).collect())

    assert agreed("marketing", "email") == ["a"]  # b said no to any channel
    assert agreed("marketing", "sms") == []
    assert agreed("marketing") == ["a"]
    assert agreed("profiling") == ["c"]
    assert agreed("matching") == []
