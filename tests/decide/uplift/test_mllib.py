"""Uplift with MLlib's forests: their trees as LightGBM reads them, and the same answers from tables that no worker holds."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from onecart.errors import UsageError

SMALL = {"engine": "mllib", "folds": 2, "numTrees": 12, "maxDepth": 4}


def test_a_forest_says_the_same_in_lightgbms_words(spark: Any) -> None:
    from pyspark.ml.functions import array_to_vector
    from pyspark.ml.regression import RandomForestRegressor

    from onecart.decide.uplift.learners import Trees
    from onecart.decide.uplift.mllib import as_text

    draw = np.random.default_rng(1)
    x = draw.normal(size=(150, 3)).round(1)
    y = 2 * x[:, 0] + (x[:, 1] > 0.3)
    rows = spark.createDataFrame(pd.DataFrame({"x": list(x), "y": y})).select(array_to_vector("x").alias("v"), "y")
    for depth in (0, 3):  # a tree of one leaf has no splits to write
        grown = RandomForestRegressor(featuresCol="v", labelCol="y", numTrees=3, maxDepth=depth, seed=3).fit(rows)
        trees = Trees(as_text(grown), likely=False)
        theirs = [r["prediction"] for r in grown.transform(rows).collect()]
        assert trees(x) == pytest.approx(theirs, abs=1e-12)
    parts = trees.parts(x)
    level = trees(x) - parts.sum(axis=1)
    assert level == pytest.approx(level[0])  # Shapley values add up
    assert np.abs(parts[:, 2]).mean() < 0.2 * np.abs(parts[:, 0]).mean()
    lowest = np.nanargmin(x[:, 0])
    assert trees(np.array([[np.nan, *x[lowest, 1:]]])) == pytest.approx(trees(x[[lowest]]))  # what is missing goes left


@pytest.mark.heavy
@pytest.mark.job
@pytest.mark.parametrize("model", ["x", "t", "class_transformation"])
def test_it_finds_whom_the_letter_moves_as_lightgbm_does(experiment: pd.DataFrame, spark: Any, model: str) -> None:
    from onecart import decide

    letters = experiment[experiment.arm != "call"].head(2_000)
    frame = spark.createDataFrame(letters)
    ours = decide.train_uplift(frame, "bought", "arm", "none", model, propensity=0.5, **SMALL)
    theirs = decide.train_uplift(letters, "bought", "arm", "none", model, propensity=0.5, folds=2, n_estimators=40)
    assert (ours.engine, ours.rows, ours.judged_on, ours.skipped) == ("mllib", 2_000, 2_000, theirs.skipped)
    for made in (ours, theirs):
        by_kind = made.score(letters).groupby("kind").uplift.mean()
        assert by_kind["a"] == pytest.approx(0.3, abs=0.1)
        assert by_kind[["b", "c"]].abs().max() < 0.1
    mine, other = ours.report.iloc[0], theirs.report.iloc[0]
    assert (mine.treated, mine.controls, mine.advice) == (other.treated, other.controls, "treat by uplift")
    assert mine.effect == pytest.approx(other.effect)
    assert other.qini_low < mine.qini < other.qini_high
    both = ours.score(letters).uplift.corr(theirs.score(letters).uplift)
    assert both > 0.85


@pytest.mark.heavy
@pytest.mark.job
def test_observed_rows_are_recognised_and_the_model_is_the_same_wherever_they_lie(spark: Any, spread: Any) -> None:
    from onecart import decide

    draw, n = np.random.default_rng(0), 3_000
    a, b = draw.normal(size=(2, n))
    t = draw.random(n) < 1 / (1 + np.exp(-2 * a))
    y = (draw.random(n) < np.clip(0.3 + 0.1 * a + 0.06 * t, 0, 1)).astype(int)
    frame = spark.createDataFrame(pd.DataFrame({"a": a, "b": b, "t": t, "y": y}))
    few: Any = {**SMALL, "numTrees": 4}
    models = [decide.train_uplift(rows, "y", "t", False, "t", **few) for rows in spread(frame)]
    assert len({m.to_json() for m in models}) == 1
    overlap, report = models[0].overlap.iloc[0], models[0].report.iloc[0]
    naive = y[t].mean() - y[~t].mean()
    assert naive > 0.15
    assert abs(report.effect - 0.06) < (naive - 0.06) / 2
    assert not overlap.random
    assert 0 < overlap.trimmed < n
    assert "no random experiment" in models[0].warnings[0]


@pytest.mark.job
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"control": "nobody"}, "no row has the control 'nobody'"),
        ({"outcome": "age"}, "80 rows have no number in 'age'"),
        ({"costs": {"visit": 1}}, "costs name the offer 'visit'"),
        ({"model": "class_transformation", "outcome": "unit_id"}, "needs an outcome of 0 and 1"),
        ({"treatment": "unit_id", "control": 1}, "has more than 1,000 values"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_the_same_sentence(
    experiment: pd.DataFrame, spark: Any, how: dict[str, Any], said: str
) -> None:
    from onecart import decide

    asked: Any = {"outcome": "bought", "treatment": "arm", "control": "none", "engine": "mllib", **how}
    with pytest.raises(UsageError, match=said):
        decide.train_uplift(spark.createDataFrame(experiment), **asked)
