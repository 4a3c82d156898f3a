"""The bench of experiments, small."""

import pytest

from onecart.bench import measure


@pytest.mark.heavy
def test_a_size_leaves_its_figures(spark):
    (row,) = measure.measure(spark, [20_000], 7)
    assert row["lo"] < 0.05 < row["hi"]  # the true effect
    assert row["hi"] - row["lo"] == pytest.approx(
        4 * 4 / 12**0.5 / 20_000**0.5 * 1.96, rel=0.05
    )  # CUPED leaves the noise
    assert set(dict(measure.TABLE)) <= set(row)
