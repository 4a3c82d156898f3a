"""Linking what changed gives what linking everything gives."""

from random import Random

import pytest

from onecart.config import Identity
from onecart.contracts import contract
from onecart.identity import linking
from onecart.identity.resolution import load, write_links
from onecart.samples.persons import generate

pytestmark = pytest.mark.slow
NEAR = Identity(
    max_values={"email": 1}, retrain_share=1.0, max_block=12, max_records_per_key=4, caps={"device_id": 1000}
)
COLUMNS = ("given_name", "surname", "street", "city", "postcode", "date_of_birth", "email", "phone", "device_id")
SCHEMA = ", ".join(f"{c} string" for c in ("record_id", *COLUMNS, "representative")) + ", consent_matching boolean"


@pytest.fixture(scope="module")
def people(spark_session):
    """Rows (dicts) of some hundred records: also devices of many, so that keys cross their caps."""
    rng = Random(1)
    rows = [r.asDict() for r in generate(spark_session, 300, "default", 3).records.drop("state").collect()]
    for row in rows:
        device = rng.choice(["big", "small", None, None]) if rng.random() < 0.25 else None
        row.update(device_id=device, consent_matching=True, representative=row["record_id"])
    return sorted(rows, key=lambda r: r["record_id"])


@pytest.fixture(scope="module")
def learned(spark_session, people):
    return linking.resolve(frame(spark_session, people), NEAR).learned


def frame(spark, rows):
    names = [c.split()[0] for c in SCHEMA.split(", ")]
    return spark.createDataFrame([tuple(r[n] for n in names) for r in rows], SCHEMA)


@pytest.fixture
def linked(spark, lake, context, learned):
    """`linked(rows)`: links the rows by the frozen model, on top of what the lake holds."""
    row = ("frozen", learned.model.records, learned.model.threshold, learned.model.to_json())
    lake.replace("gold.identity_model", spark.createDataFrame([row], contract("gold.identity_model").schema))
    lake.replace("gold.identity_terms", learned.terms)
    for name in ("gold.identity_links", "gold.identity_shared_keys", "gold.identity_edges"):
        lake.replace(name, spark.createDataFrame([], contract(name).schema))
    ctx = context(identity=NEAR.model_dump())

    def link(rows):
        links, said = write_links(ctx, frame(spark, rows))
        assert "trained" not in said
        return links

    return link


def partition(links):
    groups = {}
    for row in links.collect():
        groups.setdefault(row[1], set()).add(row[0])
    return sorted(map(sorted, groups.values()))


def edges(frame):
    columns = ("record_a", "record_b", "rules", "weight", "probability", "accepted", "reason", "evidence", "component")
    return sorted(map(str, frame.select(*columns).collect()))


def batch(rng, before, spare):
    """The records `before` with some added, removed, changed and withdrawn."""
    rows = {r["record_id"]: dict(r) for r in before}
    for row in rng.sample(spare, 12):
        rows[row["record_id"]] = dict(row)
    ids = sorted(rows)
    for gone in rng.sample(ids, 8):
        del rows[gone]
    ids = sorted(rows)
    for changed in rng.sample(ids, 10):
        field = rng.choice(COLUMNS)
        rows[changed][field] = rows[rng.choice(ids)][field]  # what another says, or nothing
    for withdrawn in rng.sample(ids, 3):
        rows[withdrawn]["consent_matching"] = not rows[withdrawn]["consent_matching"]
    return [rows[i] for i in sorted(rows)]


def test_changes_give_what_linking_everything_gives(spark, lake, linked, people):
    now = Random(2).sample(people, 220)
    linked(now)
    for seed in (2, 3):
        rng, known = Random(seed), {r["record_id"] for r in now}
        now = batch(rng, now, [r for r in people if r["record_id"] not in known])
        assert_linked_as_by_a_full_run(lake, linked(now), frame(spark, now))


def assert_linked_as_by_a_full_run(lake, links, records):
    full = linking.resolve(records, NEAR, load(lake))

    assert partition(links) == partition(full.members.select("record_id", "cluster"))
    assert edges(lake.read("gold.identity_edges")) == edges(full.pairs)
    assert full.pairs.where("NOT accepted").count() > 0
    own = links.select("record_id", "probability", "rule", "component")
    assert sorted(map(str, own.collect())) == sorted(
        map(str, full.members.select("record_id", "probability", "rule", "component").collect())
    )
