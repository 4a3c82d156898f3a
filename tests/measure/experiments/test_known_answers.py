"""The known answers of ../shared/known_answers.md, section Experiments, from units and from aggregates."""

import numpy as np
import pandas as pd
import pytest

from onecart.measure.experiments import GroupSequential, experiment, group_sequential_bounds, judge
from onecart.measure.experiments.always_valid import half_width, mixture_rho
from onecart.measure.experiments.power import plan_experiment
from onecart.measure.experiments.sample_ratio import sample_ratio
from onecart.stats.adjusted_p_values import adjusted

X = [10.0, 12, 9, 20, 15, 8, 14, 11, 18, 13]
Y = [11.0, 14, 9, 23, 15, 7, 16, 12, 20, 13]
UNITS = pd.DataFrame({"unit_id": range(10), "arm": [0, 1] * 5, "x": X, "y": Y})


def close(found, *expected):
    assert np.atleast_1d(np.asarray(found, float)) == pytest.approx(expected, abs=1e-6)


def aggregates() -> pd.DataFrame:
    rows = []
    for arm, of in UNITS.groupby("arm"):
        moments = {"x_mean": of.x.mean(), "x_variance": of.x.var(), "y_mean": of.y.mean(), "y_variance": of.y.var()}
        rows.append({"arm": arm, "units": len(of), **moments, "y_x_covariance": of.x.cov(of.y)})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    "judged", [lambda **k: experiment(UNITS, **k), lambda **k: judge(aggregates(), **k)], ids=["units", "sums"]
)
def test_welch_and_cuped(judged):
    row = judged(metrics=["y"], control=0, covariate="x").table.iloc[0]
    close(row[["raw_effect", "raw_lo", "raw_hi", "raw_p_value"]], -0.4, -7.973020, 7.173020, 0.904955)
    close(row[["effect", "lo", "hi", "p_value"]], 0.092537, -1.253368, 1.438443, 0.877910)
    close(row[["theta", "variance_reduction"]], 1.231343, 0.967484)
    plain = judged(metrics=["y"], control=0).table.iloc[0]
    close(plain[["effect", "lo", "hi", "p_value"]], -0.4, -7.973020, 7.173020, 0.904955)


def test_sample_ratio():
    chi2, p = sample_ratio([821_588, 815_482], [0.5, 0.5])
    assert chi2 == pytest.approx(22.774369, abs=1e-6)
    assert p == pytest.approx(1.821793e-06, abs=1e-12)
    close(sample_ratio([50_450, 49_550], [0.5, 0.5]), 8.1, 0.004427)
    close(sample_ratio([7_012, 2_988], [0.7, 0.3]), 0.068571, 0.793428)


def test_corrections():
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1,
    ]
    close(adjusted(p, "benjamini-hochberg")[:5], 0.0015, 0.003, 0.0095, 0.035625, 0.0603)
    rejected = {c: int((adjusted(p, c) <= 0.05).sum()) for c in ("benjamini-hochberg", "holm", "bonferroni")}
    assert rejected == {"benjamini-hochberg": 4, "holm": 3, "bonferroni": 3}


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        ("pocock", [2.178272, 2.289478, 2.361298, 2.413176]),
        ("obrien-fleming", [1.977431, 2.004036, 2.024295, 2.040073]),
    ],
)
def test_group_sequential_bounds(kind, last):
    looks = [[(i + 1) / k for i in range(k)] for k in (2, 3, 4, 5)]
    close([group_sequential_bounds(f, kind)[-1] for f in looks], *last)


def test_lan_demets_bounds():
    bounds = group_sequential_bounds([0.2, 0.4, 0.6, 0.8, 1], "lan-demets-obrien-fleming")
    close(bounds, 4.876885, 3.357012, 2.680280, 2.289817, 2.031032)


def test_always_valid():
    close(mixture_rho(5000, 0.05), 0.039840)
    n = np.array([100, 1_000, 10_000, 100_000])
    close(half_width(1 / np.sqrt(n), n, 0.05, 5000), 0.669439, 0.106375, 0.030615, 0.010552)


def test_peeking_would_cry_victory():
    given = pd.DataFrame({"arm": ["old", "new"], "units": 10_000, "bought_successes": [500, 570]})
    row = judge(given, ["bought"], "old").table.iloc[0]
    close(row[["effect", "always_valid_lo", "always_valid_hi"]], 0.007, -0.002950, 0.016950)
    close(row[["lo", "hi"]], 0.000763, 0.013237)
    looked = judge(given, ["bought"], "old", group_sequential=GroupSequential(1, (0.5, 1), "pocock")).table.iloc[0]
    assert looked.sequential_bound == pytest.approx(2.178272, abs=1e-6)
    assert looked.sequential_lo == pytest.approx(0.007 - 2.178272 * (row.hi - row.lo) / 2 / 1.960046, abs=1e-6)


@pytest.mark.parametrize(
    ("baseline", "target", "units"), [(0.05, 0.055, 31_234), (0.10, 0.12, 3_841), (0.02, 0.023, 36_693)]
)
def test_units_per_arm(baseline, target, units):
    assert plan_experiment(baseline, target - baseline, relative=False).units == (units, units)
    assert plan_experiment(baseline, target / baseline - 1).total == 2 * units
