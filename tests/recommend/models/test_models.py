"""What the models learn, against numpy."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pytest
from pyspark.sql import functions as F
from scipy import sparse

from onecart import recommend
from onecart.errors import UsageError
from onecart.recommend.interactions import numbered, pair_up
from onecart.recommend.models.ease import _inverse_gram

ROWS = [
    (1, 10, 2.0),
    (1, 11, 1.0),
    (1, 12, 1.0),
    (2, 10, 1.0),
    (2, 11, 3.0),
    (3, 11, 1.0),
    (3, 12, 5.0),
    (3, 12, 1.0),
    (4, 13, 1.0),
]


def test_item_knn_is_the_shrunk_cosine(spark: Any) -> None:
    frame = spark.createDataFrame(ROWS, "user_id int, item_id int, value double")
    model = recommend.fit(frame, "item_knn", shrinkage=0.5, neighbours=2)
    weights = np.zeros((5, 4))
    for user, item, value in ROWS:
        weights[user, item - 10] += value
    weights = np.log1p(weights)
    norms = np.linalg.norm(weights, axis=0)
    similar = weights.T @ weights / (np.outer(norms, norms) + 0.5)
    np.fill_diagonal(similar, 0)
    ids = {r.item: r.item_id for r in model.frames["items"].toLocalIterator()}
    rows = model.frames["item_knn_items"].select("item", "vector.*").toLocalIterator()
    found = {(ids[r.item], ids[j]): v for r in rows for j, v in zip(r["index"], r["value"], strict=True)}
    expected = {(i + 10, j + 10): similar[i, j] for i in range(4) for j in range(4) if similar[i, j] > 0}
    assert found == pytest.approx(expected, abs=1e-6)

    offered = {
        (r.user_id, r.item_id): r.score
        for r in model.recommend(k=4, with_tier=True).where("tier = 'item_knn'").toLocalIterator()
    }
    scores = weights @ similar.T
    expected = {
        (u, i + 10): scores[u, i] for u in range(1, 5) for i in range(4) if scores[u, i] > 0 and not weights[u, i]
    }
    assert offered == pytest.approx(expected, abs=1e-6)


def test_max_history_keeps_the_newest(spark: Any) -> None:
    rows = [("a", "old", 1), ("a", "new", 9), ("a", "mid", 5)]
    model = recommend.fit(
        spark.createDataFrame(rows, "user_id string, item_id string, ts long"), "item_knn", max_history=2
    )
    history = model.frames["item_knn_users"].select(F.explode("vector.index").alias("item"))
    names = history.join(model.frames["items"], on="item", how="inner").select("item_id")
    assert {r.item_id for r in names.toLocalIterator()} == {"new", "mid"}


def test_implicit_weight_sums_decayed_values(spark: Any) -> None:
    days = [
        (1, "x", 2.0, datetime(2024, 1, 1)),
        (1, "x", 1.0, datetime(2024, 1, 11)),
        (2, "y", -1.0, datetime(2024, 1, 11)),
    ]
    data = pair_up(
        spark.createDataFrame(days, "user_id int, item_id string, value double, ts timestamp"),
        explicit=False,
        half_life_days=10,
        popularity_half_life_days=None,
    )
    rows = [(r.user_id, r.weight) for r in data.pairs.toLocalIterator()]
    assert rows == [(1, pytest.approx(np.log1p(2 * 0.5 + 1)))]


def dated(spark: Any, last: datetime) -> Any:
    """Twelve people who had x or y in January, and one row of z at `last`."""
    rows = [(u, "xy"[u % 2], datetime(2024, 1, 1 + 2 * u)) for u in range(12)] + [(12, "z", last)]
    return spark.createDataFrame(rows, "user_id int, item_id string, ts timestamp")


def test_a_row_of_the_far_future_does_not_make_all_others_weightless(spark: Any) -> None:
    rows, fit = dated(spark, datetime(2099, 1, 1)), {"half_life_days": 30.0}
    with pytest.raises(UsageError, match=r"goes up to 2099-01-01, while 90 % .* not after 2024-01-23, .* give as_of"):
        recommend.fit(rows, "popularity", **fit)
    model = recommend.fit(rows, "popularity", as_of=date(2024, 2, 1), **fit)
    assert model.notes["late"] == 1
    weights = {r["user_id"]: r["weight"] for r in model.frames["history"].collect()}
    assert weights[11] == pytest.approx(np.log1p(0.5 ** (9 / 30)))  # of a row of January 23rd
    assert len(weights) == 12
    assert "z" not in {r["item_id"] for r in model.frames["items"].collect()}
    # A late row that is no mistake, and rows whose ages do not count, pass.
    assert len(recommend.fit(dated(spark, datetime(2024, 3, 1)), "popularity", **fit).frames["users"].collect()) == 13
    assert "late" not in recommend.fit(rows, "popularity").notes


def test_as_of_has_the_type_of_the_times(spark: Any) -> None:
    rows = spark.createDataFrame([(1, "x", 10), (1, "y", 20)], "user_id int, item_id string, ts long")
    assert [r["item_id"] for r in recommend.fit(rows, "popularity", as_of=20).frames["items"].collect()] == ["x"]
    with pytest.raises(UsageError, match="interactions are empty: all 2 rows are of 5 or later"):
        recommend.fit(rows, "popularity", as_of=5)
    with pytest.raises(UsageError, match=r"as_of='soon' is no bigint, which interactions.ts is"):
        recommend.fit(rows, "popularity", as_of="soon")
    with pytest.raises(UsageError, match="as_of=5 needs the time of the interactions"):
        recommend.fit(rows.drop("ts"), "popularity", as_of=5)


def test_of_ratings_at_one_moment_the_highest_counts_in_any_order(spark: Any) -> None:
    rows = [(1, 1, 2.0, 20), (1, 1, 5.0, 20), (1, 1, 3.0, 20), (1, 1, 9.0, 10)]
    for given in (rows, rows[::-1]):
        frame = spark.createDataFrame(given, "user_id int, item_id int, value double, ts long").repartition(2)
        data = pair_up(frame, explicit=True, half_life_days=None, popularity_half_life_days=None)
        assert data.pairs.first()["weight"] == 5.0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"weights": {}}, "weights={}: none may be below 0, and one must be above"),
        ({"weights": {"als": 0.0}}, "one must be above"),
        ({"weights": {"als": 1.0, "ease": -0.5}}, "none may be below 0"),
        ({"weights": {"als": float("inf")}}, "weights"),
        ({"half_life_days": float("inf")}, "half_life_days"),
        ({"l2": float("nan")}, "l2"),
    ],
)
def test_weights_and_parameters_that_mean_nothing_are_refused(spark: Any, params: dict[str, Any], message: str) -> None:
    frame = spark.createDataFrame([(1, "x")], "user_id int, item_id string")
    with pytest.raises(UsageError, match=message):
        recommend.fit(frame, "blend", **params)


@pytest.mark.parametrize(("columns", "expected"), [(3, 3.0), (4, 5.0)])
def test_explicit_rating_is_the_last_else_the_mean(spark: Any, columns: int, expected: float) -> None:
    rows = [r[:columns] for r in [(1, 1, 5.0, 20), (1, 1, 1.0, 10)]]
    schema = ", ".join(["user_id int", "item_id int", "value double", "ts long"][:columns])
    data = pair_up(
        spark.createDataFrame(rows, schema), explicit=True, half_life_days=None, popularity_half_life_days=None
    )
    assert data.pairs.first()["weight"] == expected


def test_numbers_are_dense_and_depend_on_the_ids_alone(spark: Any) -> None:
    ids = [(f"id{i}",) for i in range(50)]
    first = numbered(spark.createDataFrame(ids, "id string"), "id", "n")
    second = numbered(spark.createDataFrame(ids[::-1] * 2, "id string").repartition(3), "id", "n")
    rows = dict(first.toLocalIterator())
    assert sorted(rows.values()) == list(range(50))
    assert rows == dict(second.toLocalIterator())


def test_als_learns_the_two_camps(spark: Any) -> None:
    camps = [(u, i) for u in range(4) for i in range(3) if (u, i) != (0, 2)] + [
        (u, i) for u in range(4, 8) for i in range(3, 6)
    ]
    frame = spark.createDataFrame(camps, "user_id int, item_id int")
    model = recommend.fit(frame, "als", rank=2, iterations=5, blocks=1)
    row = model.recommend(spark.createDataFrame([(0,)], "user_id int"), k=1).first()
    assert (row["user_id"], row["item_id"], row["rank"]) == (0, 2, 1)


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (6, 6)])
def test_the_inverse_of_the_gram_is_that_of_numpy_with_fewer_users_or_fewer_items(shape: tuple[int, int]) -> None:
    has = sparse.csr_matrix((np.random.default_rng(3).random(shape) < 0.4).astype(np.float32))
    plain = np.linalg.inv(has.toarray().T @ has.toarray() + 2.5 * np.eye(shape[1]))
    np.testing.assert_allclose(_inverse_gram(has, 2.5), plain, atol=1e-6)
