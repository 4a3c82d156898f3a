"""A table followed as a stream: each row once, and from the start again where the table has lost its past."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from onecart.contracts import contract

TABLE = "gold.segments"


@pytest.fixture(autouse=True)
def changes(followed):
    followed(TABLE)


def add(lake: Any, *customers: str) -> None:
    rows = [(c, "new", False, date(2011, 6, 1)) for c in customers]
    schema = "customer_id STRING, segment STRING, reachable BOOLEAN, as_of DATE"
    lake.upsert(TABLE, lake.spark.createDataFrame(rows, schema), update_if=None)


@pytest.fixture
def told() -> list[tuple[int, str, list[str]]]:
    """(number, stream, customers) of each batch."""
    return []


@pytest.fixture
def follow(lake: Any, told: list[Any]) -> Callable[[], bool]:
    from onecart.live.stream import follow

    def apply(batch: Any, number: int, stream: str) -> None:
        told.append((number, stream, sorted(r["customer_id"] for r in batch.collect())))

    return lambda: follow(lake, TABLE, "test", apply, every_seconds=None)


def vacuumed(lake: Any) -> None:
    from onecart.lake.purge import erasing

    lake.optimize(TABLE)
    with erasing(lake.spark):
        lake.vacuum(TABLE, 0)


def purged(lake: Any) -> None:
    from onecart.lake.purge import erasing, purge

    with erasing(lake.spark):
        purge(lake, TABLE, 0)


@pytest.mark.parametrize("lose", [vacuumed, purged])
def test_rows_come_once_and_all_again_where_the_table_has_lost_its_past(
    lake: Any, follow: Any, told: list[Any], lose: Callable[..., None]
) -> None:
    add(lake, "a")
    assert [follow(), follow()] == [False, False]
    for customer in "bc":
        add(lake, customer)
    lose(lake)
    assert follow() is True
    (first, one, a), (again, other, everyone) = told[0], told[-1]
    assert (first, a, again, everyone) == (0, ["a"], 0, ["a", "b", "c"])
    assert one != other
    assert follow() is False


def test_rows_come_all_again_where_the_table_got_wider_types(lake: Any, told: list[Any], monkeypatch: Any) -> None:
    from onecart.contracts import CONTRACTS
    from onecart.lake import Lake
    from onecart.live.stream import follow

    def apply(batch: Any, number: int, stream: str) -> None:
        told.append((number, stream, sorted(r["customer_id"] for r in batch.collect())))

    def with_type(kind: str) -> Any:
        columns = [replace(c, type=kind) if c.name == "recency_score" else c for c in contract(TABLE).columns]
        monkeypatch.setitem(CONTRACTS, TABLE, replace(contract(TABLE), columns=tuple(columns)))
        return Lake(lake.spark, lake.root)

    for kind, customer in (("int", "a"), ("quantity", "b")):
        now = with_type(kind)
        add(now, customer)
        assert follow(now, TABLE, "test", apply, every_seconds=None) is (kind == "quantity")
    assert [customers for _, _, customers in told] == [["a"], ["a", "b"]]


def test_rows_that_change_or_go_are_not_told_of(lake: Any, follow: Any, told: list[Any]) -> None:
    add(lake, "a", "b")
    follow()
    lake.delta(TABLE).delete("customer_id = 'a'")
    lake.delta(TABLE).update("customer_id = 'b'", {"segment": "'loyal'"})
    add(lake, "c")
    assert follow() is False
    assert [customers for _, _, customers in told] == [["a", "b"], ["c"]]


def test_an_error_of_a_batch_comes_back_as_it_was_raised_and_the_batch_comes_again(
    lake: Any, follow: Any, told: list[Any]
) -> None:
    from onecart.errors import DataError
    from onecart.live.stream import follow as plain

    add(lake, "a")

    def fails(batch: Any, number: int, stream: str) -> None:
        raise DataError("no good")

    with pytest.raises(DataError, match=r"^no good$"):
        plain(lake, TABLE, "test", fails, every_seconds=None)
    assert follow() is False
    assert [(number, customers) for number, _, customers in told] == [(0, ["a"])]
