"""Conversion by day, dimension and step, and that it is the same conversion as that of the days."""

from datetime import date, datetime
from typing import Any

import pytest

D, NOON = date(2011, 5, 1), datetime(2011, 5, 1, 12)
SESSION = (
    "started_ts TIMESTAMP, channel STRING, visitor_id STRING, customer_id STRING, device_type STRING, campaign STRING, "
    "product_views LONG, cart_adds LONG, checkouts LONG, purchased BOOLEAN"
)
DAILY = "day DATE, channel STRING, visitors LONG, buyers LONG"


def test_every_dimension_shares_out_all_visits(spark: Any) -> None:
    from onecart.config import Shop
    from onecart.measure.conversion.breakdown import conversion_breakdown

    sessions = [
        (NOON, "web", "a", "a", "mobile", "spring", 1, 0, 0, False),
        (NOON, "web", "a", "a", "desktop", None, 2, 1, 1, True),
        (NOON, "app", "s1", None, None, None, 0, 0, 0, False),
        (NOON, "till", "b", "b", None, None, 0, 0, 0, True),
    ]
    rows = conversion_breakdown(
        spark.createDataFrame(sessions, SESSION),
        spark.createDataFrame([("a", "loyal")], "customer_id STRING, segment STRING"),
        spark.createDataFrame([(D, "till", 8, 2), (D, "online", 2, 1)], DAILY),
        Shop(channels={"till": "store", "app": "app"}),
    ).collect()
    found = {(r["dimension"], r["value"], r["step"]): (r["hits"], r["of"]) for r in rows}
    visits = {key[:2]: counts for key, counts in found.items() if key[2] == "visit"}
    assert visits == {
        ("channel", "web"): (1, 2),
        ("channel", "app"): (0, 1),
        ("device_type", "mobile"): (0, 1),
        ("device_type", "desktop"): (1, 1),
        ("device_type", "unknown"): (0, 1),
        ("campaign", "spring"): (0, 1),
        ("campaign", "none"): (1, 2),
        ("segment", "loyal"): (1, 2),
        ("segment", "unknown"): (0, 1),
        ("place", "online"): (1, 3),
    }
    steps = {key[2]: counts for key, counts in found.items() if key[:2] == ("channel", "web")}
    assert steps == {
        "product": (2, 2),
        "cart": (1, 2),
        "checkout": (1, 1),
        "purchase": (1, 1),
        "visit": (1, 2),
        "visitor": (1, 1),
    }
    assert found["place", "online", "visitor"] == (1, 2)
    assert found["place", "till", "visitor"] == found["channel", "till", "visitor"] == (2, 8)
    interval = next(r for r in rows if r["value"] == "till" and r["dimension"] == "place")
    assert (interval["rate"], interval["rate_low"], interval["rate_high"]) == pytest.approx(
        (0.25, 0.0715, 0.5907), abs=1e-4
    )
