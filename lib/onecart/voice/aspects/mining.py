"""Terms that a shop's customers use for aspects and that `lexicon` does not know, found where opinions are."""

from collections.abc import Callable, Iterator, Set

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.frames import library_function, literal_map, require_columns
from onecart.voice.aspects import aspect_lexicon, opinion_lexicon
from onecart.voice.checks import require_text
from onecart.voice.text.clauses import Clause, clauses, words_of

_DETERMINERS = opinion_lexicon.words("the this that its it's my our their these those a an your his her any some")
_STOP = opinion_lexicon.words(
    "i you he she it we they me him us them who whom which what that this these those the a an of to in on at for from by "
    "with about as into over after before under than then so if or nor and but because when while where how why is are was "
    "were be been being am do does did done has have had having will would can could should shall may might must not no yes "
    "very too just only also even still again there here all any both each few more most other some such own same s t re ve "
    "ll d m one two three first second last next thing things lot way day days week weeks month months year years time times "
    "money deal piece purchase idea hand world company future result amount difference question opinion experience market "
    "bit people person something anything everything nothing someone anyone everyone fact reason problem problems issue "
    "issues case point part rest end top bottom side sides kind sort type number couple review reviews reviewer amazon item "
    "product products stuff get got gets getting go goes went going gone make makes made take takes took come comes came "
    "use used using buy bought want wanted need needs think thought know see look looks find found say said seem seems feel "
    "feels give gives gave keep keeps kept put work works worked let lets try tried same whole new old big small"
)
KNOWN = frozenset(words_of(term) for term in (*aspect_lexicon.NAMES, *aspect_lexicon.TELLING))
_SURE = 2.71  # chi-squared with one degree of freedom: one-sided 5 %

PHRASE = T.StructType(
    [T.StructField("phrase", T.StringType(), False), T.StructField("beside_opinion", T.BooleanType(), False)]
)


@library_function()
def mine_terms(
    reviews: DataFrame, catalogue: DataFrame | None = None, *, min_mentions: int = 8, most: int = 50
) -> DataFrame:
    """The `most` strongest terms for aspects that are not in `lexicon`: term, aspect, mentions, beside_opinion, g2.

    reviews: `text`. A candidate is one word or two after a determiner (`the jog dial`), before a verb, a preposition or a
    clause's end, that are no opinion: what in English mostly is a noun. It is taken where at least `min_mentions` were
    counted (half of that, where a word of it stands in `catalogue`.description), where a larger share of them than of all
    candidates stands in a clause with an opinion, and where chance gives that to one term in 20: g2, the log-likelihood ratio
    of Dunning (1993), above 2.71; a catalogue word needs the larger share only. It ranks a list to be looked through.
    aspect: that of a known term in it (`battery door`: battery), else the term itself.

    Raises UsageError without a string column `text`, or a catalogue without `description`.
    """
    require_text(reviews)
    counted = count_terms(reviews, KNOWN)
    total = counted.agg(F.sum("mentions").alias("all"), F.sum("beside_opinion").alias("all_beside"))
    of_goods = of_catalogue(counted, catalogue).withColumn("listed", F.lit(True))
    rows = counted.crossJoin(F.broadcast(total)).join(of_goods, "term", how="left")
    listed = F.coalesce("listed", F.lit(False))
    rows = rows.withColumn("g2", _g2(*(F.col(c) for c in ("beside_opinion", "mentions", "all_beside", "all"))))
    often = F.col("mentions") >= F.when(listed, min_mentions / 2).otherwise(float(min_mentions))
    more = F.col("beside_opinion") / F.col("mentions") > F.col("all_beside") / F.col("all")
    kept = rows.where(often & more & ((F.col("g2") > _SURE) | listed))
    columns = ("term", _aspect().alias("aspect"), "mentions", "beside_opinion", "g2")
    return kept.orderBy(F.desc("g2"), "term").limit(most).select(*columns)


def count_terms(reviews: DataFrame, known: Set[tuple[str, ...]]) -> DataFrame:
    """[term, mentions, beside_opinion] of all candidates in `text` that are not `known`."""
    found = reviews.where("text IS NOT NULL").select(F.inline(_phrases(known)(F.col("text"))))
    return found.groupBy(F.col("phrase").alias("term")).agg(
        F.count("*").alias("mentions"), F.count_if("beside_opinion").alias("beside_opinion")
    )


def of_catalogue(counted: DataFrame, catalogue: DataFrame | None) -> DataFrame:
    """[term] of the terms with a word of the catalogue. UsageError: it has no `description`."""
    if catalogue is None:
        return counted.select("term").limit(0)
    require_columns(catalogue, ["description"], "the catalogue")
    words = catalogue.select(F.explode(F.split(F.lower("description"), r"[^\p{L}]+")).alias("word")).distinct()
    each = counted.select("term", F.explode(F.split("term", " ")).alias("word"))
    return each.join(words, "word", how="left_semi").select("term").distinct()


def _g2(both: Column, row: Column, column: Column, total: Column) -> Column:
    """Dunning's log-likelihood ratio of a two by two table."""
    cells = (
        (both, row, column),
        (row - both, row, total - column),
        (column - both, total - row, column),
        (total - row - column + both, total - row, total - column),
    )
    each = [F.when(seen > 0, seen * F.log(seen * total / (r * c))).otherwise(0.0) for seen, r, c in cells]
    return 2 * (each[0] + each[1] + each[2] + each[3])


def _aspect() -> Column:
    """The aspect of the last word that names one, else the term."""
    known = {" ".join(words_of(term)): aspect for term, aspect in aspect_lexicon.NAMES.items() if " " not in term}
    by_word = literal_map(known)
    found = F.filter(F.transform(F.split("term", " "), lambda word: by_word[word]), lambda a: a.isNotNull())
    return F.coalesce(F.try_element_at(found, F.lit(-1)), F.col("term"))


def _phrases(known: Set[tuple[str, ...]]) -> Callable[[Column], Column]:
    """A function of a text column: its candidates, as an array of PHRASE."""

    @pandas_udf(T.ArrayType(PHRASE))  # type: ignore[call-overload, untyped-decorator]
    def read(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            yield batch.map(
                lambda text: [
                    {"phrase": " ".join(phrase), "beside_opinion": beside}
                    for clause in clauses(text)
                    for phrase, beside in candidates(clause)
                    if phrase not in known
                ]
            )

    return read


def content(word: str) -> bool:
    """It can be part of a term: no opinion, and none of the words that stand everywhere."""
    plain = word.isalpha() and len(word) > 2 and word not in _STOP and word not in opinion_lexicon.weights()
    return plain and word not in opinion_lexicon.BOOSTERS and word not in opinion_lexicon.NEGATORS


def candidates(clause: Clause) -> Iterator[tuple[tuple[str, ...], bool]]:
    """One or two words that look like a noun, in base form, and whether the clause has an opinion."""
    weights, words = opinion_lexicon.weights(), clause.words
    beside = any(w.word in weights for w in words)

    for i, word in enumerate(words):
        if word.word not in _DETERMINERS:
            continue
        start = i + 1
        while start < len(words) and (words[start].word in weights or words[start].word in opinion_lexicon.BOOSTERS):
            start += 1  # `a very good dial`
        stop = start
        while stop < len(words) and content(words[stop].word):
            stop += 1
        if 1 <= stop - start <= 2:
            yield tuple(w.base for w in words[start:stop]), beside
