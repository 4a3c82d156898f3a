"""Rows with a value in every column that must have one, so that a table may get columns without breaking these tests."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from onecart.lake import contract

_ANY = {
    "string": "x",
    "int": 1,
    "long": 1,
    "double": 1.0,
    "boolean": False,
    "date": date(2011, 12, 1),
    "timestamp": datetime(2011, 12, 1),
    "money": Decimal(0),
}


@pytest.fixture
def rows_of() -> Callable[..., list[dict[str, Any]]]:
    """`rows_of("gold.segments", {"customer_id": "a"}, ...)`: the rows given, whole."""

    def whole(name: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
        needed = {c.name: _ANY[c.type] for c in contract(name).columns if not c.nullable}
        return [{**needed, **row} for row in rows]

    return whole
