"""What a product is: neighbours by words, labels and pictures, which also speak for products that nobody has bought yet."""

from functools import reduce
from typing import Any

from pydantic import Field
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.frames import break_lineage, require_columns
from onecart.recommend.interactions import Frames, Training, numbered
from onecart.recommend.models.protocol import AGES, Model, Parameters, Space
from onecart.recommend.scoring.lists import Request
from onecart.recommend.scoring.similarity import nearest
from onecart.recommend.scoring.topk import by_vectors, vectors

SPACE: Space = {"content_neighbours": (10, 200, "log"), "category": (0.0, 1.0), **AGES}
_WORDS = r"[^\p{L}\p{N}]+"  # what lies between words
_HAN = r"(\p{IsHan})"  # signs that are words without spaces between them
_DIGITS = 12  # to which weights, all of them near 1, are rounded, see frames.DIGITS
_KINDS = ("text", "category", "image")


class Content(Parameters):
    """Products like those a user has, by what they are, see `content.cells`. text, category, image: how much each counts.
    common: words and categories of more products than this say little, cost most, and are passed over."""

    content_neighbours: int = Field(50, ge=1)
    text: float = Field(1.0, ge=0)
    category: float = Field(0.3, ge=0)
    image: float = Field(1.0, ge=0)
    common: int = Field(5000, ge=1)


def checked(products: DataFrame) -> DataFrame:
    """`products` with the columns a content model looks at: item_id and of text, category (strings) and image (an array of
    numbers, of one length) those that are there. UsageError: none of them, a wrong type, item_id null or twice."""
    require_columns(products, ("item_id",), "products")
    kinds = [kind for kind in _KINDS if kind in products.columns]
    if not kinds:
        raise UsageError(f"products has none of {', '.join(_KINDS)}: there is nothing to say what a product is")
    for kind in kinds:
        found = products.schema[kind].dataType
        fits = isinstance(found, T.ArrayType) if kind == "image" else isinstance(found, T.StringType)
        if not fits:
            wanted = "an array of numbers" if kind == "image" else "text"
            raise UsageError(f"products.{kind} is {found.simpleString()}; it must be {wanted}")
    endless = F.lit(False)
    if "image" in kinds:
        numbers = F.col("image").cast("array<double>")
        endless = F.exists(numbers, lambda x: F.isnan(x) | (F.abs(x) == F.lit(float("inf"))))
    row = products.agg(
        F.count("*").alias("n"),
        F.count("item_id").alias("named"),
        F.countDistinct("item_id").alias("ids"),
        F.count_if(endless).alias("endless"),
    ).first()
    if row["endless"]:
        raise UsageError(
            f"products.image holds numbers that are infinite or NaN in {row['endless']} rows; repair or drop them"
        )
    if row["ids"] != row["n"]:
        wrong = "null" if row["named"] != row["n"] else "twice"
        raise UsageError(f"products.item_id is {wrong} in some rows; give one row a product")
    return products.select("item_id", *kinds)


def fit(training: Training, p: Content) -> Frames:
    """content_items[item, vector]: the similarities of a product, bought or new, to those of the history that are like it;
    content_users: a user's vector holds their weights.

    The products of `training`: of `checked`, key item_id. Likeness is the cosine of what the products are, see `cells`.
    """
    data, products = training.data, training.products
    assert products is not None
    described = break_lineage(products.join(data.items.select("item", "item_id"), on="item_id", how="inner"))
    bought = data.items.where("popularity > 0").select(F.col("item").alias("row"))
    near = nearest(cells(described, p).withColumnRenamed("item", "row"), p.content_neighbours, among=bought)
    return {
        "content_users": break_lineage(vectors(data.pairs, "user_id", "item", "weight")),
        "content_items": break_lineage(vectors(near.withColumnRenamed("row", "item"), "item", "other", "similarity")),
    }


def propose(frames: Frames, request: Request, p: Any) -> DataFrame:
    """Lists by the sum of weight * similarity over what a user has."""
    return by_vectors(frames, request, "content")


def fold_in(frames: Frames, cells: DataFrame, p: Any) -> Frames:
    """The users' vectors anew."""
    return {"content_users": vectors(cells, "user_id", "item", "weight")}


def cells(products: DataFrame, p: Content) -> DataFrame:
    """[item, column, weight], key (item, column): words weighted by tf-idf, 1 + ln(times) and 1 + ln(products / products
    with it), the category, and the picture's numbers less their mean; each of the three of length 1 before it is multiplied
    by p.text, p.category, p.image. A product without one of them has a shorter vector."""
    parts = []
    if "text" in products.columns:
        words = F.split(F.lower(F.regexp_replace("text", _HAN, " $1 ")), _WORDS)
        found = products.select("item", F.explode(words).alias("word")).where("word <> ''")
        counts = found.groupBy("item", "word").agg((1 + F.log(F.count("*"))).alias("tf"))
        rare = found.groupBy("word").agg((1 + F.log(F.lit(products.count()) / F.countDistinct("item"))).alias("idf"))
        parts.append(
            counts.join(rare, "word", how="inner").selectExpr("item", "'w:' || word AS name", "tf * idf AS weight")
        )
    if "category" in products.columns:
        labelled = products.where("category IS NOT NULL")
        parts.append(labelled.selectExpr("item", "'c:' || category AS name", "1D AS weight"))
    if "image" in products.columns:
        entry = F.posexplode(F.col("image").cast("array<double>")).alias("at", "weight")
        pixels = products.select("item", entry).where("weight IS NOT NULL")
        less = F.round(F.col("weight") - F.avg("weight").over(Window.partitionBy("at")), _DIGITS)
        parts.append(pixels.select("item", F.expr("'i:' || at").alias("name"), less.alias("weight")))
    weighed = F.create_map(F.lit("w"), F.lit(p.text), F.lit("c"), F.lit(p.category), F.lit("i"), F.lit(p.image))
    kind = F.substring("name", 1, 1)
    together = reduce(DataFrame.unionByName, parts)
    often = together.groupBy("name").agg(F.count("*").alias("n")).where((kind != "i") & (F.col("n") > p.common))
    telling = together.join(F.broadcast(often.select("name")), on="name", how="left_anti")
    size = F.sqrt(F.sum(F.col("weight") * F.col("weight")).over(Window.partitionBy("item", kind)))
    named = break_lineage(telling.withColumn("weight", F.round(F.col("weight") / size * weighed[kind], _DIGITS)))
    named = named.where("weight <> 0")
    columns = numbered(named, "name", "column")
    return break_lineage(named.join(columns, on="name", how="inner").select("item", "column", "weight"))


def with_new(frames: Frames, model: str) -> Frames:
    """`frames` with a vector for each item that {model}_items lacks: the mean of its content neighbours' vectors by
    similarity, from attributes to factors (Gantner et al., Learning Attribute-to-Feature Mappings, 2010)."""
    known = frames[f"{model}_items"]
    lacking = frames["content_items"].join(known.select("item"), on="item", how="left_anti")
    near = lacking.select("item", F.explode(F.arrays_zip("vector.index", "vector.value")).alias("n"))
    near = near.select("item", F.col("n.index").alias("other"), F.col("n.value").alias("similarity"))
    like = known.select(F.col("item").alias("other"), "vector")
    entries = near.join(like, on="other", how="inner")
    entries = entries.select("item", "similarity", F.posexplode("vector").alias("at", "value"))
    means = entries.groupBy("item", "at").agg(
        F.round(F.sum(F.expr("similarity * value")) / F.sum("similarity"), _DIGITS).alias("value")
    )
    rows = means.groupBy("item").agg(F.sort_array(F.collect_list(F.struct("at", "value"))).alias("entries"))
    new = rows.select("item", F.col("entries.value").cast("array<float>").alias("vector"))
    return {**frames, f"{model}_items": break_lineage(known.unionByName(new))}


MODEL = Model("content", Content, SPACE, fit, propose, fold_in, needs_products=lambda p: True)
