"""The planner: what the units it asks for really show, and what it refuses."""

import json

import numpy as np
import pytest

from onecart.cli import main
from onecart.errors import UsageError
from onecart.measure import plan_experiment
from onecart.measure.experiments.effects import welch


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.2, 0.8), (0.25, 0.25, 0.5)])
def test_the_planned_units_show_the_uplift_as_often_as_said(shares):
    plan = plan_experiment(0.1, 0.3, power=0.8, arms=len(shares), shares=shares)
    draw, repeats = np.random.default_rng(7), 2000
    control, treated = draw.binomial(plan.units[0], 0.1, repeats), draw.binomial(plan.units[1], 0.13, repeats)
    p, q = control / plan.units[0], treated / plan.units[1]
    seen = [
        welch(b, b * (1 - b), plan.units[1], a, a * (1 - a), plan.units[0]).p_value <= plan.alpha
        for a, b in zip(p, q, strict=True)
    ]
    assert np.mean(seen) == pytest.approx(0.8, abs=4 * (0.16 / repeats) ** 0.5)


def test_a_mean_with_a_covariate_needs_fewer():
    plain = plan_experiment(20, 1, relative=False, sd=10)
    assert plain.units == (1570, 1570)  # 2 * (1.959964 + .841621)^2 * 10^2
    assert plan_experiment(20, 0.05, sd=10, correlation=0.6).units == (1005, 1005)  # less 36 %


def test_days_are_those_of_all_arms_and_alpha_is_shared():
    plan = plan_experiment(0.05, 0.1, arms=3, daily=1000)
    assert plan.alpha == 0.025
    assert plan.days == -(-plan.total // 1000) == -(-3 * plan.units[0] // 1000)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"baseline": 5}, "a rate lies between 0 and 1"),
        ({"uplift": 0.0}, "no number of units"),
        ({"uplift": 30}, "the rate would be"),
        ({"uplift": float("nan")}, "finite"),
        ({"power": 1.0}, "power must lie"),
        ({"alpha": 0.0}, "alpha must lie"),
        ({"arms": 1}, "two arms"),
        ({"shares": [1, 0]}, "give 2 shares"),
        ({"daily": 0}, "per day"),
        ({"correlation": 1.0}, "correlation"),
        ({"sd": 0.0}, "standard deviation"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(given, words):
    with pytest.raises(UsageError, match=words):
        plan_experiment(**{"baseline": 0.05, "uplift": 0.1, **given})


def test_the_command_prints_json_and_words(capsys):
    words = ["plan-experiment", "--baseline", "0.05", "--uplift", "0.1", "--daily", "4000"]
    assert main([*words, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["units"], plan["days"]) == ([31234, 31234], 16)
    assert main(words) == 0
    assert capsys.readouterr().out == (
        "62,468 units (31,234, 31,234; the control first) to see 0.05 become 0.055 with power 80% at alpha 0.05: 16 days\n"
    )
    assert main(["plan-experiment", "--baseline", "2", "--uplift", "0.1"]) == 2
