"""Uplift from past campaigns: outcomes after, features before, and scores for today."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.job
DAY = date(2011, 6, 8)
SENT = DAY - timedelta(days=40)


def test_an_example_has_what_was_known_before_and_what_came_after(spark: Any) -> None:
    from onecart.decide.uplift.write import examples

    log = spark.createDataFrame(
        [
            ("1", "a", SENT, "ten", "treated", 0.9, 30),
            ("2", "b", SENT, "ten", "control", 0.1, 30),
            ("3", "c", SENT, "ten", "treated", 0.9, 30),
            ("4", "d", SENT, "ten", "treated", 0.9, 30),
            ("5", "e", SENT, "ten", "treated", 0.9, 31),
        ],
        "decision_id STRING, customer_id STRING, as_of DATE, action STRING, decision STRING, propensity DOUBLE, horizon_days INT",
    )
    features = spark.createDataFrame(
        [("a", SENT, 1.0), ("a", DAY, 9.0), ("b", SENT, 2.0), ("c", SENT, 3.0), ("d", DAY, 4.0), ("e", SENT, 5.0)],
        "customer_id STRING, as_of DATE, orders_28d DOUBLE",
    )
    days = {"a": (0, 5), "b": (-1,), "c": (30,), "e": (30,)}
    orders = [(c, SENT + timedelta(days=n)) for c, some in days.items() for n in some]
    rows = examples(log, features, spark.createDataFrame(orders, "customer_id STRING, day DATE"))
    found = {r["orders_28d"]: (r["decision"], round(r["propensity_treated"], 9), r["bought"]) for r in rows.collect()}
    assert found == {
        1.0: ("treated", 0.9, 1),
        2.0: ("control", 0.9, 0),
        3.0: ("treated", 0.9, 0),
        5.0: ("treated", 0.9, 1),
    }


def test_the_job_learns_from_past_campaigns_and_scores_today(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    from onecart import models
    from onecart.decide.uplift.model import UpliftModel
    from onecart.decide.uplift.write import write_uplift_scores

    ctx = context(as_of=DAY, decide={"uplift": {"min_arm": 100}})
    assert write_uplift_scores(ctx).words == ""  # no campaign yet
    draw, n = np.random.default_rng(2), 1_000
    often, treated = draw.random(n) < 0.5, draw.random(n) < 0.5
    bought = draw.random(n) < 0.2 + 0.5 * often * treated
    who = [f"c{i}" for i in range(n)]
    fill("gold.customer_consent", rows_of("gold.customer_consent", *[
        {"customer_id": c, "purpose": "profiling", "channel": "any", "granted": i > 0} for i, c in enumerate(who)
    ]))  # fmt: skip
    log = [
        {"decision_id": c, "kind": "campaign", "subject": "june", "customer_id": c, "as_of": SENT, "action": "ten % off",
         "decided_ts": datetime(2011, 5, 1), "decision": "treated" if t else "control", "propensity": 0.5, "reason": "x",
         "versions": {}, "policy": "p", "run_id": "r"}
        for c, t in zip(who, treated, strict=True)
    ]  # fmt: skip
    fresh = {**log[1], "decision_id": "fresh", "as_of": DAY - timedelta(days=9), "action": "fresh"}  # not over yet
    fill("gold.decision_log", [*log, fresh])
    seen = [
        {"customer_id": c, "as_of": d, "orders_28d": float(o)}
        for d in (SENT, DAY)
        for c, o in zip(who, often, strict=True)
    ]
    fill("gold.customer_features", rows_of("gold.customer_features", *seen))
    sales = [
        {"order_line_id": c, "customer_id": c, "order_ts": datetime(2011, 5, 10), "quantity": 1}
        for c, b in zip(who, bought, strict=True)
        if b
    ]
    fill("gold.customer_orders", rows_of("gold.customer_orders", *sales))
    assert write_uplift_scores(ctx).words == "uplift of 1 offer"
    scores = lake.read("gold.uplift_scores").toPandas().set_index("customer_id")
    assert scores.heterogeneous.all()
    assert len(scores) == n - 1  # but the one who refused
    assert scores.treatment.unique().tolist() == ["ten % off"]
    by = scores.uplift.groupby(dict(zip(who, often, strict=True))).mean()
    assert by[True] == pytest.approx(0.5, abs=0.1)
    assert by[False] == pytest.approx(0, abs=0.1)
    (version,) = scores.model_version.unique()
    assert version == "uplift.ten___off-be3e5d9e@testrun"
    kept = models.load_text(ctx, version)
    assert UpliftModel.from_json(kept).features == ["orders_28d"]
    curve = lake.read("gold.uplift_curve").orderBy("point").toPandas()
    assert curve.share.iloc[[0, -1]].tolist() == [0, 1]
    assert curve.gain.iloc[-1] == pytest.approx(curve.chord.iloc[-1])
