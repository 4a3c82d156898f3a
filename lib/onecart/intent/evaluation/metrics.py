"""How good a ranking and its probabilities are: one aggregation on Spark, then arithmetic over a few thousand rows."""

from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import library_function, quoted, require_columns
from onecart.intent.training.split import LABEL, with_label
from onecart.stats.bootstrap import RESAMPLES, interval, resampled_counts

BINS = 10
_LOGIT_LIMIT = 1e-9


def metrics(df: DataFrame, *, score: Column, label: str, probability: Column | None = None) -> dict[str, float]:
    """Figures of `score` (higher: more likely) against the 0/1 column `label`, which must hold both.

    auc: area under the ROC curve, ties counted half (Mann-Whitney). average_precision: sum of precision x rise of
    recall, as scikit-learn has it. lift_at_decile_1: positives' share in the tenth with the highest scores / their
    share of all. With `probability` also brier: mean squared error, log_loss, and ece: expected calibration error over
    ten bins of equal size (Nixon et al., Measuring Calibration in Deep Learning, 2019), and ece_by_chance: about what so
    few rows would show of probabilities that are right. n, positives, prevalence.
    Scores are told apart to three decimals, which bounds the rows brought to the driver: give log-odds or the like.
    """
    return figures(grouped(df, score=score, label=label, probability=probability))


@library_function("label", "probability", "by")
def evaluate(
    df: DataFrame,
    label: str,
    *,
    probability: str = "probability",
    by: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = 7,
) -> list[dict[str, Any]]:
    """The figures of `metrics` for a scored frame, with the ends of their 95 % intervals (`auc_low`, `auc_high`, ...).

    One dict for all rows (`by`: None), then one for each value of the column `by`, the most rows first; a value with one
    outcome only has n, positives and prevalence. label: 0/1, boolean, or two strings as `train` takes them; rows without one,
    or without a probability, are left out. UsageError names a column that is not there, or a label that is none.
    """
    require_columns(df, [label, probability, *([by] if by else [])], "the evaluated frame")
    p = quoted(probability)
    known = with_label(df, label, both=False)[0].where(p.isNotNull())
    rows = [("all", None, known)]
    if by:
        values = known.groupBy(quoted(by).alias("value")).count().orderBy(F.desc("count"), "value").limit(51).collect()
        if len(values) > 50:
            raise UsageError(f"'{by}' has more than 50 values; evaluate by a column with few")
        rows += [(by, r["value"], known.where(quoted(by).eqNullSafe(F.lit(r["value"])))) for r in values]
    found = []
    for column, value, part in rows:
        table = grouped(part, score=log_odds(p), label=LABEL, probability=p)
        found.append({"by": column, "value": value, **figures(table), **intervals(table, resamples, seed)})
    return found


def log_odds(p: Column) -> Column:
    """log(p / (1 - p)), finite also for 0 and 1."""
    kept = F.least(F.greatest(p.cast("double"), F.lit(_LOGIT_LIMIT)), F.lit(1 - _LOGIT_LIMIT))
    return F.log(kept / (1 - kept))


def grouped(df: DataFrame, *, score: Column, label: str, probability: Column | None = None) -> Any:
    """[score, highest first; rows, positives, sum of probabilities, of squared errors, of log losses]."""
    p, y = F.lit(None).cast("double") if probability is None else probability.cast("double"), F.col(label)
    kept = F.least(F.greatest(p, F.lit(1e-15)), F.lit(1 - 1e-15))
    loss = -(y * F.log(kept) + (1 - y) * F.log(1 - kept))
    bucket = F.round(score, 3).alias("score")
    groups = df.groupBy(bucket).agg(F.count("*"), F.sum(y), F.sum(p), F.sum(F.pow(p - y, F.lit(2.0))), F.sum(loss))
    return np.array([tuple(r) for r in groups.orderBy(F.desc("score")).collect()], dtype=float).reshape(-1, 6)


def figures(table: Any) -> dict[str, float]:
    """The figures of the groups that `grouped` made."""
    _, n, positives, p_sum, error, loss = table.T
    rows, hits = n.sum(), positives.sum()
    found = {"n": float(rows), "positives": float(hits), "prevalence": float(hits / rows) if rows else float("nan")}
    if not 0 < hits < rows:
        return found
    found = {**_ranking(n, positives), **found}
    if not np.isnan(p_sum).any():
        found["brier"] = float(error.sum() / rows)
        found["log_loss"] = float(loss.sum() / rows)
        found["ece"], found["ece_by_chance"] = _ece(n, positives, p_sum)
    return found


def intervals(table: Any, resamples: int = RESAMPLES, seed: int = 7) -> dict[str, float]:
    """`<figure>_low` and `_high`: the 95 % interval of each figure over resampled rows, see `stats.bootstrap`.

    Rows of one score and outcome are alike, so a resample draws how often each kind comes. No row leaves Spark.
    """
    if "auc" not in figures(table):
        return {}
    found = [figures(t) for t in resampled(table, resamples, seed)]
    ends: dict[str, float] = {}
    for name in [k for k in found[0] if k not in ("n", "positives", "prevalence")]:
        ends[f"{name}_low"], ends[f"{name}_high"] = interval([f[name] for f in found if name in f])
    return ends


def resampled(table: Any, resamples: int, seed: int) -> Any:
    """Resamples of the groups, one after another."""
    n, positives, p_sum = table[:, 1], table[:, 2], table[:, 3]
    p = p_sum / n
    kept = np.clip(p, 1e-15, 1 - 1e-15)
    counts = np.stack([positives, n - positives])
    for hits, misses in resampled_counts(counts, resamples, np.random.default_rng(seed)):
        rows = hits + misses
        error = hits * (1 - p) ** 2 + misses * p**2
        loss = -(hits * np.log(kept) + misses * np.log(1 - kept))
        yield np.stack([table[:, 0], rows, hits, rows * p, error, loss], axis=1)[rows > 0]


def gains(table: Any) -> list[dict[str, float]]:
    """One dict per tenth of the rows, the highest scores first: decile, predicted (mean probability), rate (of
    positives), lift (rate / the rate of all), gain (share of all positives up to and with this tenth)."""
    n, positives, p_sum = table[:, 1], table[:, 2], table[:, 3]
    rows, hits = n.sum(), positives.sum()
    caught, expected = (np.diff([_caught(n, what, i / BINS) for i in range(BINS + 1)]) for what in (positives, p_sum))
    rate, predicted = (found / (rows / BINS) for found in (caught, expected))
    columns = {"decile": np.arange(1, BINS + 1), "predicted": predicted, "rate": rate, "lift": rate / (hits / rows)}
    columns["gain"] = np.cumsum(caught) / hits
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(BINS)]


# Below, the arrays hold one entry per distinct score, highest first: rows, positives, sum of probabilities.


def _ranking(n: Any, positives: Any) -> dict[str, float]:
    return {
        "auc": auc(n, positives),
        "average_precision": average_precision(n, positives),
        "lift_at_decile_1": float(_caught(n, positives, 0.1) / (0.1 * n.sum()) / (positives.sum() / n.sum())),
    }


def auc(n: Any, positives: Any) -> float:
    """Area under the ROC curve, ties counted half: [score, highest first] rows, and positives among them."""
    negatives = n - positives
    below = negatives.sum() - np.cumsum(negatives)
    return float((positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum()))


def average_precision(n: Any, positives: Any) -> float:
    precision = np.cumsum(positives) / np.cumsum(n)
    return float((precision * positives).sum() / positives.sum())


def _caught(n: Any, what: Any, share: float) -> Any:
    """The sum of `what` over the `share` of rows with the highest scores; of a tie at the border, its part."""
    taken = np.clip(share * n.sum() - (np.cumsum(n) - n), 0, n)
    return (what * taken / n).sum()


def _ece(n: Any, positives: Any, p_sum: Any) -> tuple[float, float]:
    middle = (np.cumsum(n) - n / 2) / n.sum()
    bins = np.minimum((middle * BINS).astype(int), BINS - 1)
    rows, hits, p = (np.bincount(bins, weights=w, minlength=BINS) for w in (n, positives, p_sum))
    mean = p / np.maximum(rows, 1)
    chance = np.sqrt(2 / np.pi * rows * mean * (1 - mean))  # mean |deviation| of a normal number
    return float(np.abs(p - hits).sum() / n.sum()), float(chance.sum() / n.sum())
