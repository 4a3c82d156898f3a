"""The uplift curve: its area by definition, equal scores as one step, resamples."""

import numpy as np
import pytest

from onecart.stats import qini

OUTCOME = np.array([1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1.0])
TREATED = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0])
FALLING = -np.arange(12.0)


def by_hand(outcome, treated, score):
    """The definition row by row, for scores without ties."""
    order = np.argsort(-score)
    area, before, end, heads, n = 0.0, 0.0, 0.0, treated.sum(), len(score)
    for i in range(1, n + 1):
        y, t = outcome[order[:i]], treated[order[:i]]
        controls = (t == 0).sum()
        would = y[t == 0].sum() * t.sum() / controls if controls else 0
        end = (y[t == 1].sum() - would) / heads
        area, before = area + (before + end) / 2 / n, end
    return area - end / 2


def test_known_answer_and_the_best_order():
    assert qini.steps(OUTCOME, TREATED, FALLING).qini() == pytest.approx(0.068519, abs=1e-6)
    best = np.where(TREATED == 1, np.where(OUTCOME == 1, 3, 1), np.where(OUTCOME == 0, 2, 0))
    assert qini.steps(OUTCOME, TREATED, best + 1e-3 * FALLING).qini() == pytest.approx(0.3625, abs=1e-6)


def test_equal_scores_are_one_step_and_tell_nobody_apart():
    steps = qini.steps(OUTCOME, TREATED, np.zeros(12))
    assert (len(steps.score), steps.qini()) == (1, 0.0)
    assert qini.qini_draws(OUTCOME, TREATED, [np.zeros(12)], resamples=20).tolist() == [
        [pytest.approx(0, abs=1e-15)] * 20
    ]


def test_the_order_of_rows_does_not_count():
    draw = np.random.default_rng(3)
    y, t, s = draw.integers(0, 2, 60), draw.integers(0, 2, 60), draw.integers(0, 9, 60)
    order = draw.permutation(60)
    assert qini.steps(y, t, s).qini() == pytest.approx(qini.steps(y[order], t[order], s[order]).qini(), abs=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_area_by_definition(seed):
    draw = np.random.default_rng(seed)
    y, t, s = draw.normal(size=40), draw.integers(0, 2, 40), draw.normal(size=40)
    assert qini.steps(y, t, s).qini() == pytest.approx(by_hand(y, t, s), abs=1e-12)


def test_a_row_of_weight_two_is_the_row_twice():
    twice = [np.repeat(v, np.where(np.arange(12) % 3 == 0, 2, 1)) for v in (OUTCOME, TREATED, FALLING)]
    weight = np.where(np.arange(12) % 3 == 0, 2.0, 1.0)
    assert qini.steps(OUTCOME, TREATED, FALLING, weight).qini() == pytest.approx(qini.steps(*twice).qini(), abs=1e-12)


def test_the_curve_goes_from_nothing_to_the_mean_effect():
    curve = qini.steps(OUTCOME, TREATED, FALLING).curve()
    effect = OUTCOME[TREATED == 1].mean() - OUTCOME[TREATED == 0].mean()
    assert (curve["share"][0], curve["gain"][0], curve["share"][-1]) == (0, 0, 1)
    assert curve["gain"][-1] == pytest.approx(effect) == curve["chord"][-1]


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Scores that tell nothing have the Qini 0: 95 % intervals miss it in about 5 of 100 samples."""
    draw, missed = np.random.default_rng(1), 0
    for i in range(200):
        y, t, s = draw.random(300) < 0.3, draw.integers(0, 2, 300), draw.normal(size=300)
        low, high = qini.qini_interval(y, t, s, seed=i)
        missed += not low <= 0 <= high
    assert 2 <= missed <= 24  # binomial, 99.9 %


def test_resamples_from_sums_are_spread_like_those_of_rows():
    draw = np.random.default_rng(5)
    t, s = draw.integers(0, 2, 20_000), draw.integers(0, 10, 20_000)
    y = (draw.random(20_000) < 0.2 + 0.02 * s * t).astype(float)
    rows = qini.qini_draws(y, t, [s.astype(float)], resamples=300)[0]
    of = [[(t == arm) & (s == k) for k in range(9, -1, -1)] for arm in (0, 1)]
    n, total = (np.array([[f(at) for at in row] for row in of], float) for f in (np.sum, lambda at: y[at].sum()))
    sums = qini.drawn_from_steps(n, total, total, resamples=300)
    assert sums.mean() == pytest.approx(rows.mean(), abs=3e-4)
    assert sums.std() == pytest.approx(rows.std(), rel=0.15)


def test_an_arm_without_rows_has_no_qini():
    assert np.isnan(qini.steps(OUTCOME, np.ones(12), FALLING).qini())
