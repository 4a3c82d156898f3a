"""Contracts: what fits a table and what the error says."""

import pytest
from chispa import assert_df_equality
from pyspark.sql import types as T

from onecart.contracts import CONTRACTS, Column, ContractError, Table, contract
from onecart.errors import UsageError

SHOP = Table(
    "gold.shop",
    "one shop",
    "test",
    (
        Column("shop_id", "string", "shop", nullable=False),
        Column("visits", "long", "visits", nullable=False),
        Column("revenue", "money", "sales"),
        Column("owner", "string", "name of the owner", pii=True),
    ),
    key=("shop_id",),
    checks={"visits_positive": "visits >= 0"},
)


def test_conform_orders_widens_and_fills_nullable_columns(spark):
    df = spark.createDataFrame([(3, "a")], "visits int, shop_id string")
    expected = spark.createDataFrame([("a", 3, None, None)], SHOP.schema)
    assert_df_equality(SHOP.conform(df), expected, ignore_nullable=True, ignore_metadata=True)


def test_what_does_not_fit_is_named(spark):
    df = spark.createDataFrame([("a", "x", 1)], "shop_id string, revenue string, vists long")
    with pytest.raises(ContractError) as e:
        SHOP.conform(df)
    assert "missing column 'visits' (long: visits); did you mean 'vists'?" in str(e.value)
    assert "unknown column 'vists'; did you mean 'visits'?" in str(e.value)
    assert "column 'revenue' is string, the contract says decimal(18,4)" in str(e.value)


def test_statistics_never_hold_personal_data():
    for table in CONTRACTS.values():
        kept = table.properties()["delta.dataSkippingStatsColumns"].split(",")
        assert not set(kept) & set(table.pii), table.name


def test_every_table_has_a_key_and_every_column_a_meaning():
    for table in CONTRACTS.values():
        names = table.schema.fieldNames()
        assert table.key, table.name
        assert {*table.key, *table.partition_by, *table.cluster_by} <= set(names), table.name
        assert len(set(names)) == len(names), table.name
        assert all(c.comment for c in table.columns), table.name


def test_unknown_table_names_the_nearest():
    with pytest.raises(UsageError, match=r"did you mean 'silver\.orders'"):
        contract("silver.order")
    assert isinstance(contract("bronze.anything").schema, T.StructType)
