"""Tables made before their contract changed are read as it is now, and brought up to it by the next write."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from onecart.contracts import CONTRACTS, contract
from onecart.lake import Lake

NAME = "silver.orders"
NOW = datetime(2011, 12, 1)


def order(line: str, quantity, **more) -> dict:
    row = {"order_line_id": line, "order_id": "o", "order_ts": NOW, "channel": "web", "sku": "s", "quantity": quantity}
    row |= {"unit_price": Decimal(5), "amount": Decimal(5), "currency": "GBP", "is_return": False}
    return row | more


@pytest.fixture
def as_before(monkeypatch):
    """Within it the contract is that of whole pieces: quantity is an int, and there is no unit."""

    def made(work) -> None:
        table = contract(NAME)
        columns = [replace(c, type="int") if c.name == "quantity" else c for c in table.columns if c.name != "unit"]
        with monkeypatch.context() as m:
            m.setitem(CONTRACTS, NAME, replace(table, columns=tuple(columns)))
            work()

    return made


@pytest.mark.parametrize("catalog", [None, "spark_catalog"])
def test_a_whole_number_becomes_a_decimal_with_rows_checks_and_layout_kept(spark, tmp_path, fill, as_before, catalog):
    def frame(*rows):
        schema = contract(NAME).schema
        return spark.createDataFrame([tuple(r.get(f) for f in schema.names) for r in rows], schema)

    lake = Lake(spark, str(tmp_path / "lake"), catalog)
    try:
        as_before(lambda: lake.append_once(NAME, frame(order("a", 2), order("b", 1)), "job", 1))
        before = lake.version(NAME)
        read = {r.order_line_id: (r.quantity, r.unit) for r in lake.read(NAME).collect()}
        assert read == {"a": (Decimal(2), None), "b": (Decimal(1), None)}
        again = Lake(spark, str(tmp_path / "lake"), catalog)
        again.upsert(NAME, frame(order("b", Decimal("1.5"), unit="kg")))
        read = {r.order_line_id: (r.quantity, r.unit) for r in again.read(NAME).collect()}
        assert read == {"a": (Decimal(2), None), "b": (Decimal("1.5"), "kg")}
        assert again.version(NAME) == before + 2  # one commit of the types, one of the row
        detail = again.delta(NAME).detail().first()
        assert detail.clusteringColumns == ["order_ts"]
        assert detail.properties.items() >= {"delta.constraints.price_not_negative": "unit_price >= 0"}.items()
        assert detail.properties["delta.dataSkippingStatsColumns"].startswith("order_line_id")
        found = again.delta(NAME).toDF().schema["quantity"]
        assert (found.dataType.simpleString(), found.metadata["comment"][:8]) == ("decimal(18,4)", "how many")
        with pytest.raises(Exception, match="quantity_given"):
            again.delta(NAME).update(set={"quantity": "null"})
    finally:
        if catalog:
            spark.sql("DROP SCHEMA IF EXISTS spark_catalog.silver CASCADE")


def test_a_reader_of_changes_reads_all_rows_of_a_rewritten_table_once(lake, fill, spark, followed, as_before):
    followed(NAME)

    def lines(version: int | None) -> list[str]:
        return sorted(r.order_line_id for r in lake.added_since(NAME, version).collect())

    schema = contract(NAME).schema
    rows = [spark.createDataFrame([tuple(order(i, Decimal(1)).get(f) for f in schema.names)], schema) for i in "ab"]
    as_before(lambda: fill(NAME, [order("old", 1)]))
    before = lake.version(NAME)
    lake.upsert(NAME, rows[0])
    assert lines(before) == ["a", "old"]
    now = lake.version(NAME)
    lake.upsert(NAME, rows[1])
    assert lines(now) == ["b"]
