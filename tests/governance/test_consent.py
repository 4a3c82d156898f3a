"""Only consented purposes leave the lake: the reader filters, and there is one way out."""

import ast
import shutil
from datetime import datetime
from functools import reduce
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import onecart
from onecart.config import Privacy
from onecart.contracts import CONTRACTS, contract
from onecart.errors import UsageError
from onecart.governance.consent_filter import Purpose, allowed, granted
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
    def about(*purpose):
        return seen(people.for_purpose(*purpose), "gold.customer_profile")

    assert seen(people) == ["a", "b", "c", "d"]
    assert about("marketing") == ["a", "d"]
    assert about("marketing", "sms") == ["a"]
    assert about("profiling") == ["a"]
    assert about("matching") == []  # nobody was ever asked


# What some room made of persons with their profile: leaves with consent to profiling, too, whatever else it is for.
MADE_BY_PROFILING = [name for name, table in CONTRACTS.items() if table.purposes]


def test_what_is_made_from_profiling_says_so():
    scored = {name for name, table in CONTRACTS.items() if {"model_version", "customer_id"} <= set(table.schema.names)}
    decided = {"gold.segments", "gold.customer_affinity", "gold.customer_features", "gold.decision_log"}
    assert scored | decided <= {*MADE_BY_PROFILING}


def test_what_is_made_from_profiling_is_of_those_who_agreed_to_that_as_well(people):
    said, links = people.read("gold.customer_profile"), people.read("gold.identity_links")
    rows = links.select("customer_id", F.lit("email").alias("channel"))
    for purpose in (Purpose("marketing"), Purpose("marketing", "email"), Purpose("profiling")):
        found = [
            allowed(rows, contract(name), purpose, said=said, links=links).withColumn("name", F.lit(name))
            for name in MADE_BY_PROFILING
        ]
        pairs = {(row.name, row.customer_id) for row in reduce(DataFrame.unionAll, found).collect()}
        assert pairs == {(name, "a") for name in MADE_BY_PROFILING}  # d agreed to e-mail only


def test_every_path_out_asks_for_the_consent_to_what_a_table_was_made_from(people, followed):
    followed("gold.segments")
    rows = people.spark.createDataFrame(people.read("gold.segments").collect(), contract("gold.segments").schema)
    shutil.rmtree(people.path("gold.segments"))
    people.replace("gold.segments", rows)
    narrowed = people.for_purpose("marketing", "email")
    assert seen(narrowed) == ["a"]
    assert [r.customer_id for r in narrowed.read("gold.segments", people.version("gold.segments")).collect()] == ["a"]
    assert [r.customer_id for r in narrowed.read_if_exists("gold.segments").collect()] == ["a"]
    assert [r.customer_id for r in narrowed.added_since("gold.segments", None).collect()] == ["a"]
    assert narrowed.count("gold.segments") == 1
    stream = narrowed.stream("gold.segments").writeStream.format("memory").queryName("seen")
    stream.trigger(availableNow=True).start().awaitTermination()
    assert [r.customer_id for r in people.spark.table("seen").collect()] == ["a"]
    for channel in (None, "email"):
        folder = people.export("gold.segments", "marketing", channel=channel)
        assert {r.customer_id for r in people.spark.read.option("header", True).csv(folder).collect()} == {"a"}


def test_an_audience_leaves_by_the_channels_that_its_customers_agreed_to(people, fill, rows_of):
    """a agreed to e-mail, text messages and profiling, d to e-mail only, e to text messages and profiling."""
    words = [
        *[("a", *w) for w in (("marketing", "email", True), ("marketing", "sms", True), ("profiling", "any", True))],
        *[("d", *w) for w in (("marketing", "email", True), ("profiling", "any", False))],
        *[("e", *w) for w in (("marketing", "email", False), ("marketing", "sms", True), ("profiling", "any", True))],
    ]
    said = [dict(zip(("customer_id", "purpose", "channel", "granted"), w, strict=True)) for w in words]
    fill("gold.customer_consent", rows_of("gold.customer_consent", *said))
    rows = [
        {"campaign": f"{channel} {arm}", "customer_id": c, "channel": channel, "arm": arm, "send_ts": sent}
        for c in "abde"
        for channel in ("email", "sms")
        for arm, sent in (("treated", datetime(2011, 6, 1)), ("control", None))
    ]
    fill("gold.campaign_audience", rows_of("gold.campaign_audience", *rows))

    def left(**how):
        folder = people.export("gold.campaign_audience", "marketing", **how)
        found = people.spark.read.option("header", True).csv(folder).collect()
        return sorted((r.customer_id, r.channel, r.arm) for r in found)

    treated = "arm = 'treated'"
    assert left(where=treated) == [("a", "email", "treated"), ("a", "sms", "treated"), ("e", "sms", "treated")]
    assert left(where=treated, channel="email") == [("a", "email", "treated")]


def test_the_profile_leaves_without_what_profiling_found_out_where_that_was_refused(people):
    people.delta("gold.customer_profile").update(set={"rfm": "'545'", "p_alive": "0.9", "preferred_hour": "9"})
    columns = ["customer_id", "email", "rfm", "p_alive", "preferred_hour"]
    folder = people.export("gold.customer_profile", "marketing", channel="email", columns=columns)
    rows = {r.customer_id: r for r in people.spark.read.option("header", True).csv(folder).collect()}
    assert tuple(rows["a"])[1:] == ("a@x.org", "545", "0.9", "9")
    assert tuple(rows["d"])[1:] == ("d@x.org", None, None, None)


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
    folder = people.export("gold.identity_links", "marketing")
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
        "lake/blanking.py",
        "voice/sentiment/model.py",
        "recommend/recommender.py",
        "intent/model.py",
        "privacy/leftovers.py",
        "bench/behaviour.py",
        "bench/boosters.py",
        "bench/engines.py",
        "bench/identity.py",
        "bench/lists.py",
        "bench/measure.py",
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
