"""Hillstrom's e-mail experiment, downloaded: what is known of it."""

from typing import Any

import pandas as pd
import pytest

from onecart import decide
from onecart.samples import fetch

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    (path,) = fetch("hillstrom")
    return pd.read_csv(path).drop(columns=["conversion", "spend"])


@pytest.fixture(scope="module")
def x_learner(visits: pd.DataFrame) -> Any:
    return decide.train_uplift(visits, "visit", "segment", "No E-Mail")


def test_the_womens_mail_moves_some_and_the_x_learner_finds_them(x_learner: Any) -> None:
    """Known: Qini x 1000 of 7.24 (5.4 to 9.1) against 1.87 (.04 to 3.9) of the response model, other trees; top tenth apart."""
    report = x_learner.report.set_index("offer").loc["Womens E-Mail"]
    assert report.effect == pytest.approx(0.045233, abs=1e-6)
    assert (report.effect_low, report.effect_high) == (
        pytest.approx(0.038893, abs=2e-6),  # 1.96 for the normal's .975
        pytest.approx(0.051573, abs=2e-6),
    )
    assert 5.4e-3 < report.qini < 9.1e-3
    assert report.qini_low > report.response_qini_high  # the intervals are disjoint
    assert report.better_by_low > 0
    assert report.advice == "treat by uplift"


def test_the_mens_mail_moves_all_alike(x_learner: Any) -> None:
    report = x_learner.report.set_index("offer").loc["Mens E-Mail"]
    assert report.effect == pytest.approx(0.076590, abs=1e-6)
    assert report.qini_low < 0 < report.qini_high
    assert report.advice == "no heterogeneity: treat all"


def test_it_is_an_experiment(x_learner: Any) -> None:
    assert x_learner.warnings == []
    assert x_learner.overlap.random.all()


@pytest.mark.parametrize("model", ["t", "class_transformation"])
def test_other_learners_find_the_womens_too_and_nobody_among_the_mens(visits: pd.DataFrame, model: str) -> None:
    report = decide.train_uplift(visits, "visit", "segment", "No E-Mail", model).report.set_index("offer")
    women, men = report.loc["Womens E-Mail"], report.loc["Mens E-Mail"]
    assert 3.5e-3 < women.qini < 9.1e-3
    assert women.qini_low > 0
    assert men.qini_low < 0 < men.qini_high
