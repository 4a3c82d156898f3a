"""A trained sentiment model: scores texts, and is saved and loaded."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest
from onecart.spark import session
from onecart.voice.network import TEXT, chosen


@dataclass(frozen=True)
class SentimentModel:
    """Tells which of two labels fits a text.

    labels: the two label values as strings, sorted. metrics: figures on the held-out rows (see `train_sentiment`).
    """

    pipeline: PipelineModel
    labels: tuple[str, str]
    metrics: dict[str, float]

    def score(self, df: DataFrame) -> DataFrame:
        """All rows and columns of `df`, and sentiment and confidence (columns of these names are replaced).

        sentiment: one of `labels`; null where `text` is null or has no words. confidence: the network's probability of
        it, 0.5 to 1, not calibrated: it is surer than it is right. Raises UsageError without a string column `text`.
        """
        require_text(df)
        answer = chosen()
        first = answer["result"] == "0"
        names = F.when(first, self.labels[0]).when(~first, self.labels[1])
        kept = [F.col(f"`{c}`") for c in df.columns if c.lower() not in ("sentiment", "confidence")]
        scored = self.pipeline.transform(df.withColumn(TEXT, F.col("text")))
        confidence = F.element_at(answer["metadata"], answer["result"]).cast("double")
        return scored.select(*kept, names.alias("sentiment"), confidence.alias("confidence"))

    def save(self, path: str) -> None:
        """Writes the model to a new or old folder at `path`, local or in an object store."""
        with _without_spaces(path) as plain:
            self.pipeline.write().overwrite().save(f"{plain}/pipeline")
        text = json.dumps({"labels": self.labels, "metrics": self.metrics})
        frame = SparkSession.active().createDataFrame([(text,)], "value STRING")
        frame.coalesce(1).write.mode("overwrite").text(f"{path}/sentiment")

    @staticmethod
    def load(path: str) -> "SentimentModel":
        """The model that `save` wrote to `path`."""
        row = session(nlp=True).read.text(f"{path}/sentiment").first()
        if row is None:
            raise UsageError(f"no sentiment model in {path}")
        about = json.loads(row[0])
        with _without_spaces(path) as plain:
            return SentimentModel(PipelineModel.load(f"{plain}/pipeline"), tuple(about["labels"]), about["metrics"])


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


def require_text(df: DataFrame, *others: str) -> None:
    """UsageError unless `df` has a string column `text`, and the `others`."""
    for name in ("text", *others):
        if name not in df.columns:
            raise UsageError(f"the frame has no column '{name}'{nearest(name, df.columns)}")
    kind = df.schema["text"].dataType
    if not isinstance(kind, T.StringType):
        raise UsageError(f"column 'text' is {kind.simpleString()}; it must hold strings")
