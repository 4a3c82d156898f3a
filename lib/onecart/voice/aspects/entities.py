"""Products, brands, places and sums of money that texts name, and which SKU is meant."""

import re
from collections.abc import Callable, Iterator

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.frames import break_lineage, library_function, require_columns
from onecart.voice.checks import require_text
from onecart.voice.text.clauses import base

_LONGEST = 8  # words of a name
_READ = 10_000  # characters of a text: names in it are compared with each other
_MOST_SKUS = 10  # that a mention lists
_WORD = re.compile(r"[^\W_]+")
_MONEY = re.compile(
    r"(?:[£$€]|\b(?:GBP|USD|EUR) )\s?\d[\d,]{0,20}(?:\.\d{1,20})?|\b\d[\d,]{0,20}(?:\.\d{1,20})?\s?(?:£|€|pounds?|quid|pence|euros?|dollars?|bucks|cents|GBP|USD|EUR)(?!\w)",
    re.IGNORECASE,
)
_GRAM = T.StructType(
    [
        T.StructField("gram", T.StringType(), False),
        T.StructField("start", T.IntegerType(), False),
        T.StructField("end", T.IntegerType(), False),
    ]
)


@library_function()
def entities(
    texts: DataFrame, catalogue: DataFrame, *, key: str = "review_id", places: DataFrame | None = None
) -> DataFrame:
    """One row per name in a text: `key`, kind (product | brand | place | money), text, start, end, sku, skus.

    texts: `key` (unique) and `text`, of which the first 10,000 characters are read. catalogue: sku, and description or brand or both; places: `place`.
    A product is named by its whole description, a brand or a place by its name, in any case and number (`mugs`), of eight words
    at most; names of a single word count for brands and places only. Of names that overlap the longest counts, of equally long
    ones a product before a brand before a place. text: as written, text[start:end] of the whole, in Python's counting.
    skus: the products of that description or brand, ten at most; sku: where there is just one.

    Raises UsageError for a missing column.
    """
    require_text(texts, [key])
    names = _names(catalogue, places)
    listed = texts.where("text IS NOT NULL").select(
        F.col(key).alias("id"), "text", F.inline(_listed()(F.substring("text", 1, _READ)))
    )
    named = listed.join(names, "gram", how="inner")
    money = listed.where("gram = ''").select("*", F.lit("money").alias("kind"), F.lit(3).alias("place_of_kind"))
    found = break_lineage(named.unionByName(money, allowMissingColumns=True))
    kept = _longest(found)
    written = F.expr("substring(text, start + 1, end - start)")
    return kept.select(
        F.col("id").alias(key),
        "kind",
        written.alias("text"),
        "start",
        "end",
        F.when(F.size("skus") == 1, F.col("skus")[0]).alias("sku"),
        F.coalesce(F.slice("skus", 1, _MOST_SKUS), F.array().cast("array<string>")).alias("skus"),
    )


def _names(catalogue: DataFrame, places: DataFrame | None) -> DataFrame:
    """gram, kind, place_of_kind, skus; a gram may be a product's, a brand's and a place's."""
    known = [c for c in ("description", "brand") if c in catalogue.columns]
    require_columns(catalogue, ("sku", *([] if known else ["description"])), "the catalogue")
    kinds = {"description": ("product", 0), "brand": ("brand", 1)}
    parts = [
        catalogue.select(F.col(c).alias("name"), F.col("sku").cast("string").alias("sku"), *_kind(*kinds[c]))
        for c in known
    ]
    if places is not None:
        require_columns(places, ["place"], "places")
        parts.append(
            places.select(F.col("place").alias("name"), F.lit(None).cast("string").alias("sku"), *_kind("place", 2))
        )
    every = parts[0]
    for part in parts[1:]:
        every = every.unionByName(part)
    grams = every.where("name IS NOT NULL").withColumn("gram", _gram()(F.col("name"))).where("gram <> ''")
    long_enough = (F.col("kind") != "product") | F.col("gram").contains(" ")
    return (
        grams.where(long_enough)
        .groupBy("gram", "kind", "place_of_kind")
        .agg(F.sort_array(F.collect_set("sku")).alias("skus"))
    )


def _kind(kind: str, place: int) -> tuple[Column, Column]:
    return F.lit(kind).alias("kind"), F.lit(place).alias("place_of_kind")


def _longest(found: DataFrame) -> DataFrame:
    """The hits that no longer one, and no equally long one of a kind that comes first, overlaps."""
    other = found.select(
        F.col("id").alias("other_id"), *[F.col(c).alias(f"other_{c}") for c in ("start", "end", "place_of_kind")]
    )
    length, other_length = F.col("end") - F.col("start"), F.col("other_end") - F.col("other_start")
    overlap = (F.col("start") < F.col("other_end")) & (F.col("other_start") < F.col("end"))
    later = (F.col("other_place_of_kind") == F.col("place_of_kind")) & (F.col("other_start") < F.col("start"))
    first = (F.col("other_place_of_kind") < F.col("place_of_kind")) | later
    beaten = (other_length > length) | ((other_length == length) & first)
    return found.join(other, (F.col("id") == F.col("other_id")) & overlap & beaten, how="left_anti")


def _words(text: str) -> list[tuple[str, int, int]]:
    return [(base(m.group().lower()), *m.span()) for m in _WORD.finditer(text)]


def _listed() -> Callable[[Column], Column]:
    """A function of a text column: all runs of up to eight words with their places, and sums of money with an empty gram."""

    @pandas_udf(T.ArrayType(_GRAM))  # type: ignore[call-overload, untyped-decorator]
    def grams(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            yield batch.map(_grams)

    return grams


def _grams(text: str) -> list[dict[str, object]]:
    words = _words(text)
    found: list[dict[str, object]] = [
        {"gram": " ".join(w for w, _, _ in words[i:j]), "start": words[i][1], "end": words[j - 1][2]}
        for i in range(len(words))
        for j in range(i + 1, min(i + _LONGEST, len(words)) + 1)
    ]
    return found + [{"gram": "", "start": m.start(), "end": m.end()} for m in _MONEY.finditer(text)]


def _gram() -> Callable[[Column], Column]:
    """A function of a column of names: the words they are looked up by; empty for a name of more than eight."""

    @pandas_udf(T.StringType())  # type: ignore[call-overload, untyped-decorator]
    def gram(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            each = batch.map(lambda name: [w for w, _, _ in _words(name or "")])
            yield each.map(lambda words: " ".join(words) if len(words) <= _LONGEST else "")

    return gram
