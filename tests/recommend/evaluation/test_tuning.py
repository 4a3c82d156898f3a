"""The search for settings: on a planted optimum, and what it refuses."""

import sys
from typing import Any

import pytest

from onecart import recommend
from onecart.errors import UsageError
from onecart.recommend.evaluation.tuning import _study
from onecart.recommend.models.registry import SPACES, parameters

pytest.importorskip("optuna")


@pytest.fixture
def two_tastes(spark: Any) -> Any:
    """40 users of two tastes with 8 of the taste's 10 items each, one an hour: neighbours tell the other two, but not
    those that a single item of each user makes, for then no two items have a user in common."""
    rows = [(u, 10 * (u % 2) + (u // 2 + n) % 10, 3_600 * n) for u in range(40) for n in range(8)]
    return spark.createDataFrame(rows, "user_id int, item_id int, ts long").localCheckpoint()


def test_a_planted_optimum_is_found(two_tastes: Any) -> None:
    found = recommend.tune(two_tastes, "item_knn", trials=3, space={"max_history": [1, 20]}, k=2, seed=4)
    assert found.params == {"max_history": 20}
    assert [*found.trials.columns] == ["trial", "ndcg", "seconds", "max_history"]
    assert found.trials["max_history"].tolist() == [1, 1, 20]
    assert found.ndcg == found.trials["ndcg"].max() > found.trials["ndcg"].min() + 0.05


def test_the_search_is_seeded_and_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.INFO)

    def drawn(seed: int) -> list[Any]:
        study, searched = _study("als", SPACES["als"], 4, seed)
        found = []
        for n in range(4):
            trial = study.ask(searched)
            study.tell(trial, n)
            found.append(trial.params)
        return found

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(1)[0] == {"rank": 32, "reg": 0.2, "alpha": 1.0, "half_life_days": None}  # the defaults
    assert capfd.readouterr().err == ""
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


def test_the_first_trial_is_the_defaults_and_what_is_fixed_stays(two_tastes: Any) -> None:
    space = {"neighbours": (2, 300, "log"), "shrinkage": (0.0, 50.0), "similarity": ["cosine", "jaccard"]}
    found = recommend.tune(two_tastes, "item_knn", trials=1, space=space, validation="random", similarity="jaccard")
    assert found.params == {"similarity": "jaccard", "neighbours": 200, "shrinkage": 20.0}


@pytest.mark.parametrize("model", SPACES)
def test_every_space_fits_its_model(model: str) -> None:
    for name, spec in SPACES[model].items():
        for value in spec if isinstance(spec, list) else spec[:2]:
            parameters(model, {name: value})


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("popularity", {}, "nothing to tune here; give a space, or a column ts"),
        ("item_knn", {"space": {"half_life_days": [7.0]}}, "half_life_days needs the time of the interactions"),
        ("als", {"space": {"rnak": (1, 2)}}, "no parameter 'rnak'; did you mean 'rank'"),
        ("als", {"space": {"rank": (0, 9)}}, "rank=0: input should be greater than or equal to 1"),
        ("als", {"space": {"reg": (0.0, 1.0, "log")}}, r"reg=\(0.0, 1.0, 'log'\): give \(low, high\)"),
        ("als", {"space": {"reg": []}}, r"reg=\[\]: give"),
        ("als", {"trials": 0}, "trials=0 from 1 on"),
        ("als", {"rank": "x"}, "rank='x'"),
        ("item_knn", {"validation": "latest"}, "interactions has no column 'ts'"),
        ("item_knn", {"share": 0.01}, "fewer than 30 say nothing about settings"),
    ],
)
def test_what_cannot_be_tuned_is_refused(two_tastes: Any, model: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        recommend.tune(two_tastes.drop("ts"), model, **given)


def test_without_optuna_the_extra_is_named(two_tastes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"pip install 'onecart\[tune\]'"):
        recommend.tune(two_tastes, "als")
