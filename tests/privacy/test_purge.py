"""What is deleted leaves a table's files, history and log; readers of changes go on where they were."""

from pathlib import Path

import pytest

from onecart.errors import OneCartError
from onecart.lake.purge import erasing, purge, remove_rows

NAME = "gold.identity_links"


@pytest.fixture(autouse=True)
def changes(followed):
    """All that an erasure has to clean is there."""
    followed(NAME)


def put(lake, spark, *records: str, **columns: str) -> None:
    rows = [(r, "c1", 1.0, "email") for r in records]
    lake.upsert(
        NAME, spark.createDataFrame(rows, "record_id string, customer_id string, probability double, rule string")
    )


def erase(lake, spark, record: str, before: int | None = None) -> None:
    with erasing(spark):
        before = lake.version(NAME) if before is None else before
        remove_rows(lake, NAME, spark.createDataFrame([(record,)], "record_id string"))
        purge(lake, NAME, before)


def holders(lake, secret: bytes) -> list[str]:
    import pyarrow.parquet as pq

    found = []
    for path in Path(lake.path(NAME)).rglob("*"):
        if path.is_file():
            text = path.read_bytes() + (
                str(pq.read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else b""
            )
            found += [path.name] if secret in text else []
    return found


def added(lake, since: int | None) -> list[str]:
    return sorted(r.record_id for r in lake.added_since(NAME, since).collect())


@pytest.mark.parametrize("vectors", [False, True])
def test_nothing_is_left_and_older_versions_say_so(lake, spark, vectors):
    put(lake, spark, "crm:secret", "crm:b", "crm:c")
    if vectors:
        spark.sql(f"ALTER TABLE delta.`{lake.path(NAME)}` SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
    assert holders(lake, b"crm:secret")
    erase(lake, spark, "crm:secret")
    assert holders(lake, b"crm:secret") == []
    assert sorted(r.record_id for r in lake.read(NAME).collect()) == ["crm:b", "crm:c"]
    with pytest.raises(OneCartError, match=r"cannot read version 1 of table gold.identity_links"):
        lake.read(NAME, 1)
    settings = {r["key"]: r["value"] for r in spark.sql(f"SHOW TBLPROPERTIES delta.`{lake.path(NAME)}`").collect()}
    assert settings["delta.checkpointInterval"] == "10"
    assert spark.conf.get("spark.databricks.delta.retentionDurationCheck.enabled", "true") == "true"


def test_a_reader_of_changes_goes_on_where_it_was(lake, spark):
    put(lake, spark, "crm:a", "crm:b")
    known = lake.version(NAME)
    erase(lake, spark, "crm:a")
    assert added(lake, known) == []
    put(lake, spark, "crm:new")
    assert added(lake, known) == ["crm:new"]
    erase(lake, spark, "crm:b")
    assert added(lake, known) == ["crm:new"]  # read again rather than lost: it came after `known`
    erase(lake, spark, "crm:x")
    assert added(lake, lake.version(NAME)) == []


def test_rows_that_others_added_meanwhile_are_not_skipped(lake, spark):
    put(lake, spark, "crm:a")
    known = lake.version(NAME)
    put(lake, spark, "crm:meanwhile")
    erase(lake, spark, "crm:a", before=known)
    assert added(lake, known) == ["crm:meanwhile"]
