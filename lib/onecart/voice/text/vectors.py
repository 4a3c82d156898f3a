"""A text's vector, by choice: learned from the texts (Word2Vec, Doc2Vec), of MiniLM, or of a saved Spark NLP model."""

import atexit
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sparknlp import annotator
from sparknlp.annotator import Doc2VecApproach, SentenceEmbeddings, Word2VecApproach

from onecart.errors import UsageError
from onecart.frames import break_lineage
from onecart.voice.sentiment.params import Params
from onecart.voice.text import minilm, onnx_annotator
from onecart.voice.text.tokenizer import DOCUMENT, LABEL, TEXT, WORDS

DENSE = "__onecart_dense"  # VECTOR as one of MLlib
VECTOR = "__onecart_sentence"  # annotations of Spark NLP: at most one a text
_WORD_VECTORS = "__onecart_vectors"
NONE = "none"
QUICK = (NONE, "word2vec", "doc2vec")
_LABEL_WORD_EVERY = 3  # as accurate as a label word after every word, for two thirds of the time
_WORDS_TO_READ = 2_000_000  # Word2Vec reads a small corpus up to ten times, a corpus of this size once
_STEP = 0.05  # twice Word2Vec's default: review corpora are small
_BATCHES, _TRIED = (16, 32, 64, 128, 256, 512, 1024), 2048  # texts at once, and texts that each is tried on
_LENGTH = 256  # word pieces of a text that MiniLM reads, as many as it was made for
_CACHE = Path.home() / "cache_pretrained"  # where Spark NLP's own `pretrained()` puts its downloads


def fit(rows: DataFrame, p: Params, *, marked: DataFrame, seen: DataFrame) -> list[Any]:
    """The stages from DOCUMENT and WORDS to VECTOR. `marked`: rows with label words, from which word2vec learns; `seen`: with
    the LABELs that minilm may learn from, null elsewhere."""
    if p.vectors == NONE:
        return []
    if p.vectors == "word2vec":
        return [_word2vec(marked, p), _mean(_WORD_VECTORS)]
    if p.vectors == "doc2vec":
        return [_settings(Doc2VecApproach().setOutputCol(VECTOR), rows, p).fit(rows)]
    if p.vectors == "minilm":
        return [_minilm(rows, seen, p)]
    return _saved(p.vectors)


def dense(df: DataFrame, size: int) -> DataFrame:
    """Adds DENSE, VECTOR as an MLlib vector of `size` numbers, zeros for a text without; nothing for size 0."""
    if not size:
        return df
    numbers = F.coalesce(F.get(VECTOR, F.lit(0))["embeddings"], F.array_repeat(F.lit(0.0).cast("float"), size))
    return df.withColumn(DENSE, array_to_vector(numbers))


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


def _word2vec(rows: DataFrame, p: Params) -> Any:
    return _settings(Word2VecApproach().setOutputCol(_WORD_VECTORS), rows, p).fit(rows)


def _settings(approach: Any, rows: DataFrame, p: Params) -> Any:
    amount = rows.agg(F.sum(F.size(WORDS))).first()[0]
    return (
        approach.setInputCols([WORDS])
        .setVectorSize(p.dimensions)
        .setMinCount(p.min_count)
        .setMaxIter(max(1, min(10, _WORDS_TO_READ // amount)))
        .setStepSize(_STEP)
        .setSeed(p.seed + 1)  # it must be positive
    )


def _mean(words: str) -> Any:
    return SentenceEmbeddings().setInputCols([DOCUMENT, words]).setOutputCol(VECTOR).setPoolingStrategy("AVERAGE")


def _minilm(rows: DataFrame, seen: DataFrame, p: Params) -> Any:
    file = _tuned(seen, p) if p.tune_epochs else minilm.file(minilm.TEXTS)
    model = onnx_annotator.embedder("BertSentenceEmbeddings", file, minilm.vocabulary())
    model = model.setInputCols([DOCUMENT]).setOutputCol(VECTOR)
    model = model.setDimension(minilm.DIMENSIONS).setMaxSentenceLength(_LENGTH)
    return model.setBatchSize(_quickest_batch(model, rows) if p.vector_batch == "auto" else p.vector_batch)


def _tuned(seen: DataFrame, p: Params) -> Path:
    """The network after it has learned from the labels of `seen`. UsageError: a package that it needs is missing."""
    source = minilm.source()
    try:
        from onecart.voice.text import finetune
    except ImportError as e:
        raise UsageError(f"tune_epochs needs {e.name}: pip install 'onecart[minilm,deep]'") from e

    known = seen.where(F.col(LABEL).isNotNull()).select(TEXT, F.col(LABEL).cast("int").alias(LABEL)).toPandas()
    weights = finetune.tuned(source, [*known[TEXT]], known[LABEL].to_numpy(), epochs=p.tune_epochs, seed=p.seed)
    folder = Path(tempfile.mkdtemp(prefix="onecart-minilm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / f"{folder.name}.onnx"
    minilm.write(weights, file)
    return file


def _quickest_batch(model: Any, rows: DataFrame) -> int:
    """How many texts at once one task reads quickest, doubled from 16 while that saves a tenth of the time."""
    sample = break_lineage(rows.select(DOCUMENT).limit(_TRIED).coalesce(1))

    def seconds(batch: int) -> float:
        read = model.setBatchSize(batch).transform(sample)
        clock = time.monotonic()
        read.agg(F.sum(F.size(VECTOR))).collect()
        return time.monotonic() - clock

    seconds(_BATCHES[0])  # the network loads
    best, least = _BATCHES[0], seconds(_BATCHES[0])
    for batch in _BATCHES[1:]:
        took = seconds(batch)
        if took > 0.9 * least:
            break
        best, least = batch, took
    return best


def _saved(name: str) -> list[Any]:
    """The stages of the model in the folder `name`, or of that name in Spark NLP's download folder."""
    found = [Path(name), *sorted(_CACHE.glob(f"{Path(name).name}_*"))] if "://" not in name else []
    folder = next((p for p in found if (p / "metadata").is_dir()), None)
    if folder is None:
        raise UsageError(
            f"embeddings='{name}' is not word2vec, doc2vec, minilm or none, and no saved Spark NLP model: name the folder "
            f"of one, or download it once where there is a network, such as with "
            f"BertSentenceEmbeddings.pretrained('{Path(name).name}'), which leaves it in {_CACHE}"
        )
    head = json.loads(next((folder / "metadata").glob("part-*")).read_text().splitlines()[0])
    kind = head["class"].rpartition(".")[2]
    cls = getattr(annotator, kind, None)
    gives = getattr(cls, "outputAnnotatorType", None)
    if cls is None or gives not in ("sentence_embeddings", "word_embeddings"):
        raise UsageError(f"the model in {folder} is a {kind}, which gives no vectors of texts or words")
    onnx_annotator.one_thread_a_task(SparkSession.active())
    model = cls.load(folder.absolute().as_uri())
    needs = [WORDS if kind == "token" else DOCUMENT for kind in model.inputAnnotatorTypes]
    model = model.setInputCols(needs)
    if gives == "sentence_embeddings":
        return [model.setOutputCol(VECTOR)]
    return [model.setOutputCol(_WORD_VECTORS), _mean(_WORD_VECTORS)]
