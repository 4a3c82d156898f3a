"""The funnel: steps, drop-off, conversion rates online and offline."""

from datetime import date, datetime
from typing import Any

SESSION = (
    "started_ts TIMESTAMP, channel STRING, device_type STRING, campaign STRING, visitor_id STRING, product_views LONG, "
    "cart_adds LONG, checkouts LONG, purchased BOOLEAN"
)
FOOTFALL = "day DATE, store_id STRING, visitors LONG"
D = date(2011, 5, 1)


def rows_of(
    spark: Any, sessions: list[tuple[Any, ...]], footfall: list[tuple[Any, ...]] = (), channels: Any = None
) -> list[dict[str, Any]]:  # type: ignore[assignment]
    from onecart.behaviour.funnel import funnel
    from onecart.config import Shop

    frames = spark.createDataFrame(sessions, SESSION), spark.createDataFrame(list(footfall), FOOTFALL)
    found = funnel(*frames, Shop(channels=channels or {"store": "store"}))
    return [r.asDict() for r in found.orderBy("day", "channel", "device_type", "campaign").collect()]


def visit(clock: str, visitor: str, *steps: Any, device: str | None = "mobile", campaign: str | None = None) -> Any:
    when = datetime.fromisoformat(f"2011-05-01 {clock}")
    return (when, "web", device, campaign, visitor, *steps)


def store(visitor: str) -> tuple[Any, ...]:
    return (datetime(2011, 5, 1, 12), "store", None, None, visitor, 0, 0, 0, True)


def test_each_step_is_a_share_of_the_one_before(spark: Any) -> None:
    (row,) = rows_of(
        spark,
        [
            visit("10:00", "a", 3, 2, 1, True),
            visit("11:00", "a", 0, 0, 0, False),
            visit("12:00", "b", 1, 1, 0, False),
            visit("23:59", "c", 1, 0, 0, False),
        ],
    )
    counts = ("visits", "product_visits", "cart_visits", "checkout_visits", "purchase_visits", "visitors", "buyers")
    assert tuple(row[c] for c in counts) == (4, 3, 2, 1, 1, 3, 1)
    rates = ("product_rate", "cart_rate", "checkout_rate", "purchase_rate", "conversion_rate")
    assert tuple(row[r] for r in rates) == (3 / 4, 2 / 3, 1 / 2, 1.0, 1 / 4)
    assert (row["visitor_conversion_rate"], row["footfall"]) == (1 / 3, None)


def test_a_visit_that_went_further_has_passed_the_steps_before(spark: Any) -> None:
    (row,) = rows_of(spark, [visit("10:00", "a", 0, 0, 0, True), visit("10:00", "b", 0, 0, 1, False)])
    assert (row["product_visits"], row["cart_visits"], row["checkout_visits"], row["purchase_visits"]) == (2, 2, 2, 1)


def test_devices_and_campaigns_have_rows_of_their_own(spark: Any) -> None:
    found = rows_of(
        spark,
        [
            visit("10:00", "a", 1, 0, 0, False, campaign="sale"),
            visit("10:00", "b", 0, 0, 0, False),
            visit("10:00", "c", 0, 0, 0, False, device=None),
        ],
    )
    keys = [(r["device_type"], r["campaign"], r["visits"], r["cart_rate"]) for r in found]
    assert keys == [(None, None, 1, None), ("mobile", None, 1, None), ("mobile", "sale", 1, 0.0)]


def test_a_store_converts_the_people_counted_at_its_doors(spark: Any) -> None:
    (row,) = rows_of(spark, [store("a"), store("a"), store("b")], [(D, "S1", 6), (D, "S2", 4)])
    found = tuple(row[c] for c in ("visits", "footfall", "conversion_rate", "visitor_conversion_rate"))
    assert found == (3, 10, 0.3, 0.2)


def test_nobody_counted_or_a_broken_counter_is_no_rate_and_a_day_without_buyers_is_zero(spark: Any) -> None:
    (uncounted,) = rows_of(spark, [store("a")])
    (broken,) = rows_of(spark, [store("a"), store("b")], [(D, "S1", 1)])
    assert [(r["footfall"], r["conversion_rate"]) for r in (uncounted, broken)] == [(None, None)] * 2
    (idle,) = rows_of(spark, [], [(D, "S1", 5)])
    assert (idle["channel"], idle["visits"], idle["conversion_rate"], idle["product_rate"]) == ("store", 0, 0.0, None)


def test_several_stores_share_the_doors(spark: Any) -> None:
    at_till = visit("10:00:00", "v1", 0, 0, 0, True, device=None)
    sessions = [(at_till[0], channel, *at_till[2:]) for channel in ("till", "kiosk")]
    found = rows_of(spark, sessions, [(D, "S1", 4)], {"till": "store", "kiosk": "store"})
    assert [(r["channel"], r["purchase_visits"], r["visitor_conversion_rate"]) for r in found] == [
        ("kiosk", 1, None),
        ("stores", 2, 0.25),
        ("till", 1, None),
    ]
