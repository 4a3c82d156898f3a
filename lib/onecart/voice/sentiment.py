"""Learning sentiment from labelled texts."""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import DataError, UsageError
from onecart.spark import session
from onecart.voice import network
from onecart.voice.baseline import BASELINE, TERMS, fit_baseline
from onecart.voice.evaluate import held_out, metrics, uniform
from onecart.voice.model import SentimentModel, require_text
from onecart.voice.network import LABEL, TEXT, WORDS
from onecart.voice.params import Params, checked

_Counts = dict[str | None, tuple[int, int]]  # label -> rows to learn from, rows held out
_SHOWN = 10  # labels that an error names


def train_sentiment(reviews: DataFrame, **params: Any) -> SentimentModel:
    """Learns which of two labels fits a text, in any language that puts spaces between words.

    reviews: one row a text; `text` (string) and `label` (string, integer, boolean or double with two distinct values).
    Rows with a null, empty or NaN label teach Word2Vec words but no sentiment; rows without text are left out.
    params: see `params.Params` (epochs, dimensions, holdout_share, min_rows, max_rows, balance, seed, ...).

    The network (Spark NLP: Word2Vec, mean of the word vectors, SentimentDL) learns from all but `holdout_share` of the
    texts, equal texts on the same side. SentimentModel.metrics are figures on those held out: accuracy, macro_f1, n,
    majority_accuracy (always answering the label that is most frequent in training), and the same of a TF-IDF logistic
    regression that learned from the same rows, baseline_accuracy and baseline_macro_f1.

    Raises UsageError for an unknown parameter or column, DataError for too few rows or other than two labels.
    """
    p = checked(params)
    require_text(reviews, "label")
    session(nlp=True)  # an error that says what to do, if the running session lacks Spark NLP
    rows = reviews.select(F.col("text").alias(TEXT), _label(reviews).alias("label"))
    rows = rows.where(F.trim(TEXT) != "").withColumn(
        "held_out", held_out(F.col(TEXT), share=p.holdout_share, seed=p.seed)
    )
    counts = _counts(rows)
    labels = _two_labels(counts, p)
    rows = rows.withColumn(LABEL, F.when(F.col("label") == labels[0], "0").when(F.col("label") == labels[1], "1"))

    sample = rows.where(~F.col("held_out")).transform(_sampled, counts=counts, p=p)
    using = network.reader(sample)
    learned = network.read(sample, using).persist()
    try:
        pipeline = network.fit(learned, p, using)
        labelled = learned.where(F.col(LABEL).isNotNull())
        baseline = fit_baseline(labelled.withColumn(TERMS, F.col(WORDS)["result"]), labelled.count())
    finally:
        learned.unpersist()

    said = pipeline.transform(rows.where(F.col("held_out") & F.col(LABEL).isNotNull()))
    said = baseline.transform(said.withColumn(TERMS, F.col(WORDS)["result"]))
    answers = {"answer": network.chosen()["result"], "plain": F.col(BASELINE).cast("int").cast("string")}
    found = said.groupBy(LABEL, *[c.alias(name) for name, c in answers.items()]).count().collect()  # 12 rows at most
    return SentimentModel(pipeline, labels, _figures(found, counts, labels))


def _label(reviews: DataFrame) -> Column:
    kind = reviews.schema["label"].dataType
    if not isinstance(kind, T.StringType | T.IntegralType | T.BooleanType | T.FractionalType | T.NullType):
        raise UsageError(f"column 'label' is {kind.simpleString()}; it must hold strings, numbers or booleans")
    text = F.col("label").cast("string")
    return F.when((F.trim(text) != "") & (text != "NaN"), text)


def _counts(rows: DataFrame) -> _Counts:
    held = F.count_if("held_out")
    found = rows.groupBy("label").agg((F.count("*") - held).alias("learn"), held.alias("held_out"))
    # A label column may by mistake hold as many values as rows; a few more than two are enough to say so.
    return {r["label"]: (r["learn"], r["held_out"]) for r in found.orderBy("label").limit(_SHOWN + 2).collect()}


def _two_labels(counts: _Counts, p: Params) -> tuple[str, str]:
    labels = sorted(label for label in counts if label is not None)
    if len(labels) != 2:
        shown = ", ".join(repr(label) for label in labels[:_SHOWN]) + (", ..." if len(labels) > _SHOWN else "")
        raise DataError(
            f"train_sentiment needs two labels; column 'label' has {shown or 'no value'}; make it null elsewhere"
        )
    total = sum(sum(counts[label]) for label in labels)
    if total < p.min_rows:
        raise DataError(f"train_sentiment: {total} labelled rows with text; min_rows is {p.min_rows}")
    for label in labels:
        learn, held = counts[label]
        if not learn or not held:
            raise DataError(
                f"train_sentiment: of label {label!r} {learn} rows are left to learn from and {held} to measure on; "
                "give more rows of it, or set another holdout_share"
            )
    return labels[0], labels[1]


def _sampled(rows: DataFrame, *, counts: _Counts, p: Params) -> DataFrame:
    """LABEL and TEXT of the rows to learn from: each about as often as its label's share of max_rows asks, in one order.

    A row is repeated or left out by its text's hash: the same rows in every run, however the frame is partitioned.
    """
    learn = {label: n for label, (n, _) in counts.items()}
    known = sorted(n for label, n in learn.items() if label is not None)
    wanted = {label: min(known[-1] if p.balance else n, p.max_rows // 2) for label, n in learn.items()}
    wanted[None] = min(learn.get(None, 0), p.max_rows)
    rate = F.lit(0.0)
    for label, n in learn.items():
        rate = F.when(F.col("label").eqNullSafe(F.lit(label)), F.lit(wanted[label] / n if n else 0.0)).otherwise(rate)
    copies = F.floor(rate + uniform(F.col(TEXT), F.lit("sample"), seed=p.seed)).cast("int")
    repeated = rows.where(copies > 0).withColumn("copy", F.explode(F.sequence(F.lit(1), copies)))
    return repeated.orderBy(F.xxhash64(TEXT, "copy", F.lit(p.seed)), TEXT, LABEL, "copy").select(LABEL, TEXT)


def _figures(found: list[Any], counts: _Counts, labels: tuple[str, str]) -> dict[str, float]:
    n = sum(r["count"] for r in found)
    frequent = max((0, 1), key=lambda i: counts[labels[i]][0])
    baseline = metrics([(r[LABEL], r["plain"], r["count"]) for r in found])
    return {
        **metrics([(r[LABEL], r["answer"], r["count"]) for r in found]),
        "n": float(n),
        "majority_accuracy": counts[labels[frequent]][1] / n,
        **{f"baseline_{name}": value for name, value in baseline.items()},
    }
