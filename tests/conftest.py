"""One Spark session a worker (lazy: tests without Spark start no JVM), and a lake in a temp folder."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F
from pyspark.sql import types as T

FAST = {
    "spark.master": "local[1]",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "1",
    # Tiny frames: interpreting a plan costs less than compiling it, or than adapting it while it runs.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.maxPlanStringLength": "1000",
    "spark.driver.memory": "3g",
    # Room from the start: a heap and a metaspace that grow step by step cost a full collection at every step.
    "spark.driver.extraJavaOptions": ("-XX:+UseSerialGC -Xms1500m -Xmn600m -XX:MetaspaceSize=320m"),
    **json.loads(os.environ.get("ONECART_TEST_SPARK", "{}")),  # a lane of `./onecart test --all`
}
_ANY = {
    "string": "x",
    "int": 1,
    "long": 1,
    "double": 1.0,
    "boolean": False,
    "date": date(2011, 12, 1),
    "timestamp": datetime(2011, 12, 1),
    "money": Decimal(0),
    "quantity": Decimal(1),
    "names": {},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="the heavy tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow files first, so that two workers end at about the same time. Heavy tests wait for `--all`, unless files are named."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if _whole(config):
        return
    heavy = [item for item in items if item.get_closest_marker("heavy")]
    items[:] = [item for item in items if not item.get_closest_marker("heavy")]
    config.hook.pytest_deselected(items=heavy)


def _whole(config: pytest.Config) -> bool:
    named = [arg for arg in config.invocation_params.args if not str(arg).startswith("-") and ".py" in str(arg)]
    return config.getoption("--all") or bool(named)


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether a test that has a smaller twin in the gate is to run whole: with `--all`, or because its file was named."""
    return _whole(request.config)


@pytest.fixture(scope="session")
def spark_session(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from onecart.jars import CONNECTORS
    from onecart.spark import session

    # Two workers, or two checkouts, share no folder that Spark writes.
    scratch = {"spark.sql.warehouse.dir": "warehouse", "spark.local.dir": "spark"}
    folders = {key: str(tmp_path_factory.mktemp(name)) for key, name in scratch.items()}
    spark = session(nlp=True, sources=CONNECTORS, conf={**FAST, **folders})
    yield spark
    spark.stop()


@pytest.fixture
def spark(spark_session: Any) -> Any:
    """The suite's session; what a test cached is dropped after it."""
    yield spark_session
    spark_session.catalog.clearCache()


@pytest.fixture
def spread(spark: Any) -> Callable[..., Any]:
    """`for rows in spread(frame)`: the same rows in one partition, in two the other way round, and in seven with adaptive
    execution, Spark's own shuffles likewise: what is learned from them must be the same."""

    @contextmanager
    def settings(partitions: int, adaptive: bool) -> Iterator[None]:
        wanted = {"spark.sql.shuffle.partitions": str(partitions), "spark.sql.adaptive.enabled": str(adaptive).lower()}
        before = {key: spark.conf.get(key) for key in wanted}
        for key, value in wanted.items():
            spark.conf.set(key, value)
        try:
            yield
        finally:
            for key, value in before.items():
                spark.conf.set(key, value)

    def layouts(frame: Any) -> Iterator[Any]:
        columns = frame.columns
        for partitions, adaptive, rows in (
            (1, False, frame.orderBy(*columns).coalesce(1)),
            (2, False, frame.orderBy(*[F.desc(c) for c in columns]).repartition(2)),
            (7, True, frame.repartition(7, columns[0])),
        ):
            with settings(partitions, adaptive):
                yield rows

    return layouts


@pytest.fixture
def lake(spark: Any, tmp_path: Path) -> Any:
    from onecart.lake import Lake

    return Lake(spark, str(tmp_path / "lake"))


@pytest.fixture
def context(spark: Any, lake: Any) -> Callable[..., Any]:
    """`context(as_of=date(...), intent={...})` -> Context on the test's lake with conf/local.yaml and these settings."""
    from onecart.config import Settings, load
    from onecart.context import Context

    def make(run_id: str = "testrun", **changes: Any) -> Context:
        tree = load("local")[0].model_dump(by_alias=True)
        for key, value in changes.items():
            tree[key] = {**tree[key], **value} if isinstance(value, dict) else value
        tree["lake"] = {"root": lake.root}
        return Context(spark, lake, Settings.model_validate(tree), run_id)

    return make


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`followed("gold.segments")`: in this test the table keeps its changes, as those do that some job follows."""
    from onecart.contracts import CONTRACTS

    return lambda name: monkeypatch.setitem(CONTRACTS, name, replace(CONTRACTS[name], followed=True))


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    """A folder of tables that `fill` has written, and where each lies in it by what it holds."""
    return tmp_path_factory.mktemp("tables"), {}


@pytest.fixture
def fill(lake: Any, spark: Any, tables: tuple[Path, dict[str, Path]]) -> Callable[..., None]:
    """`fill("silver.orders", [{...}, ...])` writes rows given as dicts; columns left out are null.

    A fixture fills the same rows again for each test: from the second time on the table's folder is copied.
    """
    from onecart.contracts import contract

    folder, known = tables

    def write(name: str, rows: list[dict[str, Any]]) -> None:
        schema = contract(name).schema
        unknown = {k for r in rows for k in r} - set(schema.fieldNames())
        assert not unknown, f"{name} has no columns {unknown}"
        key, here = f"{name} {rows!r}", Path(lake.path(name))
        if key in known and not here.exists():
            shutil.copytree(known[key], here)
            return
        kinds = {T.DecimalType: Decimal, T.DoubleType: float}  # which take no whole number of Python's
        makes = {f.name: kinds[type(f.dataType)] for f in schema.fields if type(f.dataType) in kinds}
        plain = [{c: makes[c](v) if c in makes and isinstance(v, int) else v for c, v in r.items()} for r in rows]
        frame = spark.createDataFrame([tuple(r.get(f) for f in schema.fieldNames()) for r in plain], schema)
        if lake.exists(name):
            lake.replace(name, frame)
        else:
            # Half the time of `replace`: nothing has to be looked up that the rows would take the place of.
            lake.append_once(name, frame, "fill", 0)
            known[key] = shutil.copytree(here, folder / str(len(known)))

    return write


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., list[dict[str, Any]]]:
    """`rows_of("gold.segments", {"customer_id": "a"}, ...)`: the rows given, with a value in every column that must have
    one, so that a table may get columns without breaking a test."""
    from onecart.contracts import contract

    def whole(name: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
        needed = {c.name: _ANY[c.type] for c in contract(name).columns if not c.nullable}
        return [{**needed, **row} for row in rows]

    return whole
