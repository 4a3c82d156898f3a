"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the package: a feature and a table."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# A file, the line that is there already, and the lines that come after it.
_STEP = re.compile(r"In `([^`]+)`:\n\n```diff\n (.*)\n((?:\+.*\n)+)```$", re.MULTILINE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout with what a recipe touches."""
    for folder in ("lib", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def follow(recipe: str, checkout: Path) -> None:
    """Does what the section `recipe` of CONTRIBUTING.md says, and makes the pages anew."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.split(f"\n## {recipe}\n")[1].split("\n## ")[0]
    steps = _STEP.findall(section)
    assert 1 <= len(steps) <= 2, "one or two places"
    for file, line, added in steps:
        block = "".join(text.removeprefix("+") for text in added.splitlines(keepends=True))
        content = (checkout / file).read_text()
        assert content.count(f"\n{line}\n") == 1, f"{file} has no line '{line}', or several"
        (checkout / file).write_text(content.replace(f"\n{line}\n", f"\n{line}\n{block}"))
    environment = {**os.environ, "PYTHONPATH": str(checkout / "lib")}
    made = subprocess.run(
        [sys.executable, "-m", "onecart.front.docs"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert str(checkout / "docs" / "data-dictionary.md") in made.stdout.split()


def module(checkout: Path, name: str) -> ModuleType:
    """A module of the copy, beside the suite's own."""
    importlib.import_module(name)  # and with it those around it, which are to be the suite's
    file = checkout / "lib" / Path(*name.split(".")).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name], before = found, sys.modules.get(name)  # dataclasses look their module up
    try:
        spec.loader.exec_module(found)
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
    return found


def test_a_feature_is_in_the_data_dictionary_and_is_computed(
    copy: Path, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onecart.config import Behaviour, Shop
    from onecart.facts.sessionization import with_session

    follow("A feature", copy)
    dictionary = (copy / "docs" / "data-dictionary.md").read_text()
    assert "| `views_per_order` | double | product views / orders in 365 days, ratio; null: no orders |" in dictionary

    declared = module(copy, "onecart.contracts.base.features")
    monkeypatch.setitem(sys.modules, "onecart.contracts.base.features", declared)
    build = module(copy, "onecart.behaviour.features")
    rules, day = Behaviour(), datetime(2011, 5, 1)
    line = ("ann", "o1", day, None, "web", 1, Decimal(10), "mug", Decimal(10), "GBP", "UK", "l1")
    views = [(who, day, None, "web", "product_view", None, f"e{i}", None, None) for i, who in enumerate("aab")]
    views = [("ann" if who == "a" else "bob", *rest) for who, *rest in views]
    orders = spark.createDataFrame(
        [line],
        "customer_id STRING, order_id STRING, order_ts TIMESTAMP, received_ts TIMESTAMP, channel STRING, quantity INT, "
        "amount DECIMAL(18,4), sku STRING, unit_price DECIMAL(18,4), currency STRING, country STRING, order_line_id STRING",
    )
    events = spark.createDataFrame(
        views,
        "customer_id STRING, event_ts TIMESTAMP, received_ts TIMESTAMP, channel STRING, event_type STRING, "
        "session_key STRING, event_id STRING, campaign STRING, record_id STRING",
    )
    sources = build.Sources(
        orders=orders,
        events=with_session(events, rules, Shop()),
        tickets=spark.createDataFrame([], "customer_id STRING, opened_ts TIMESTAMP"),
        products=spark.createDataFrame([], "sku STRING, category STRING"),
        weather=spark.createDataFrame([], "day DATE, country STRING, temperature_c DOUBLE, rain_mm DOUBLE"),
        calendar=spark.createDataFrame([], "day DATE, country STRING, holiday STRING"),
    )
    rows = build.features(sources, [date(2011, 6, 1)], rules, Shop()).select("customer_id", "views_per_order").collect()
    assert {row.customer_id: row.views_per_order for row in rows} == {"ann": 2.0, "bob": None}


def test_a_table_is_known_to_the_pages_and_written_by_its_job(
    copy: Path,
    lake: Any,
    context: Callable[..., Any],
    fill: Callable[..., None],
    rows_of: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from onecart.contracts import CONTRACTS

    follow("A table", copy)
    dictionary, jobs = ((copy / "docs" / name).read_text() for name in ("data-dictionary.md", "jobs.md"))
    assert (
        "### gold.segment_sizes\n\nOne row: one segment on one day. Written by `decide`; key: `segment`." in dictionary
    )
    assert any(row.startswith("| `decide`") and "`gold.segment_sizes`" in row for row in jobs.splitlines())

    declared = {table.name: table for table in module(copy, "onecart.contracts.decide").DECIDE}
    monkeypatch.setitem(CONTRACTS, "gold.segment_sizes", declared["gold.segment_sizes"])
    customers = [{"customer_id": name, "orders": 0} for name in ("ann", "bob")]
    fill("gold.customer_profile", rows_of("gold.customer_profile", *customers))
    module(copy, "onecart.decide.job").run(context(as_of=date(2011, 12, 1)))
    rows = lake.read("gold.segment_sizes").collect()
    assert [(row.segment, row.customers, row.as_of) for row in rows] == [("browser", 2, date(2011, 12, 1))]
