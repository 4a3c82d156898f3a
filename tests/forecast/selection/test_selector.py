"""What is usual in a class, the weights of models, and a choice that does not know the window that it is judged on."""

import dataclasses

import numpy as np
import pytest

from onecart.forecast.local.registry import BENCHMARK
from onecart.forecast.selection import selector
from onecart.forecast.selection.selector import BEST_OF, ENSEMBLE, ErrorPrior, alike, error_prior, select, weights

NOTHING = ErrorPrior({}, {})
OTHERS = ("naive", "ets", "theta", "ces", "mstl", "regression", "sba")


def case(errors, demand="smooth", scale=2.0, h=4, loss="absolute"):
    """A series of 10 a period; `errors`: model -> how far it is off on each window (ahead as on the first)."""
    paths = {name: 10 + np.repeat([off[0], *off], h).reshape(-1, h) for name, off in errors.items()}
    windows = len(next(iter(errors.values())))
    return selector.BacktestResult(demand, scale, np.full((windows, h), 10.0), paths, loss)


def noisy(seed, models=6, windows=3, h=5, demand="smooth"):
    rng = np.random.default_rng(seed)
    y = rng.poisson(10, (windows, h)).astype(float)
    names = (BENCHMARK, *OTHERS)[:models]
    return selector.BacktestResult(
        demand, 3.0, y, {name: rng.normal(10, 1 + rng.random() * 4, (1 + windows, h)) for name in names}
    )


def test_errors_are_means_over_the_known_periods_of_each_window():
    one = case({BENCHMARK: (1, -2), "naive": (0, 3)})
    one.y[1, :3] = np.nan
    one.yhats["naive"][2, 3] = 14.0
    assert one.errors().tolist() == [[1, 2], [0, 4]]


def test_squared_errors_are_of_each_period_and_of_their_sum():
    even, odd = case({BENCHMARK: (2,), "naive": (0,)}, loss="squared"), np.array([[3.0, -3, 3, np.nan]])
    even.y[:] = 10 + odd
    assert even.missed(np.full((1, 4), 10.0)) == pytest.approx((9 + 3**2 / 3) / 2)
    assert even.missed(np.full((1, 4), 12.0)) == pytest.approx(((1 + 25 + 1) / 3 + 3**2 / 3) / 2)


@pytest.mark.parametrize(("scale", "expected"), [(2.0, 2.0), (float("nan"), 10.0)])
def test_the_size_of_a_series_is_its_scale_or_what_it_sells(scale, expected):
    assert case({BENCHMARK: (1,)}, scale=scale).size == expected


def test_usual_is_the_mean_of_a_class_drawn_by_ten_series_to_that_of_all():
    smooth = [case({BENCHMARK: (3, 3), "ets": (1, 1)}) for _ in range(4)]
    lumpy = [case({BENCHMARK: (1, 1), "ets": (3, 3)}, "lumpy", scale=1.0)]
    found = error_prior([*smooth, *lumpy])
    of_all = (4 * 0.5 + 1 * 1.5) / 5  # ets: half the middle error on smooth series, one and a half on the lumpy one
    assert found.relative["smooth", "ets"] == pytest.approx((4 * 0.5 + 10 * of_all) / 14)
    assert found.relative["lumpy", "ets"] == pytest.approx((1 * 1.5 + 10 * of_all) / 11)
    sizes = (4 * 1 / 2 + 1 * 3 / 1) / 5
    assert found.size["lumpy", "ets"] == pytest.approx((3 + 10 * sizes) / 11)


def test_many_series_make_a_class_its_own():
    few, many = (
        error_prior([case({BENCHMARK: (3,), "ets": (1,)}), *[case({BENCHMARK: (1,), "ets": (3,)}, "lumpy")] * n])
        for n in (2, 200)
    )
    assert few.relative["lumpy", "ets"] < many.relative["lumpy", "ets"] < 1.5
    assert many.relative["lumpy", "ets"] > 1.49


def test_a_series_that_no_model_misses_says_nothing_of_what_is_usual():
    found = error_prior([case({BENCHMARK: (0, 0), "ets": (0, 0)})])
    assert (found.relative, found.size, found.prior("smooth")) == ({}, {}, NOTHING.prior("smooth"))
    assert error_prior([]) == NOTHING


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("models", [1, 2, 3, 4, 6, 8])
def test_weights_sum_to_1_over_at_most_half_of_the_models_and_at_most_a_few(seed, models):
    one = noisy(seed, models)
    found = weights(one, np.arange(3), error_prior([one, noisy(seed + 100, models)]))
    assert found.sum() == pytest.approx(1)
    assert found.min() >= 0
    others = found[np.array(one.models) != BENCHMARK]
    assert (others > 0).sum() <= max(1, min(BEST_OF, models // 2))


def test_the_best_are_weighted_by_the_inverse_square_of_what_they_are_usually_off():
    one = case({BENCHMARK: (4, 4, 4), "naive": (4, 4, 4), "ets": (2.0, 2.0, 2.0), "theta": (2.2, 2.2, 2.2)})
    found = dict(zip(one.models, weights(one, np.arange(3), NOTHING), strict=True))
    # Errors over the middle one's, 3.1, on three windows, and three windows of 1, which is usual where nothing is known.
    ets, theta = (3 * 2 / 3.1 + 3) / 6, (3 * 2.2 / 3.1 + 3) / 6
    assert found["ets"] == pytest.approx(ets**-2 / (ets**-2 + theta**-2))
    assert found["theta"] == pytest.approx(1 - found["ets"])


def test_a_model_that_is_much_worse_than_the_best_takes_no_part():
    one = case({BENCHMARK: (4, 4, 4), "naive": (4, 4, 4), "ets": (1, 1, 1), "theta": (3, 3, 3)})
    found = dict(zip(one.models, weights(one, np.arange(3), NOTHING), strict=True))
    assert found["ets"] == 1


def test_what_is_usual_in_the_class_decides_between_models_that_are_even():
    one = case({BENCHMARK: (2, 2), "ets": (1, 1), "theta": (1, 1)})
    found = weights(one, np.arange(2), ErrorPrior({("smooth", "ets"): 0.9, ("smooth", "theta"): 0.5}, {}))
    assert dict(zip(one.models, found, strict=True)) == {BENCHMARK: 0, "ets": 0, "theta": 1}


@pytest.mark.parametrize("models", [2, 4, 6, 8])
def test_a_model_without_error_wins_alone(models):
    names = (BENCHMARK, *OTHERS)[:models]
    one = case({name: (0, 0, 0) if name == "naive" else (1, 2, 1) for name in names})
    best = select(one, ErrorPrior({("smooth", "naive"): 1.9}, {}))
    assert (best.model, best.weights, best.beaten) == ("naive", {"naive": 1.0}, True)


def test_of_models_that_are_even_the_benchmark_is_taken():
    one = case({"ets": (1, 2), "theta": (1, 2), BENCHMARK: (1, 2)})
    best = select(one, NOTHING)
    assert (best.model, best.beaten) == (BENCHMARK, False)


def test_the_benchmark_is_not_beaten_where_it_is_best():
    best = select(case({BENCHMARK: (1, 1, 1), "ets": (2, 3, 2), "theta": (3, 3, 3), "naive": (3, 3, 3)}), NOTHING)
    assert not best.beaten


@pytest.mark.parametrize("seed", range(30))
def test_the_benchmark_alone_never_beats_itself(seed):
    one = noisy(seed, models=3)
    best = select(one, error_prior([one]))
    assert best.model != BENCHMARK or not best.beaten


def test_a_better_ensemble_beats_the_benchmark():
    one = case({BENCHMARK: (3, 3, 3), "ets": (1, 1, 1), "theta": (-1, -1, -1), "naive": (4, 4, 4)})
    best = select(one, error_prior([one]))
    assert (best.model, best.beaten) == (ENSEMBLE, True)
    assert best.weights == pytest.approx({"ets": 0.5, "theta": 0.5})
    assert best.path == pytest.approx(np.full((4, 4), 10.0))


def test_the_path_ahead_is_of_the_weights_that_are_said():
    one = noisy(3)
    best = select(one, error_prior([one]))
    expected = sum(weight * one.yhats[name][0] for name, weight in best.weights.items())
    assert best.path[0] == pytest.approx(expected)


def test_the_path_of_a_window_does_not_depend_on_its_own_errors():
    moved = 0
    for seed in range(5):
        one = noisy(seed)
        known = dataclasses.replace(error_prior([one, noisy(seed + 100)]), windows={"smooth": 0.5})
        for w in range(3):
            y = one.y.copy()
            y[w] = one.yhats["theta"][1 + w]  # now theta is never off there
            before, after = select(one, known).path, select(dataclasses.replace(one, y=y), known).path
            np.testing.assert_array_equal(before[1 + w], after[1 + w])
            moved += sum((before[at] != after[at]).any() for at in range(4))
    assert moved > 5


def test_one_window_is_judged_by_what_is_usual_alone():
    one = case({BENCHMARK: (1,), "ets": (5,), "theta": (2,)})
    best = select(one, ErrorPrior({("smooth", "ets"): 0.5}, {}))
    assert best.path[1] == pytest.approx(one.yhats["ets"][1])


@pytest.mark.parametrize("loss", ["squared", "absolute"])
@pytest.mark.parametrize("exploded", [100.0, 1e5])
def test_a_model_that_explodes_drowns_neither_the_benchmark_nor_what_is_usual(loss, exploded):
    """A mistyped value that all but seasonal naive follow: usual says theta, the windows of the series say otherwise."""
    off = {BENCHMARK: (1.3, 1.4, 1.3), "theta": (14, 13, 14), "ets": (exploded,) * 3, "ces": (exploded,) * 3}
    usual = [case({BENCHMARK: (4, 4, 4), "theta": (2, 2, 2), "ets": (3, 3, 3), "ces": (3, 3, 3)}, loss=loss)] * 30
    odd = case(off, loss=loss)
    best = select(odd, error_prior([*usual, odd]))
    assert not best.beaten
    alone, together = error_prior(usual), error_prior([*usual, odd])
    for key, value in alone.relative.items():
        assert together.relative[key] == pytest.approx(value, abs=0.15)
    assert together.size["smooth", "ces"] == pytest.approx(alone.size["smooth", "ces"], abs=0.6)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_taken_is_never_worse_than_the_benchmark_on_its_windows(seed):
    """Even where all that is usual speaks against it."""
    one = dataclasses.replace(noisy(seed), loss=("squared", "absolute")[seed % 2])
    best = select(one, ErrorPrior({("smooth", BENCHMARK): 9.0}, {}, {"smooth": 20.0}))
    said = sum(weight * one.yhats[name][1:] for name, weight in best.weights.items())
    assert one.missed_each(said).mean() <= one.missed_each(one.yhats[BENCHMARK][1:]).mean()


def test_as_little_of_the_benchmark_as_makes_it_no_worse_takes_part():
    one = case({BENCHMARK: (1, 1, 1), "ets": (-1.2, -1.2, -1.2), "theta": (-1.2, -1.2, -1.2), "naive": (3, 3, 3)})
    usual = ErrorPrior({("smooth", BENCHMARK): 9.0}, {}, {"smooth": 20.0})
    best = select(one, usual)  # 90 % of -1.2 and 10 % of 1 is off by .98
    assert best.weights == pytest.approx({"ets": 0.45, "theta": 0.45, BENCHMARK: 0.1})


def test_where_no_model_is_off_the_benchmark_is_taken():
    best = select(case({BENCHMARK: (0, 0), "ets": (0, 0), "theta": (0, 0)}), NOTHING)
    assert not best.beaten


def test_series_that_are_alike_say_more_of_each_other_than_such_that_are_not():
    draw = np.random.default_rng(3)

    def panel(spread):
        rows = []
        for _ in range(40):
            means = {name: 2.0 + n + draw.normal(0, spread) for n, name in enumerate((BENCHMARK, "ets", "theta"))}
            rows.append(case({name: tuple(np.abs(m + draw.normal(0, 0.5, 3))) for name, m in means.items()}))
        return rows

    same, various = alike(panel(0.0)), alike(panel(1.0))
    assert same > 5 > 1 > various
    assert alike(panel(0.0)[:1]) == 3.0  # nothing is known of how far series differ
