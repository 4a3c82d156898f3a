"""Missing values by their column's policy, wrong clocks, and values far from those of their group."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from onecart.config import Anomaly, Missing, Quality
from onecart.contracts import contract
from onecart.errors import UsageError
from onecart.quality import job as clean
from onecart.quality.shop_rules.anomalies import scales, with_deviations
from onecart.quality.shop_rules.own_rules import require_rules
from onecart.quality.shop_rules.repairs import with_clock, with_values

HEADER = "Receipt No.;Date/Time;Item Code;Item Description;QTY;Unit Price (GBP);Loyalty Card No;Country;Origin"


def test_a_policy_fills_from_the_rows_group(spark: Any) -> None:
    known = [("a", Decimal(2), "x"), ("a", Decimal(3), "y"), ("a", Decimal(9), "y"), ("b", None, None)]
    rows = spark.createDataFrame([*known, ("a", None, None)], "sku string, unit_price decimal(18,4), unit string")
    policies = {
        "unit_price": Missing(action="impute", by=("sku",)),
        "unit": Missing(action="impute"),
        "country": Missing(action="default", value="France"),
        "sku": Missing(action="flag"),
        "record_id": Missing(action="reject"),  # the feed has none: nothing to look at
    }
    filled = with_values(rows, contract("silver.orders"), policies, None)
    found = {(r.sku, r.unit_price, r.unit, r.country, r.missed_unit_price) for r in filled.collect()}
    assert found == {
        *((sku, price, unit, "France", False) for sku, price, unit in known[:3]),
        ("b", None, "y", "France", False),  # no price of b is known
        ("a", Decimal(3), "y", "France", True),
    }


def test_what_happens_after_it_was_received_has_a_wrong_clock(spark: Any) -> None:
    noon = datetime(2024, 3, 1, 12)
    times = [(i, noon.replace(hour=h), noon, noon.replace(minute=5)) for i, h in enumerate((11, 12, 13))]
    times.append((3, noon.replace(year=2030), noon, noon))  # no clock is so wrong: the rules refuse it
    frame = spark.createDataFrame(times, "i int, event_ts timestamp, received_ts timestamp, ingested_ts timestamp")
    found = {r.i: (r.event_ts, r.clock_ahead) for r in with_clock(frame, 300).collect()}
    assert found == {
        0: (noon.replace(hour=11), False),
        1: (noon, False),
        2: (noon, True),
        3: (noon.replace(year=2030), False),
    }


def test_a_group_is_judged_by_median_and_median_absolute_deviation(spark: Any) -> None:
    prices = [("a", float(p)) for p in (1, 2, 3, 4, 5, 6, 1000)] + [("still", 10.0)] * 7 + [("few", 1.0), ("few", 9.0)]
    rows = spark.createDataFrame(prices, "sku string, unit_price double")
    odd = Anomaly(name="odd", value="unit_price", by=("sku",), limit=8, min_rows=3)
    assert {r.sku: (r.middle, r.scale) for r in scales(rows, odd).collect()} == {
        "a": (4.0, pytest.approx(1.4826 * 2)),
        "still": (10.0, pytest.approx(0.1)),
    }
    far = with_deviations(rows, [odd], None).where("deviation_odd > 8").collect()
    assert [(r.sku, r.unit_price) for r in far] == [("a", 1000.0)]
    new = spark.createDataFrame([("still", 11.0), ("still", 10.5), ("few", 99.0)], rows.schema)
    told = {r.unit_price: r.deviation_odd for r in with_deviations(new, [odd], rows).collect()}
    assert told == {11.0: pytest.approx(10), 10.5: pytest.approx(5), 99.0: None}


def test_settings_that_fit_no_column_are_named(spark: Any) -> None:
    wrong: dict[str, dict[str, Any]] = {
        r"quality.missing.orders.contry: silver.orders has no column .* 'country'\?": {
            "missing": {"orders": {"contry": {"action": "flag"}}}
        },
        "the default 'many' is no decimal": {
            "missing": {"orders": {"quantity": {"action": "default", "value": "many"}}}
        },
        "sku of silver.orders holds no numbers": {"anomalies": {"orders": [{"name": "odd", "value": "sku"}]}},
        "no table silver.order;": {"missing": {"order": {}}},
    }
    for said, settings in wrong.items():
        with pytest.raises(UsageError, match=said):
            require_rules(spark, Quality(**settings))
    with pytest.raises(ValueError, match="`value` goes with `action: default`"):
        Missing(action="flag", value="x")


@pytest.mark.job
def test_repairs_leave_flags_in_silver_and_are_counted(feeds: Any, deliver: Any, lake: Any) -> None:
    quality = {
        "missing": {
            "orders": {
                "unit_price": {"action": "impute", "by": ["sku"]},
                "card_id": {"action": "flag"},
                "country": {"action": "reject"},
            }
        },
        "anomalies": {"orders": [{"name": "odd_price", "value": "unit_price", "by": ["sku"], "min_rows": 2}]},
    }
    ctx = feeds("store_receipts", quality=quality)
    sold = "{};01/12/2010 08:26;A;HEART;2;{};{};{};real"
    first = [
        sold.format("o1", "2", "c", "France"),
        sold.format("o2", "", "c", "France"),
        sold.format("o3", "2", "c", ""),
    ]
    deliver("store_receipts", first, HEADER)
    clean.run(ctx)
    rows = {r.order_id: (r.amount, r.flags) for r in lake.read("silver.orders").collect()}
    assert rows == {"o1": (4, None), "o2": (4, ["imputed_unit_price"])}
    assert [r.rule for r in lake.read("ops.quarantine").collect()] == ["no_country"]
    told = {r.column for r in lake.read("ops.feed_columns").where("kind = 'rule'").collect()}
    assert told == {"imputed_unit_price", "no_country"}
    deliver("store_receipts", [sold.format("o4", "250", "", "France")], HEADER, file="g", day=1)
    clean.run(ctx)
    rows = {r.order_id: r.flags for r in lake.read("silver.orders").collect()}
    assert rows["o4"] == ["missing_card_id", "odd_price"]
