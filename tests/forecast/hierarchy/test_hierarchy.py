"""Forecasts that add up: against hierarchicalforecast and plain matrices, and what is named, kept and refused."""

import numpy as np
import pandas as pd
import pytest

from onecart.errors import UsageError
from onecart.forecast.hierarchy.reconciliation import METHODS, aggregate, largest_gap, reconcile

LEVELS = ["category", "store"]


def random_tree(rng, leaves=14):
    """[unique_id, category, store] with every category name under both stores, and the summing matrix by node."""
    tree = pd.DataFrame({"unique_id": [f"sku{i}" for i in range(leaves)]})
    tree["category"] = [f"c{i}" for i in rng.integers(0, 3, leaves)]
    tree["store"] = [f"s{i}" for i in rng.integers(0, 2, leaves)]
    category = "store=" + tree["store"] + "/category=" + tree["category"]
    members = {"total": tree["unique_id"], **dict(iter(tree["unique_id"].groupby("store=" + tree["store"])))}
    members |= dict(iter(tree["unique_id"].groupby(category)))
    members |= {leaf: pd.Series([leaf]) for leaf in tree["unique_id"]}
    summing = pd.DataFrame({node: tree["unique_id"].isin(below) for node, below in members.items()}).T.astype(float)
    return tree, summing


def projected(summing, yhat, w):
    """S G with G = (S'W^-1 S)^-1 S'W^-1 over the nodes that have a forecast; a column a node with one."""
    s, known = summing.to_numpy(), summing.loc[yhat.index].to_numpy()
    weighed = known.T / w.loc[yhat.index].to_numpy()
    return s @ np.linalg.solve(weighed @ known, weighed)


def long(values, dates=("2024-01-01", "2024-01-02")):
    """[unique_id, ds, yhat, ends] from a frame with a row a node and a column a date."""
    rows = [(node, ds, float(values.loc[node].iloc[i])) for i, ds in enumerate(dates) for node in values.index]
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "yhat"])
    return frame.assign(**{"yhat-lo-80": frame["yhat"] - 1, "yhat-hi-80": frame["yhat"] + 2, "model": "m"})


def by_node(result, summing, column="yhat"):
    found = result.toPandas().pivot(index="unique_id", columns="ds", values=column)
    return found.loc[summing.index].to_numpy()


def test_nodes_are_named_by_their_path_and_sum_their_leaves(spark):
    tree = spark.createDataFrame(
        [(1, "A/B", "X"), (2, "A/B", "Y"), (3, None, "Y"), (4, "100%", "Y")],
        "unique_id int, category string, store string",
    )
    days = [(1, "d1", 1), (1, "d2", 2), (2, "d1", 4), (3, "d1", 8), (3, "d2", None), (4, "d1", 16), (9, "d1", 32)]
    series = spark.createDataFrame(days, "unique_id int, ds string, y int")
    found = aggregate(series, tree, LEVELS)
    assert found.dtypes == [("unique_id", "string"), ("ds", "string"), ("y", "double")]
    assert {(r["unique_id"], r["ds"]): r["y"] for r in found.collect()} == {
        **{(str(leaf), ds): y for leaf, ds, y in days},
        ("store=X/category=A%2FB", "d1"): 1,
        ("store=X/category=A%2FB", "d2"): 2,
        ("store=Y/category=A%2FB", "d1"): 4,
        ("store=Y/category=unknown", "d1"): 8,
        ("store=Y/category=unknown", "d2"): None,
        ("store=Y/category=100%25", "d1"): 16,
        ("store=unknown/category=unknown", "d1"): 32,
        ("store=X", "d1"): 1,
        ("store=X", "d2"): 2,
        ("store=Y", "d1"): 28,
        ("store=Y", "d2"): None,
        ("store=unknown", "d1"): 32,
        ("total", "d1"): 61,
        ("total", "d2"): 2,
    }


@pytest.mark.parametrize("method", METHODS)
def test_agrees_with_hierarchicalforecast(spark, method):
    from hierarchicalforecast.methods import BottomUp, MinTrace

    rng = np.random.default_rng(7)
    tree, summing = random_tree(rng)
    size = summing.sum(axis=1).to_numpy()[:, None]
    yhat = pd.DataFrame(size * 100 + rng.normal(0, 10, (len(summing), 2)), summing.index)
    errors = rng.normal(size=(len(summing), 50)) * rng.uniform(0.5, 3, (len(summing), 1))
    library = BottomUp() if method == "bottom_up" else MinTrace(method)
    insample = {"y_insample": errors, "y_hat_insample": np.zeros_like(errors)} if method == "wls_var" else {}
    wanted = library.fit_predict(summing.to_numpy(), yhat.to_numpy(), **insample)["mean"]
    # The library adds 2e-8 to each variance.
    variance = pd.DataFrame({"unique_id": summing.index, "variance": (errors**2).mean(axis=1) + 2e-8})
    variance = spark.createDataFrame(variance) if method == "wls_var" else None
    rows = long(yhat)
    result = reconcile(spark.createDataFrame(rows), spark.createDataFrame(tree), LEVELS, variance, method).cache()
    assert result.columns == list(rows.columns)
    np.testing.assert_allclose(by_node(result, summing), wanted, rtol=1e-9, atol=1e-6)
    assert largest_gap(result, spark.createDataFrame(tree), LEVELS) < 1e-9
    if method != "wls_var":
        np.testing.assert_allclose(by_node(result, summing, "yhat-hi-80"), wanted + 2, atol=1e-6)


@pytest.mark.parametrize(("seed", "method"), [(0, "wls_var"), (1, "ols"), (2, "bottom_up")])
def test_agrees_with_the_matrices_and_scales_the_intervals(spark, seed, method):
    rng = np.random.default_rng(seed)
    tree, summing = random_tree(rng)
    v = pd.Series(10.0 ** rng.uniform(-2, 3, len(summing)), summing.index)
    yhat = pd.DataFrame(
        1000 * summing.sum(axis=1).to_numpy()[:, None] + rng.normal(0, 50, (len(summing), 2)), summing.index
    )
    nodes = summing.index[: -len(tree)]
    known = yhat.drop(rng.choice(nodes[1:], 2, replace=False))
    w = {"wls_var": v, "ols": v * 0 + 1, "bottom_up": v * 0 + np.where(v.index.isin(nodes), 1e12, 1)}[method]
    solution = projected(summing, known, w)
    wanted = solution @ known.to_numpy()
    after = np.sqrt(np.einsum("ij,j,ij->i", solution, v[known.index].to_numpy(), solution))
    frames = (long(known), tree, v.rename("variance").rename_axis("unique_id").reset_index())
    rows, tree, variance = (spark.createDataFrame(frame) for frame in frames)
    result = reconcile(rows, tree, LEVELS, variance, method).cache()
    np.testing.assert_allclose(by_node(result, summing), wanted, rtol=1e-6 if method == "bottom_up" else 1e-9)
    up = by_node(result, summing, "yhat-hi-80") - wanted
    scale = pd.DataFrame(up / 2, summing.index)
    expected = pd.Series(after / np.sqrt(v.to_numpy()), summing.index)
    np.testing.assert_allclose(scale.loc[known.index, 0], expected[known.index], rtol=1e-4)
    assert scale.drop(known.index).isna().all(axis=None)


def test_nothing_falls_below_zero_and_parents_keep_their_value(spark):
    up, w = np.array([9.0, 4, 1, 0, 3]), np.array([1.0, 4, 2, 1, 0])
    tree = spark.createDataFrame([(i,) for i in range(5)], "unique_id int")
    rows = [(str(i), 1, x, x / 2, 2 * x) for i, x in enumerate(up.tolist())] + [("total", 1, 8.0, 7.0, 9.0)]
    columns = "unique_id string, ds int, yhat double, yhat_lo_95 double, yhat_hi_95 double"
    variance = [*((str(i), x) for i, x in enumerate(w.tolist())), ("total", 0.0)]
    variance = spark.createDataFrame(variance, "unique_id string, variance double")
    result = reconcile(spark.createDataFrame(rows, columns), tree, [], variance)
    found = {r["unique_id"]: r for r in result.collect()}
    x = np.array([found[str(i)]["yhat"] for i in range(5)])
    # The nearest point with sum 8 by the variances: 9 and 4 give way by 1 to 4, until 4 is at 0; 3 is exact, as is 8.
    np.testing.assert_allclose(x, [5, 0, 0, 0, 3], atol=1e-4)
    assert found["total"]["yhat"] == pytest.approx(8) == x.sum()
    assert all(0 <= r["yhat_lo_95"] <= r["yhat"] <= r["yhat_hi_95"] for r in found.values())


def test_what_often_sells_nothing_still_does_when_more_of_it_is_expected(spark):
    tree = spark.createDataFrame([("a",), ("b",)], "unique_id string")
    rows = [("a", 1, 1.0, 0.0, 0.0, 4.0), ("b", 1, 3.0, 2.0, 1.0, 6.0), ("total", 1, 6.0, 6.0, 5.0, 8.0)]
    columns = "unique_id string, ds int, yhat double, yhat_median double, yhat_lo_80 double, yhat_hi_80 double"
    found = reconcile(spark.createDataFrame(rows, columns), tree, [], method="ols").collect()
    moved = {r["unique_id"]: [round(x, 6) for x in r[2:]] for r in found}
    step = 2 / 3  # of the 2 units between the total and the sum, a third each
    assert moved["a"] == pytest.approx([1 + step, 0, 0, 4 + step], abs=1e-6)
    assert moved["b"] == pytest.approx([3 + step, 2 + step, 1 + step, 6 + step], abs=1e-6)


def test_gaps_in_what_is_known(spark):
    tree = spark.createDataFrame(
        [(i, c, "S") for i, c in enumerate("AABBCC")], "unique_id int, category string, store string"
    )
    node = "store=S/category="
    rows = [
        *[("0", 10.0, "m", True), ("0", 77.0, "n", False), ("1", 30.0, "m", True)],  # A: no row, no variance of 1
        *[("2", 5.0, "m", True), (f"{node}B", 9.0, "m", True)],  # B: no row of 3
        *[(f"{node}C", 6.0, "m", True)],  # C: no leaf has a row
        *[("8", 2.0, "m", True)],  # not in the tree
        *[("total", 63.0, "m", True)],
    ]
    forecast = spark.createDataFrame(
        [(r[0], 1, *r[1:]) for r in rows], "unique_id string, ds int, yhat double, model string, chosen boolean"
    )
    given = [(0, 20.0), (1, None), (2, 10.0), (8, -1.0), (None, 1.0)]
    variance = spark.createDataFrame(given, "unique_id int, variance double")
    result = reconcile(forecast, tree, LEVELS, variance).cache()
    assert result.columns == forecast.columns
    found = {r["unique_id"]: (round(r["yhat"], 6), r["model"], r["chosen"]) for r in result.collect()}
    # Nodes have no variance and are not used; the variance per unit, (20 + 10) / (10 + 5), is that of 1, 8 and C.
    lone = {"store=S": 51.0, f"{node}A": 40.0, "store=unknown": 2.0, "store=unknown/category=unknown": 2.0}
    kept = {"0": 10.0, "1": 30.0, "2": 5.0, f"{node}B": 5.0, f"{node}C": 6.0, "8": 2.0, "total": 53.0}
    assert found == {
        **{name: (yhat, "m", True) for name, yhat in kept.items()},
        **{name: (yhat, None, True) for name, yhat in lone.items()},
    }
    assert largest_gap(result, tree, LEVELS) < 1e-9
    exact = reconcile(forecast, tree, LEVELS, variance.unionByName(spark.sql("SELECT 'total' unique_id, 0D variance")))
    shares = {r["unique_id"]: r["yhat"] for r in exact.collect()}
    assert shares["total"] == pytest.approx(63)
    # 10 more, by variances 20, 60, 10, 12 and 4.
    assert [shares[i] for i in ("0", "1", "2", f"{node}C", "8")] == pytest.approx(
        [10 + 200 / 106, 30 + 600 / 106, 5 + 100 / 106, 6 + 120 / 106, 2 + 40 / 106], abs=1e-6
    )


def test_what_is_refused_says_what_and_where(spark):
    def frame(schema, *rows):
        return spark.createDataFrame(list(rows), schema)

    tree = frame("unique_id string, category string", ("a", "A"), ("b", "B"))
    series = "unique_id string, ds int, y double"
    rows = "unique_id string, ds int, yhat double"
    variance = frame("unique_id string, variance double", ("a", 1.0))
    good = frame(rows, ("a", 1, 1.0))

    def refused(words, what, *args, **more):
        with pytest.raises(UsageError) as error:
            what(*args, **more)
        assert words in str(error.value)

    y = frame(series, ("a", 1, 1.0))
    refused("tree has no column 'categry'; did you mean 'category'?", aggregate, y, tree, ["categry"])
    refused("levels must be different columns", aggregate, y, tree, ["category", "category"])
    refused("series has no column 'y'", aggregate, good, tree, "category")
    refused(
        "series: column 'y' must hold numbers, found string",
        aggregate,
        y.withColumn("y", y.y.cast("string")),
        tree,
        ["category"],
    )
    refused(
        "has two rows of one unique_id; a leaf has one parent (unique_id a)", aggregate, y, tree.union(tree), "category"
    )
    refused(
        "is a node's name; rename it (unique_id category=A)",
        aggregate,
        y,
        tree.union(frame(tree.schema, ("category=A", "A"))),
        "category",
    )
    refused("series has the id 'total'", aggregate, y.union(frame(series, ("total", 1, 1.0))), tree, "category")
    refused("no method 'wls'; did you mean", reconcile, good, tree, "category", variance, "wls")
    refused("wls_var needs variance", reconcile, good, tree, "category")
    refused("has two rows of one unique_id and ds", reconcile, good.union(good), tree, "category", variance)
    refused("yhat that is null or not finite", reconcile, frame(rows, ("a", 1, None)), tree, "category", variance)
    refused(
        "has a node that is not in the tree", reconcile, frame(rows, ("category=Z", 1, 1.0)), tree, "category", variance
    )
    refused(
        "two rows of one unique_id in variance (unique_id a)",
        reconcile,
        good,
        tree,
        "category",
        variance.union(variance),
    )
    refused("variance has a value for none", reconcile, frame(rows, ("b", 1, 1.0)), tree, "category", variance)
    refused(
        "without unique_id or ds (unique_id a)", reconcile, frame(rows, ("a", None, 1.0)), tree, "category", variance
    )
