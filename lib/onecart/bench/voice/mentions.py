"""How many sentences speak of an aspect by the lexicon, and with the tagger's terms beside it, and whether people agree."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart import voice
from onecart.bench.voice.sentiment import amazon_sentences

TABLE: tuple[tuple[str, str], ...] = (
    ("terms", "{}"),
    ("added", "{}"),
    ("sentences", "{:,}"),
    ("with_aspect", "{:,}"),
    ("one_sided", "{:,}"),
    ("agreement", "{:.3f}"),
    ("seconds", "{:.0f}"),
)


def measure(spark: SparkSession, engines: list[str] | None, seed: int) -> Iterator[dict[str, Any]]:
    """One row per list of terms (lexicon, tagger: with what `tag_terms` finds), the columns of TABLE, on the Amazon sentences.

    with_aspect: sentences that speak of one; one_sided: of these, those that praise or criticise only; agreement: the share of
    the one-sided in which people's mean rating says the same.
    """
    rows = amazon_sentences().drop_duplicates("text").reset_index(names="review_id")
    sentences = spark.createDataFrame(rows).persist()
    for name in engines or ("lexicon", "tagger"):
        clock = time.monotonic()
        found = voice.tag_terms(sentences.select("text"), seed=seed).collect() if name == "tagger" else []
        terms = {r["term"]: r["aspect"] for r in found}
        yield {
            "terms": name,
            "added": len(terms),
            "sentences": len(rows),
            **_agreed(sentences, terms),
            "seconds": time.monotonic() - clock,
        }


def _agreed(sentences: DataFrame, terms: Mapping[str, str]) -> dict[str, Any]:
    sides = [F.max(F.col("polarity") == side).alias(side) for side in ("positive", "negative")]
    spoken = voice.aspects(sentences.select("review_id", "text"), terms=terms).groupBy("review_id").agg(*sides)
    one_sided = F.col("positive") != F.col("negative")
    right = one_sided & (F.col("positive") == (F.col("label") == 1))
    counts = (
        spoken.join(sentences, "review_id", how="inner")
        .agg(F.count("*"), F.count_if(one_sided), F.count_if(right))
        .first()
    )
    assert counts is not None
    return {"with_aspect": counts[0], "one_sided": counts[1], "agreement": counts[2] / counts[1]}
