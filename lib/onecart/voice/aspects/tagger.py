"""Words for known aspects that no list has (misspelt, other forms, a trade's own), found by a tagger that learns from those
that one has: NerDL of Spark NLP (Chiu & Nichols 2016) on MiniLM's vectors of the words in their sentence."""

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf
from sparknlp.annotator import NerDLApproach
from sparknlp.base import DocumentAssembler

from onecart.errors import UsageError
from onecart.frames import break_lineage, library_function
from onecart.voice.aspects import aspect_lexicon
from onecart.voice.aspects.mining import content, count_terms, of_catalogue
from onecart.voice.checks import require_text
from onecart.voice.text import minilm, onnx_annotator
from onecart.voice.text.clauses import Word, clauses, lengths, matches, words_of
from onecart.voice.text.partitioning import by_length
from onecart.voice.text.tokenizer import DOCUMENT

_Terms = Mapping[tuple[str, ...], str]
_OUT = "O"  # the tag of a word that names no aspect
_TOKENS, _VECTORS, _LABELS, _TAGS = "__onecart_tokens", "__onecart_vectors", "__onecart_labels", "__onecart_tags"
_OFTEN, _BESIDE = 4, 2  # mentions, and those beside an opinion, from which a word looks like an aspect
_FEWEST, _LONGEST, _BATCH, _LR = 50, 3, 16, 0.003  # sentences to learn from, words of a term; of NerDL
_MOST_ASPECTS = 37  # NerDL's ready graphs answer with 38 tags at most
_COMMA = Word(",", ",", 0, 0)  # between clauses
_PIECES = 256  # word pieces of a sentence that MiniLM reads

_WORD = T.StructType(
    [
        T.StructField("word", T.StringType(), False),
        T.StructField("base", T.StringType(), False),
        T.StructField("tag", T.StringType(), False),
        T.StructField("begin", T.IntegerType(), False),
    ]
)
_SENTENCE = T.StructType(
    [
        T.StructField("sentence", T.StringType(), False),
        T.StructField("words", T.ArrayType(_WORD, False), False),
    ]
)
_FOUND = T.StructType(
    [T.StructField("term", T.StringType(), False), T.StructField("aspect", T.StringType(), False)],
)


@library_function()
def tag_terms(
    reviews: DataFrame, catalogue: DataFrame | None = None, *, known: Mapping[str, str] | None = None, most: int = 50,
    min_tagged: int = 2, min_share: float = 0.2, max_sentences: int = 5000, epochs: int = 5, seed: int = 7,
) -> DataFrame:  # fmt: skip
    """The `most` terms that the tagger found most often: term, aspect (the one it says most), tagged, said (numbers of
    sentences). For `aspects(terms=...)`, as those of `mine_terms`, which mostly cannot say what a term is a word for.

    reviews: `text` (string; English). known: term -> aspect (at most 37) to learn from, without it those of `lexicon`. A term
    is up to three words that `known` does not have, tagged in `min_tagged` sentences and in `min_share` of those that say it,
    and none of them in `catalogue`.description: such words name goods. It is a list to be looked through.

    It learns from sentences with known terms, and as many without, where all that looks like an aspect (a candidate of
    `mine_terms` beside an opinion) is known: else the words to be found would be shown to it as none. `max_sentences`, drawn
    by chance, are read: 5,000 take about five minutes on two cores, the learning on the driver. With fewer than 50 to
    learn from it finds none.

    Raises UsageError without a string column `text`, a catalogue without `description`, without the packages of minilm, or
    for what cannot be learnt from.
    """
    require_text(reviews)
    terms = _checked(aspect_lexicon.NAMES if known is None else known)
    cut = reviews.select("text").distinct().select(F.inline(_sentences(terms)(F.col("text"))))
    by_chance = F.xxhash64("sentence", F.lit(seed))
    drawn = cut.orderBy(by_chance, "sentence").limit(max_sentences)
    rows = break_lineage(by_length(drawn, "sentence"))
    plain = rows.where(~_has(_strange(rows, terms)))
    names = F.exists("words", lambda w: w["tag"] != _OUT)
    learn = break_lineage(plain.where(names))
    enough = learn.count()
    if enough < _FEWEST:
        return rows.sparkSession.createDataFrame([], "term STRING, aspect STRING, tagged BIGINT, said BIGINT")
    others = plain.where(~names).orderBy(by_chance).limit(enough)
    learn = learn.unionByName(others).orderBy(F.hash("sentence"))  # NerDL learns in the order that rows come in
    embedder = _embedder()
    tagger = _learner(epochs=epochs, seed=seed).fit(_read(learn, embedder))
    tags = F.transform(_TAGS, lambda t: t["result"])
    new = F.explode(F.array_distinct(_unknown()("words", tags))).alias("f")
    tagged = tagger.transform(_read(rows, embedder)).select(new).select("f.*")
    found = ranked(tagged, rows, catalogue, min_tagged=min_tagged, min_share=min_share)
    return found.orderBy(F.desc("tagged"), "term").limit(most)


def ranked(
    tagged: DataFrame, rows: DataFrame, catalogue: DataFrame | None, *, min_tagged: int, min_share: float
) -> DataFrame:
    """[term, aspect, tagged, said] of the terms to be kept: from [term, aspect], a row a sentence, and the sentences' `words`."""
    counted = tagged.groupBy("term", "aspect").agg(F.count("*").alias("n"))
    most = F.max_by("aspect", F.struct("n", "aspect")).alias("aspect")
    found = counted.groupBy("term").agg(most, F.sum("n").alias("tagged")).where(F.col("tagged") >= min_tagged)
    found = break_lineage(found.join(of_catalogue(found, catalogue), "term", how="left_anti"))
    bases = F.concat_ws(" ", F.lit(""), F.transform("words", lambda w: w["base"]), F.lit(""))
    spoken = rows.select(bases.alias("bases"))
    says = F.contains("bases", F.concat(F.lit(" "), F.col("term"), F.lit(" ")))
    said = spoken.join(F.broadcast(found), says).groupBy("term", "aspect", "tagged").agg(F.count("*").alias("said"))
    return said.where(F.col("tagged") >= min_share * F.col("said"))


def _strange(rows: DataFrame, known: _Terms) -> list[str]:
    """Words that look like aspects and that are not known: what learning from them would teach is that they are none."""
    telling = {words_of(term) for term in aspect_lexicon.TELLING}
    often = count_terms(rows.select(F.col("sentence").alias("text")), {*known, *telling})
    often = often.where(f"mentions >= {_OFTEN} AND beside_opinion >= {_BESIDE}")
    words = {word for r in often.select("term").collect() for word in r["term"].split(" ")}
    return sorted(word for word in words if (word,) not in known and (word,) not in telling)


def _has(words: list[str]) -> Column:
    some = F.array(*map(F.lit, words)).cast("array<string>")
    return F.arrays_overlap(F.transform("words", lambda w: w["base"]), some)


def _checked(known: Mapping[str, str]) -> _Terms:
    found = {words_of(term): aspect for term, aspect in known.items() if words_of(term)}
    aspects = set(found.values())
    if not 0 < len(aspects) <= _MOST_ASPECTS:
        raise UsageError(f"known has {len(aspects)} aspects; the tagger learns 1 to {_MOST_ASPECTS}")
    if _OUT in aspects:
        raise UsageError(f"known: an aspect cannot be called '{_OUT}'")
    return found


def _embedder() -> Any:
    model = onnx_annotator.embedder("BertEmbeddings", minilm.file(minilm.WORDS), minilm.vocabulary())
    model = model.setInputCols([DOCUMENT, _TOKENS]).setOutputCol(_VECTORS)
    return model.setDimension(minilm.SIZE).setMaxSentenceLength(_PIECES)


def _learner(*, epochs: int, seed: int) -> Any:
    learner = NerDLApproach().setInputCols([DOCUMENT, _TOKENS, _VECTORS]).setLabelColumn(_LABELS).setOutputCol(_TAGS)
    return learner.setMaxEpochs(epochs).setBatchSize(_BATCH).setLr(_LR).setRandomSeed(seed).setVerbose(0)


def _read(rows: DataFrame, embedder: Any) -> DataFrame:
    """Adds what NerDL reads: DOCUMENT, _TOKENS, _VECTORS, and _LABELS to learn from."""
    rows = DocumentAssembler().setInputCol("sentence").setOutputCol(DOCUMENT).transform(rows)
    for name, kind, value in ((_TOKENS, "token", "word"), (_LABELS, "named_entity", "tag")):
        rows = rows.withColumn(name, _annotations(kind, value)).withMetadata(name, {"annotatorType": kind})
    return embedder.transform(rows)


def _annotations(kind: str, value: str) -> Column:
    """`words` as Spark NLP has them."""
    return F.transform(
        "words",
        lambda w: F.struct(
            F.lit(kind).alias("annotatorType"),
            w["begin"].alias("begin"),
            (w["begin"] + F.length(w["word"]) - 1).alias("end"),
            w[value].alias("result"),
            F.create_map(F.lit("sentence"), F.lit("0")).alias("metadata"),
            F.array().cast("array<float>").alias("embeddings"),
        ),
    )


def _sentences(known: _Terms) -> Callable[[Column], Column]:
    """A function of a text column: its sentences, as an array of _SENTENCE."""

    @pandas_udf(T.ArrayType(_SENTENCE))  # type: ignore[call-overload, untyped-decorator]
    def read(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        longest = lengths(known)
        for batch in batches:
            yield batch.map(lambda text: [*_cut(text or "", known, longest)])

    return read


def _cut(text: str, known: _Terms, longest: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    parts = clauses(text)
    for number in sorted({c.sentence for c in parts}):
        words, begin = list[dict[str, Any]](), 0
        for clause in (c for c in parts if c.sentence == number):
            tags = [_OUT] * len(clause.words)
            for i, stop in matches(clause.words, known, longest):
                tags[i:stop] = [known[tuple(w.base for w in clause.words[i:stop])]] * (stop - i)
            for word, tag in [*zip(clause.words, tags, strict=True), (_COMMA, _OUT)]:
                words.append({"word": word.word, "base": word.base, "tag": tag, "begin": begin})
                begin += len(word.word) + 1
        yield {"sentence": " ".join(w["word"] for w in words), "words": words}


def _unknown() -> Callable[..., Column]:
    """A function of words and the tags they were given: terms that were not known, as an array of _FOUND."""

    @pandas_udf(T.ArrayType(_FOUND))  # type: ignore[call-overload, untyped-decorator]
    def find(batches: Iterator[tuple[pd.Series, pd.Series]]) -> Iterator[pd.Series]:
        for words, tags in batches:
            yield pd.Series([[*_runs(w, t)] for w, t in zip(words, tags, strict=True)])

    return find


def _runs(words: Any, tags: Any) -> Iterator[dict[str, str]]:
    """Neighbours with the same tag, where none of them was known."""
    for aspect, run in groupby(zip(words, tags, strict=True), key=lambda pair: pair[1]):
        said = [word for word, _ in run]
        bases = [word["base"] for word in said]
        new = all(word["tag"] == _OUT for word in said) and all(map(content, bases))
        if aspect != _OUT and new and len(said) <= _LONGEST:
            yield {"term": " ".join(bases), "aspect": aspect}
