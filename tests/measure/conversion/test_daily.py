"""Conversion by day and channel."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.job

SESSION = "started_ts TIMESTAMP, channel STRING, visitor_id STRING, purchased BOOLEAN"
ORDER = "order_id STRING, order_ts TIMESTAMP, channel STRING, quantity INT, amount DECIMAL(18,4), currency STRING"
DAY = (
    "day DATE, channel STRING, visitors LONG, buyers LONG, conversion_rate DOUBLE, orders LONG, "
    "revenue DECIMAL(18,4), currency STRING"
)
NOON, D = datetime(2011, 5, 1, 12), date(2011, 5, 1)


def conversion(
    spark: Any,
    sessions: list[tuple[Any, ...]],
    orders: list[tuple[Any, ...]],
    *footfall: tuple[Any, ...],
    channels: Any = None,
) -> Any:
    from onecart.config import Shop
    from onecart.measure.conversion import conversion_daily

    found = conversion_daily(
        spark.createDataFrame(sessions, SESSION),
        spark.createDataFrame(orders, ORDER),
        spark.createDataFrame(list(footfall), "day DATE, store_id STRING, visitors LONG"),
        currency="GBP",
        shop=Shop(channels=channels or {"store": "store"}),
    )
    return found.drop("rate_low", "rate_high")


def test_visitors_count_once_a_day_and_once_online(spark: Any) -> None:
    from chispa import assert_df_equality

    sessions = [
        (NOON, "web", "v1", False),
        (NOON, "web", "v1", True),
        (NOON, "web", "v2", False),
        (NOON, "app", "v1", False),
        (NOON, "store", "v3", True),
    ]
    orders = [
        ("o1", NOON, "web", 2, Decimal(10), "GBP"),
        ("o1", NOON, "web", 1, Decimal(5), "GBP"),
        ("o2", NOON, "web", -1, Decimal(-3), "GBP"),
        ("o3", NOON, "store", 1, Decimal(7), "EUR"),
    ]
    expected = spark.createDataFrame(
        [
            (D, "app", 1, 0, 0.0, 0, Decimal(0), "GBP"),
            (D, "online", 2, 1, 0.5, 1, Decimal(12), "GBP"),
            (D, "store", None, 1, None, 1, Decimal(0), "GBP"),
            (D, "web", 2, 1, 0.5, 1, Decimal(12), "GBP"),
        ],
        DAY,
    )
    assert_df_equality(conversion(spark, sessions, orders), expected, ignore_row_order=True, ignore_nullable=True)


def test_a_day_with_orders_and_no_visit_has_no_rate(spark: Any) -> None:
    found = conversion(spark, [], [("o1", NOON, "web", 1, Decimal(10), "GBP")]).collect()
    assert {(r["channel"], r["visitors"], r["conversion_rate"], r["orders"]) for r in found} == {
        ("web", None, None, 1),
        ("online", None, None, 1),
    }


def test_a_store_has_the_visitors_its_doors_counted(spark: Any) -> None:
    bought = [(NOON, "store", v, True) for v in ("v1", "v2")]
    later = datetime(2011, 5, 2, 12)
    found = conversion(
        spark, [*bought, (later, "store", "v3", True)], [], (D, "S1", 5), (D, "S2", 3), (later.date(), "S1", 0)
    )
    assert [(r["visitors"], r["buyers"], r["conversion_rate"]) for r in found.orderBy("day").collect()] == [
        (8, 2, 0.25),
        (None, 1, None),  # a counter that missed a buyer
    ]


def test_a_kiosk_is_one_of_the_stores_and_a_marketplace_has_revenue_alone(spark: Any) -> None:
    sessions = [(NOON, "till", "v1", True), (NOON, "kiosk", "v1", True), (NOON, "kiosk", "v2", True)]
    orders = [
        (f"o{n}", NOON, channel, 1, Decimal(5), "GBP") for n, channel in enumerate(("till", "kiosk", "marketplace"))
    ]
    kinds = {"till": "store", "kiosk": "store", "marketplace": "other"}
    found = conversion(spark, sessions, orders, (D, "S1", 8), channels=kinds).collect()
    assert {(r["channel"], r["visitors"], r["buyers"], r["conversion_rate"], r["revenue"]) for r in found} == {
        ("till", None, 1, None, 5),
        ("kiosk", None, 2, None, 5),
        ("stores", 8, 2, 0.25, 10),
        ("marketplace", None, 0, None, 5),
    }


def test_measure_says_the_online_conversion_and_what_it_leaves_out(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], caplog: Any
) -> None:
    from onecart.measure.job import run

    counts = dict.fromkeys(("duration_s", "events", "product_views", "searches", "cart_adds", "checkouts"), 0)
    visit = {"channel": "web", "started_ts": NOON, "ended_ts": NOON, "bounced": False, **counts}
    fill(
        "gold.sessions",
        [{"session_id": str(i), "visitor_id": str(i), "purchased": i == 0, **visit} for i in range(4)],
    )
    line = {"unit_price": Decimal(5), "amount": Decimal(5), "quantity": 1, "currency": "GBP", "is_return": False}
    order = {"order_id": "o1", "order_ts": NOON, "channel": "web", "sku": "s"}
    other = [{"order_line_id": code, **order, **line, "currency": code} for code in ("EUR", "SEK")]
    fill("silver.orders", [{"order_line_id": "l1", **order, **line}, *other])
    fill("silver.footfall", [{"day": D, "store_id": "S1", "visitors": 9}])
    result = run(context(shop={"rates": {"EUR": "0.8"}}))
    assert "revenue is in GBP; that of orders in SEK is left out" in caplog.text
    revenue = {(r["channel"], r["currency"]): r["revenue"] for r in lake.read("gold.conversion_daily").collect()}
    assert revenue == {("web", "GBP"): 9, ("online", "GBP"): 9, ("store", "GBP"): 0}
    assert result.headline == "conversion online 25.0%, store 0.0%"
    written = [f"gold.{t}" for t in ("conversion_daily", "conversion_breakdown", "conversion_changes", "attribution")]
    assert (result.rows_in, result.rows_out) == (4, sum(lake.count(name) for name in written))
    low, high = lake.read("gold.conversion_daily").where("channel = 'online'").select("rate_low", "rate_high").first()
    assert (low, high) == pytest.approx((0.0456, 0.6994), abs=1e-4)  # 1 of 4
    assert not lake.exists("gold.experiment_results")  # nothing to judge
