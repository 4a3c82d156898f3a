"""What the network is compared with: TF-IDF of words and word pairs, and logistic regression."""

from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import IDF, HashingTF, NGram, Normalizer, SQLTransformer
from pyspark.sql import DataFrame

from onecart.voice.network import LABEL

TERMS = "__onecart_terms"
BASELINE = "__onecart_baseline"
_PAIRS, _ALL, _TF, _TFIDF, _VECTOR, _Y = (
    f"__onecart_{name}" for name in ("pairs", "all", "tf", "tfidf", "vector", "y")
)
_C = 10.0  # inverse strength of the regularisation: best of 1, 3, 10, 30 on parts of the Amazon training sentences


def fit_baseline(rows: DataFrame, count: int) -> PipelineModel:
    """A pipeline TERMS (a text's words) -> BASELINE (0.0 or 1.0), from `count` rows with LABEL '0' or '1'."""
    stages: list[Any] = [
        NGram(n=2, inputCol=TERMS, outputCol=_PAIRS),
        SQLTransformer(statement=f"SELECT *, concat({TERMS}, {_PAIRS}) AS {_ALL} FROM __THIS__"),
        HashingTF(numFeatures=1 << 17, inputCol=_ALL, outputCol=_TF),
        IDF(inputCol=_TF, outputCol=_TFIDF),
        Normalizer(inputCol=_TFIDF, outputCol=_VECTOR),
        LogisticRegression(
            featuresCol=_VECTOR,
            labelCol=_Y,
            predictionCol=BASELINE,
            regParam=1 / (_C * count),
            standardization=False,
            maxIter=100,
        ),
    ]
    return Pipeline(stages=stages).fit(rows.selectExpr(TERMS, f"CAST({LABEL} AS DOUBLE) AS {_Y}"))
