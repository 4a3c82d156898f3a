"""Calibration: from a classifier's log-odds to log-odds that mean what they say."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

FOLDS = 3
FEW = 10  # with fewer calibration rows of an outcome than this, Platt's curve would follow noise
# An isotonic curve has many more degrees of freedom, and pays from about so many rows on (Niculescu-Mizil & Caruana,
# Predicting Good Probabilities with Supervised Learning, 2005), of either outcome some.
ROWS_ISOTONIC, FEW_ISOTONIC = 1000, 100
_KNOTS = 60
_SEED = 7  # of the folds
_FLAT = 1e-3  # the least slope: a curve never turns the ranking, nor makes all rows equal


@dataclass(frozen=True)
class Curve:
    """Linear between the knots (x, y), both log-odds and rising; beyond them it goes on with `slope`.

    method: prior (the log-odds moved, by what weighting the outcomes did) | platt (one knot) | isotonic.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    slope: float
    method: str = "platt"

    def __call__(self, margin: Any) -> Any:
        m = np.asarray(margin, dtype=float)
        beyond = self.slope * (np.minimum(m - self.x[0], 0) + np.maximum(m - self.x[-1], 0))
        return np.interp(m, self.x, self.y) + beyond

    def column(self, margin: Column) -> Column:
        """The same on Spark."""
        slope, first, last = F.lit(self.slope), F.lit(self.x[0]), F.lit(self.x[-1])
        beyond = slope * (F.least(margin - first, F.lit(0.0)) + F.greatest(margin - last, F.lit(0.0)))
        if len(self.x) == 1:
            return F.lit(self.y[0]) + beyond
        m = F.least(F.greatest(margin, first), last)
        xs, ys = (F.array(*[F.lit(v) for v in values]) for values in (self.x, self.y))
        at = F.least(F.greatest(F.size(F.filter(xs, lambda x: x <= m)), F.lit(1)), F.lit(len(self.x) - 1))
        x0, x1, y0, y1 = (F.element_at(values, at + k) for values in (xs, ys) for k in (0, 1))
        return y0 + (y1 - y0) * (m - x0) / (x1 - x0) + beyond


def calibrated(judged: DataFrame, *, margin: str, label: str, shift: float) -> Curve:
    """The curve for the rows of `judged`, its kind chosen by their cross-checked log loss.

    Spark counts the outcomes of each margin, told apart to two decimals; the curves are found on those few counts. shift:
    what to add to the log-odds where the rows are too few for a curve.
    """
    groups = judged.groupBy(F.round(margin, 2).alias("m")).agg(F.sum(F.lit(1) - F.col(label)), F.sum(label))
    table = np.array([tuple(r) for r in groups.orderBy("m").collect()], dtype=float).reshape(-1, 3)
    return choose(*table.T, shift=shift)


def choose(m: Any, negatives: Any, positives: Any, *, shift: float) -> Curve:
    """Platt's curve or the isotonic one, whichever fits a third of the rows, in turn, better that it has not seen. One entry
    per margin: rows of either outcome."""
    fewest = min(negatives.sum(), positives.sum())
    if fewest < FEW:
        return Curve((0.0,), (shift,), 1.0, "prior")
    if fewest < FEW_ISOTONIC or negatives.sum() + positives.sum() < ROWS_ISOTONIC:
        return platt(m, negatives, positives)
    draw = np.random.default_rng(_SEED)
    thirds = [_thirds(n, draw) for n in (negatives, positives)]
    kinds = (platt, isotonic)
    losses = np.zeros(len(kinds))
    for held in zip(*thirds, strict=True):
        rest = [n - h for n, h in zip((negatives, positives), held, strict=True)]
        losses += [_loss(kind(m, *rest)(m), held[0] + held[1], held[1]) for kind in kinds]
    return kinds[int(np.argmin(losses))](m, negatives, positives)


def _thirds(n: Any, draw: np.random.Generator) -> Any:
    """[fold, entry]: how many of the n rows of each entry are in each fold. Rows of one margin and outcome are alike, so
    that each has its fold by chance is a draw of these counts."""
    return draw.multinomial(np.asarray(n).round().astype(int), [1 / FOLDS] * FOLDS).T


def platt(m: Any, negatives: Any, positives: Any) -> Curve:
    """Platt, Probabilistic Outputs for Support Vector Machines (1999), with his smoothed targets, by Newton's method."""
    high = (positives.sum() + 1) / (positives.sum() + 2)
    low = 1 / (negatives.sum() + 2)
    n, target = negatives + positives, high * positives + low * negatives
    design = np.stack([m, np.ones_like(m)], axis=1)
    beta = np.array([0.0, np.log(target.sum() / (n.sum() - target.sum()))])
    loss = _loss(design @ beta, n, target)
    for _ in range(100):
        p = 1 / (1 + np.exp(-(design @ beta)))
        slope = design.T @ (n * p - target)
        step = np.linalg.solve(design.T @ (design * (n * p * (1 - p))[:, None]) + 1e-9 * np.eye(2), slope)
        size = 1.0
        while (after := _loss(design @ (beta - size * step), n, target)) > loss and size > 1e-8:
            size /= 2
        beta = beta - size * step
        if loss - after < 1e-10 * abs(loss):
            break
        loss = after
    if beta[0] < _FLAT:
        rate = target.sum() / n.sum()
        middle = float((m * n).sum() / n.sum())
        return Curve((middle,), (float(np.log(rate / (1 - rate))),), _FLAT)
    return Curve((0.0,), (float(beta[1]),), float(beta[0]))


def isotonic(m: Any, negatives: Any, positives: Any) -> Curve:
    """Isotonic regression, a knot in the middle of each pool: the centred form of Oron & Flournoy, Centered Isotonic
    Regression (2017), which has no flat parts and so makes no ties; beyond the outer pools it goes on as Platt's does."""
    outer = platt(m, negatives, positives)
    pools = pool(m, negatives + positives, positives)
    rate = positives.sum() / (negatives + positives).sum()
    p = np.maximum.accumulate((pools[:, 2] + rate) / (pools[:, 1] + 1))  # half way from never: no pool is certain
    x, y = pools[:, 0], np.log(p / (1 - p))
    rising = np.concatenate([[True], (np.diff(y) > 1e-9) & (np.diff(x) > 1e-9)])
    x, y = x[rising], y[rising]
    if len(x) > _KNOTS:
        kept = np.unique(np.linspace(0, len(x) - 1, _KNOTS).round().astype(int))
        x, y = x[kept], y[kept]
    if len(x) < 2:
        return outer
    return Curve(tuple(map(float, x)), tuple(map(float, y)), outer.slope, "isotonic")


def pool(m: Any, n: Any, positives: Any) -> Any:
    """Pool adjacent violators: [pool: mean margin, rows, positives], rates rising."""
    pools: list[list[float]] = []
    margins, place = np.unique(m, return_inverse=True)
    rows, hits = (np.bincount(place, weights=w) for w in (n, positives))
    some = rows > 0
    for row in zip(margins[some], rows[some], hits[some], strict=True):
        pools.append([float(v) for v in row])
        while len(pools) > 1 and pools[-2][2] * pools[-1][1] >= pools[-1][2] * pools[-2][1]:
            last, before = pools.pop(), pools.pop()
            total = before[1] + last[1]
            middle = (before[0] * before[1] + last[0] * last[1]) / total
            pools.append([middle, total, before[2] + last[2]])
    return np.array(pools)


def _loss(z: Any, n: Any, target: Any) -> float:
    return float((np.logaddexp(0, z) * n - z * target).sum())
