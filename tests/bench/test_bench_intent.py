"""The intent bench: engines in their own processes, questions that never look ahead, and its table."""

from typing import Any

import pandas as pd
import pytest

from onecart.errors import UsageError


def test_a_case_sees_only_the_days_before_its_as_of() -> None:
    from onecart.bench.questions import _as_of

    day = pd.Timestamp("2011-05-01")
    past = {"customer": "a", "order": "1", "day": day - pd.Timedelta(days=10), "revenue": 5.0}
    later = {"customer": "a", "order": "2", "day": day, "revenue": 100.0}
    stranger = {"customer": "b", "order": "3", "day": day + pd.Timedelta(days=3), "revenue": 7.0}
    rest = {"hour": 9, "lines": 1, "products": 1, "pieces": 1, "price": 1.0, "largest": 1, "british": 1, "returned": 0}
    found = _as_of(pd.DataFrame([{**o, **rest} for o in (past, later, stranger)]), day, 30)
    assert len(found) == 1  # who has not bought yet is no case
    row = found.iloc[0]
    assert (row["recency"], row["orders_30"], row["revenue_365"], row["label"]) == (10, 1, 5.0, 1)


def test_lightgbm_and_mllib_learn_from_the_same_files(spark: Any, tmp_path: Any) -> None:
    pytest.importorskip("lightgbm")
    from onecart.bench import boosters, intent

    intent._write(spark, 3000, str(tmp_path / "train"), seed=1)
    intent._write(spark, 2000, str(tmp_path / "test"), seed=2)
    _, auc = boosters.lightgbm(str(tmp_path))
    assert auc > 0.65


def test_unknown_names_are_told(spark: Any) -> None:
    from onecart.bench import intent

    with pytest.raises(UsageError, match="no question 'coupn'; did you mean 'coupon'"):
        next(intent.ask(spark, ["coupn"], "gbt", 7))
    with pytest.raises(UsageError, match="no engine 'xgbost'; did you mean 'xgboost-spark'"):
        next(intent.sizes(spark, [10], ["xgbost"], 7))


def test_the_table_has_a_line_per_row() -> None:
    from onecart.bench.intent import table

    text = table([{"rows": 1000, "engine": "lightgbm", "seconds": 1.0, "peak_gib": 0.5, "auc": 0.9}])
    assert text.splitlines()[1].split() == ["1,000", "lightgbm", "1.0", "0.50", "0.9000"]
    assert table([]) == ""
