"""The Spark NLP pipeline: words, their vectors (Word2Vec), their mean (SentenceEmbeddings), a network (SentimentDL)."""

from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from sparknlp.annotator import Normalizer, SentenceEmbeddings, SentimentDLApproach, Tokenizer, Word2VecApproach
from sparknlp.base import DocumentAssembler

from onecart.voice.params import Params

TEXT = "__onecart_text"
LABEL = "__onecart_label"
WORDS = "__onecart_words"
SENTIMENT = "__onecart_sentiment"
_DOCUMENT, _TOKENS, _VECTORS, _MEAN = (f"__onecart_{name}" for name in ("document", "tokens", "vectors", "mean"))

_LABEL_WORD_EVERY = 3  # as accurate as a label word after every word, for two thirds of the time
_WORDS_TO_READ = 2_000_000  # Word2Vec reads a small corpus up to ten times, a corpus of this size once
_STEP = 0.05  # twice Word2Vec's default: review corpora are small


def reader(df: DataFrame) -> PipelineModel:
    """What turns the column TEXT into WORDS: lower-case words, and `!` and `?`. Nothing is learned from `df`."""
    document = DocumentAssembler().setInputCol(TEXT).setOutputCol(_DOCUMENT)
    tokens = Tokenizer().setInputCols([_DOCUMENT]).setOutputCol(_TOKENS)
    words = Normalizer().setInputCols([_TOKENS]).setOutputCol(WORDS)
    words = words.setLowercase(True).setCleanupPatterns([r"[^\p{L}\p{N}'!?]"])
    return Pipeline(stages=[document, tokens, words]).fit(df)


def read(df: DataFrame, using: PipelineModel) -> DataFrame:
    """LABEL and the words of the rows of `df` that have any."""
    return using.transform(df).where(F.size(WORDS) > 0).select(LABEL, _DOCUMENT, WORDS)


def fit(rows: DataFrame, p: Params, using: PipelineModel) -> PipelineModel:
    """A pipeline TEXT -> SENTIMENT (read it with `chosen`), from rows of `read`; those without LABEL teach words only."""
    marked = rows.transform(with_label_words)
    amount = marked.agg(F.sum(F.size(WORDS))).first()[0]
    vectors = (
        Word2VecApproach()
        .setInputCols([WORDS])
        .setOutputCol(_VECTORS)
        .setVectorSize(p.dimensions)
        .setMinCount(p.min_count)
        .setMaxIter(max(1, min(10, _WORDS_TO_READ // amount)))
        .setStepSize(_STEP)
        .setSeed(p.seed + 1)  # it must be positive
        .fit(marked)
    )
    mean = SentenceEmbeddings().setInputCols([_DOCUMENT, _VECTORS]).setOutputCol(_MEAN).setPoolingStrategy("AVERAGE")
    network = (
        SentimentDLApproach()
        .setInputCols([_MEAN])
        .setOutputCol(SENTIMENT)
        .setLabelColumn(LABEL)
        .setMaxEpochs(p.epochs)
        .setBatchSize(p.batch_size)
        .setLr(p.lr)
        .setDropout(p.dropout)
        .setEnableOutputLogs(False)  # else it writes into the home folder
        .setRandomSeed(p.seed)
        .fit(mean.transform(vectors.transform(rows.where(F.col(LABEL).isNotNull()))))
        .setThreshold(0.0)  # below it the answer would be a third one, `neutral`
    )
    return PipelineModel([*using.stages, vectors, mean, network])


def chosen() -> Column:
    """The network's answer as a struct: `result`, '0' or '1', and `metadata`, a map with both probabilities."""
    return F.when(F.size(WORDS) > 0, F.get(SENTIMENT, F.lit(0)))  # it answers texts without words too, at random


def with_label_words(rows: DataFrame) -> DataFrame:
    """Puts a word that stands for the row's LABEL after every third of its WORDS, the first included.

    Word2Vec then places each word by the company of a label too, not only of other words, between which `good` and
    `bad` are much alike. The idea: Tang et al. (2014), Learning Sentiment-Specific Word Embedding. No text has the
    label words (no `_` is left in WORDS), so texts are scored without any.
    """
    label_word = F.concat(F.lit("_"), F.col(LABEL))
    marked = F.transform(
        WORDS,
        lambda word, i: F.when(
            F.col(LABEL).isNotNull() & (i % _LABEL_WORD_EVERY == 0),
            F.array(word, word.withField("result", label_word)),
        ).otherwise(F.array(word)),
    )
    annotation = rows.schema[WORDS].metadata  # Spark NLP looks there for what the column holds
    return rows.withColumn(WORDS, F.flatten(marked)).withMetadata(WORDS, annotation)
