"""Fairness: rates by group, held against their definitions, and the warning."""

from typing import Any

import pytest

from onecart.errors import UsageError

SCHEMA = "age STRING, p DOUBLE, bought INT"


def _rows() -> list[tuple[str | None, float, int]]:
    """Of 100 old, 40 are likely and 20 of those buy; of 100 young, 10 are likely and buy; 50 unknown are unlikely."""
    old = [("old", 0.8, int(i < 20)) if i < 40 else ("old", 0.1, 0) for i in range(100)]
    young = [("young", 0.8, 1) if i < 10 else ("young", 0.1, int(i < 20)) for i in range(100)]
    return [*old, *young, *[(None, 0.1, 0)] * 50, *[("few", 0.1, 0)] * 3]


def test_rates_follow_their_definitions(spark: Any) -> None:
    from onecart.intent import audit

    found = audit(spark.createDataFrame(_rows(), SCHEMA), "bought", ["age"], probability="p", share=0.19)
    assert [(r["attribute"], r["value"], r["n"], r["positives"]) for r in found] == [
        ("age", "old", 100, 20),
        ("age", "young", 100, 20),
        ("age", "unknown", 50, 0),
    ]  # three rows are too few to say anything of
    old, young, unknown = found
    assert (old["selection_rate"], young["selection_rate"], unknown["selection_rate"]) == (0.4, 0.1, 0.0)
    assert (old["true_positive_rate"], young["true_positive_rate"], unknown["true_positive_rate"]) == (1.0, 0.5, None)
    assert old["calibration_gap"] == pytest.approx((40 * 0.8 + 60 * 0.1) / 100 - 0.2)
    assert old["selection_rate_low"] < 0.4 < old["selection_rate_high"]
    assert (old["parity"], young["parity"]) == (1.0, 0.25)
    assert [r["warned"] for r in found] == [False, True, True]


def test_a_difference_within_noise_is_not_warned_of(spark: Any) -> None:
    from onecart.intent import audit

    rows = [("a", 0.9, 1) if i < 12 else ("a", 0.1, 0) for i in range(40)]
    rows += [("b", 0.9, 1) if i < 8 else ("b", 0.1, 0) for i in range(40)]
    found = audit(spark.createDataFrame(rows, SCHEMA), "bought", ["age"], probability="p", share=0.25)
    assert [(r["value"], round(r["parity"], 2), r["warned"]) for r in found] == [("a", 1.0, False), ("b", 0.67, False)]


def test_bad_input_says_what(spark: Any) -> None:
    from onecart.intent import audit

    empty = spark.createDataFrame([], SCHEMA)
    assert audit(empty, "bought", ["age"], probability="p") == []
    with pytest.raises(UsageError, match="the audited frame has no column 'agee'; did you mean 'age'"):
        audit(empty, "bought", ["agee"], probability="p")
    with pytest.raises(UsageError, match=r"share=1: the share"):
        audit(empty, "bought", ["age"], probability="p", share=1)
