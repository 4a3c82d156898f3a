"""Training on a stranger's frame, by the public promise."""

import random
from pathlib import Path
from typing import Any

import pytest

from onecart.errors import UsageError


@pytest.fixture(scope="module")
def frame(spark_session: Any) -> Any:
    """600 rows: `signal` and `kind` make the outcome likely, `noise` does not; `when` is the row's number."""
    draw, rows = random.Random(5), []
    for i in range(600):
        signal, kind = draw.gauss(0, 1), draw.choice(["a", "b"])
        outcome = draw.random() < 1 / (1 + 2.718281828459045 ** (2.0 - 1.5 * signal - 1.5 * (kind == "b")))
        rows.append((f"u{i}", i, signal, kind, draw.random(), int(outcome)))
    schema = "who STRING, `when` INT, signal DOUBLE, kind STRING, noise DOUBLE, outcome INT"
    return spark_session.createDataFrame(rows, schema)


@pytest.fixture(scope="module")
def trained(frame: Any) -> Any:
    from onecart import intent

    return intent.train(frame, "outcome", "when", "logistic", holdout_from=450)


def test_a_model_ranks_and_is_calibrated_on_rows_it_has_not_seen(trained: Any) -> None:
    assert 0.7 < trained.metrics["auc"] < 0.95
    assert trained.metrics["ece"] < 0.12
    assert trained.metrics["lift_at_decile_1"] > 1.5
    assert trained.metrics["n"] == 150
    assert list(trained.importances) == ["signal", "kind", "noise"]
    assert "who" in trained.skipped
    assert "when" not in trained.features


def test_score_adds_the_probability_only_and_takes_unseen_values(trained: Any, spark: Any) -> None:
    rows = spark.createDataFrame(
        [(3.0, "b", 0.5), (None, "new", None), (-3.0, "a", 0.5)], "signal DOUBLE, kind STRING, noise DOUBLE"
    )
    scored = trained.score(rows)
    assert scored.columns == ["signal", "kind", "noise", "probability"]
    high, middle, low = (r["probability"] for r in scored.collect())
    assert 1 > high > middle > low > 0


def test_reasons_are_what_a_typical_value_would_change(trained: Any, spark: Any) -> None:
    typical = next(s.typical for s in trained.slots if s.column == "signal")
    rows = spark.createDataFrame([(3.0, "b", 0.5), (typical, "b", 0.5)], "signal DOUBLE, kind STRING, noise DOUBLE")
    first, second = trained.explain(rows).collect()
    reason = first["reasons"][0]
    assert (reason["feature"], reason["value"]) == ("signal", "3.0")
    assert reason["contribution"] == pytest.approx(first["probability"] - second["probability"])
    assert "signal" not in [r["feature"] for r in second["reasons"]]
    assert [abs(r["contribution"]) for r in first["reasons"]] == sorted(
        (abs(r["contribution"]) for r in first["reasons"]), reverse=True
    )


@pytest.mark.parametrize("model", ["decision_tree", "random_forest", "gbt"])
def test_every_tree_model_learns_on_the_default_split(frame: Any, model: str) -> None:
    from onecart import intent

    few = {"gbt": {"maxIter": 5}, "random_forest": {"numTrees": 10}}.get(model, {})
    assert intent.train(frame, "outcome", model=model, **few).metrics["auc"] > 0.65


def test_the_outcome_of_the_holdout_teaches_nothing(frame: Any, trained: Any) -> None:
    from pyspark.sql import functions as F

    from onecart import intent

    turned = frame.withColumn("outcome", F.when(F.col("when") >= 450, 1 - F.col("outcome")).otherwise(F.col("outcome")))
    other = intent.train(turned, "outcome", "when", "logistic", holdout_from=450)
    assert (other.slope, other.intercept, other.slots) == (trained.slope, trained.intercept, trained.slots)
    assert other.metrics["auc"] == pytest.approx(1 - trained.metrics["auc"])


def test_a_saved_model_scores_alike(trained: Any, frame: Any, tmp_path: Path) -> None:
    from onecart.intent import IntentModel

    trained.save(str(tmp_path / "model"))
    loaded = IntentModel.load(str(tmp_path / "model"))
    assert loaded.metrics == trained.metrics
    assert loaded.score(frame.limit(5)).collect() == trained.score(frame.limit(5)).collect()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "outcom"}, "label column 'outcom' is not in the frame; did you mean 'outcome'"),
        ({"model": "gtb"}, "no model 'gtb'; did you mean 'gbt'"),
        ({"maxDept": 3}, "no parameter 'maxDept'; did you mean 'maxDepth'"),
        ({"maxDepth": "deep"}, "the model 'gbt'"),
        ({"time": "kind"}, "'kind' is of type string; cast it"),
        ({"columns": ["who"]}, r"no column of \['who'\] can be a feature"),
        ({"holdout_from": 600, "time": "when"}, "rows to be measured on hold 0 positive"),
    ],
)
def test_wrong_use_says_what_is_wrong(frame: Any, arguments: dict[str, Any], message: str) -> None:
    from onecart import intent

    with pytest.raises(UsageError, match=message):
        intent.train(frame, **{"label": "outcome", **arguments})


def test_a_frame_without_a_feature_cannot_be_scored(trained: Any, frame: Any) -> None:
    with pytest.raises(UsageError, match="feature column 'noise' is not in the frame"):
        trained.score(frame.drop("noise"))
