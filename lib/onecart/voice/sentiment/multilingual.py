"""A sentiment model for each of several languages; a text goes to that of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.errors import DataError, UsageError
from onecart.frames import library_function, quoted
from onecart.voice.checks import require_text
from onecart.voice.sentiment.model import ADDED, READERS, SentimentModel, write_about
from onecart.voice.sentiment.params import Params
from onecart.voice.text import languages

_LANGUAGE = "__onecart_language"
_SHARES = ("accuracy", "macro_f1", "ece", "majority_accuracy", "baseline_accuracy", "baseline_macro_f1")


@dataclass(frozen=True)
class RoutedModel(SentimentModel):
    """`models` by language code. reading, head, how and calibration are those of the first of them; metrics are means over the held-out
    texts of all, and `zh_accuracy` and so on of each."""

    models: tuple[tuple[str, SentimentModel], ...] = ()

    @library_function()
    def score(self, df: DataFrame) -> DataFrame:
        """As SentimentModel.score; a text in none of the languages has no sentiment and the reason `other language`."""
        require_text(df)
        codes = [code for code, _ in self.models]
        kept = [quoted(c) for c in df.columns if c.lower() not in ADDED]
        marked = df.withColumn(_LANGUAGE, languages.language_of(F.col("text"), codes))
        first = codes[0]  # says why there is no answer, where a text has no letters
        has_letters = F.regexp_like(F.col("text"), F.lit(r"\p{L}"))
        to = F.when(F.col(_LANGUAGE).isNull() & ~F.coalesce(has_letters, F.lit(False)), first).otherwise(
            F.col(_LANGUAGE)
        )
        marked = marked.withColumn(_LANGUAGE, F.coalesce(to, F.lit("")))
        parts = [model.score(marked.where(F.col(_LANGUAGE) == code)).drop(_LANGUAGE) for code, model in self.models]
        other = (F.lit(None).cast("string"), F.lit(None).cast("double"), F.lit("other language"))
        named = [c.alias(name) for c, name in zip(other, ADDED, strict=True)]
        parts.append(marked.where(F.col(_LANGUAGE) == "").select(*kept, *named))
        return reduce(DataFrame.unionByName, parts)

    def save(self, path: str) -> None:
        for code, model in self.models:
            model.save(f"{path}/{code}")
        about = {"languages": [code for code, _ in self.models], "metrics": self.metrics, "labels": self.labels}
        write_about(path, about)

    @staticmethod
    def read(path: str, about: dict[str, Any]) -> "RoutedModel":
        """What `save` wrote, whose head is `about`."""
        return _joined([(code, SentimentModel.load(f"{path}/{code}")) for code in about["languages"]])


READERS["languages"] = RoutedModel.read


def train_routed(reviews: DataFrame, p: Params, train_one: Callable[..., SentimentModel]) -> RoutedModel:
    """A model for each of p.languages, by `train_one` of the texts in it. DataError: as `train_sentiment`, with the language's name."""
    languages.require(p.languages)
    if len(set(p.languages)) != len(p.languages):
        raise UsageError("train_sentiment: languages names one twice")
    marked = reviews.withColumn(_LANGUAGE, languages.language_of(F.col("text"), p.languages)).persist()
    models = []
    try:
        for code in p.languages:
            part = marked.where(F.col(_LANGUAGE) == code).drop(_LANGUAGE)
            try:
                models.append((code, train_one(part, p, language=code)))
            except DataError as e:
                raise DataError(f"texts in '{code}': {e}") from None
    finally:
        marked.unpersist()
    return _joined(models)


def _joined(models: list[tuple[str, SentimentModel]]) -> RoutedModel:
    n = sum(model.metrics["n"] for _, model in models)
    figures = {f"{code}_{name}": value for code, m in models for name, value in m.metrics.items()}
    means = {s: sum(m.metrics[s] * m.metrics["n"] for _, m in models) / n for s in _SHARES}
    first = models[0][1]
    labels = tuple(sorted({label for _, m in models for label in m.labels}))
    return RoutedModel(
        first.reading, first.head, first.how, first.calibration, labels, {**means, "n": n, **figures},
        models=tuple(models),
    )  # fmt: skip
