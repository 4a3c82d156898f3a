"""Means of columns and of their products, summed on Spark: all that estimates and their errors need, however long the log."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import sqrt
from typing import Any

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

ROWS = "rows"


def moment_columns(names: Sequence[str]) -> list[Column]:
    """Aggregates over rows with the columns `names`, as `Moments.of` reads them."""
    pairs = combinations_with_replacement(names, 2)
    sums = [F.sum(name).alias(name) for name in names]
    return [F.count("*").alias(ROWS), *sums, *[F.sum(F.col(a) * F.col(b)).alias(f"{a}*{b}") for a, b in pairs]]


@dataclass(frozen=True)
class Moments:
    """rows: how many; means: name -> mean; products: [name, name] means of products, in the order of `means`."""

    rows: int
    means: Mapping[str, float]
    products: Any

    @classmethod
    def of(cls, row: Mapping[str, Any], names: Sequence[str]) -> "Moments":
        """From one row of the aggregates `moment_columns(names)`."""
        n = row[ROWS]
        products = np.zeros((len(names), len(names)))
        for (a, one), (b, other) in combinations_with_replacement(enumerate(names), 2):
            products[a, b] = products[b, a] = row[f"{one}*{other}"] / n
        return cls(n, {name: row[name] / n for name in names}, products)

    @property
    def effective_sample(self) -> float:
        """Of the weights in the first column: (sum w)^2 / sum w^2 (Kish 1965)."""
        (weight, *_), square = self.means.values(), self.products[0, 0]
        return float(self.rows * weight**2 / square) if square > 0 else 0.0

    def standard_error(self, gradient: Mapping[str, float]) -> float:
        """Of a function of the means whose derivatives are `gradient` (delta method); NaN below two rows."""
        if self.rows < 2:
            return float("nan")
        slope = np.array([gradient.get(name, 0.0) for name in self.means])
        means = np.array([*self.means.values()])
        covariance = (self.products - np.outer(means, means)) * self.rows / (self.rows - 1)
        return sqrt(max(0.0, float(slope @ covariance @ slope)) / self.rows)


@dataclass(frozen=True)
class Estimate:
    """A function of means: its value and its derivatives by them."""

    value: float
    gradient: Mapping[str, float]

    @classmethod
    def mean(cls, moments: Moments, name: str) -> "Estimate":
        return cls(moments.means[name], {name: 1.0})

    @classmethod
    def ratio(cls, moments: Moments, above: str, below: str) -> "Estimate":
        """Mean of `above` over the mean of `below`; NaN over nothing."""
        over = moments.means[below]
        if over == 0:
            return cls(float("nan"), {})
        value = moments.means[above] / over
        return cls(value, {above: 1 / over, below: -value / over})

    def plus(self, other: "Estimate", times: float = 1.0) -> "Estimate":
        """The sum of this and `times` the other."""
        names: Iterable[str] = {**self.gradient, **other.gradient}
        gradient = {n: self.gradient.get(n, 0.0) + times * other.gradient.get(n, 0.0) for n in names}
        return Estimate(self.value + times * other.value, gradient)
