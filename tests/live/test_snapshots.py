"""Training rows of visits: nothing after the moment is looked at, and the outcome is what came after it."""

from datetime import datetime, timedelta
from typing import Any

EVENT = (
    "event_id STRING, event_ts TIMESTAMP, received_ts TIMESTAMP, channel STRING, event_type STRING, record_id STRING, "
    "session_key STRING, device_type STRING, campaign STRING, customer_id STRING, sku STRING, query STRING"
)
START = datetime(2011, 5, 1, 10)
KINDS = ("page_view", "search", "product_view", "add_to_cart", "checkout", "purchase")


def event(visit: str, nth: int, kind: str, campaign: str | None = None) -> tuple[Any, ...]:
    when = START + timedelta(minutes=7 * nth)
    return (f"{visit}{nth}", when, None, "web", kind, "r", visit, "mobile", campaign, "c", f"s{nth % 3}", f"q{nth % 2}")


def visits() -> list[tuple[Any, ...]]:
    """Twelve visits: the even ones buy with their sixth event and look on, the others leave before."""
    bought = [event(f"v{i}-", n, KINDS[n % 6]) for i in range(0, 12, 2) for n in range(8)]
    left = [event(f"v{i}-", n, KINDS[n % 5]) for i in range(1, 12, 2) for n in range(1 + i // 2)]
    return bought + left


def taken(spark: Any, rows: list[tuple[Any, ...]], seed: int = 7) -> dict[str, dict[str, Any]]:
    from onecart.config import Behaviour, Shop
    from onecart.facts.sessionization import with_session
    from onecart.live.snapshots import snapshots

    found = snapshots(
        with_session(spark.createDataFrame(rows, EVENT), Behaviour(), Shop(channels={"store": "store"})), seed=seed
    ).collect()
    by_visit = {r["session_id"]: r.asDict() for r in found}
    assert len(by_visit) == len(found)
    return by_visit


def test_each_visit_is_seen_once_before_its_purchase_and_its_outcome_is_what_came_after(spark: Any) -> None:
    found = taken(spark, visits())
    assert {key: row["bought"] for key, row in found.items()} == {f"web:v{i}-0": int(i % 2 == 0) for i in range(12)}
    assert all(1 <= row["events"] <= 5 for row in found.values())
    assert len({row["events"] for row in found.values()}) > 2
    assert all(row["duration_s"] == 420 * (row["events"] - 1) for row in found.values())
    assert taken(spark, visits(), seed=8) != found


def test_no_event_after_the_moment_changes_a_feature(spark: Any) -> None:
    rows, outcome = visits(), ("bought",)
    full = taken(spark, rows)
    until = {key.removeprefix("web:")[:-1]: row["events"] for key, row in full.items()}
    short = taken(spark, [r for r in rows if int(r[0].split("-")[1]) < until[r[6]]])
    assert {row["bought"] for row in short.values()} == {0}
    for key, row in full.items():
        assert {k: v for k, v in short[key].items() if k not in outcome} == {
            k: v for k, v in row.items() if k not in outcome
        }


def test_a_visit_cut_short_does_not_run_into_the_next_one(spark: Any) -> None:
    # The second campaign begins a visit only because an event of the first, perhaps after its moment, named another.
    first = [event("a", n, "page_view", "spring" if n == 3 else None) for n in range(4)]
    second = [(*event("b", n, "page_view", "sale")[:6], "a", *event("b", n, "page_view", "sale")[7:]) for n in (4, 5)]
    found = [taken(spark, first + second, seed) for seed in (7, 8)]
    assert all(set(rows) == {"web:a0", "web:b4"} for rows in found)
    assert {rows["web:a0"]["campaign"] for rows in found} == {None, "spring"}


def test_who_only_buys_and_who_is_no_online_visitor_teaches_nothing(spark: Any) -> None:
    store = ("s0", START, None, "store", "page_view", "r", "s", *[None] * 2, "c", None, None)
    assert taken(spark, [event("a", 0, "purchase"), event("a", 1, "page_view"), store]) == {}
