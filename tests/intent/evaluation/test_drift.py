"""Drift figures against a naive loop."""

from math import log
from typing import Any

import pytest


def test_the_index_is_the_sum_over_bins(spark: Any) -> None:
    from onecart.intent.evaluation.drift import profile, psi

    then = spark.createDataFrame([(float(i),) for i in range(100)], "v DOUBLE")
    before = profile(then, ["v"])
    assert sum(before["v"]["shares"]) == pytest.approx(1.0)
    assert psi(before, then)["v"] == pytest.approx(0.0)
    now = spark.createDataFrame([(float(i % 50),) if i % 10 else (None,) for i in range(100)], "v DOUBLE")
    values = [float(i % 50) if i % 10 else None for i in range(100)]
    edges, expected = before["v"]["borders"], 0.0
    for k, share in enumerate(before["v"]["shares"]):
        low, high = [float("-inf"), *edges, float("inf")][k : k + 2] if k < 10 else (0.0, 0.0)
        inside = [v for v in values if (v is None if k == 10 else v is not None and low < v <= high)]
        a, b = max(share, 1e-4), max(len(inside) / 100, 1e-4)
        expected += (b - a) * log(b / a)
    assert psi(before, now)["v"] == pytest.approx(expected)
    assert expected > 0.25


def test_columns_with_few_values_and_frames_without_rows(spark: Any) -> None:
    from onecart.intent.evaluation.drift import profile, psi

    before = profile(spark.createDataFrame([(0.0, None)] * 5 + [(1.0, None)] * 5, "v DOUBLE, w DOUBLE"), ["v", "w"])
    same = spark.createDataFrame([(1.0, None), (0.0, None)], "v DOUBLE, w DOUBLE")
    assert psi(before, same) == pytest.approx({"v": 0.0, "w": 0.0})
    assert psi(before, same.limit(0)) == {}
