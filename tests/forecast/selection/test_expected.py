"""The bias that is left, from earlier windows alone."""

import numpy as np
import pytest

from onecart.forecast.selection.expected import Correction, corrections

H = 4


def series(ratios, n=60, demand="lumpy", size=3.0, seed=0):
    """`n` series that sell about `ratios` times what is expected of them, window by window from the oldest."""
    rng = np.random.default_rng(seed)
    return [
        (
            demand,
            size,
            rng.poisson(np.repeat(ratios, H).reshape(-1, H) * 5.0).astype(float),
            np.full((1 + len(ratios), H), 5.0),
        )
        for _ in range(n)
    ]


def test_what_all_windows_say_is_taken_off_ahead_and_each_window_has_what_came_before_it():
    found = corrections(series([2.0, 2.0, 2.0]))["lumpy"].factors(3)[:, 0]
    assert found[0] == pytest.approx(2.0, abs=0.1)
    assert found[1] == 1.0  # nothing came before the oldest
    assert found[2] == pytest.approx(2.0, abs=0.15)


def test_a_window_does_not_know_itself_or_what_came_after_it():
    rows = series([1.5, 1.5, 1.0])
    more = [(*row[:2], np.vstack([row[2][:2], 3 * row[2][2:]]), row[3]) for row in rows]
    one, other = (corrections(given)["lumpy"].factors(3)[:, 0] for given in (rows, more))
    assert one[1:].tolist() == pytest.approx(other[1:].tolist(), abs=1e-12)
    assert one[0] < other[0]


def test_windows_that_disagree_and_few_series_say_little():
    agree, differ = (corrections(series(r))[""].ahead for r in ([1.3, 1.3, 1.3], [2.2, 0.7, 1.4]))
    assert agree > 1.25 > differ > 1.0
    rng = np.random.default_rng(1)
    rare = [("lumpy", 1.0, 40.0 * (rng.random((3, H)) < 0.1), np.full((4, H), 1.0))]
    assert corrections(rare)["lumpy"].ahead == pytest.approx(1.0, abs=0.25)


def test_a_class_has_its_own_and_large_series_do_not_stand_for_all():
    found = corrections([*series([2.0] * 3), *series([1.0] * 3, demand="smooth", seed=1)])
    assert (found["lumpy"].ahead, found["smooth"].ahead) == (pytest.approx(2.0, abs=0.1), pytest.approx(1.0, abs=0.05))
    large = [(d, 900.0, y * 300, path * 300) for d, _, y, path in series([1.0] * 3, n=1, seed=2)]
    assert corrections([*series([2.0] * 3), *large])["lumpy"].ahead > 1.5


def test_nothing_sold_or_expected_or_known_changes_nothing():
    none = [
        ("lumpy", 1.0, np.full((2, H), np.nan), np.ones((3, H))),
        ("smooth", 1.0, np.ones((2, H)), np.zeros((3, H))),
    ]
    assert {demand: c.factors(2).ravel().tolist() for demand, c in corrections(none).items()}["smooth"] == [1.0] * 3
    assert (corrections([]), Correction().factors(2).ravel().tolist()) == ({"": Correction()}, [1.0] * 3)
