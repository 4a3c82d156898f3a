"""Sentiment on public texts, on folds that nobody learned from, beside rules and other people's models."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from onecart import voice
from onecart.errors import require_known
from onecart.stats.top_label_calibration import expected_error

_HELD = 0.05  # of a fold's training texts: train_sentiment always measures, too
TABLE: tuple[tuple[str, str], ...] = (
    ("data", "{}"),
    ("model", "{}"),
    ("texts", "{:,}"),
    ("accuracy", "{:.4f}"),
    ("macro_f1", "{:.4f}"),
    ("ece", "{:.4f}"),
    ("seconds", "{:.0f}"),
)


@dataclass(frozen=True)
class Texts:
    """rows[text, label 0 or 1]; folds: (places to learn from, places to answer)."""

    rows: pd.DataFrame
    folds: list[tuple[np.ndarray, np.ndarray]]
    models: tuple[str, ...]


Answer = tuple[np.ndarray, np.ndarray | None]  # of each text 0 or 1, and how sure


def measure(
    spark: SparkSession, names: Sequence[str] | None, engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:
    """One row per data set and model, the columns of TABLE, over all folds together, which are the same for every model.

    amazon: sentences whose mean rating of 20 people is at least 0.5 from 0, its sign the label, 5 folds. films: the film
    reviews, deduplicated, 5 folds. chinese: the Chinese lines, deduplicated and without those under both labels, a fifth held out.
    ece: expected calibration error of confidence, where there is one; seconds: of all folds, learning and answering.
    """
    require_known(names or (), DATA, "data")
    require_known(engines or (), MODELS, "model")
    for name in names or DATA:
        texts = DATA[name](seed)
        for model in engines or texts.models:
            clock = time.monotonic()
            yield {"data": name, "model": model, **_scored(spark, texts, model), "seconds": time.monotonic() - clock}


def _scored(spark: SparkSession, texts: Texts, model: str) -> dict[str, Any]:
    from sklearn.metrics import accuracy_score, f1_score

    true, said, sure = [], [], []
    for learn, answer in texts.folds:
        found, confidence = MODELS[model](spark, texts, texts.rows.iloc[learn], texts.rows["text"].iloc[answer])
        true.append(texts.rows["label"].to_numpy()[answer])
        said.append(found)
        sure.append(confidence)
    y, p = np.concatenate(true), np.concatenate(said)
    known = [s for s in sure if s is not None]
    return {
        "texts": len(y),
        "accuracy": accuracy_score(y, p),
        "macro_f1": f1_score(y, p, average="macro"),
        "ece": _ece(np.concatenate(known), y == p) if known else None,
    }


def _ece(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return expected_error([(m.sum(), right[m].sum(), confidence[m].sum()) for m in (place == b for b in range(bins))])


def amazon(seed: int) -> Texts:
    rows = amazon_sentences()
    many = ("vader", "sklearn", "vivekn", "onecart", "word2vec", "doc2vec", "sentiment_dl", "minilm", "minilm_tuned")
    return Texts(rows, _folds(rows, seed), many)


def amazon_sentences() -> pd.DataFrame:
    """[text, label]: 1 where people liked what it says, 0 where they did not; without those in between."""
    from onecart.samples.datasets.load import amazon_reviews

    rows = amazon_reviews().query("rating_mean.abs() >= 0.5")
    return rows.assign(label=(rows["rating_mean"] > 0).astype(int))[["text", "label"]]


def films(seed: int) -> Texts:
    from onecart.samples import fetch

    rows = pd.read_csv(fetch("film-reviews")[0])[["text", "label"]].drop_duplicates("text")
    return Texts(rows, _folds(rows, seed), ("vader", "sklearn", "onecart"))


def chinese(seed: int) -> Texts:
    from onecart.samples import fetch

    parts = [
        pd.DataFrame({"text": p.read_text("utf-8").splitlines(), "label": 1 - i})
        for i, p in enumerate(fetch("chinese-reviews"))
    ]
    rows = pd.concat(parts)
    rows["text"] = rows["text"].str.strip()
    rows = rows[rows["text"] != ""].drop_duplicates().drop_duplicates("text", keep=False).reset_index(drop=True)
    return Texts(rows, _folds(rows, seed)[:1], ("snownlp", "sklearn", "onecart", "jieba"))


def _folds(rows: pd.DataFrame, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedKFold

    return [*StratifiedKFold(5, shuffle=True, random_state=seed).split(rows, rows["label"])]


def own(**settings: Any) -> Callable[[SparkSession, Texts, pd.DataFrame, pd.Series], Answer]:
    """OneCart's train_sentiment with these settings."""

    def answer(spark: SparkSession, texts: Texts, train: pd.DataFrame, test: pd.Series) -> Answer:
        learn = spark.createDataFrame(train).repartition(spark.sparkContext.defaultParallelism)
        model = voice.train_sentiment(learn, **{"holdout_share": _HELD, **settings})
        ask = spark.createDataFrame(pd.DataFrame({"id": range(len(test)), "text": test.to_numpy()}))
        ask = ask.repartition(spark.sparkContext.defaultParallelism)
        found = model.score(ask).toPandas().set_index("id").sort_index()
        confidence = found["confidence"].fillna(0.5).to_numpy()
        return (found["sentiment"] == "1").astype(int).to_numpy(), confidence

    return answer


def _vader(spark: SparkSession, texts: Texts, train: pd.DataFrame, test: pd.Series) -> Answer:
    """Rules that learn nothing (Hutto & Gilbert 2014); a compound score over 0 is positive."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    rules = SentimentIntensityAnalyzer()
    return np.array([int(rules.polarity_scores(text)["compound"] > 0) for text in test]), None


def sklearn(spark: SparkSession, texts: Texts, train: pd.DataFrame, test: pd.Series) -> Answer:
    """TF-IDF of words and word pairs (of characters where there are no spaces) and logistic regression, C of 10."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    unspaced = train["text"].str.contains(r"[\u4e00-\u9fff]").mean() > 0.5
    terms: dict[str, Any] = {"analyzer": "char"} if unspaced else {"token_pattern": r"(?u)\b\w+\b"}
    made = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, **terms), LogisticRegression(C=10, max_iter=1000)
    )
    chances = made.fit(train["text"], train["label"]).predict_proba(test)
    return chances.argmax(1), chances.max(1)


def _vivekn(spark: SparkSession, texts: Texts, train: pd.DataFrame, test: pd.Series) -> Answer:
    """Spark NLP's ViveknSentimentApproach (Narayanan, Arora & Bhatia 2013: naive Bayes with negations)."""
    from pyspark.ml import Pipeline
    from sparknlp.annotator import Tokenizer, ViveknSentimentApproach
    from sparknlp.base import DocumentAssembler

    names = train["label"].map({1: "positive", 0: "negative"})
    learn = spark.createDataFrame(pd.DataFrame({"text": train["text"], "train_sentiment": names}))
    stages = [
        DocumentAssembler().setInputCol("text").setOutputCol("document"),
        Tokenizer().setInputCols(["document"]).setOutputCol("token"),
        ViveknSentimentApproach()
        .setInputCols(["document", "token"])
        .setOutputCol("said")
        .setSentimentCol("train_sentiment"),
    ]
    ask = spark.createDataFrame(pd.DataFrame({"id": range(len(test)), "text": test.to_numpy()}))
    found = Pipeline(stages=stages).fit(learn).transform(ask).selectExpr("id", "said[0].result AS said").toPandas()
    return (found.set_index("id").sort_index()["said"] == "positive").astype(int).to_numpy(), None


def _snownlp(spark: SparkSession, texts: Texts, train: pd.DataFrame, test: pd.Series) -> Answer:
    """SnowNLP's naive Bayes on its own words, trained on the same texts."""
    from snownlp.sentiment import Sentiment

    made = Sentiment()
    made.train(*([*train.loc[train["label"] == label, "text"]] for label in (0, 1)))
    chances = np.array([made.classify(text) for text in test])
    return (chances > 0.5).astype(int), np.maximum(chances, 1 - chances)


DATA: dict[str, Callable[[int], Texts]] = {"amazon": amazon, "films": films, "chinese": chinese}
MODELS: dict[str, Callable[[SparkSession, Texts, pd.DataFrame, pd.Series], Answer]] = {
    "onecart": own(),
    "word2vec": own(embeddings="word2vec"),
    "doc2vec": own(embeddings="doc2vec"),
    "sentiment_dl": own(classifier="sentiment_dl", embeddings="word2vec"),
    "minilm": own(embeddings="minilm"),
    "minilm_tuned": own(embeddings="minilm", tune_epochs=3),
    "jieba": own(languages=("zh",)),
    "vader": _vader,
    "sklearn": sklearn,
    "vivekn": _vivekn,
    "snownlp": _snownlp,
}
