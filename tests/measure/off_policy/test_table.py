"""gold.policy_value: decisions, what came of them, and what simple policies would have brought."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from onecart.measure.off_policy.table import drawn, policy_sums, values_of, with_outcomes

DECISION = "decision_id string, kind string, subject string, customer_id string, as_of date, decision string, action string, propensity double"
ORDER = "customer_id string, order_ts timestamp, amount decimal(18,4), is_return boolean"
JUDGED = "kind string, subject string, as_of date, decision string, action string, propensity double, horizon_days int, bought double, revenue double"
STATE = "placement string, customer_id string, day date, trials long"
MAY = date(2011, 5, 1)


def test_outcomes_are_counted_alike_from_the_day_of_the_decision(spark: Any) -> None:
    decisions = [
        ("d1", "campaign", "spring", "a", MAY, "treated", "10%", 0.9),
        ("d2", "campaign", "spring", "b", MAY, "control", "10%", 0.1),
        ("d3", "campaign", "spring", "c", MAY, "excluded", None, 1.0),
        ("d4", "content", "home", "a", MAY, "chosen", "x", 0.5),
        ("d6", "content", "home", "b", MAY, "chosen", "x", 0.5),  # never came: no trial
        ("d7", "campaign", "summer", "a", MAY, "treated", "10%", 0.9),
        ("d5", "routing", "t", "a", MAY, "chosen", "support", 1.0),
    ]
    orders = [
        ("a", datetime(2011, 4, 30, 23), Decimal(99), False),
        ("a", datetime(2011, 5, 1, 1), Decimal(10), False),
        ("a", datetime(2011, 5, 14, 23), Decimal(5), False),
        ("a", datetime(2011, 5, 15, 0), Decimal(99), False),
        ("b", datetime(2011, 5, 3), Decimal(-4), True),
    ]
    state = spark.createDataFrame([("home", "a", MAY, 1), ("foot", "b", MAY, 1)], STATE)
    log = drawn(spark.createDataFrame(decisions, DECISION), state, {"summer": 2}, 14)
    found = with_outcomes(log, spark.createDataFrame(orders, ORDER), zone="UTC")
    assert {r["decision_id"]: (r["bought"], r["revenue"]) for r in found.collect()} == {
        "d1": (1.0, 15.0),
        "d2": (0.0, -4.0),
        "d4": (1.0, 15.0),
        "d7": (1.0, 10.0),  # by the campaign's own horizon
    }


def test_everyone_and_nobody_have_the_means_of_their_arms_and_the_better_one_may_go_live(spark: Any) -> None:
    draw, names = np.random.default_rng(2), JUDGED.replace(",", "").split()[::2]
    treated = draw.uniform(size=2_000) < 0.75
    bought = (draw.uniform(size=2_000) < np.where(treated, 0.4, 0.2)).astype(float)
    rows = [
        ("campaign", "spring", MAY, "treated" if t else "control", "10%", 0.75 if t else 0.25, 14, b, 7.0 * b)
        for t, b in zip(treated, bought, strict=True)
    ]
    rows += [("content", "home", MAY, "chosen", item, p, 14, 1.0, 1.0) for item, p in (("x", 0.8), ("y", 0.2))]
    judged = spark.createDataFrame(pd.DataFrame(rows, columns=names), JUDGED)
    sums = {(r["subject"], r["policy"]): r.asDict() for r in policy_sums(judged).collect()}
    assert [*sums] == [("spring", "everyone"), ("spring", "nobody"), ("home", "uniform")]
    everyone, revenue = values_of(sums["spring", "everyone"])
    assert everyone["value"] == pytest.approx(bought[treated].mean())
    assert everyone["current_value"] == pytest.approx(bought.mean())
    assert everyone["effective_sample"] == pytest.approx(treated.sum())
    assert (everyone["live"], everyone["decisions"], everyone["outcome"]) == (True, 2_000, "bought")
    assert revenue["value"] == pytest.approx(7 * everyone["value"])
    nobody = values_of(sums["spring", "nobody"])[0]
    assert nobody["value"] == pytest.approx(bought[~treated].mean())
    assert nobody["live"] is False
    assert nobody["lift_high"] < 0
    # The error is that of the difference of a mean and of one of its parts.
    share = (~treated).mean()
    error = np.sqrt(
        (1 - share) ** 2 * (bought[treated].var() / treated.sum() + bought[~treated].var() / (~treated).sum())
    )
    assert nobody["lift_high"] - nobody["lift"] == pytest.approx(1.96 * error, rel=0.02)
    too_few = values_of(sums["home", "uniform"])[0]
    assert (too_few["mean_weight"], too_few["trusted"], too_few["value"]) == (1.5625, False, None)


@pytest.mark.job
def test_decisions_are_judged_when_they_are_old_enough(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    from onecart.measure.off_policy.table import write_policy_value

    drawn = {"kind": "campaign", "subject": "spring", "as_of": MAY, "propensity": 0.5, "versions": {}}
    arms = [
        {**drawn, "decision_id": f"{arm}{n}", "customer_id": f"{arm}{n}", "decision": arm}
        for arm in ("treated", "control")
        for n in range(20)
    ]
    young = {**drawn, "decision_id": "young", "customer_id": "young", "decision": "treated", "as_of": date(2011, 5, 12)}
    fill("gold.decision_log", rows_of("gold.decision_log", *arms, young))
    order = {"customer_id": "treated0", "order_ts": datetime(2011, 5, 2), "amount": 8, "currency": "GBP"}
    fill("gold.customer_orders", rows_of("gold.customer_orders", order))
    assert write_policy_value(context(as_of=date(2011, 5, 14), measure={"horizon_days": 14})) == ""
    asked = {"min_effective_sample": 2, "horizon_days": 14}
    words = write_policy_value(context(as_of=date(2011, 5, 15), shop={"currency": "GBP"}, measure=asked))
    assert words == "0 of 4 policies proved better"
    rows = {(r["policy"], r["outcome"]): r for r in lake.read("gold.policy_value").collect()}
    everyone = rows["everyone", "revenue"]
    assert (everyone["value"], everyone["current_value"]) == pytest.approx((0.4, 0.2))
    assert (everyone["decisions"], everyone["last_day"], everyone["currency"]) == (40, MAY, "GBP")
    assert everyone["why"].startswith("not proved better")
