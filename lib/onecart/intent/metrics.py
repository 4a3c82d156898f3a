"""How good a ranking and its probabilities are: one aggregation on Spark, then arithmetic over a few thousand rows."""

from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

BINS = 10


def metrics(df: DataFrame, *, score: Column, label: str, probability: Column | None = None) -> dict[str, float]:
    """Figures of `score` (higher: more likely) against the 0/1 column `label`, which must hold both.

    auc: area under the ROC curve, ties counted half (Mann-Whitney). average_precision: sum of precision x rise of
    recall, as scikit-learn has it. lift_at_decile_1: positives' share in the tenth with the highest scores / their
    share of all. With `probability` also brier: mean squared error, and ece: expected calibration error over ten bins
    of equal size (Nixon et al., Measuring Calibration in Deep Learning, 2019). n, positives, prevalence.
    Scores are told apart to three decimals, which bounds the rows brought to the driver: give log-odds or the like.
    """
    p, y = F.lit(None) if probability is None else probability, F.col(label)
    bucket = F.round(score, 3).alias("score")
    groups = df.groupBy(bucket).agg(
        F.count("*"), F.sum(y), F.sum(p.cast("double")), F.sum(F.pow(p.cast("double") - y, F.lit(2.0)))
    )
    table = np.array([tuple(row) for row in groups.orderBy(F.desc("score")).collect()], dtype=float)
    _, n, positives, p_sum, error = table.T
    found: dict[str, float] = {
        "auc": _auc(n, positives),
        "average_precision": _average_precision(n, positives),
        "lift_at_decile_1": _lift(n, positives, share=0.1),
        "n": float(n.sum()),
        "positives": float(positives.sum()),
        "prevalence": float(positives.sum() / n.sum()),
    }
    if probability is not None:
        found["brier"] = float(error.sum() / n.sum())
        found["ece"] = _ece(n, positives, p_sum)
    return found


# Below, the arrays hold one entry per distinct score, highest first: rows, positives, sum of probabilities.


def _auc(n: Any, positives: Any) -> float:
    negatives = n - positives
    below = negatives.sum() - np.cumsum(negatives)
    return float((positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum()))


def _average_precision(n: Any, positives: Any) -> float:
    precision = np.cumsum(positives) / np.cumsum(n)
    return float((precision * positives).sum() / positives.sum())


def _lift(n: Any, positives: Any, share: float) -> float:
    taken = np.clip(share * n.sum() - (np.cumsum(n) - n), 0, n)  # of a tie at the border, its part
    rate = (positives * taken / n).sum() / taken.sum()
    return float(rate / (positives.sum() / n.sum()))


def _ece(n: Any, positives: Any, p_sum: Any) -> float:
    middle = (np.cumsum(n) - n / 2) / n.sum()
    bins = np.minimum((middle * BINS).astype(int), BINS - 1)
    gaps = [abs(p_sum[bins == b].sum() - positives[bins == b].sum()) for b in range(BINS)]
    return float(sum(gaps) / n.sum())
