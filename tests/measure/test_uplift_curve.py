"""measure.qini on any frame."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

ROWS = pd.DataFrame(
    {
        "outcome": [1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1],
        "treated": [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0],
        "score": -np.arange(12.0),
    }
)


def test_known_answer_from_pandas_and_from_spark(spark: Any) -> None:
    from onecart.measure import qini

    found = qini(ROWS)
    assert found["qini"] == pytest.approx(0.068519, abs=1e-6)
    assert found["qini_low"] < found["qini"] < found["qini_high"]
    assert (found["treated"], found["controls"]) == (6, 6)
    assert found["curve"].iloc[-1].tolist() == pytest.approx([1, found["effect"], found["effect"]])
    other = qini(spark.createDataFrame(ROWS.assign(treated=ROWS.treated == 1)).repartition(3))
    assert (other["qini"], other["qini_low"]) == (pytest.approx(found["qini"]), pytest.approx(found["qini_low"]))


def test_many_rows_are_judged_from_sums(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from onecart.measure import qini, uplift_curve

    whole = qini(ROWS)
    monkeypatch.setattr(uplift_curve, "_WHOLE", 5)
    found = qini(ROWS)
    assert (found["qini"], found["effect"]) == (pytest.approx(whole["qini"]), pytest.approx(whole["effect"]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outcome": None}, "12 of 12 rows lack an outcome"),
        ({"treated": 1}, "needs treated rows and controls"),
        ({"score": "high"}, "column 'score' must hold numbers"),
        ({"treated": 2}, "a treated of 0 or 1"),
    ],
)
def test_what_cannot_be_judged_is_refused(spark: Any, change: dict[str, Any], said: str) -> None:
    from onecart.errors import UsageError
    from onecart.measure import qini

    rows = ROWS.assign(**change)
    if change.get("outcome", 0) is None:
        rows["outcome"] = rows["outcome"].astype(float)
    with pytest.raises(UsageError, match=said):
        qini(rows)
