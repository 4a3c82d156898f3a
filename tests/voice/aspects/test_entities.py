"""Names in texts, and the products they stand for."""

from typing import Any

import pytest

from onecart.errors import UsageError
from onecart.voice import entities

CATALOGUE = [
    ("1", "RED RETROSPOT MUG", "Acme"),
    ("2", "RED RETROSPOT MUG, LARGE", "Acme"),
    ("3", "T-LIGHT HOLDER", "Lumi Co."),
    ("4", "T-LIGHT HOLDER ", None),
    ("5", "LAMP", None),
    ("6", None, "Paris"),
]
TEXT = "😀 My red retrospot mug, large & the T-light holders from ACME cost £12.50 (or 15 euros) in Paris; a lamp is no name."


def test_the_longest_name_counts_and_ties_are_told(spark: Any) -> None:
    catalogue = spark.createDataFrame(CATALOGUE, "sku STRING, description STRING, brand STRING")
    places = spark.createDataFrame([("Paris",), ("New York",)], "place STRING")
    texts = spark.createDataFrame([("a", TEXT), ("b", None), ("c", "")], "review_id STRING, text STRING")
    rows = entities(texts, catalogue, places=places).orderBy("start").collect()
    assert [(r.review_id, r.kind, r.text, r.sku, r.skus) for r in rows] == [
        ("a", "product", "red retrospot mug, large", "2", ["2"]),
        ("a", "product", "T-light holders", None, ["3", "4"]),
        ("a", "brand", "ACME", None, ["1", "2"]),
        ("a", "money", "£12.50", None, []),
        ("a", "money", "15 euros", None, []),
        ("a", "brand", "Paris", "6", ["6"]),  # of a brand and a place the brand
    ]
    assert all(TEXT[r.start : r.end] == r.text for r in rows)


def test_what_is_missing_is_named(spark: Any) -> None:
    texts = spark.createDataFrame([], "review_id STRING, text STRING")
    with pytest.raises(UsageError, match="the catalogue has no column 'sku'"):
        entities(texts, spark.createDataFrame([], "description STRING"))
    with pytest.raises(UsageError, match="the catalogue has no column 'description'"):
        entities(texts, spark.createDataFrame([], "sku STRING"))
    with pytest.raises(UsageError, match="no column 'ticket_id'"):
        entities(texts, spark.createDataFrame([], "sku STRING, brand STRING"), key="ticket_id")
