"""How series go through the workers: what they hold at once."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from onecart.forecast import panel
from onecart.forecast.local.serialization import SOLVED, backtest_result, of_windows
from onecart.forecast.workers import framed


def test_a_worker_holds_the_rows_of_few_series_at_once():
    worked_on = []

    def of_row(one):
        worked_on.append(one.key)
        return [{"key": one.key, "ds": None if one.key else dt.datetime(2024, 1, 1)}] * 300

    frames = framed([pd.DataFrame({"key": range(50)}), pd.DataFrame({"key": range(50, 200)})], of_row, ["key", "ds"])
    first = next(frames)
    assert (len(first), len(worked_on)) == (34 * 300, 34)
    rest = [*frames]
    assert len(first) + sum(map(len, rest)) == 200 * 300
    assert max(map(len, rest)) == 34 * 300
    assert [*pd.concat([first, *rest])["key"].unique()] == [*range(200)]
    assert list(framed([], of_row, ["key"])) == []


def test_the_driver_gets_no_more_of_a_series_than_its_windows(spark):
    """A year of hours with ten regressors: a megabyte, of which a tenth of a per cent is needed."""
    n, h = 8000, 4
    history = np.arange(float(n))
    row = {
        "unique_id": "a", "status": "forecast", "reason": "", "demand": "smooth", "notes": [], "periods": n, "units": 1.0,
        "scale": 2.0, "history": history.tolist(), "dates": list(range(n + h)), "starts": [n - 8, n - 4], "models": ["naive"],
        "yhats": [[1.0] * 3 * h], "x": [[0.0] * n] * 10, "static": [],
    }  # fmt: skip
    found = of_windows(spark.createDataFrame([row, {**row, "status": "fallback"}], SOLVED)).toPandas()
    assert len(found) == 1
    (one,) = found.itertuples(index=False)
    assert len(one.history) == 8
    assert "x" not in found
    assert "dates" not in found
    result = backtest_result(one, h)
    np.testing.assert_array_equal(result.y, [history[-8:-4], history[-4:]])
    assert (result.demand, result.scale, result.models) == ("smooth", 2.0, ["naive"])


@pytest.mark.parametrize(("h", "windows", "most"), [(28, 3, 5000), (168, 3, 5000), (720, 3, 800), (100_000, 9, 50)])
def test_the_sample_of_series_fits_the_driver(h, windows, most):
    found = panel._sample_size(SimpleNamespace(h=h, windows=windows))
    assert 50 <= found <= most
    assert found == 50 or found * h * (1 + windows) * 8 * len(panel.MODELS) <= 256e6
