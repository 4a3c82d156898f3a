"""Learning sentiment from labelled texts."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import break_lineage, library_function
from onecart.spark import session
from onecart.stats import top_label_calibration
from onecart.stats.top_label_calibration import Calibration
from onecart.voice.checks import require_text
from onecart.voice.sentiment import classifiers, few_texts
from onecart.voice.sentiment.baseline import BASELINE, fit_baseline, places
from onecart.voice.sentiment.evaluation import held_out, metrics, uniform
from onecart.voice.sentiment.few_texts import Choice
from onecart.voice.sentiment.labels import Counts, counted, label_of, two_or_three
from onecart.voice.sentiment.model import PLACE, Reading, SentimentModel, answered
from onecart.voice.sentiment.multilingual import train_routed
from onecart.voice.sentiment.params import Params, checked
from onecart.voice.text import vectors
from onecart.voice.text.tokenizer import LABEL, TERMS, TEXT, WORDS, read, reader, with_terms

_CALIBRATE = "__onecart_calibrate"
_FEW, _MANY = 20, 20_000  # texts to calibrate on: fewer are not worth it, more bring nothing


@library_function(nlp=True)
def train_sentiment(reviews: DataFrame, **params: Any) -> SentimentModel:
    """Learns which of two or three labels fits a text, in any language.

    reviews: one row a text; `text` (string) and `label` (string, integer, boolean or double with two or three distinct
    values). Stars in a numeric column `rating` stand in for the column, or for a missing label (see `labels.label_of`).
    Rows with a null, empty or NaN label teach Word2Vec words but no sentiment; rows without text are left out.
    params: see `params.Params` (embeddings, classifier, languages, neutral_below, holdout_share, min_rows, seed, ...).

    By default a logistic regression on TF-IDF of words, word pairs and negated words (Spark NLP reads the words) learns from
    all but `holdout_share` of the texts, equal texts on the same side; confidence is calibrated on `calibration_share` of
    them, with a model that had not learned from these. Of up to 2,000 texts cross-validation says which terms count, how
    strong the regularisation is and where the line between the labels lies (see `few_texts`), and what answers in the end has
    learned from the held-out texts, too (`refit`). SentimentModel.metrics are figures on the held-out texts: accuracy, macro_f1, ece (expected calibration error of confidence), n,
    majority_accuracy (always answering the label that is most frequent in training), and of a TF-IDF logistic regression
    that learned from the same rows, baseline_accuracy and baseline_macro_f1.

    `languages`: a model for each, a text going to that of its own (see `routed.RoutedModel`).
    Raises UsageError for an unknown parameter or column, DataError for too few rows or other than two or three labels.
    """
    p = checked(params)
    require_text(reviews, ["label"] if "rating" not in reviews.columns else [])
    session(nlp=True)  # an error that says what to do, if the running session lacks Spark NLP
    if p.languages:
        return train_routed(reviews, p, train_one)
    return train_one(reviews, p, language=None)


def train_one(reviews: DataFrame, p: Params, *, language: str | None) -> SentimentModel:
    """One model of all texts."""
    how = Reading(p.max_chars, language, 0, slow=p.vectors not in vectors.QUICK)
    rows = reviews.select(F.col("text").alias(TEXT), label_of(reviews).alias("label"))
    held = held_out(F.col(TEXT), share=p.holdout_share, seed=p.seed)
    rows = break_lineage(rows.where(F.trim(TEXT) != "").withColumn("held_out", held))  # `reviews` is read once
    counts = counted(rows)
    labels = two_or_three(counts, p)
    classifiers.require(p, len(labels))
    code = F.lit(None).cast("string")
    for i, label in enumerate(labels):
        code = F.when(F.col("label") == label, str(i)).otherwise(code)
    rows = rows.withColumn(LABEL, code)
    for_calibration = held_out(F.col(TEXT), share=p.calibration_share, seed=p.seed + 1)
    sample = rows.where(~F.col("held_out")).transform(sampled, counts=counts, p=p)
    sample = _read_as(sample.withColumn(_CALIBRATE, for_calibration), how)
    labelled = rows.where(F.col(LABEL).isNotNull())
    natural = labelled.where(~F.col("held_out") & for_calibration).transform(_at_most, n=_MANY, seed=p.seed)
    everything = {label: (sum(counts[label]), 0) for label in labels}
    whole = _read_as(labelled.transform(sampled, counts=everything, p=p), how)
    parts = _Parts(sample, _read_as(natural, how), _read_as(labelled.where("held_out"), how), whole)
    return _fitted(parts, labels, counts, how, p)


@dataclass(frozen=True)
class _Parts:
    """TEXT and LABEL of the rows to learn from (and whether _CALIBRATE), to calibrate on, to measure on; and of all to learn from
    where nothing is measured any more."""

    sample: DataFrame
    natural: DataFrame
    test: DataFrame
    whole: DataFrame


def _fitted(parts: _Parts, labels: tuple[str, ...], counts: Counts, how: Reading, p: Params) -> SentimentModel:
    using = reader(parts.sample)
    words = break_lineage(read(parts.sample, using))
    seen = words.withColumn(LABEL, F.when(~F.col(_CALIBRATE), F.col(LABEL)))
    # Beside TF-IDF, vectors that know the training texts' labels would only be trusted too much.
    marked = words if p.classifier == "logistic" else vectors.with_label_words(seen)
    found = vectors.fit(words, p, marked=marked, seen=seen)
    reading = PipelineModel([*using.stages, *found])
    known = words.where(F.col(LABEL).isNotNull())
    known = break_lineage(PipelineModel(found).transform(how.spread(known, TEXT)))
    how = replace(how, size=_size(known) if found else 0)
    known = vectors.dense(with_terms(known), how.size)
    features = places(known)
    [(rows, terms)] = known.agg(F.count("*"), F.coalesce(F.sum(F.size(TERMS)), F.lit(0))).collect()
    few = p.classifier == "logistic" and not how.size and rows <= few_texts.MOST_TEXTS and terms <= few_texts.MOST_TERMS
    choice = _chosen(known, p, len(labels)) if few else None
    learn = partial(classifiers.fit, p=p, labels=len(labels), size=how.size, features=features, choice=choice)
    first = learn(known.where(~F.col(_CALIBRATE)))
    natural = read(how.spread(parts.natural, TEXT), reading)
    calibration = _calibrated(answered(natural, first, labels=len(labels), size=how.size), len(labels))
    head = learn(known)
    baseline = fit_baseline(known, rows, features)
    model = SentimentModel(reading, head, how, calibration, labels, {}, p.neutral_below)
    figures = _figures(_outcomes(how.spread(parts.test, TEXT), model, baseline), counts, labels)
    if few and p.refit:
        head = learn(break_lineage(with_terms(read(parts.whole, using))))
    return replace(model, head=head, metrics=figures)


def _chosen(known: DataFrame, p: Params, labels: int) -> Choice:
    """By cross-validation over different texts, each counting as often as `sampled` repeats it."""
    each = known.groupBy(TEXT, LABEL).agg(F.count("*").alias("copies"), F.first(TERMS).alias("terms"))
    found = each.toPandas().sort_values([TEXT, LABEL])
    label, copies = found[LABEL].to_numpy().astype(int), found["copies"].to_numpy().astype(float)
    return few_texts.choose([*found["terms"]], label, copies, count=labels, seed=p.seed, c=p.strength)


def _read_as(rows: DataFrame, how: Reading) -> DataFrame:
    return rows.withColumn(TEXT, how.text(F.col(TEXT)))


def _size(rows: DataFrame) -> int:
    found = rows.where(F.size(vectors.VECTOR) > 0).select(F.size(F.get(vectors.VECTOR, F.lit(0))["embeddings"])).first()
    if found is None:
        raise UsageError("train_sentiment: the embeddings gave no vector for any text")
    return int(found[0])


def _at_most(rows: DataFrame, *, n: int, seed: int) -> DataFrame:
    total = rows.count()
    return rows if total <= n else rows.where(uniform(F.col(TEXT), F.lit("calibrate"), seed=seed) < n / total)


def _calibrated(rows: DataFrame, labels: int) -> Calibration:
    """From texts that the head did not learn from, in the shares in which they come."""
    chance, right = F.array_max(classifiers.CHANCES), F.col(PLACE).cast("string") == F.col(LABEL)
    found = rows.select(chance.alias("chance"), F.col(PLACE).alias("answer"), right.alias("right")).toPandas()
    if len(found) < _FEW:
        return top_label_calibration.identity(labels)
    columns = (found[c].to_numpy() for c in ("chance", "answer", "right"))
    chances, answers, rights = columns
    return top_label_calibration.fitted(
        np.asarray(chances, float), np.asarray(answers, int), np.asarray(rights, bool), labels=labels
    )


def sampled(rows: DataFrame, *, counts: Counts, p: Params) -> DataFrame:
    """LABEL and TEXT of the rows to learn from: each about as often as its label's share of max_rows asks, in one order.

    A row is repeated or left out by its text's hash: the same rows in every run, however the frame is partitioned.
    """
    learn = {label: n for label, (n, _) in counts.items()}
    known = sorted(n for label, n in learn.items() if label is not None)
    most = p.max_rows // len(known)
    wanted = {label: min(known[-1] if p.balance else n, most) for label, n in learn.items()}
    wanted[None] = min(learn.get(None, 0), p.max_rows)
    rate = F.lit(0.0)
    for label, n in learn.items():
        rate = F.when(F.col("label").eqNullSafe(F.lit(label)), F.lit(wanted[label] / n if n else 0.0)).otherwise(rate)
    copies = F.floor(rate + uniform(F.col(TEXT), F.lit("sample"), seed=p.seed)).cast("int")
    repeated = rows.where(copies > 0).withColumn("copy", F.explode(F.sequence(F.lit(1), copies)))
    return repeated.orderBy(F.xxhash64(TEXT, "copy", F.lit(p.seed)), TEXT, LABEL, "copy").select(LABEL, TEXT)


def _outcomes(test: DataFrame, model: SentimentModel, baseline: PipelineModel) -> list[Any]:
    """Rows, and the sum of confidences, by true label, both answers and bin of confidence; at most 4 x 4 x 4 x 15."""
    said = baseline.transform(model.answered(test))
    place, has_words = F.col(PLACE), F.size(WORDS) > 0
    confidence = F.when(has_words, model.calibration.confidence(F.col(classifiers.CHANCES), place))
    parts: dict[str, Column] = {
        "answer": F.when(has_words, place).cast("string"),
        "plain": F.when(has_words, F.col(BASELINE).cast("int")).cast("string"),
        "bin": top_label_calibration.bin_of(confidence),
    }
    grouped = said.groupBy(LABEL, *[c.alias(name) for name, c in parts.items()])
    return grouped.agg(F.count("*").alias("count"), F.sum(confidence).alias("confidence")).collect()


def _figures(found: list[Any], counts: Counts, labels: tuple[str, ...]) -> dict[str, float]:
    n = sum(r["count"] for r in found)
    frequent = max(labels, key=lambda label: counts[label][0])
    baseline = metrics([(r[LABEL], r["plain"], r["count"]) for r in found])
    bins: dict[int, tuple[int, int, float]] = {}
    for r in found:
        if r["bin"] is not None:
            texts, right, confidence = bins.get(r["bin"], (0, 0, 0.0))
            hit = r["count"] if r["answer"] == r[LABEL] else 0
            bins[r["bin"]] = (texts + r["count"], right + hit, confidence + r["confidence"])
    return {
        **metrics([(r[LABEL], r["answer"], r["count"]) for r in found]),
        "ece": top_label_calibration.expected_error([*bins.values()]),
        "n": float(n),
        "majority_accuracy": counts[frequent][1] / n,
        **{f"baseline_{name}": value for name, value in baseline.items()},
    }
