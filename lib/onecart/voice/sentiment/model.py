"""A trained sentiment model: scores texts, and is saved and loaded."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import library_function, quoted
from onecart.lake.files import literal
from onecart.spark import session
from onecart.stats.top_label_calibration import Calibration
from onecart.voice.checks import require_text
from onecart.voice.sentiment import classifiers
from onecart.voice.text import cleaning, languages, partitioning, vectors
from onecart.voice.text.onnx_annotator import one_thread_a_task
from onecart.voice.text.tokenizer import TEXT, WORDS, with_terms

ADDED = ("sentiment", "confidence", "reason")
NEUTRAL = "neutral"
_RAW, PLACE = "__onecart_raw", "__onecart_place"


# What a saved model's head holds that is of another kind -> what reads it; such a kind adds itself.
READERS: dict[str, Callable[[str, dict[str, Any]], "SentimentModel"]] = {}


@dataclass(frozen=True)
class Reading:
    """How a text is read: the characters of it that are, the language it is in where known, the size of its vector, and
    whether a vector takes long, so that work is spread over partitions first."""

    max_chars: int
    language: str | None
    size: int
    slow: bool

    def text(self, text: Column) -> Column:
        """What Spark NLP gets of a text."""
        plain = cleaning.cleaned(text, max_chars=self.max_chars)
        return languages.segmented(plain, self.language)

    def spread(self, df: DataFrame, text: str = "text") -> DataFrame:
        """`df` as it is quickest read."""
        return partitioning.by_length(df, text) if self.slow else df


@dataclass(frozen=True)
class SentimentModel:
    """Tells which of two or three labels fits a text.

    reading: Spark NLP's stages from a text to words and a vector. head: what answers from them. labels: the label values
    as strings, sorted. metrics: figures on the held-out rows (see `train_sentiment`). neutral_below: see `score`.
    """

    reading: PipelineModel
    head: PipelineModel
    how: Reading
    calibration: Calibration
    labels: tuple[str, ...]
    metrics: dict[str, float]
    neutral_below: float = 0.0

    @library_function()
    def score(self, df: DataFrame) -> DataFrame:
        """All rows and columns of `df`, batch or stream, and sentiment, confidence and reason (columns of these names are
        replaced). Equal texts get equal answers, whatever rows are beside them.

        sentiment: one of `labels`, or `neutral` where the confidence is under `neutral_below`; null for a text that is null
        or has no words. confidence: probability that the likeliest label is right, calibrated; at least 1 / labels. reason:
        null, or `no text`, `no words`, `cut at 10,000 characters`. Raises UsageError without a string column `text`.
        """
        require_text(df)
        kept = [quoted(c) for c in df.columns if c.lower() not in ADDED]
        df = self.how.spread(df)
        scored = self.answered(df.withColumn(_RAW, F.col("text")).withColumn(TEXT, self.how.text(F.col("text"))))
        place, has_words = F.col(PLACE), F.size(WORDS) > 0
        confidence = self.calibration.confidence(F.col(classifiers.CHANCES), place)
        sentiment = F.get(F.array(*[F.lit(label) for label in self.labels]), place)
        if self.neutral_below:
            sentiment = F.when(confidence < self.neutral_below, NEUTRAL).otherwise(sentiment)
        reason = cleaning.reason(F.col(_RAW), has_words, max_chars=self.how.max_chars)
        found = (F.when(has_words, sentiment), F.when(has_words, confidence), reason)
        return scored.select(*kept, *[c.alias(name) for c, name in zip(found, ADDED, strict=True)])

    def answered(self, df: DataFrame) -> DataFrame:
        """Adds WORDS, the head's chances, and the place of the highest, to rows with TEXT."""
        return answered(self.reading.transform(df), self.head, labels=len(self.labels), size=self.how.size)

    def save(self, path: str) -> None:
        """Writes the model to a new or old folder at `path`, local or in an object store. It is whole: it loads where
        there is no network and none of what it was learned with."""
        with _without_spaces(path) as plain:
            for name, part in (("reading", self.reading), ("head", self.head)):
                part.write().overwrite().save(f"{plain}/{name}")
        about = {"labels": self.labels, "metrics": self.metrics, "neutral_below": self.neutral_below}
        write_about(path, {**about, "how": asdict(self.how), "calibration": asdict(self.calibration)})

    @staticmethod
    def load(path: str) -> "SentimentModel":
        """The model that `save` wrote to `path`; of several languages, too."""
        one_thread_a_task(session(nlp=True))
        about = read_about(path)
        for kind, read in READERS.items():
            if kind in about:
                return read(path, about)
        with _without_spaces(path) as plain:
            reading, head = (PipelineModel.load(f"{plain}/{name}") for name in ("reading", "head"))
        calibration = Calibration(about["calibration"]["slope"], tuple(about["calibration"]["shifts"]))
        how, labels = Reading(**about["how"]), tuple(about["labels"])
        return SentimentModel(reading, head, how, calibration, labels, about["metrics"], about["neutral_below"])


def answered(read: DataFrame, head: PipelineModel, *, labels: int, size: int) -> DataFrame:
    """`read`, which has DOCUMENT, WORDS and VECTOR, with the head's chances and the place of the highest."""
    scored = classifiers.chances(vectors.dense(with_terms(read), size), head, labels=labels)
    best = F.expr(f"array_position({classifiers.CHANCES}, array_max({classifiers.CHANCES})) - 1")
    return scored.withColumn(PLACE, best.cast("int"))


def write_about(path: str, about: dict[str, Any]) -> None:
    frame = SparkSession.active().createDataFrame([(json.dumps(about),)], "value STRING")
    frame.coalesce(1).write.mode("overwrite").text(f"{path}/sentiment")


def read_about(path: str) -> dict[str, Any]:
    from pyspark.errors import AnalysisException

    try:
        row = SparkSession.active().read.text(literal(f"{path}/sentiment")).first()
    except AnalysisException:
        row = None
    if row is None:
        raise UsageError(f"no sentiment model in {path}")
    return json.loads(row[0])


@contextmanager
def _without_spaces(path: str) -> Iterator[str]:
    """`path`, or for a local one with spaces a link to it: Spark NLP takes the paths of its own files for URIs."""
    if " " not in path or "://" in path:
        yield path
        return
    Path(path).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="onecart-") as folder:
        link = Path(folder) / "model"
        link.symlink_to(Path(path).absolute(), target_is_directory=True)
        yield str(link)
