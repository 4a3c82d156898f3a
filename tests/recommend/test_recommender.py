"""Ids, k, filters, new users and refusals, the same for every model."""

from typing import Any

import pytest
from chispa import assert_approx_df_equality

from onecart import recommend
from onecart.errors import UsageError

pytestmark = pytest.mark.slow
BOUGHT = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z"), ("c", "x"), ("c", "y"), ("d", "w")]
SMALL = {"rank": 2, "iterations": 2, "blocks": 1}


def bought(spark: Any) -> Any:
    return spark.createDataFrame(BOUGHT, "user_id string, item_id string")


def asked(spark: Any, *users: Any, type_: str = "string") -> Any:
    return spark.createDataFrame([(u,) for u in users], f"user_id {type_}")


def listed(df: Any) -> dict[Any, list[Any]]:
    lists: dict[Any, list[Any]] = {}
    for row in df.orderBy("user_id", "rank").toLocalIterator():
        lists.setdefault(row["user_id"], []).append(row["item_id"])
        assert row["rank"] == len(lists[row["user_id"]])
    return lists


def test_popularity_passes_over_what_is_seen(spark: Any) -> None:
    found = recommend.fit(bought(spark), "popularity").recommend(asked(spark, "a", "d", "new", "new"), k=2)
    expected = [
        *[("a", "w", 1 / 3, 1), ("a", "z", 1 / 3, 2)],
        *[("d", "x", 1.0, 1), ("d", "y", 2 / 3, 2)],
        *[("new", "x", 1.0, 1), ("new", "y", 2 / 3, 2)],
    ]
    schema = "user_id string, item_id string, score double, rank int"
    assert_approx_df_equality(
        found.orderBy("user_id", "rank"), spark.createDataFrame(expected, schema), 1e-9, ignore_nullable=True
    )


@pytest.mark.parametrize("type_", ["int", "long"])
def test_integer_ids_keep_their_type(spark: Any, type_: str) -> None:
    rows = [(ord(u), ord(i)) for u, i in BOUGHT]
    model = recommend.fit(spark.createDataFrame(rows, f"user_id {type_}, item_id {type_}"), "als", **SMALL)
    found = model.recommend(asked(spark, ord("d"), -5, type_="long"), k=3)
    assert dict(found.dtypes[:2]) == dict.fromkeys(("user_id", "item_id"), "bigint" if type_ == "long" else type_)
    lists = listed(found)
    assert set(lists[ord("d")]) == {ord(i) for i in "xyz"}
    assert lists[-5] == [ord(i) for i in "xyw"]


def test_blend_gives_everybody_k_and_says_from_where(spark: Any) -> None:
    model = recommend.fit(bought(spark), "blend", weights={"item_knn": 0.8, "popularity": 0.2}, **SMALL)
    found = model.recommend(k=2, with_tier=True)
    assert {u: len(items) for u, items in listed(found).items()} == {"a": 2, "b": 2, "c": 2, "d": 2}
    assert not {(r.user_id, r.item_id) for r in found.toLocalIterator()} & set(BOUGHT)
    assert listed(found)["a"][0] == "z"
    tiers = {(r.user_id, r.item_id): r.tier for r in found.toLocalIterator()}
    assert tiers["a", "z"] == "item_knn"
    assert tiers["d", "x"] == "popularity"
    stranger = model.recommend(asked(spark, "new"), k=9, with_tier=True)
    assert {r.tier for r in stranger.toLocalIterator()} == {"popularity"}
    assert listed(stranger) == {"new": ["x", "y", "w", "z"]}


def test_item_knn_is_filled_up_by_popularity_below_its_own_scores(spark: Any) -> None:
    rows = (
        recommend.fit(bought(spark), "item_knn")
        .recommend(asked(spark, "b"), k=4, with_tier=True)
        .orderBy("rank")
        .collect()
    )
    assert [(r.item_id, r.tier) for r in rows] == [("y", "item_knn"), ("w", "popularity")]
    assert rows[0].score > rows[1].score


def test_whitelist_and_seen(spark: Any) -> None:
    model = recommend.fit(bought(spark), "item_knn")
    some = asked(spark, "a", "new")
    assert listed(model.recommend(some, k=3, items=["w", "x", "unknown"])) == {"a": ["w"], "new": ["x", "w"]}
    frame = spark.createDataFrame([("y",)], "item_id string")
    assert listed(model.recommend(some, k=3, filter_seen=False, items=frame)) == {"a": ["y"], "new": ["y"]}
    seen = spark.createDataFrame([("a", "z"), ("new", "x")], "user_id string, item_id string")
    lists = listed(model.recommend(some, k=3, seen=seen))
    assert set(lists["a"]) == {"x", "y", "w"}
    assert lists["new"] == ["y", "w", "z"]


def test_saved_and_loaded_recommends_the_same(spark: Any, tmp_path: Any) -> None:
    model = recommend.fit(bought(spark), "als", **SMALL)
    model.save(f"{tmp_path}/model")
    loaded = recommend.Recommender.load(spark, f"{tmp_path}/model")
    assert (loaded.model, loaded.params) == (model.model, model.params)
    same = (m.recommend(k=2).orderBy("user_id", "rank") for m in (loaded, model))
    assert_approx_df_equality(*same, 1e-9, ignore_nullable=True)


@pytest.mark.parametrize(
    ("model", "params", "message"),
    [
        (
            "eas",
            {},
            "no model 'eas'; available: popularity, item_knn, user_knn, als, als_explicit, ease, sequence, "
            "content, group_popularity, blend",
        ),
        ("als", {"rnak": 3}, "no parameter 'rnak'; did you mean 'rank'"),
        ("als", {"rank": 0.5}, "rank=0.5: input should be a valid integer"),
        ("blend", {"weights": {"asl": 0.9}}, "no part 'asl'; did you mean 'als'"),
        ("ease", {"max_items": 3}, "ease solves 4 items at once, max_items is 3"),
        ("als", {"half_life_days": 9}, "add a column ts"),
    ],
)
def test_wrong_parameters_are_refused(spark: Any, model: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        recommend.fit(bought(spark), model, **params)


@pytest.mark.parametrize(
    ("schema", "row", "message"),
    [
        ("user_id string, item_id string", ("a", None), "interactions.item_id is null in 1 of 2 rows"),
        ("user_id string, item_id double", ("a", 1.0), "interactions.item_id is double; ids are strings or integers"),
        ("user string, item_id string", ("a", "x"), "no column 'user_id'; did you mean 'user'"),
        ("user_id int, item_id int, value double", (1, 1, float("nan")), "interactions.value is null in 1 of 2 rows"),
        ("user_id int, item_id int, value string", (1, 1, "5"), "interactions.value is string"),
    ],
)
def test_wrong_interactions_are_refused(spark: Any, schema: str, row: tuple[Any, ...], message: str) -> None:
    good = tuple("1" if "string" in column else 1.0 if "double" in column else 1 for column in schema.split(","))
    with pytest.raises(UsageError, match=message):
        recommend.fit(spark.createDataFrame([good, row], schema))


def test_users_of_another_type_are_refused(spark: Any) -> None:
    model = recommend.fit(bought(spark), "popularity")
    with pytest.raises(UsageError, match="user_id is int, but the model was fitted on string"):
        model.recommend(asked(spark, 1, type_="int"))
    with pytest.raises(UsageError, match=r"users\.user_id is null"):
        model.recommend(asked(spark, "a", None))


def test_an_offer_says_what_it_is_like(spark: Any) -> None:
    model = recommend.fit(bought(spark), "item_knn")
    found = model.because(model.recommend(asked(spark, "b", "new"), k=2, with_tier=True), n=1)
    because = {(r["user_id"], r["item_id"]): r["because"] for r in found.collect()}
    assert because["b", "y"] == ["x"]  # b has x and z; only x is ever had together with y
    assert because["b", "w"] is None
    assert because["new", "x"] is None
    with pytest.raises(UsageError, match="popularity model knows no item neighbours"):
        recommend.fit(bought(spark), "popularity").because(found)
