"""Texts as words (Spark NLP's Tokenizer and Normalizer), and as the terms that TF-IDF counts."""

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import NGram
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sparknlp.annotator import Normalizer, Tokenizer
from sparknlp.base import DocumentAssembler

TEXT = "__onecart_text"
LABEL = "__onecart_label"
DOCUMENT = "__onecart_document"
WORDS = "__onecart_words"
TERMS = "__onecart_terms"
PLAIN_TERMS = "__onecart_plain_terms"
_TOKENS, _LIST, _PAIRS = "__onecart_tokens", "__onecart_list", "__onecart_pairs"

# Up to three words after it are turned; Pang, Lee & Vaithyanathan (2002) turn those up to the next comma or full stop.
_NEGATION = "not|no|never|none|nothing|neither|nor|without|hardly|barely|cannot|\\S{1,30}n't|不|没|没有|無|无|别"
_NEGATED = rf"(?<!\S)({_NEGATION}) (\S+)(?: (\S+))?(?: (\S+))?"
_MARKED = "not_$2 not_$3 not_$4"


def reader(df: DataFrame) -> PipelineModel:
    """What turns the column TEXT into WORDS: lower-case words, and `!` and `?`. Nothing is learned from `df`."""
    document = DocumentAssembler().setInputCol(TEXT).setOutputCol(DOCUMENT)
    tokens = Tokenizer().setInputCols([DOCUMENT]).setOutputCol(_TOKENS)
    words = Normalizer().setInputCols([_TOKENS]).setOutputCol(WORDS)
    words = words.setLowercase(True).setCleanupPatterns([r"[^\p{L}\p{N}'!?]"])
    return Pipeline(stages=[document, tokens, words]).fit(df)


def read(df: DataFrame, using: PipelineModel) -> DataFrame:
    """The rows of `df` that have any WORDS, with them."""
    return using.transform(df).where(F.size(WORDS) > 0).drop(_TOKENS)


def with_terms(df: DataFrame) -> DataFrame:
    """Adds PLAIN_TERMS, the words and pairs of neighbours (`a b`), and TERMS: these, and `not_x` for each x in the three
    words after a negation."""
    df = NGram(n=2, inputCol=_LIST, outputCol=_PAIRS).transform(df.withColumn(_LIST, F.col(WORDS)["result"]))
    marked = F.split(F.regexp_replace(F.concat_ws(" ", _LIST), _NEGATED, _MARKED), " ")
    turned = F.filter(marked, lambda word: word.startswith("not_"))
    plain = F.concat(_LIST, _PAIRS)
    return df.withColumn(PLAIN_TERMS, plain).withColumn(TERMS, F.concat(plain, turned)).drop(_LIST, _PAIRS)
