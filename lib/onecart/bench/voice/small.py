"""What few labelled texts teach: learning curves of 50 to 5,000 texts in several languages."""

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from onecart.bench.voice.sentiment import Answer, Texts, amazon_sentences, chinese, own, sklearn
from onecart.errors import require_known

_SIZES, _MOST_ASKED, _DRAWS = (50, 150, 500, 1_500, 5_000), 1_000, 5
TABLE: tuple[tuple[str, str], ...] = (
    ("data", "{}"),
    ("learned", "{:,}"),
    ("model", "{}"),
    ("accuracy", "{:.3f}"),
    ("error", "{:.3f}"),
    ("draws", "{}"),
    ("seconds", "{:.0f}"),
)


def measure(
    spark: SparkSession, names: Sequence[str] | None, sizes: Sequence[int] | None, engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """One row per data set, number of texts and model, the columns of TABLE: mean accuracy over draws of so many texts, five of
    up to 500 and one of more, the same for every model, and its standard error; asked are a thousand others at most.

    onecart: the default; plain: TF-IDF of words and a logistic regression as scikit-learn has them; sklearn: the same with word
    pairs and a C of 10. Texts that are there twice count once.
    """
    require_known(names or (), DATA, "data")
    require_known(engines or (), MODELS, "model")
    for name in names or DATA:
        rows = DATA[name]().drop_duplicates("text").reset_index(drop=True)
        for size in sizes or _SIZES:
            if size + _SIZES[0] <= len(rows):
                draws = [*_drawn(rows, size, seed)]
                for model in engines or MODELS:
                    yield {"data": name, "learned": size, "model": model, **_scored(spark, rows, draws, model)}


def _drawn(rows: pd.DataFrame, size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedShuffleSplit

    asked = min(_MOST_ASKED, len(rows) - size)
    draws = StratifiedShuffleSplit(_DRAWS if size <= 500 else 1, train_size=size, test_size=asked, random_state=seed)
    yield from draws.split(rows, rows["label"])


def _scored(
    spark: SparkSession, rows: pd.DataFrame, draws: list[tuple[np.ndarray, np.ndarray]], model: str
) -> dict[str, Any]:
    clock, right = time.monotonic(), []
    for learn, ask in draws:
        said, _ = MODELS[model](spark, Texts(rows, draws, ()), rows.iloc[learn], rows["text"].iloc[ask])
        right.append(float((said == rows["label"].to_numpy()[ask]).mean()))
    error = float(np.std(right, ddof=1) / len(right) ** 0.5) if len(right) > 1 else None
    figures = {"accuracy": float(np.mean(right)), "error": error, "draws": len(right)}
    return {**figures, "seconds": time.monotonic() - clock}


def _books(place: int) -> Callable[[], pd.DataFrame]:
    """[text, label] of German, French or Dutch."""

    def read() -> pd.DataFrame:
        from onecart.samples import fetch

        with fetch("book-reviews")[place].open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) >= 2]
        first = place != 1  # the French file has the label behind the text
        pairs = [(row[1], row[0]) if first else (row[0], row[1]) for row in rows]
        found = pd.DataFrame(pairs, columns=["text", "label"])
        return found.assign(text=found["text"].str.strip(), label=(found["label"].astype(float) > 0).astype(int))

    return read


def _plain(spark: SparkSession, texts: Texts, train: pd.DataFrame, test: pd.Series) -> Answer:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    unspaced = train["text"].str.contains(r"[\u4e00-\u9fff]").mean() > 0.5
    made = make_pipeline(TfidfVectorizer(analyzer="char" if unspaced else "word"), LogisticRegression())
    return made.fit(train["text"], train["label"]).predict(test), None


DATA: dict[str, Callable[[], pd.DataFrame]] = {
    "amazon": amazon_sentences,
    "chinese": lambda: chinese(0).rows,
    "dutch": _books(2),
    "french": _books(1),
    "german": _books(0),
}
MODELS: dict[str, Callable[[SparkSession, Texts, pd.DataFrame, pd.Series], Answer]] = {
    "onecart": own(holdout_share=0.25),
    "plain": _plain,
    "sklearn": sklearn,
}
