"""What users did since: as if it had been in the training."""

from typing import Any

import numpy as np
import pytest
from chispa import assert_approx_df_equality
from pyspark.sql import functions as F

from onecart import recommend
from onecart.errors import UsageError

SCHEMA = "user_id string, item_id string, value double, ts long"
DAY = 86_400


def rows(n: int = 60) -> list[tuple[str, str, float, int]]:
    rng = np.random.default_rng(3)
    drawn = zip(
        rng.integers(12, size=n), rng.integers(9, size=n), rng.uniform(0.5, 2, n), rng.integers(20, size=n), strict=True
    )
    return [(f"u{u}", f"i{i}", float(value), int(day) * DAY) for u, i, value, day in drawn]


SETTINGS: dict[str, Any] = {"half_life_days": 10, "rank": 3, "iterations": 2, "blocks": 1, "max_history": 4}
WEIGHTS = {"popularity": 0.25, "item_knn": 0.25, "als": 0.25, "ease": 0.25}


def vectors(frame: Any) -> dict[str, Any]:
    return {
        r.user_id: dict(zip(r.vector["index"], r.vector["value"], strict=True)) if "index" in r.vector else r.vector
        for r in frame.toLocalIterator()
    }


def test_weights_are_those_of_a_training_on_all(spark: Any) -> None:
    items = [("base", f"i{i}", 1.0, 0) for i in range(9)]
    old = [r for r in rows() if r[3] < 15 * DAY] + items
    new = [r for r in rows() if r[3] >= 15 * DAY] + [
        ("fresh", "i1", 1.0, 18 * DAY),
        ("fresh", "unknown", 1.0, 19 * DAY),
    ]
    whole = [r for r in old + new if r[1] != "unknown"] + [("last", "i0", 1.0, 19 * DAY)]
    given = {**SETTINGS, "weights": WEIGHTS}
    model = recommend.fit(spark.createDataFrame(old, SCHEMA), **given).updated(spark.createDataFrame(new, SCHEMA))
    wanted = recommend.fit(spark.createDataFrame(whole, SCHEMA), **given)
    changed = {r[0] for r in new}
    for part in ("item_knn", "ease"):
        found, expected = (vectors(m.frames[f"{part}_users"]) for m in (model, wanted))
        assert set(found) >= changed
        for user in changed:
            assert found[user] == pytest.approx(expected[user], abs=1e-5)
    seen = [
        {(r.user_id, r.item) for r in m.frames["seen"].where(F.col("user_id").isin(*changed)).toLocalIterator()}
        for m in (model, wanted)
    ]
    assert seen[0] == seen[1]
    assert model.recommend(k=3).where("user_id = 'fresh'").count() == 3


def test_news_told_one_after_the_other_are_news_told_at_once(spark: Any) -> None:
    old, first, second = (
        spark.createDataFrame([r for r in rows() if low <= r[3] / DAY < high], SCHEMA)
        for low, high in ((0, 12), (12, 16), (16, 20))
    )
    model = recommend.fit(old, "ease", half_life_days=5.0)
    steps = model.updated(first).updated(second)
    once = model.updated(first.unionByName(second))
    assert steps.notes == once.notes
    of_second = {r.user_id for r in second.select("user_id").distinct().collect()}
    found, expected = (vectors(m.frames["ease_users"]) for m in (steps, once))
    for user in of_second:
        assert found[user] == pytest.approx(expected[user], abs=1e-5)
    history = (m.frames["history"].orderBy("user_id", "item") for m in (steps, once))
    assert_approx_df_equality(*history, 1e-6, ignore_nullable=True)


def test_als_takes_the_half_step_that_mllib_takes(spark: Any) -> None:
    frame = spark.createDataFrame([(u, i) for u, i, _, _ in rows()], "user_id string, item_id string")
    model = recommend.fit(frame, "als", rank=3, iterations=3, blocks=1, alpha=5.0, reg=0.3)
    nothing_new = spark.createDataFrame([("u1", "unknown"), ("u2", "unknown")], "user_id string, item_id string")
    again = model.updated(nothing_new)
    before, after = vectors(model.frames["als_users"]), vectors(again.frames["als_users"])
    assert set(before) == set(after)
    for user in before:
        assert after[user] == pytest.approx(before[user], abs=1e-4)


def test_only_what_is_named_as_seen_is_hidden(spark: Any) -> None:
    frame = spark.createDataFrame([("a", "x"), ("a", "y"), ("b", "x"), ("b", "z")], "user_id string, item_id string")
    model = recommend.fit(frame, "item_knn").hiding(frame.where("item_id = 'x'"))
    looked = spark.createDataFrame([("a", "z"), ("c", "z")], "user_id string, item_id string")
    lists = model.updated(looked, seen=looked.where("user_id = 'c'")).recommend(k=3)
    offered: dict[str, set[str]] = {}
    for r in lists.toLocalIterator():
        offered.setdefault(r.user_id, set()).add(r.item_id)
    assert offered == {"a": {"y", "z"}, "b": {"y", "z"}, "c": {"x", "y"}}


def test_saved_with_its_notes_and_updated_after(spark: Any, tmp_path: Any) -> None:
    frame = spark.createDataFrame(rows(), SCHEMA)
    model = recommend.fit(frame, **{**SETTINGS, "weights": {"item_knn": 1.0}})
    model.notes["metrics"] = {"ndcg": 0.5}
    model.save(f"{tmp_path}/m")
    loaded = recommend.Recommender.load(spark, f"{tmp_path}/m")
    assert loaded.notes == {"newest_s": 19.0 * DAY, "metrics": {"ndcg": 0.5}}
    events = spark.createDataFrame([("u1", "i1", 1.0, 21 * DAY)], SCHEMA)
    same = (m.updated(events).recommend(k=2).orderBy("user_id", "rank") for m in (loaded, model))
    assert_approx_df_equality(*same, 1e-6, ignore_nullable=True)


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("user_knn", {}),
        ("als_explicit", {"rank": 2, "iterations": 1}),
        ("item_knn", {"similarity": "adjusted_cosine"}),  # learnt from ratings, which do not add up
    ],
)
def test_models_that_must_be_fitted_again_say_so(spark: Any, model: str, params: dict[str, Any]) -> None:
    frame = spark.createDataFrame(rows(), SCHEMA)
    fitted = recommend.fit(frame, model, **params)
    with pytest.raises(UsageError, match=f"a {model} model cannot be updated; fit it again"):
        fitted.updated(frame)
