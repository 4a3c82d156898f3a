"""TF-IDF, and what every model is compared with: a logistic regression on nothing else."""

from collections.abc import Callable, Sequence
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import IDF, HashingTF, Normalizer
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.frames import break_lineage
from onecart.voice.text.tokenizer import LABEL, PLAIN_TERMS, TERMS

BASELINE = "__onecart_baseline"
_FEATURES, _Y = "__onecart_plain_tfidf", "__onecart_y"
_FEWEST, _MOST = 1 << 14, 1 << 20  # places of a TF-IDF vector
_C = 10.0  # inverse strength of the regularisation: best of 1, 3, 10, 30 on parts of the Amazon training sentences


def places(rows: DataFrame) -> int:
    """Places of a TF-IDF vector of TERMS: a power of two, at least twice as many as there are different terms, so that few share
    one, where that is within bounds. Film reviews: .870 in 131,000 places for millions of terms, .879 in a million."""
    found = rows.select(F.explode(TERMS).alias("term")).agg(F.approx_count_distinct("term")).first()
    assert found is not None
    return int(min(_MOST, max(_FEWEST, 1 << (2 * found[0]).bit_length())))


def fit_baseline(rows: DataFrame, count: int, features: int) -> PipelineModel:
    """A pipeline PLAIN_TERMS (words and word pairs) -> BASELINE (0.0, 1.0, ...), from `count` rows with LABEL '0', '1', ...;
    `features`: places of its TF-IDF vector."""
    rows = rows.selectExpr(PLAIN_TERMS, f"CAST({LABEL} AS DOUBLE) AS {_Y}")
    return fitted(rows, tfidf(PLAIN_TERMS, _FEATURES, features), regression(_FEATURES, 1 / (_C * count), BASELINE))


def fitted(
    rows: DataFrame, stages: list[Any], last: Any, join: Callable[[DataFrame], DataFrame] | None = None
) -> PipelineModel:
    """The stages and the last one, fitted; `join`: between them. Its many rounds read the features from where they are kept:
    with the plan that makes them, each round would send all models of the stages to every task; and each
    partition answers with as many numbers as there are features, so there are only as many as tasks at once."""
    prepared = Pipeline(stages=stages).fit(rows)
    features = prepared.transform(rows)
    features = (join(features) if join else features).select(last.getFeaturesCol(), last.getLabelCol())
    features = break_lineage(features.coalesce(rows.sparkSession.sparkContext.defaultParallelism))
    return PipelineModel([*prepared.stages, last.fit(features)])


def tfidf(terms: str, output: str, features: int, at_least: int = 1) -> list[Any]:
    """The stages from a column of words to their TF-IDF vector of length 1, with so many places; words that stand in fewer
    than `at_least` texts count for nothing."""
    # At least one: MLlib gives words that training never showed the highest weight of all, and in a vector of length 1 they would
    # leave the others none (after a hundred German reviews every text got the intercept's answer).
    tf, weighed = f"{output}_tf", f"{output}_idf"
    return [
        HashingTF(numFeatures=features, inputCol=terms, outputCol=tf),
        IDF(inputCol=tf, outputCol=weighed, minDocFreq=at_least),
        Normalizer(inputCol=weighed, outputCol=output),
    ]


def regression(
    features: str,
    strength: float,
    answer: str,
    probability: str = "",
    label: str = _Y,
    thresholds: Sequence[float] = (),
) -> Any:
    """`strength`: of the L2 penalty beside the mean loss. thresholds: of each label, by which its probability is divided."""
    made = LogisticRegression(
        featuresCol=features,
        labelCol=label,
        predictionCol=answer,
        probabilityCol=probability,
        rawPredictionCol="",
        regParam=strength,
        standardization=False,
        maxIter=50,
        tol=1e-4,
    )
    return made.setThresholds([*thresholds]) if thresholds else made
