"""The intent bench: engines in their own processes, questions that never look ahead, and its table."""

import json
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


@pytest.mark.heavy
def test_lightgbm_and_mllib_learn_from_the_same_files(spark: Any, tmp_path: Any) -> None:
    pytest.importorskip("lightgbm")
    from onecart.bench import boosters

    boosters.rows(spark, 3000, seed=1).write.parquet(str(tmp_path / "train"))
    boosters.rows(spark, 2000, seed=2).write.parquet(str(tmp_path / "test"))
    boosters.main(["lightgbm", str(tmp_path), str(tmp_path)])
    found = json.loads((tmp_path / "stats.json").read_text())
    assert (found["auc"] > 0.65, found["average_precision"] > 0.3) == (True, True)


def test_unknown_names_are_told(spark: Any) -> None:
    from onecart.bench import boosters, questions

    with pytest.raises(UsageError, match="no question 'coupn'; did you mean 'coupon'"):
        next(questions.measure(spark, ["coupn"], "gbt", 7))
    with pytest.raises(UsageError, match="no engine 'xgbost'; did you mean 'xgboost-spark'"):
        next(boosters.measure(spark, [10], ["xgbost"], 7))


@pytest.mark.heavy
def test_an_answer_has_every_column_of_the_table(spark: Any, monkeypatch: Any) -> None:
    from onecart.bench import questions, runs

    days = pd.date_range("2024-01-01", periods=40).repeat(20)
    frame = pd.DataFrame({"as_of": days, "recency": range(800), "orders": [i % 7 for i in range(800)]})
    frame["label"] = [int(i % 7 > 3) if i % 11 else i % 2 for i in range(800)]
    asked = questions.Question("q", "made up", "made", frame, ("recency", "orders"), pd.Timestamp("2024-01-30"), 2)
    monkeypatch.setattr(questions, "QUESTIONS", {"q": lambda: asked})
    rows = list(questions.measure(spark, None, "decision_tree", 7))
    assert [r["beats"] is None for r in rows] == [False, True]
    assert len(runs.table(rows, questions.TABLE).splitlines()) == 4
