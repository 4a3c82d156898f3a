"""How many terms of its lexicon OneCart's tagger finds by itself, where they are hidden from it."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pyspark.sql import SparkSession

from onecart import voice
from onecart.bench.voice.sentiment import amazon_sentences
from onecart.voice.aspects import aspect_lexicon
from onecart.voice.text.clauses import clauses, words_of

_OFTEN, _TENTH, _ROUNDS, _LONGEST = 8, 10, 5, 4
TABLE: tuple[tuple[str, str], ...] = (
    ("seed", "{}"),
    ("hidden", "{}"),
    ("hidden_mentions", "{}"),
    ("found", "{}"),
    ("right_aspect", "{}"),
    ("right_mentions", "{}"),
    ("terms", "{}"),
    ("seconds", "{:.0f}"),
)


def measure(spark: SparkSession, seed: int) -> Iterator[dict[str, Any]]:
    """One row per draw, the columns of TABLE: of the lexicon's terms that eight Amazon sentences have at least, a tenth is
    hidden, and all terms that hold them. Their sentences stay among those that are read.

    found: hidden terms among the `terms` that came back; right_aspect: with the aspect that the lexicon gives them; mentions:
    sentences that say them.
    """
    texts = amazon_sentences()["text"].drop_duplicates()
    names = {words_of(term): aspect for term, aspect in aspect_lexicon.NAMES.items()}
    said = Counter(term for text in texts for term in _said(text, names))
    often = sorted(term for term, n in said.items() if n >= _OFTEN)
    for draw in range(seed, seed + _ROUNDS):
        drawn = random.Random(draw).sample(often, len(often) // _TENTH)
        hidden = {term for term in names if any(f" {' '.join(d)} " in f" {' '.join(term)} " for d in drawn)}
        known = {" ".join(term): aspect for term, aspect in names.items() if term not in hidden}
        clock = time.monotonic()
        found = voice.tag_terms(spark.createDataFrame(texts.to_frame()), known=known, seed=draw).collect()
        seconds = time.monotonic() - clock
        terms = {tuple(r["term"].split(" ")): r["aspect"] for r in found}
        right = [term for term in hidden if terms.get(term) == names[term]]
        yield {
            "seed": draw,
            "hidden": len(hidden & said.keys()),
            "hidden_mentions": sum(said[term] for term in hidden),
            "found": len(hidden & terms.keys()),
            "right_aspect": len(right),
            "right_mentions": sum(said[term] for term in right),
            "terms": len(terms),
            "seconds": seconds,
        }


def _said(text: str, names: dict[tuple[str, ...], str]) -> set[tuple[str, ...]]:
    runs = {
        tuple(w.base for w in clause.words[i : i + n])
        for clause in clauses(text)
        for i in range(len(clause.words))
        for n in range(1, _LONGEST + 1)
    }
    return runs & names.keys()
