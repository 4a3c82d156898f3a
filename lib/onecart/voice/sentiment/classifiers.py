"""What answers from a text's terms and vector: a logistic regression on both, or a Spark NLP network on the vector."""

from functools import partial
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.feature import ElementwiseProduct, HashingTF, StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import Vectors
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from sparknlp.annotator import ClassifierDLApproach, SentimentDLApproach

from onecart.errors import UsageError
from onecart.voice.sentiment.baseline import fitted, regression, tfidf
from onecart.voice.sentiment.few_texts import Choice
from onecart.voice.sentiment.params import Params
from onecart.voice.text.tokenizer import LABEL, TERMS
from onecart.voice.text.vectors import DENSE, NONE, VECTOR

CHANCES = "__onecart_chances"  # array of a probability for each label, in the labels' order
_ANSWER, _TFIDF, _SCALED, _WEIGHED, _BOTH, _Y = (
    f"__onecart_{name}" for name in ("answer", "tfidf", "scaled", "weighed", "both", "y")
)


def fit(
    rows: DataFrame, p: Params, *, labels: int, size: int, features: int, choice: Choice | None = None
) -> PipelineModel:
    """From rows with TERMS, DENSE (`size` numbers), VECTOR and LABEL '0', '1', ...; `features`: places of a TF-IDF vector;
    `choice`: what cross-validation chose. Apply it with `chances`."""
    if p.classifier == "logistic":
        return _logistic(rows, p, size, features, choice or Choice(p.c))
    return PipelineModel([_network(p, labels).fit(rows)])


def require(p: Params, labels: int) -> None:
    """UsageError where the classifier cannot tell so many labels apart, or what is asked for does not go together."""
    if p.tune_epochs and p.vectors != "minilm":
        raise UsageError(
            f"tune_epochs is for embeddings='minilm', not '{p.vectors}'; take that, or leave tune_epochs out"
        )
    if p.classifier == "sentiment_dl" and labels != 2:
        raise UsageError("classifier='sentiment_dl' tells two labels apart; for three take classifier_dl or logistic")
    if p.classifier != "logistic" and p.vectors == NONE:
        raise UsageError(f"classifier='{p.classifier}' reads vectors only; with embeddings='none' take logistic")
    if p.neutral_below and labels != 2:
        raise UsageError("neutral_below is for two labels; with three, one of them should be the neutral one")


def chances(df: DataFrame, head: PipelineModel, *, labels: int) -> DataFrame:
    """Adds CHANCES; what it holds for a text without words means nothing."""
    *before, last = head.stages
    ready = PipelineModel(before).transform(df)
    if before and isinstance(before[0], HashingTF) and isinstance(before[-1], ElementwiseProduct):
        ready = _joined(ready, before[0].getNumFeatures(), len(before[-1].getScalingVec()))
    scored = last.transform(ready)
    if CHANCES in scored.columns:
        return scored.withColumn(CHANCES, _drawn(vector_to_array(F.col(CHANCES)), last))
    said = F.get(_ANSWER, F.lit(0))["metadata"]
    return scored.withColumn(CHANCES, F.array(*[said[str(i)].cast("double") for i in range(labels)]))


def _drawn(found: Column, model: Any) -> Column:
    """Probabilities divided by the model's thresholds, 1 in sum again: the highest is the answer."""
    if not model.isSet("thresholds"):
        return found
    over = F.array(*[F.lit(1 / t) for t in model.getThresholds()])
    weighed = F.zip_with(found, over, lambda chance, factor: chance * factor)
    total = F.aggregate(weighed, F.lit(0.0), lambda done, one: done + one)
    return F.transform(weighed, lambda one: one / total)


def _logistic(rows: DataFrame, p: Params, size: int, features: int, choice: Choice) -> PipelineModel:
    """TF-IDF of length 1 beside the vector, whose numbers are standardised and divided by the root of their count: so
    about the same length. For size 0, TF-IDF alone."""
    strength = 1 / (choice.c * rows.count())
    known = F.col(LABEL).cast("double").alias(_Y)
    weighed = tfidf(TERMS, _TFIDF, features, choice.at_least)
    if not size:
        last = regression(_TFIDF, strength, _ANSWER, CHANCES, _Y, choice.thresholds)
        return fitted(rows.select(TERMS, known), weighed, last)
    stages: list[Any] = [
        *weighed,
        StandardScaler(withMean=True, withStd=True, inputCol=DENSE, outputCol=_SCALED),
        ElementwiseProduct(scalingVec=Vectors.dense([size**-0.5] * size), inputCol=_SCALED, outputCol=_WEIGHED),
    ]
    last = regression(_BOTH, strength, _ANSWER, CHANCES, _Y)
    return fitted(rows.select(TERMS, DENSE, known), stages, last, partial(_joined, features=features, size=size))


def _joined(df: DataFrame, features: int, size: int) -> DataFrame:
    """Adds _BOTH, the `features` numbers of _TFIDF and the `size` numbers of _WEIGHED as one vector, and leaves out
    VectorAssembler's names of all of them, which every later task would be sent. Told the sizes, it asks for no first
    row, which a stream has not."""
    df = df.withMetadata(_TFIDF, _numbers(features)).withMetadata(_WEIGHED, _numbers(size))
    joined = VectorAssembler(inputCols=[_TFIDF, _WEIGHED], outputCol=_BOTH).transform(df)
    # Empty metadata would be taken for none, and the names would stay.
    return joined.withMetadata(_BOTH, _numbers(features + size))


def _numbers(n: int) -> dict[str, Any]:
    """What MLlib calls a vector of n numbers without names."""
    return {"ml_attr": {"num_attrs": n}}


def _network(p: Params, labels: int) -> Any:
    kind = SentimentDLApproach if p.classifier == "sentiment_dl" else ClassifierDLApproach
    network = (
        kind()
        .setInputCols([VECTOR])
        .setOutputCol(_ANSWER)
        .setLabelColumn(LABEL)
        .setMaxEpochs(p.epochs)
        .setBatchSize(p.batch_size)
        .setLr(p.lr)
        .setDropout(p.dropout)
        .setEnableOutputLogs(False)  # else it writes into the home folder
        .setRandomSeed(p.seed)
    )
    # Below its threshold SentimentDL would answer a third one, `neutral`; the answer is read from the probabilities.
    return network.setThreshold(0.0) if kind is SentimentDLApproach else network
