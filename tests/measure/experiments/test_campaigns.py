"""What past campaigns brought: from decisions and orders to a row per metric."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

D = date(2011, 5, 1)
DECISION = "kind STRING, subject STRING, customer_id STRING, as_of DATE, decided_ts TIMESTAMP, decision STRING, propensity DOUBLE"
ORDER = "customer_id STRING, order_id STRING, order_ts TIMESTAMP, currency STRING, amount DECIMAL(18,4), quantity DECIMAL(18,4)"


def decision(customer: str, arm: str, days: int = 0, propensity: float = 0.8, kind: str = "campaign") -> tuple:
    day = D + timedelta(days=days)
    return kind, "spring", customer, day, datetime(day.year, day.month, day.day, 6), arm, propensity


def order(customer: str, number: str, day: int, amount: int, currency: str = "GBP") -> tuple:
    return customer, number, datetime(2011, 5, 1, 12) + timedelta(days=day), currency, Decimal(amount), Decimal(amount)


def test_the_first_decision_counts_and_the_excluded_do_not(spark: Any) -> None:
    from onecart.measure.experiments.campaigns import first_decisions

    log = [
        decision("a", "control", propensity=0.2),
        decision("a", "treated", days=7),
        decision("b", "treated"),
        decision("c", "excluded"),
        decision("d", "chosen", kind="content"),
    ]
    found = first_decisions(spark.createDataFrame(log, DECISION)).orderBy("customer_id").collect()
    assert [tuple(row) for row in found] == [("spring", "a", "control", D, 0.8), ("spring", "b", "treated", D, 0.8)]


def test_orders_count_from_the_day_of_the_decision_to_the_horizon(spark: Any) -> None:
    from onecart.config import Settings
    from onecart.measure.experiments.campaigns import first_decisions, outcomes

    decisions = first_decisions(
        spark.createDataFrame([decision("a", "treated"), decision("b", "control", propensity=0.2)], DECISION)
    )
    orders = [
        order("a", "o1", -400, 1),
        order("a", "o2", -1, 2),
        order("a", "o3", 0, 3),
        order("a", "o3", 0, 4),
        order("a", "o4", 9, 5),
        order("a", "o4c", 9, -5),
        order("a", "o5", 9, 6, "SEK"),
        order("a", "o6", 10, 7),
        order("x", "o7", 1, 8),
    ]
    spring = {"horizon_days": 10, "offers": {"a": {}}}
    settings = Settings.model_validate({"measure": {"horizon_days": 99}, "decide": {"campaigns": {"spring": spring}}})
    frame = outcomes(
        decisions,
        spark.createDataFrame(orders, ORDER),
        settings,
        as_of=date(2012, 1, 1),
        currency="GBP",
    )
    rows = {row["customer_id"]: row.asDict() for row in frame.collect()}
    figures = ("conversion", "orders", "revenue", "orders_before", "revenue_before", "segment")
    assert [rows["a"][name] for name in figures] == [1, 3, 7.0, 1, 2.0, "bought again"]
    assert [rows["b"][name] for name in figures] == [0, 0, 0.0, 0, 0.0, "never bought"]


@pytest.mark.job
def test_a_campaign_is_judged_and_one_without_control_is_not(
    lake: Any, fill: Any, context: Any, rows_of: Any, caplog: Any
) -> None:
    from onecart.measure.experiments.campaigns import write_experiment_results

    def drawn(campaign: str, n: int, arm: str, propensity: float) -> list[dict[str, Any]]:
        same = {"kind": "campaign", "subject": campaign, "as_of": D, "decision": arm, "propensity": propensity}
        return [{"decision_id": f"{campaign}{arm}{i}", "customer_id": f"{arm}{i}", **same} for i in range(n)]

    log = [
        *drawn("spring", 80, "treated", 0.8),
        *drawn("spring", 20, "control", 0.2),
        *drawn("flood", 5, "treated", 1.0),
    ]
    later = {"decision_id": "later", "subject": "today", "kind": "campaign", "customer_id": "treated1"}
    later |= {"as_of": date(2011, 6, 1), "decision": "treated", "propensity": 0.8}
    fill("gold.decision_log", rows_of("gold.decision_log", *log, later))
    bought = [f"treated{i}" for i in range(40)] + [f"control{i}" for i in range(5)]
    line = {"order_ts": datetime(2011, 5, 3), "quantity": 1, "amount": 10, "currency": "GBP"}
    orders = [{"order_line_id": c, "order_id": c, "customer_id": c, **line} for c in bought]
    fill("gold.customer_orders", rows_of("gold.customer_orders", *orders))
    words = write_experiment_results(context(as_of=date(2011, 6, 1)))
    rows = {(r["campaign"], r["segment"], r["metric"]): r for r in lake.read("gold.experiment_results").collect()}
    assert {key[:2] for key in rows} == {("spring", "all"), ("spring", "never bought")}
    found = rows["spring", "all", "conversion"]
    assert (found["treated"], found["control"], found["treated_mean"], found["control_mean"]) == (80, 20, 0.5, 0.25)
    assert (found["effect"], found["incremental"], found["sample_ratio_p"]) == pytest.approx((0.25, 20.0, 1.0))
    assert (found["complete"], found["trusted"], found["currency"]) == (True, True, None)
    assert "fewer than 10 units" in found["note"]
    assert (rows["spring", "all", "revenue"]["effect"], rows["spring", "all", "revenue"]["currency"]) == (2.5, "GBP")
    assert words == "1 of 1 campaigns moved conversion"
    assert "campaign 'flood' cannot be judged" in caplog.text


def test_a_campaign_whose_outcome_does_not_vary_has_moved_nothing():
    from onecart.measure.experiments.campaigns import _words

    row = {"segment": "all", "metric": "conversion", "trusted": True, "lo": float("nan"), "hi": float("nan")}
    assert _words([row, {**row, "lo": 0.01, "hi": 0.02}]) == "1 of 2 campaigns moved conversion"
