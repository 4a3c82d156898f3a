"""What a product is: likeness by words, labels and pictures, and products that nobody has bought."""

from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from onecart import recommend
from onecart.errors import UsageError
from onecart.recommend.models import content
from onecart.recommend.models.content import Content

TEXTS = {
    "mug1": "Red tea mug",
    "mug2": "Blue tea mug mug",
    "bag": "Jute bag",
    "cup": "紅茶 CUP",
    "new": "Green tea mug",
}
BOUGHT = [("a", "mug1"), ("b", "mug1"), ("b", "mug2"), ("c", "bag"), ("c", "cup"), ("d", "bag"), ("d", "cup")]


def bought(spark: Any) -> Any:
    return spark.createDataFrame(BOUGHT, "user_id string, item_id string")


def products(spark: Any) -> Any:
    rows = [(name, text, "bags" if name == "bag" else "pots") for name, text in TEXTS.items()]
    return spark.createDataFrame(rows, "item_id string, text string, category string")


def test_cells_are_tf_idf_a_category_and_a_picture_each_of_its_weight(spark: Any) -> None:
    pictures = {"mug1": [1.0, 0.0], "mug2": [0.0, 1.0], "bag": [2.0, 2.0], "cup": None, "new": None}
    rows = [(n, name, text, "x", pictures[name]) for n, (name, text) in enumerate(TEXTS.items())]
    frame = spark.createDataFrame(rows, "item int, item_id string, text string, category string, image array<float>")
    found = content.cells(frame, Content(text=1.0, category=0.5, image=2.0)).toPandas()
    matrix = found.pivot(index="item", columns="column", values="weight").fillna(0.0).to_numpy()

    counts = CountVectorizer(token_pattern=r"[^\W\d_]+").fit_transform(
        [text.replace("紅茶", "紅 茶") for text in TEXTS.values()]
    )
    counts = counts.toarray()
    tf = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * (1 + np.log(5 / (counts > 0).sum(0)))
    words = tf / np.linalg.norm(tf, axis=1, keepdims=True)
    images = np.array([[1, 0], [0, 1], [2, 2]], float) - 1.0
    images = np.vstack([2 * images / np.linalg.norm(images, axis=1, keepdims=True), np.zeros((2, 2))])
    expected = words @ words.T + 0.25 + images @ images.T
    assert matrix @ matrix.T == pytest.approx(expected, abs=1e-9)

    rare = content.cells(frame.select("item", "text", "category"), Content(common=2)).toPandas()
    assert set(rare.groupby("item").size()) == {1, 2, 3}  # neither the word of three products nor the label of all


def test_a_new_product_is_offered_to_those_who_have_such(spark: Any) -> None:
    model = recommend.fit(bought(spark), "content", products=products(spark))
    asked = spark.createDataFrame([("b",), ("c",), ("z",)], "user_id string")
    lists: dict[str, list[Any]] = {}
    for r in model.recommend(asked, k=5, with_tier=True).orderBy("user_id", "rank").collect():
        lists.setdefault(r.user_id, []).append((r.item_id, r.tier))
    assert lists["b"][0] == ("new", "content")
    assert len(lists["c"]) == 3  # everything but the two that c has
    assert lists["z"][4] == ("new", "popularity")  # the last: nobody has it


def test_a_blend_gives_a_new_product_the_factors_and_reasons_of_its_like(spark: Any) -> None:
    weights = {"als": 1.0}
    model = recommend.fit(
        bought(spark), products=products(spark), weights=weights, rank=2, iterations=3, content_neighbours=2
    )
    numbers = {r.item_id: r.item for r in model.frames["items"].toLocalIterator()}
    factors = {r.item: np.array(r.vector) for r in model.frames["als_items"].toLocalIterator()}
    near = {r.item: r.vector for r in model.frames["content_items"].toLocalIterator()}[numbers["new"]]
    assert set(near["index"]) == {numbers["mug1"], numbers["mug2"]}
    mean = np.average([factors[i] for i in near["index"]], axis=0, weights=near["value"])
    assert factors[numbers["new"]] == pytest.approx(mean, abs=1e-6)
    offered = model.because(model.recommend(k=3).where("user_id = 'b'"), n=1)
    assert {r["item_id"]: r["because"] for r in offered.collect()}["new"][0] in ("mug1", "mug2")


@pytest.mark.parametrize(
    ("rows", "schema", "message"),
    [
        ([("x", 1)], "item_id string, price int", "products has none of text, category, image"),
        ([("x", 1)], "item_id string, text int", r"products\.text is int; it must be text"),
        ([("x", "y"), ("x", "z")], "item_id string, text string", "item_id is twice in some rows"),
        ([("x", "y"), (None, "z")], "item_id string, text string", "item_id is null in some rows"),
        ([(1, "y")], "item_id int, text string", "item_id is int, but the model was fitted on string"),
    ],
)
def test_wrong_products_are_refused(spark: Any, rows: Any, schema: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        recommend.fit(bought(spark), "content", products=spark.createDataFrame(rows, schema))


def test_products_are_for_those_who_look_at_them(spark: Any) -> None:
    with pytest.raises(UsageError, match="als does not look at products"):
        recommend.fit(bought(spark), "als", products=products(spark))
    with pytest.raises(UsageError, match="content needs products"):
        recommend.fit(bought(spark), weights={"content": 1.0})


def test_popularity_of_a_group(spark: Any) -> None:
    rows = [(*pair, "north" if pair[0] in "ab" else "south") for pair in BOUGHT]
    frame = spark.createDataFrame(rows, "user_id string, item_id string, store string")
    model = recommend.fit(frame, "group_popularity", group="store")
    found = model.recommend(spark.createDataFrame([("a",)], "user_id string"), k=3, with_tier=True)
    tiers = [(r.item_id, r.tier) for r in found.orderBy("rank").collect()]
    assert tiers == [("mug2", "group_popularity"), ("bag", "popularity"), ("cup", "popularity")]

    strangers = spark.createDataFrame([("y", "north"), ("z", "south"), ("q", "east")], "user_id string, store string")
    lists = dict(model.recommend(strangers, k=1).select("user_id", "item_id").collect())
    assert (lists["y"], lists["z"] in ("bag", "cup"), len(lists)) == ("mug1", True, 3)
    with pytest.raises(UsageError, match="interactions has no column 'group'"):
        recommend.fit(frame, "group_popularity")
