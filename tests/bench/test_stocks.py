"""What the peers of the stock comparison know of the past."""

import pandas as pd
import pytest

from onecart.bench.forecast.stocks import moments


def test_a_day_without_a_row_is_0_and_days_before_the_first_do_not_count():
    days = pd.date_range("2024-01-01", periods=10)
    rows = [
        ("a", days[0], 99.0),
        ("a", days[7], 6.0),
        ("a", days[9], 3.0),
        ("b", days[8], 2.0),
        ("b", days[9], 4.0),
        ("c", days[1], 5.0),
    ]
    found = moments(pd.DataFrame(rows, columns=["unique_id", "ds", "y"]), 4).set_index("unique_id")
    expected = {"a": pd.Series([0, 6.0, 0, 3]), "b": pd.Series([2.0, 4]), "c": pd.Series([0.0] * 4)}
    for key, units in expected.items():
        assert found.loc[key, "mean"] == pytest.approx(units.mean())
        assert found.loc[key, "sd"] == pytest.approx(units.std())
