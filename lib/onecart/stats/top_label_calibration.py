"""How sure an answer is: the head's probability of it, corrected on texts that the head had not learned from.

The answer stays; its confidence becomes the share of such answers that are right (top-label calibration: Gupta & Ramdas
2022; the logistic form: Platt 1999, with one intercept for each answered label, as balancing shifts them).
"""

from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

_BINS = 15  # of the expected calibration error
_EDGE = 1e-6


@dataclass(frozen=True)
class Calibration:
    """confidence = 1 / (1 + exp(-(slope x m + shifts[answer]))), m the log odds of the head's probability of its answer."""

    slope: float
    shifts: tuple[float, ...]

    def confidence(self, chances: Column, answer: Column) -> Column:
        """`answer`: place of the highest of `chances`, from 0. At least 1 / labels."""
        shift = F.get(F.array(*[F.lit(s) for s in self.shifts]), answer)
        odds = F.lit(self.slope) * _margin(F.array_max(chances)) + shift
        return F.greatest(1 / (1 + F.exp(-odds)), F.lit(1 / len(self.shifts)))


def _margin(chance: Column) -> Column:
    kept = F.least(F.greatest(chance, F.lit(_EDGE)), F.lit(1 - _EDGE))
    return F.log(kept / (1 - kept))


def identity(labels: int) -> Calibration:
    return Calibration(1.0, (0.0,) * labels)


def fitted(chance: np.ndarray, answer: np.ndarray, right: np.ndarray, *, labels: int) -> Calibration:
    """From the head's probability of each answer, the answer (0, 1, ...) and whether it is right.

    A penalty as strong as one text holds slope at 1 and shifts at 0 where there are few texts.
    """
    from scipy.optimize import minimize

    p = np.clip(chance, _EDGE, 1 - _EDGE)
    margin, place = np.log(p / (1 - p)), np.eye(labels)[answer]

    def loss(x: np.ndarray) -> float:
        odds = x[0] * margin + place @ x[1:]
        return float(np.logaddexp(0, np.where(right, -odds, odds)).sum() + (x[0] - 1) ** 2 + (x[1:] ** 2).sum())

    found = minimize(loss, np.array([1.0] + [0.0] * labels), bounds=[(0.01, 100.0)] + [(-10.0, 10.0)] * labels)
    return Calibration(float(found.x[0]), tuple(float(s) for s in found.x[1:]))


def bin_of(confidence: Column) -> Column:
    return F.least(F.floor(confidence * _BINS), F.lit(_BINS - 1))


def expected_error(bins: list[tuple[int, int, float]]) -> float:
    """Expected calibration error, from (texts, right ones, sum of confidences) of each bin: the mean distance between
    confidence and share of right answers, weighed by texts (Guo et al. 2017)."""
    total = sum(n for n, _, _ in bins)
    return sum(abs(right - confidence) for _, right, confidence in bins) / total if total else 0.0
