"""Groups: found where they are, measured as others measure them."""

import numpy as np
import pytest

from onecart.stats import clustering


def blobs(k: int, n: int = 300, seed: int = 0, spread: float = 0.3):
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, k, n)
    return np.column_stack([np.cos(truth * 2 * np.pi / k), np.sin(truth * 2 * np.pi / k)]) * 3 + draw.normal(
        size=(n, 2)
    ) * spread, truth


@pytest.mark.parametrize("fit", [clustering.kmeans, clustering.mixture])
def test_groups_that_are_there_are_found(fit):
    x, truth = blobs(4)
    groups = fit(x, 4, 7)
    assert clustering.adjusted_rand(groups.assign(x), truth) == pytest.approx(1)
    assert clustering.stability(fit, x, 4, 7) == pytest.approx(1)
    assert clustering.stability(fit, x, 7, 7) < 0.9


def test_a_mixture_tells_a_wide_group_from_a_narrow_one():
    draw = np.random.default_rng(1)
    x = np.concatenate([draw.normal(0, 0.1, (400, 1)), draw.normal(0, 3, (400, 1))])
    groups = clustering.mixture(x, 2, 7).assign(x)
    wide = groups[np.argmax(np.abs(x[:, 0]))]
    assert (groups[np.abs(x[:, 0]) > 1] == wide).all()
    assert (groups[np.abs(x[:, 0]) < 0.05] != wide).all()


def test_silhouette_and_rand_index_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    x, truth = blobs(3, spread=1.2)
    group = clustering.kmeans(x, 4, 7).assign(x)
    assert clustering.silhouette(x, group, 7) == pytest.approx(metrics.silhouette_score(x, group), abs=1e-6)
    assert clustering.adjusted_rand(group, truth) == pytest.approx(metrics.adjusted_rand_score(truth, group), abs=1e-9)


def test_one_group_says_nothing():
    x, _ = blobs(3)
    one = np.zeros(len(x), int)
    assert clustering.silhouette(x, one, 7) == 0
    assert clustering.adjusted_rand(one, one) == 1


def test_more_groups_than_distinct_rows_do_no_harm():
    x = np.repeat([[0.0, 0.0], [5.0, 5.0]], 20, axis=0)
    for fit in (clustering.kmeans, clustering.mixture):
        found = fit(x, 4, 7).assign(x)
        assert np.isfinite(found).all()
        assert set(found[:20]).isdisjoint(found[20:])
