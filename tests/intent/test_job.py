"""The job `intent`: labels forward in time, and what it writes."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from onecart.errors import DataError, OneCartError

pytestmark = pytest.mark.job

ORDER = "customer_id STRING, order_ts TIMESTAMP, quantity INT"


def test_the_label_is_an_order_in_the_horizon_from_as_of_on(spark: Any) -> None:
    from onecart.intent.job import purchases
    from onecart.intent.training.labels import buys

    orders = [
        ("on_the_day", datetime(2011, 5, 1), 1),
        ("last_moment", datetime(2011, 5, 30, 23, 59), 1),
        ("too_late", datetime(2011, 5, 31), 1),
        ("before", datetime(2011, 4, 30, 23, 59), 1),
        ("returned", datetime(2011, 5, 2), -1),
        (None, datetime(2011, 5, 2), 1),
    ]
    events = purchases(spark.createDataFrame(orders, ORDER), "UTC")
    people = [(c, date(2011, 5, 1)) for c, _, _ in orders if c]
    found = buys(spark.createDataFrame(people, "customer_id STRING, as_of DATE"), events, horizon_days=30)
    assert sorted(r["customer_id"] for r in found.where("label = 1").collect()) == ["last_moment", "on_the_day"]


def test_the_job_learns_before_the_holdout_and_scores_as_of(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any]
) -> None:
    from onecart.contracts import contract
    from onecart.facts import write_facts
    from onecart.intent.job import run

    as_of, people = date(2011, 6, 1), 60
    days = [as_of - timedelta(days=30 * i) for i in (3, 2, 1, 0)]
    counts = [f.name for f in contract("gold.customer_features").schema.fields if f.name.endswith("d")]
    blank = dict.fromkeys((c for c in counts if c[0].isalpha()), 0.0)
    # Every third customer buys in every horizon, and visits before; who bought last says next to nothing.
    fill(
        "gold.customer_features",
        [
            {**blank, "customer_id": f"c{i}", "as_of": d, "visits_7d": float(i % 3 == 0), "days_since_order": float(i)}
            for d in days
            for i in range(people)
        ],
    )
    line = {"channel": "web", "sku": "s", "quantity": 1, "unit_price": Decimal(5), "amount": Decimal(5)}
    fill(
        "silver.orders",
        [
            {
                **{"order_line_id": f"{d}{i}", "order_id": f"{d}{i}", "order_ts": datetime(d.year, d.month, d.day, 12)},
                **{"record_id": f"r{i}", "currency": "GBP", "is_return": False, **line},
            }
            for d in days[:3]
            for i in range(0, people, 3)
        ],
    )
    link = {"probability": 1.0, "rule": "alone"}
    fill("gold.identity_links", [{"record_id": f"r{i}", "customer_id": f"c{i}", **link} for i in range(people)])

    ctx = context(as_of=as_of, intent={"model": "decision_tree", "horizon_days": 30})
    write_facts(ctx)
    result = run(ctx)

    assert result.headline == "AUC 1.00 by decision_tree (recency alone 0.53)"
    assert (result.rows_in, result.rows_out) == (240, 60)
    scores = {r["customer_id"]: r for r in lake.read("gold.intent_scores").collect()}
    assert {r["as_of"] for r in scores.values()} == {as_of}
    assert scores["c3"]["probability"] > 0.9 > 0.1 > scores["c4"]["probability"]
    assert (scores["c3"]["decile"], scores["c3"]["model_version"]) == (1, "intent.decision_tree@testrun")
    assert scores["c3"]["reasons"][0].startswith("1 visits in 7 days: raises the odds ")
    health = {(r["model"], r["metric"]): r["value"] for r in lake.read("gold.model_health").collect()}
    assert health["intent.decision_tree", "n"] == health["intent.recency", "n"] == people
    assert {("intent.decision_tree", m) for m in ("ece", "auc_low", "psi.visits_7d", "label_delay_days")} <= set(health)
    assert health["intent.decision_tree", "label_delay_days"] == 30
    (row,) = lake.read("gold.model_registry").collect()
    assert (row["role"], row["reason"]) == ("champion", "there is no champion")

    # A second run learns the same: no better than the champion, which goes on scoring. Drift beyond the limit: exit code 3.
    drifting = {"model": "decision_tree", "horizon_days": 30, "max_psi": 0.25}
    fill(
        "gold.customer_features",
        [
            {**r.asDict(), "days_since_order": r["days_since_order"] + 100 * (r["as_of"] == as_of)}
            for r in lake.read("gold.customer_features").collect()
        ],
    )
    with pytest.raises(
        DataError, match=r"^1 columns have .* by more than intent\.max_psi=0\.25: days_since_order"
    ) as e:
        run(context(run_id="second", as_of=as_of, intent=drifting))
    assert "intent.decision_tree@testrun stays" in e.value.result.headline
    roles = {r["model_version"]: r["role"] for r in lake.read("gold.model_registry").collect()}
    assert roles == {"intent.decision_tree@testrun": "champion", "intent.decision_tree@second": "challenger"}
    versions = {r["model_version"] for r in lake.read("gold.intent_scores").collect()}
    assert versions == {"intent.decision_tree@testrun"}
    # The figures are those of the model that scores, once.
    health = lake.read("gold.model_health").where("model = 'intent.decision_tree'")
    assert {r["model_version"] for r in health.collect()} == {"intent.decision_tree@testrun"}
    assert health.where("metric IN ('auc', 'psi.days_since_order')").count() == 2


def test_without_two_dates_that_have_an_outcome_the_error_says_so(
    fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., list[dict[str, Any]]]
) -> None:
    from onecart.intent.job import run

    fill("gold.customer_features", rows_of("gold.customer_features", {"as_of": date(2011, 5, 1)}))
    with pytest.raises(OneCartError, match=r"holds 2011-05-01; needed are 2011-06-01 and two dates"):
        run(context(as_of=date(2011, 6, 1)))


def test_deciles_hold_a_tenth_each_with_1_the_most_likely(spark: Any) -> None:
    from pyspark.sql import functions as F

    from onecart.intent.job import with_decile

    class Ready:
        def score(self, df: Any) -> Any:
            return df.withColumn("probability", F.col("p"))

        def explain(self, df: Any, top: int) -> Any:
            return self.score(df).withColumn(
                "reasons", F.expr(f"transform(sequence(1, {top}), i -> struct('x' AS sentence))")
            )

    rows = [(f"c{i}", date(2011, 6, 1), i / 100) for i in range(1, 41)]
    found = with_decile(spark.createDataFrame(rows, "customer_id STRING, as_of DATE, p DOUBLE"), Ready())
    assert {tuple(r["reasons"]) for r in found.collect()} == {("x", "x", "x")}
    deciles = [r["decile"] for r in found.orderBy(F.desc("probability")).collect()]
    assert deciles == sorted(deciles)
    assert all(3 <= deciles.count(d) <= 5 for d in range(1, 11))


def test_a_challenger_wins_only_beyond_noise() -> None:
    import numpy as np

    from onecart.intent.registry import verdict

    counts = np.array([500, 500])
    assert verdict(np.array([0.2, 0.1]), counts).wins
    even, worse = verdict(np.array([0.2, -0.199]), counts), verdict(np.array([-0.2, -0.1]), counts)
    assert (even.wins, even.reason) == (False, "no better than the champion beyond noise")
    assert (worse.wins, worse.reason) == (False, "worse than the champion")
    assert even.low < even.better_by < even.high


def test_mlflow_is_told_parameters_figures_with_their_ends_and_the_rules() -> None:
    from types import SimpleNamespace

    from onecart.intent.registry import _record

    told = {"importances": {"a": 1.0}, "gains": [], "partial": {}, "rules": lambda: "tree 1"}
    model: Any = SimpleNamespace(
        model="gbt",
        params={"maxIter": 7},
        curve=SimpleNamespace(method="platt"),
        metrics={"auc": 0.8},
        intervals={"auc_low": 0.7},
        **told,
    )
    record = _record(model)
    assert record.params == {"model": "gbt", "maxIter": 7, "calibration": "platt"}
    assert record.metrics == {"auc": 0.8, "auc_low": 0.7}
    assert record.documents == {"overview.json": {"importances": {"a": 1.0}, "gains": [], "partial": {}}}
    assert record.texts == {"rules.txt": "tree 1"}
