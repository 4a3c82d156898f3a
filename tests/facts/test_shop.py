"""What the shop's settings say about rows."""

from typing import Any

import pytest

from onecart.config import Shop
from onecart.facts.shop import are_goods


@pytest.mark.parametrize(
    ("goods", "expected"),
    [
        (None, {"MUG-RED-01", "85123A", "POST", "カップ"}),
        ("^[0-9]{5}", {"85123A"}),
        ("^mug-|カップ", {"MUG-RED-01", "カップ"}),
    ],
)
def test_goods_are_what_the_setting_says_and_everything_without_it(
    goods: str | None, expected: set[str], spark: Any
) -> None:
    rows = spark.createDataFrame([("MUG-RED-01",), ("85123A",), ("POST",), ("カップ",), (None,)], "sku string")
    assert {r.sku for r in rows.where(are_goods(Shop(goods=goods))).collect()} == expected
