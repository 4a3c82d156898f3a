"""Visits of a stream: micro-batches in the order of events end where the nightly job does."""

from datetime import datetime, timedelta
from typing import Any

import pytest

EVENT = (
    "event_id STRING, event_ts TIMESTAMP, received_ts TIMESTAMP, channel STRING, event_type STRING, record_id STRING, "
    "session_key STRING, device_type STRING, campaign STRING, customer_id STRING, sku STRING, query STRING"
)
START = datetime(2011, 5, 1, 22, 30)


def stream() -> list[tuple[Any, ...]]:
    """Sixty events of three keys, with silences, a midnight, changing campaigns and devices."""
    kinds = ("product_view", "page_view", "search", "product_view", "add_to_cart", "purchase")
    rows, when = [], START
    for i in range(60):
        when += timedelta(minutes=(i * 7) % 13 + (40 if i % 11 == 5 else 0), seconds=i)
        key, campaign = f"k{i % 3}", (None, "spring", None, "sale")[i // 8 % 4]
        device = ("mobile", None)[i % 2]
        rows.append(
            (f"e{i:02}", when, None, "web", kinds[i % 6], "r", key, device, campaign, "c", f"s{i % 4}", f"q{i % 3}")
        )
    return rows


@pytest.mark.parametrize(("sizes", "rules"), [((7, 60), {}), ((1, 2, 20, 60), {"cut_at_midnight": False})])
def test_batches_in_order_make_the_sessions_of_all_events(spark: Any, sizes: tuple[int, ...], rules: Any) -> None:
    from chispa import assert_df_equality

    from onecart.behaviour.live import STATE, as_sessions, update
    from onecart.behaviour.session_metrics import online_sessions
    from onecart.config import Behaviour, Shop
    from onecart.facts.sessionization import with_session

    rows, conf = stream(), Behaviour(**rules)
    visits, start = spark.createDataFrame([], STATE), 0
    for end in sizes:
        visits = update(visits, spark.createDataFrame(rows[start:end], EVENT), conf, Shop()).localCheckpoint()
        start = end
    expected = online_sessions(with_session(spark.createDataFrame(rows, EVENT), conf, Shop()))
    assert expected.count() > 6
    assert_df_equality(as_sessions(visits), expected, ignore_row_order=True, ignore_nullable=True)


def test_a_late_event_joins_its_visit_and_silence_closes_one(spark: Any) -> None:
    from onecart.behaviour.live import STATE, still_open, update
    from onecart.config import Behaviour, Shop

    def events(*rows: tuple[str, int]) -> Any:
        made = [
            (i, START + timedelta(minutes=m), None, "web", "page_view", "r", "k", *[None] * 2, "c", None, None)
            for i, m in rows
        ]
        return spark.createDataFrame(made, EVENT)

    conf = Behaviour()
    visits = update(spark.createDataFrame([], STATE), events(("a", 0), ("c", 20)), conf, Shop())
    visits = update(visits, events(("b", 10), ("d", 60)), conf, Shop())
    found = visits.select("first_event", "events", still_open(START + timedelta(minutes=60), conf)).collect()
    assert sorted(tuple(r) for r in found) == [("a", 3, False), ("d", 1, True)]
