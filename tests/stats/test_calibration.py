"""Calibration curves against scikit-learn, and what they must never do."""

from typing import Any

import numpy as np
import pytest


def drawn(n: int, bend: float = 1.0, seed: int = 2) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    m = np.round(draw.normal(0, 1.5, n), 2)
    z = np.where(m > 0, bend * m, m) - 0.5
    return m, (draw.random(n) < 1 / (1 + np.exp(-z))).astype(float)


def test_pools_are_those_of_isotonic_regression() -> None:
    from sklearn.isotonic import IsotonicRegression

    from onecart.stats.calibration import pool

    m, y = drawn(400)
    pools = pool(m, np.ones(400), y)
    expected = IsotonicRegression().fit(m, y).predict(np.sort(m))
    rates = pools[:, 2] / pools[:, 1]
    assert (np.diff(rates) > 0).all()
    assert sorted({round(v, 9) for v in expected}) == pytest.approx(sorted(rates))


def test_platts_curve_is_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    from onecart.stats.calibration import platt

    m, y = drawn(20_000)
    expected = LogisticRegression(C=1e9).fit(m[:, None], y)
    found = platt(m, 1 - y, y)
    assert (found.slope, found.y[0]) == pytest.approx((expected.coef_[0, 0], expected.intercept_[0]), abs=2e-3)


def test_a_bent_truth_is_followed_by_the_isotonic_curve_and_a_straight_one_by_platts() -> None:
    from onecart.stats.calibration import choose

    for bend, method in ((1.0, "platt"), (-0.0, "isotonic")):
        m, y = drawn(20_000, bend)
        assert choose(m, 1 - y, y, shift=0.0).method == method


@pytest.mark.parametrize("distinct", [20, 40])
def test_rows_of_few_margins_are_in_different_folds(distinct: int) -> None:
    """As trees give them: where all rows of a margin and outcome are in one fold, the others say nothing of them."""
    from onecart.stats.calibration import choose

    methods, errors = [], []
    for seed in range(20):
        draw = np.random.default_rng(seed)
        m = np.round(np.round(draw.normal(0, 1.5, 3_000) * distinct / 6) * 6 / distinct, 2)
        margins, place = np.unique(m, return_inverse=True)
        truth = 1 / (1 + np.exp(-(np.minimum(margins, 0) - 0.5)))
        y = draw.random(len(m)) < truth[place]
        curve = choose(margins, np.bincount(place, ~y), np.bincount(place, y), shift=0.0)
        methods.append(curve.method)
        errors.append(np.mean((1 / (1 + np.exp(-curve(margins))) - truth) ** 2))
    assert set(methods) == {"isotonic"}
    assert np.mean(errors) < 0.01  # of Platt's curve .016


@pytest.mark.parametrize(("rows", "method"), [(12, "prior"), (120, "platt")])
def test_few_rows_get_a_plain_curve(rows: int, method: str) -> None:
    from onecart.stats.calibration import choose

    m, y = drawn(rows)
    assert choose(m, 1 - y, y, shift=-1.5).method == method


def test_a_curve_keeps_the_order_of_all_margins() -> None:
    from onecart.stats.calibration import isotonic, platt

    m, y = drawn(5_000)
    margins = np.linspace(-9, 9, 500)
    for curve in (isotonic(m, 1 - y, y), platt(m, 1 - y, y), platt(-m, 1 - y, y)):
        assert (np.diff(curve(margins)) > 0).all()


def test_spark_draws_the_same_curve(spark: Any) -> None:
    from pyspark.sql import functions as F

    from onecart.stats.calibration import Curve, isotonic

    m, y = drawn(5_000)
    margins = [-20.0, -1.5, 0.0, 0.123, 7.0]
    frame = spark.createDataFrame([(v,) for v in margins], "m DOUBLE")
    for curve in (isotonic(m, 1 - y, y), Curve((0.0,), (-1.0,), 0.8)):
        found = [r[0] for r in frame.select(curve.column(F.col("m"))).collect()]
        assert found == pytest.approx(list(curve(margins)))


def test_outcomes_are_counted_on_spark(spark: Any) -> None:
    from onecart.stats.calibration import calibrated, platt

    m, y = drawn(300)
    frame = spark.createDataFrame([(float(a), float(b)) for a, b in zip(m, y, strict=True)], "m DOUBLE, y DOUBLE")
    found, expected = calibrated(frame, margin="m", label="y", shift=0.0), platt(m, 1 - y, y)
    assert (found.slope, found.y[0]) == pytest.approx((expected.slope, expected.y[0]))
