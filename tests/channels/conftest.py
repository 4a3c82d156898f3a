"""Servers for the tests of sources, started when the first test asks and stopped at the end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from onecart.config import load
from onecart.samples.broker import Broker


def _servers() -> Any:
    """The tests import by path, so that a module beside this one has to be found by hand."""
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("onecart_test_servers", Path(__file__).parent / "servers.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    one = Broker(tmp_path_factory.mktemp("kafka")).start()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    one = _servers().Postgres()
    try:
        yield one.start()
    finally:
        one.remove()


@pytest.fixture
def only(context: Any) -> Any:
    """`only("shop", {...})` -> the job's context with this one feed."""
    off = dict.fromkeys(load("local")[0].channels)
    return lambda name, feed, run_id="r", **more: context(run_id, channels={**off, name: feed}, **more)


class Topics:
    """Makes topics and fills them."""

    def __init__(self, spark: Any, servers: str) -> None:
        self.spark, self.jvm = spark, spark.sparkContext._jvm
        self.admin = self.jvm.org.apache.kafka.clients.admin.Admin.create({"bootstrap.servers": servers})
        self.servers = servers

    def make(self, name: str, partitions: int = 1) -> None:
        new = self.jvm.org.apache.kafka.clients.admin.NewTopic(name, partitions, 1)
        self.admin.createTopics([new]).all().get()

    def drop(self, name: str) -> None:
        self.admin.deleteTopics([name]).all().get()

    def forget(self, name: str, before: int) -> None:
        """Messages of partition 0 before this offset go, as they do when the topic's time is up."""
        place = self.jvm.org.apache.kafka.common.TopicPartition(name, 0)
        # Its name stands for two methods, of which Py4J takes the other.
        wanted = self.jvm.java.lang.Class.forName("org.apache.kafka.clients.admin.RecordsToDelete")
        kinds = self._array(self.jvm.java.lang.Class, self.jvm.java.lang.Long.TYPE)
        number = self._array(self.jvm.java.lang.Object, self.jvm.java.lang.Long.valueOf(before))
        records = wanted.getMethod("beforeOffset", kinds).invoke(None, number)
        self.admin.deleteRecords({place: records}).all().get()

    def _array(self, kind: Any, one: Any) -> Any:
        array = self.spark.sparkContext._gateway.new_array(kind, 1)
        array[0] = one
        return array

    def send(self, name: str, *values: Any, partition: int = 0, key: str | None = None, **headers: str) -> None:
        rows = [
            (
                key and bytearray(key, "utf-8"),
                None if v is None else bytearray(v if isinstance(v, bytes) else json.dumps(v).encode()),
                partition,
                [(n, bytearray(t, "utf-8")) for n, t in headers.items()],
            )
            for v in values
        ]
        kind = "key binary, value binary, partition int, headers array<struct<key: string, value: binary>>"
        frame = self.spark.createDataFrame(rows, kind).coalesce(1)
        frame.write.format("kafka").option("kafka.bootstrap.servers", self.servers).option("topic", name).option(
            "includeHeaders", True
        ).save()


@pytest.fixture
def topics(spark: Any, broker: Any) -> Iterator[Topics]:
    made = Topics(spark, broker.servers)
    yield made
    made.admin.close()
