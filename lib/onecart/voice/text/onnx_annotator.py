"""A MiniLM network in an ONNX file as an annotator of Spark NLP."""

import json
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from sparknlp import annotator

_JAVA = "com.johnsnowlabs.nlp.embeddings"


def one_thread_a_task(spark: SparkSession) -> None:
    """Before a model with an ONNX network is loaded: Spark's tasks keep the cores busy already, and Spark NLP's six threads
    a task then wait for one another (a hundred times as long, measured on two busy cores)."""
    key = "spark.jsl.settings.onnx.intraOpNumThreads"
    if spark.conf.get(key, None) is None:
        spark.conf.set(key, "1")


def embedder(kind: str, file: Path, vocabulary: Path) -> Any:
    """The network in `file`, BERT with the lower-case word pieces of `vocabulary`, one a line, as a `kind`:
    BertSentenceEmbeddings, BertEmbeddings.

    Executors ask for `file` as long as the session lasts, and keep such files by name. Spark NLP's own `loadSavedModel` takes
    model.onnx only: a second network would be an error there, or the first one again. So every network has a name of its own.
    """
    spark = SparkSession.active()
    one_thread_a_task(spark)
    jvm: Any = spark.sparkContext._jvm
    java, none = spark._jsparkSession, jvm.scala.Option.empty()
    wrapper = jvm.com.johnsnowlabs.ml.onnx.OnnxWrapper.read(java, str(file.parent), False, True, file.stem, none, none)
    made = getattr(getattr(jvm, _JAVA), kind)()
    made.setVocabulary(_java_map(jvm, vocabulary.read_text(encoding="utf-8").splitlines()))
    made.set(made.engine(), "onnx")
    made.setModelIfNotSet(java, none, jvm.scala.Option.apply(wrapper), none)
    return getattr(annotator, kind)(java_model=made).setCaseSensitive(False)


def _java_map(jvm: Any, words: list[str]) -> Any:
    """Word -> its place, as a Scala map; by JSON, because one call a word takes seconds."""
    read = jvm.com.fasterxml.jackson.databind.ObjectMapper().readValue
    places = read(
        json.dumps({word: i for i, word in enumerate(words)}), jvm.java.lang.Class.forName("java.util.HashMap")
    )
    return jvm.org.apache.spark.api.python.PythonUtils.toScalaMap(places)
