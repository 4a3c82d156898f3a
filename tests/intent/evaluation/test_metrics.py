"""Figures of a ranking against naive loops."""

import math
import random
from typing import Any

import pytest


def rows(ties: bool) -> list[tuple[float, float, float]]:
    draw = random.Random(3)
    scores = [round(draw.uniform(-3, 3), 1 if ties else 3) for _ in range(200)]
    chances = [1 / (1 + 2.718281828459045**-s) for s in scores]
    return [(s, p, float(draw.random() < p)) for s, p in zip(scores, chances, strict=True)]


@pytest.mark.parametrize("ties", [False, True])
def test_metrics_agree_with_naive_loops(spark: Any, ties: bool) -> None:
    from pyspark.sql import functions as F

    from onecart.intent.evaluation.metrics import metrics

    data = rows(ties)
    frame = spark.createDataFrame(data, "s DOUBLE, p DOUBLE, y DOUBLE")
    found = metrics(frame, score=F.col("s"), label="y", probability=F.col("p"))

    good, bad = [s for s, _, y in data if y], [s for s, _, y in data if not y]
    pairs = [1.0 if g > b else 0.5 if g == b else 0.0 for g in good for b in bad]
    assert found["auc"] == pytest.approx(sum(pairs) / len(pairs))
    precision_at = {s: [y for other, _, y in data if other >= s] for s in good}
    average = sum(sum(precision_at[s]) / len(precision_at[s]) for s in good) / len(good)
    assert found["average_precision"] == pytest.approx(average)
    assert found["brier"] == pytest.approx(sum((p - y) ** 2 for _, p, y in data) / len(data))
    assert (found["n"], found["positives"], found["prevalence"]) == (200, len(good), len(good) / 200)


def test_lift_is_the_best_tenths_rate_over_the_rate(spark: Any) -> None:
    from pyspark.sql import functions as F

    from onecart.intent.evaluation.metrics import metrics

    data = [(float(i), float(i in (20, 15, 1, 2))) for i in range(1, 21)]  # of the best two of twenty one is positive
    found = metrics(spark.createDataFrame(data, "s DOUBLE, y DOUBLE"), score=F.col("s"), label="y")
    assert found["lift_at_decile_1"] == pytest.approx(0.5 / 0.2)
    assert "brier" not in found


def test_calibration_error_is_the_gap_between_promise_and_outcome(spark: Any) -> None:
    from pyspark.sql import functions as F

    from onecart.intent.evaluation.metrics import metrics

    data = [(i / 1000, 0.3, float(i % 2)) for i in range(100)]  # every bin promises 0.3 and gets 0.5
    frame = spark.createDataFrame(data, "s DOUBLE, p DOUBLE, y DOUBLE")
    assert metrics(frame, score=F.col("s"), label="y", probability=F.col("p"))["ece"] == pytest.approx(0.2)


def test_an_interval_is_as_wide_as_the_figure_moves_between_samples() -> None:
    import numpy as np

    from onecart.intent.evaluation.metrics import figures, intervals

    def table(seed: int) -> Any:
        draw = np.random.default_rng(seed)
        s = np.round(draw.normal(size=500), 3)
        p = 1 / (1 + np.exp(-s))
        y = (draw.random(500) < p).astype(float)
        order = np.argsort(-s)
        return np.stack([s, np.ones(500), y, p, (p - y) ** 2, -np.log(np.where(y == 1, p, 1 - p))], axis=1)[order]

    moves = np.std([figures(table(seed))["auc"] for seed in range(80)])
    ends = intervals(table(0), resamples=300)
    assert (ends["auc_high"] - ends["auc_low"]) / 3.92 == pytest.approx(moves, rel=0.25)
    assert ends["brier_low"] < figures(table(0))["brier"] < ends["brier_high"]


def test_deciles_gain_all_positives_in_the_end() -> None:
    import numpy as np

    from onecart.intent.evaluation.metrics import gains

    n, positives = np.ones(20), np.array([1.0] * 4 + [0.0] * 16)
    table = np.stack([np.arange(20.0)[::-1], n, positives, n, n, n], axis=1)
    found = gains(table)
    assert [round(r["gain"], 9) for r in found] == [0.5] + [1.0] * 9
    assert [round(r["lift"], 9) for r in found[:3]] == [5.0, 5.0, 0.0]


def test_figures_by_segment_come_with_intervals(spark: Any) -> None:
    from onecart import intent
    from onecart.errors import UsageError

    data = [("web" if i % 3 else "app", (i % 10) / 10 + 0.05, bool((i * 7) % 10 < i % 10)) for i in range(120)]
    frame = spark.createDataFrame(data, "channel STRING, probability DOUBLE, bought BOOLEAN")
    found = intent.evaluate(frame, "bought", by="channel", resamples=20)
    assert [(r["by"], r["value"], r["n"]) for r in found] == [
        ("all", None, 120),
        ("channel", "web", 80),
        ("channel", "app", 40),
    ]
    assert all(r["auc_low"] <= r["auc"] <= r["auc_high"] for r in found)
    with pytest.raises(UsageError, match="the evaluated frame has no column 'chanel'; did you mean 'channel'"):
        intent.evaluate(frame, "bought", by="chanel")

    words = frame.selectExpr("probability", "IF(bought, 'yes', 'no') AS bought", "int(bought) + 1 AS count")
    assert intent.evaluate(words, "bought", resamples=20)[0] == found[0]
    with pytest.raises(UsageError, match="the label 'count' holds 1, 2; give 0 and 1"):
        intent.evaluate(words, "count")
    with pytest.raises(UsageError, match="the label 'bought' holds 'no' only"):
        intent.evaluate(words.where("bought = 'no'"), "bought")


def test_chance_alone_shows_so_much_miscalibration(spark: Any) -> None:
    from pyspark.sql import functions as F

    from onecart.intent.evaluation.metrics import metrics

    frame = spark.createDataFrame([(0.0, i % 2) for i in range(100)], "s DOUBLE, y INT")
    found = metrics(frame, score=F.col("s"), label="y", probability=F.lit(0.5))
    assert (found["ece"], found["ece_by_chance"]) == (0.0, pytest.approx((2 / math.pi * 0.25 / 100) ** 0.5))
