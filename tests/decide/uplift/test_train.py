"""train_uplift: finds who is moved, says when nobody can be told apart, and refuses what it cannot learn from."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from onecart.errors import UsageError

FEW = {"n_estimators": 40}


@pytest.fixture(scope="module")
def trained(experiment: pd.DataFrame) -> Any:
    from onecart import decide

    return decide.train_uplift(experiment, "bought", "arm", "none", costs={"call": 0.05}, **FEW)


@pytest.mark.parametrize("model", ["x", "t", "class_transformation"])
def test_each_learner_finds_whom_the_letter_moves(experiment: pd.DataFrame, model: str) -> None:
    from onecart import decide

    letters = experiment[experiment.arm != "call"]
    made = decide.train_uplift(letters, "bought", "arm", "none", model, **FEW)
    scored = made.score(letters)
    by_kind = scored.groupby("kind").uplift.mean()
    assert by_kind["a"] == pytest.approx(0.3, abs=0.08)
    assert by_kind[["b", "c"]].abs().max() < 0.08
    report = made.report.iloc[0]
    assert report.heterogeneous
    assert report.advice == "treat by uplift"
    assert report.better_by_low > 0  # than the response model, which looks for the rich
    assert made.skipped == {"unit_id": "named as an identifier"}


def test_no_heterogeneity_is_a_result(trained: Any) -> None:
    call = trained.report.set_index("offer").loc["call"]
    assert not call.heterogeneous
    assert call.effect_low < 0.1 < call.effect_high
    assert call.advice == "no heterogeneity: treat all"


def test_the_best_offer_is_that_of_the_highest_expected_profit(trained: Any, experiment: pd.DataFrame) -> None:
    scored = trained.score(experiment)
    assert scored[scored.kind == "a"].best_offer.eq("letter").mean() > 0.95
    others = scored[scored.kind != "a"]
    assert others.best_offer.eq("call").mean() > 0.8
    calls = scored[scored.best_offer == "call"]
    effect = trained.report.set_index("offer").effect["call"]
    assert calls.uplift.unique().tolist() == [effect]  # nobody is told apart: the mean for all
    assert calls.expected_profit.unique() == pytest.approx([effect - 0.05])


def test_an_offer_that_does_not_pay_goes_to_nobody(experiment: pd.DataFrame) -> None:
    from onecart import decide

    dear = decide.train_uplift(experiment, "bought", "arm", "none", costs={"call": 9, "letter": 9}, **FEW)
    scored = dear.score(experiment.head(50))
    assert scored.best_offer.isna().all()
    assert scored.expected_profit.eq(0).all()
    assert dear.report.set_index("offer").advice["call"] == "no heterogeneity: treat none"


def test_observed_data_are_recognised_corrected_and_warned_of() -> None:
    from onecart import decide

    draw, n = np.random.default_rng(0), 6_000
    a, b = draw.normal(size=(2, n))
    t = draw.random(n) < 1 / (1 + np.exp(-2 * a))
    y = (draw.random(n) < np.clip(0.3 + 0.1 * a + 0.06 * t, 0, 1)).astype(int)
    made = decide.train_uplift(pd.DataFrame({"a": a, "b": b, "t": t, "y": y}), "y", "t", False)
    naive = y[t].mean() - y[~t].mean()
    overlap, report = made.overlap.iloc[0], made.report.iloc[0]
    assert naive > 0.15  # because those with a high `a` were treated, and buy more
    assert abs(report.effect - 0.06) < (naive - 0.06) / 3
    assert not overlap.random
    assert 0 < overlap.trimmed < n
    assert overlap.effective < n
    assert "no random experiment" in made.warnings[0]
    told = decide.train_uplift(pd.DataFrame({"a": a, "t": t, "y": y}), "y", "t", False, propensity=0.5, **FEW)
    assert told.warnings == []
    assert told.report.effect[0] == pytest.approx(naive)


def test_a_model_is_the_same_after_it_was_saved(trained: Any, experiment: pd.DataFrame, tmp_path: Any) -> None:
    trained.save(tmp_path / "uplift.json")
    again = type(trained).from_json((tmp_path / "uplift.json").read_text())
    pd.testing.assert_frame_equal(again.score(experiment.head(99)), trained.score(experiment.head(99)))
    pd.testing.assert_frame_equal(again.report, trained.report)


def test_reasons_add_up_to_what_sets_a_row_apart(experiment: pd.DataFrame) -> None:
    from onecart import decide

    letters = experiment[experiment.arm != "call"]
    made = decide.train_uplift(letters, "bought", "arm", "none", **FEW)
    found = made.explain(letters.head(20), top=3)
    adds = found.reasons.map(lambda r: sum(float(one.split(": ")[1]) for one in r))
    level = found.uplift - adds
    assert level.max() - level.min() < 2e-3
    assert found[found.kind == "a"].reasons.map(lambda r: r[0].startswith("kind: +")).all()
    chances = decide.train_uplift(letters, "bought", "arm", "none", "t", **FEW)
    with pytest.raises(UsageError, match="take model='x'"):
        chances.explain(letters)


def test_spark_and_pandas_give_one_model_wherever_rows_lie(experiment: pd.DataFrame, spread: Any, spark: Any) -> None:
    from onecart import decide

    letters = experiment[experiment.arm != "call"].head(1_200)
    frame = spark.createDataFrame(letters)
    models = [decide.train_uplift(rows, "bought", "arm", "none", folds=2, n_estimators=9) for rows in spread(frame)]
    assert len({m.to_json() for m in models}) == 1
    by_spark = models[0].score(frame).select("unit_id", "uplift").toPandas().set_index("unit_id").uplift
    by_pandas = models[0].score(letters).set_index("unit_id").uplift
    assert by_spark.sort_index().to_numpy() == pytest.approx(by_pandas.sort_index().to_numpy(), abs=1e-12)
    explained = models[0].explain(frame.limit(3)).collect()
    assert all(len(r["reasons"]) == 3 and r["uplift"] is not None for r in explained)
    with pytest.raises(UsageError, match="no row has the control 'x'"):
        decide.train_uplift(frame, "bought", "arm", "x")


def test_a_session_with_settings_of_its_own_gets_the_same_sentence(experiment: pd.DataFrame, spark: Any) -> None:
    from onecart import decide
    from onecart.sql_settings import beside

    theirs = beside(spark, {"spark.sql.ansi.enabled": "true"})  # under which a text that is no number ends the query
    letters = experiment[experiment.arm != "call"].head(400)
    frame = theirs.createDataFrame(letters.assign(bought=letters.bought.map({0: "no", 1: "yes"})))
    with pytest.raises(UsageError, match="400 rows have no number in 'bought'"):
        decide.train_uplift(frame, "bought", "arm", "none")
    assert theirs.conf.get("spark.sql.ansi.enabled") == "true"


def test_large_tables_are_mllibs_unless_parameters_say_otherwise(monkeypatch: pytest.MonkeyPatch, spark: Any) -> None:
    from onecart import decide
    from onecart.decide.uplift import train
    from onecart.stats import boosting

    def engine(**how: Any) -> str:
        with pytest.raises(ZeroDivisionError) as stopped:
            decide.train_uplift(frame, "y", "t", 0, **how)
        return str(stopped.value)

    def stop(name: str) -> Any:
        def raises(*_: Any) -> None:
            raise ZeroDivisionError(name)

        return raises

    frame = spark.createDataFrame([(0.5, 1.0, 1), (0.1, 0.0, 0)], "x double, y double, t int")
    monkeypatch.setattr(train, "train_on_spark", stop("mllib"))
    monkeypatch.setattr(train, "_in_one_worker", stop("lightgbm"))
    assert engine() == "lightgbm"
    assert engine(numTrees=3) == "mllib"
    assert engine(engine="mllib") == "mllib"
    monkeypatch.setattr(boosting, "NUMBERS", 1)
    assert engine() == "mllib"
    assert engine(num_leaves=3) == "lightgbm"
    with pytest.raises(UsageError, match="no engine 'mlib'; did you mean 'mllib'"):
        decide.train_uplift(frame, "y", "t", 0, engine="mlib")
    with pytest.raises(UsageError, match="the model 'mllib' has no parameter 'num_leaves'"):
        decide.train_uplift(frame, "y", "t", 0, engine="mllib", num_leaves=3)
    with pytest.raises(UsageError, match="learns from a frame of Spark"):
        decide.train_uplift(frame.toPandas(), "y", "t", 0, engine="mllib")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"outcome": "bougt"}, "no outcome column 'bougt'; did you mean 'bought'"),
        ({"treatment": "arms"}, "no treatment column 'arms'; did you mean 'arm'"),
        ({"control": "nobody"}, "no row has the control 'nobody'"),
        ({"model": "s"}, "no model 's'"),
        ({"columns": ["bought"]}, "'bought' cannot be a feature"),
        ({"columns": ["unit_id"]}, "none of the columns can be a feature"),
        ({"propensity": 1.5}, "between 0 and 1"),
        ({"costs": {"visit": 1}}, "costs name the offer 'visit', which no row has"),
        ({"outcome": "age"}, "80 rows have no number in 'age'"),
        ({"folds": 1}, "folds must be 2 or more"),
        ({"leaves": 3}, "no parameter 'leaves'"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_a_sentence(
    experiment: pd.DataFrame, how: dict[str, Any], said: str
) -> None:
    from onecart import decide

    with pytest.raises(UsageError, match=said):
        decide.train_uplift(
            **{"experiment": experiment, "outcome": "bought", "treatment": "arm", "control": "none", **how}
        )


def test_arms_that_are_too_small_or_alone_are_refused(experiment: pd.DataFrame) -> None:
    from onecart import decide

    few = pd.concat([experiment[experiment.arm == "none"], experiment[experiment.arm == "call"].head(20)])
    with pytest.raises(UsageError, match=r"an arm needs 100 rows at least; 'call' \(20\)"):
        decide.train_uplift(few, "bought", "arm", "none")
    with pytest.raises(UsageError, match="all rows are controls"):
        decide.train_uplift(experiment[experiment.arm == "none"], "bought", "arm", "none")
    with pytest.raises(UsageError, match="needs an outcome of 0 and 1"):
        decide.train_uplift(
            experiment.assign(bought=experiment.bought * 2), "bought", "arm", "none", "class_transformation"
        )


def test_columns_of_any_kind_are_numbers_levels_or_left_out_with_the_reason() -> None:
    from decimal import Decimal

    from onecart.decide.uplift.encoding import encoder

    n = 100
    frame = pd.DataFrame(
        {
            "flag": pd.Series([True, False, None, True] * 25, dtype=object),
            "price": pd.Series([Decimal("1.5"), Decimal(2)] * 50, dtype=object),
            "kind": pd.Categorical(["a", "b", "b", None] * 25),
            "count": pd.array([1, None] * 50, dtype="Int64"),
            "name": [f"n{i}" for i in range(n)],
            "day": pd.date_range("2026-01-01", periods=n),
            "same": 1,
            "endless": [np.inf, 1.0] * 50,
        }
    )
    codes = encoder(frame, [*frame.columns])
    assert codes.numbers == ("flag", "price", "count", "endless")
    assert codes.levels == {"kind": ("b", "a")}
    assert {*codes.skipped} == {"name", "day", "same"}
    assert codes.skipped["name"].startswith("names things: 100 values")
    first = codes.matrix(frame)[:2]
    assert first[0].tolist()[:3] == [1, 1.5, 1]
    assert np.isnan(first[0][3])
    assert np.isnan(first[1][2])
    assert first[:, 4:].tolist() == [[0, 1], [1, 0]]


def test_a_plan_by_calibrated_scores_does_not_expect_more_than_it_gets() -> None:
    """Of many small effects those chosen for a high score are those with a high error; the claim is held to what is true."""
    from onecart import decide

    draw = np.random.default_rng(4)
    n = 8000
    x = draw.normal(size=(n, 8))
    effect = 0.03 + 0.05 * (x[:, 0] > 0.8)
    treated = draw.random(n) < 0.5
    rows = pd.DataFrame(x, columns=[f"x{i}" for i in range(8)])
    bought = (draw.random(n) < 0.15 + effect * treated).astype(int)
    rows = rows.assign(arm=np.where(treated, "mail", "none"), bought=bought)
    model = decide.train_uplift(rows, "bought", "arm", "none", propensity=0.5)
    fresh = draw.normal(size=(20_000, 8))
    scores = model.score(pd.DataFrame(fresh, columns=rows.columns[:8]))["uplift"].to_numpy()
    truth = 0.03 + 0.05 * (fresh[:, 0] > 0.8)
    top = scores >= np.quantile(scores, 0.95)
    assert scores[top].mean() == pytest.approx(truth[top].mean(), abs=0.025)
    assert scores.mean() == pytest.approx(model.report.effect[0], abs=0.01)
