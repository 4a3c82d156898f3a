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


def test_reasons_are_the_strongest_contributions_in_words(trained: Any, spark: Any) -> None:
    rows = spark.createDataFrame([(3.0, "b", 0.5), (-3.25, None, 0.5)], "signal DOUBLE, kind STRING, noise DOUBLE")
    explained = trained.explain(rows, top=2, words={"kind": "of kind {}"})
    assert explained.columns == ["signal", "kind", "noise", "probability", "reasons"]
    first, second = explained.collect()
    assert [r["feature"] for r in first["reasons"]] == ["signal", "kind"]
    assert first["reasons"][0]["sentence"].startswith("signal 3: raises the odds ")
    assert first["reasons"][1]["sentence"].startswith("of kind b: raises the odds ")
    assert (second["reasons"][0]["value"], second["reasons"][0]["contribution"] < 0) == ("-3.25", True)
    assert [abs(r["contribution"]) for r in first["reasons"]] == sorted(
        (abs(r["contribution"]) for r in first["reasons"]), reverse=True
    )
    assert [r["probability"] for r in explained.collect()] == [r["probability"] for r in trained.score(rows).collect()]


MODELS = {
    "decision_tree": {"maxDepth": 3},
    "random_forest": {"numTrees": 8, "maxDepth": 4},
    "gbt": {"maxIter": 8},
    "logistic": {},
    "xgboost": {"n_estimators": 8},
    "lightgbm": {"n_estimators": 8},
}


@pytest.mark.parametrize("model", list(MODELS))
def test_contributions_sum_to_the_log_odds_and_a_saved_model_scores_alike(
    frame: Any, model: str, tmp_path: Path
) -> None:
    import numpy as np

    from onecart import intent

    if model == "xgboost":
        pytest.importorskip("xgboost")
    made = intent.train(frame, "outcome", model=model, **MODELS[model])
    assert made.metrics["auc"] > 0.65
    rows = frame.limit(40)
    explained = made.explain(rows, top=len(made.features)).collect()
    base = float(made.curve(made.explainer.expected))
    for row in explained:
        odds = np.log(row["probability"] / (1 - row["probability"]))
        parts = sum(r["contribution"] for r in row["reasons"])
        assert parts == pytest.approx(
            odds - base, abs=1e-3 if model == "xgboost" else 5e-4
        )  # reasons below 1e-4 are left out
    made.save(str(tmp_path / "model"))
    loaded = intent.IntentModel.load(str(tmp_path / "model"))
    assert loaded.metrics == made.metrics
    assert loaded.score(rows).collect() == made.score(rows).collect()
    assert loaded.rules() == made.rules()
    assert "signal" in made.rules()


@pytest.mark.parametrize("model", ["random_forest", "gbt"])
def test_the_arrays_say_what_mllib_says(frame: Any, model: str) -> None:
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    from onecart import intent
    from onecart.intent.model import with_log_odds
    from onecart.intent.training.encoding import VECTOR, vector

    made = intent.train(frame, "outcome", model=model, refit=False, **MODELS[model])
    ready = frame.limit(50).withColumn(VECTOR, vector(made.slots))
    found = with_log_odds(ready, model, made.classifier, made.explainer, "z")
    import numpy as np

    rows = found.select(vector_to_array(F.col(VECTOR)).alias("x"), "z").collect()
    x, z = np.array([r["x"] for r in rows]), np.array([r["z"] for r in rows])
    assert made.explainer.odds(x) == pytest.approx(z, abs=1e-9)
    assert made.explainer.parts(x).sum(axis=1) == pytest.approx(z - made.explainer.expected, abs=1e-6)


def test_auto_takes_lightgbm_where_the_table_fits_a_worker_and_says_so(
    frame: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onecart import intent
    from onecart.intent.training.classifiers import chosen
    from onecart.stats import boosting

    assert chosen("auto", {}, boosting.NUMBERS) == "lightgbm"
    assert chosen("auto", {}, boosting.NUMBERS + 1) == "gbt"
    assert chosen("auto", {"maxDepth": 3}, 1) == "gbt"
    assert chosen("auto", {"num_leaves": 8}, 10**12) == "lightgbm"
    assert chosen("logistic", {}, 1) == "logistic"
    how = {"columns": ["signal", "kind"], "holdout_from": 450, "refit": False}
    made = intent.train(frame, "outcome", "when", **how)
    assert (made.model, made.explainer.rounds) == ("lightgbm", made.params["n_estimators"])
    assert made.metrics["auc"] > 0.75
    monkeypatch.setattr(boosting, "NUMBERS", 600 * 3 - 1)  # 600 rows of a number and two words
    monkeypatch.setattr("onecart.intent.training.classifiers.settled", lambda *a, **k: {"maxIter": 2})
    assert intent.train(frame, "outcome", "when", **how).model == "gbt"


def test_lightgbm_stops_where_the_calibration_rows_say_so(frame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from onecart import intent
    from onecart.intent.training import train

    monkeypatch.setattr(train, "_STOP_FROM", 20)
    made = intent.train(frame.drop("when"), "outcome", model="lightgbm", refit=False, learning_rate=0.5)
    assert made.params["n_estimators"] == made.explainer.booster.num_trees() < 100


def test_a_search_takes_the_trial_with_the_least_loss_and_keeps_what_was_given(frame: Any) -> None:
    from onecart import intent
    from onecart.intent.training.classifiers import trials

    assert trials("logistic", {"regParam": 0.1}, 3, seed=1)[0] == {"regParam": 0.1}
    assert all(t["regParam"] == 0.1 for t in trials("logistic", {"regParam": 0.1}, 3, seed=1))
    plain = intent.train(frame, "outcome", model="logistic", regParam=100.0)
    searched = intent.train(frame, "outcome", model="logistic", search=3)
    assert searched.metrics["auc"] > plain.metrics["auc"] - 0.05
    with pytest.raises(UsageError, match="search=2 needs 25 calibration rows"):
        intent.train(frame.limit(120), "outcome", model="logistic", search=2)


def test_a_gbt_keeps_the_trees_that_the_calibration_rows_bear_out(frame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from onecart import intent
    from onecart.intent.training import train

    monkeypatch.setattr(train, "_STOP_FROM", 20)
    made = intent.train(frame.drop("when"), "outcome", refit=False, maxIter=20, stepSize=1.0)
    assert made.params["maxIter"] < 20
    assert made.classifier.getNumTrees == made.params["maxIter"] == len(made.explainer.forest.trees)


def test_a_model_learns_again_by_the_settings_that_it_was_first_learned_with(frame: Any) -> None:
    from onecart import intent
    from onecart.intent.training.classifiers import settled

    assert settled("gbt", {}, 1_999)["maxIter"] == 60  # so the refit on 2,001 rows takes 60 too, not 100
    assert settled("gbt", {"maxIter": 7}, 1_999)["maxIter"] == 7
    made = intent.train(frame, "outcome", model="decision_tree", refit=True)  # 329 rows at first, 600 then
    assert made.params["minInstancesPerNode"] == made.classifier.getMinInstancesPerNode() < 20


def test_the_figures_have_intervals_deciles_and_curves(trained: Any) -> None:
    assert trained.intervals["auc_low"] < trained.metrics["auc"] < trained.intervals["auc_high"]
    assert len(trained.gains) == 10
    assert trained.gains[-1]["gain"] == pytest.approx(1.0)
    chances = [p for _, p in trained.partial["signal"]]
    assert chances == sorted(chances)
    assert set(trained.profile) == {"signal", "noise", "probability"}


def test_an_engine_that_is_not_there_is_named(frame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from onecart import intent

    monkeypatch.setitem(sys.modules, "xgboost.spark", None)
    with pytest.raises(UsageError, match=r"pip install 'onecart\[xgboost\]'"):
        intent.train(frame, "outcome", model="xgboost")


def test_the_outcome_of_the_holdout_teaches_nothing(frame: Any, trained: Any) -> None:
    from pyspark.sql import functions as F

    from onecart import intent

    turned = frame.withColumn("outcome", F.when(F.col("when") >= 450, 1 - F.col("outcome")).otherwise(F.col("outcome")))
    other = intent.train(turned, "outcome", "when", "logistic", holdout_from=450)
    assert (other.curve, other.slots) == (trained.curve, trained.slots)
    assert other.metrics["auc"] == pytest.approx(1 - trained.metrics["auc"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "outcom"}, "the frame has no label column 'outcom'; did you mean 'outcome'"),
        ({"model": "gtb"}, "no model 'gtb'; did you mean 'gbt'"),
        ({"maxDept": 3}, "no parameter 'maxDept'; did you mean 'maxDepth'"),
        ({"maxDepth": "deep"}, "the model 'gbt'"),
        ({"num_leaves": "many"}, "the model 'lightgbm': num_leaves='many' is no number"),
        ({"model": "lightgbm", "num_leafs": 3}, "no parameter 'num_leafs'; did you mean 'num_leaves'"),
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
    with pytest.raises(UsageError, match="the frame has no feature column 'noise'"):
        trained.score(frame.drop("noise"))


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("decision_tree", {}),
        ("random_forest", {"numTrees": 4}),
        ("gbt", {"maxIter": 3, "subsamplingRate": 0.7}),
        ("lightgbm", {"n_estimators": 5, "subsample": 0.7}),
    ],
)
def test_the_same_rows_give_the_same_trees_in_any_order_and_partitions(
    model: str, params: dict[str, Any], frame: Any, spark: Any
) -> None:
    from onecart import intent

    def learned(rows: Any) -> tuple[Any, ...]:
        made = intent.train(
            rows, "outcome", "when", model, columns=["signal", "kind", "noise"], holdout_from=450, **params
        )
        scored = made.score(frame).orderBy("when").select("probability").collect()
        # MLlib's text names the object, which is new each time.
        trees = made.explainer.text if model == "lightgbm" else made.classifier.toDebugString.partition("\n")[2]
        return trees, [round(r[0], 9) for r in scored], made.metrics["auc"]

    one = learned(frame.coalesce(1))
    assert learned(frame.orderBy("noise").repartition(2)) == one
    spark.conf.set("spark.sql.adaptive.enabled", "true")
    try:
        assert learned(frame.repartition(7, "who")) == one
    finally:
        spark.conf.set("spark.sql.adaptive.enabled", "false")
