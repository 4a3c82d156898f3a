"""HMAC in Spark SQL is Python's; keys rotate and are never in the lake."""

import hashlib
import hmac
import stat

import pytest
from pyspark.sql import functions as F

from onecart.config import Privacy
from onecart.errors import UsageError
from onecart.governance.pseudonym import hmac_sha256, key_file, key_ring, pseudonym, rotate


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ONECART_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("key", [b"k", b"\x00\xff" * 32, b"longer than a block of SHA-256" * 3])
def test_hmac_in_sql_is_the_one_of_the_standard_library(spark, key):
    values = ["", "ann@x.org", "Zoë ✓", None]
    rows = spark.createDataFrame([(v,) for v in values], "v STRING").select(
        "v", hmac_sha256(F.col("v"), key).alias("h")
    )
    wanted = {v: None if v is None else hmac.new(key, v.encode(), hashlib.sha256).hexdigest() for v in values}
    assert {r.v: r.h for r in rows.collect()} == wanted


def test_a_local_lake_gets_a_key_file_of_its_own_outside_of_it(tmp_path):
    root = str(tmp_path / "lake")
    keys = key_ring(Privacy(), root)
    assert key_ring(Privacy(), root).keys == keys.keys
    assert key_ring(Privacy(), root + "2").keys != keys.keys
    assert stat.S_IMODE(key_file(root).stat().st_mode) == 0o600
    assert root not in str(key_file(root))
    assert keys.newest.hex() not in repr(keys)


def test_after_rotation_the_new_key_signs_and_the_old_one_is_still_there(spark, tmp_path):
    root = str(tmp_path / "lake")
    old = key_ring(Privacy(), root)
    new = rotate(Privacy(), root)
    assert new.version != old.version
    assert new.versions == (new.version, old.version)
    made = spark.range(1).select(pseudonym(F.lit("ann@x.org"), new)).first()[0]
    assert made == f"{new.version}.{new.sign('ann@x.org')}"


def test_keys_by_reference(monkeypatch):
    monkeypatch.setenv("NEW_KEY", "n" * 32)
    monkeypatch.setenv("OLD_KEY", "o" * 32)
    privacy = Privacy(key="env:NEW_KEY", retired_keys=("env:OLD_KEY",))
    assert key_ring(privacy, "s3a://bucket/lake").keys == (b"n" * 32, b"o" * 32)
    with pytest.raises(UsageError, match=r"privacy.retired_keys"):
        rotate(privacy, "s3a://bucket/lake")
    monkeypatch.setenv("NEW_KEY", "short")
    with pytest.raises(UsageError, match="too short"):
        key_ring(privacy, "s3a://bucket/lake")


def test_a_lake_elsewhere_needs_a_key_by_reference():
    with pytest.raises(UsageError, match=r"privacy.key=env:NAME"):
        key_ring(Privacy(), "s3a://bucket/lake")
