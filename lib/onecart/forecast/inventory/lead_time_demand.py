"""Demand over lead time plus review period, drawn from the forecast's own quantiles. Plain numpy."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, sqrt

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import gammaincinv, ndtr, ndtri

_EVEN = 500  # probabilities that moments are taken over


@dataclass(frozen=True)
class Demand:
    """Draws of one series: `total[i, t]` units over the first t periods in draw i, and the lead time in that draw.

    probabilities, quantiles: of the forecast (see `demand_of`); periods after its last repeat it from its first.
    """

    total: np.ndarray
    lead: np.ndarray
    probabilities: np.ndarray
    quantiles: np.ndarray

    @cached_property
    def mean(self) -> np.ndarray:
        """Expected units of each period of the forecast."""
        return moments(self.probabilities, self.quantiles)[0]

    def over(self, extra: float, start: int | np.ndarray = 0) -> np.ndarray:
        """Units over the lead time plus `extra` periods, from period `start` on: one number a draw.

        Of a period that is covered in part, that part of its units.
        """
        rows = np.arange(len(self.lead))
        end = np.minimum(start + self.lead + extra, self.total.shape[1] - 1)
        whole = np.minimum(end.astype(int), self.total.shape[1] - 2)
        units = self.total[rows, whole] + (end - whole) * (self.total[rows, whole + 1] - self.total[rows, whole])
        return np.asarray(units - self.total[rows, start])

    def over_anywhere(self, extra: float) -> np.ndarray:
        """As `over`, each draw from another period of the forecast on, every period equally often."""
        return self.over(extra, np.arange(len(self.lead)) % len(self.quantiles))

    def blocks(self, periods: int) -> np.ndarray:
        """Units of each stretch of `periods` periods in the forecast (at least one): draws x stretches."""
        return np.diff(self.total[:, : max(periods, len(self.quantiles)) + 1 : periods], axis=1)

    @property
    def rate(self) -> float:
        """Expected units a period."""
        return float(self.mean.mean())

    def expected(self, extra: float, start: int = 0) -> float:
        """Expected units over the mean lead time plus `extra` periods, from period `start` on; `extra` may be long."""
        total = np.concatenate([[0.0], np.cumsum(self.mean)])

        def until(t: float) -> float:
            rounds, rest = divmod(t, len(self.mean))
            return float(rounds * total[-1] + np.interp(rest, np.arange(len(total)), total))

        return until(start + float(self.lead.mean()) + extra) - until(start)


def demand_of(
    probabilities: np.ndarray,
    quantiles: np.ndarray,
    lead: tuple[float, float],
    extra: float,
    *,
    draws: int,
    seed: int,
    correlation: float = 0.0,
    starts: int = 1,
) -> Demand:
    """Seeded draws of demand over lead time plus `extra` periods, from any of the first `starts` periods on.

    quantiles: a row a period, a column a probability (ascending). lead: mean and standard deviation in periods; lead
    times are Gamma distributed, so never below 0. correlation: that of the errors of neighbouring periods, falling
    geometrically with distance (a Gaussian copula). Draws are stratified: each period's are spread evenly over its
    distribution (Latin hypercube; McKay, Beckman & Conover 1979).
    """
    rng = np.random.default_rng(seed)
    times = rng.permutation(lead_times(*lead, draws))
    periods = starts - 1 + ceil(times.max() + extra)
    u = correlated(uniforms(rng, draws, periods), correlation)
    units = inverse(u, probabilities, quantiles[np.arange(periods) % len(quantiles)])
    total = np.concatenate([np.zeros((draws, 1)), np.cumsum(units, axis=1)], axis=1)
    return Demand(total, times, probabilities, quantiles)


def moments(probabilities: np.ndarray, quantiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean, standard deviation) of each period's demand, in units, by its quantile function. Of skewed demand the mean is not
    the median."""
    even = np.tile((np.arange(_EVEN)[:, None] + 0.5) / _EVEN, (1, len(quantiles)))
    units = inverse(even, probabilities, quantiles)
    return np.asarray(units.mean(axis=0)), np.asarray(units.std(axis=0))


def inverse(u: np.ndarray, probabilities: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """The quantile function of each column's period at `u` (draws x periods), in units, never below 0.

    Through the given points, sorted first where they cross (Chernozhukov, Fernandez-Val & Galichon 2010). Between them a
    monotone cubic in the Normal score of u (Fritsch & Carlson 1980): straight lines in u would put the mean of skewed
    demand several per cent too high. Beyond the outermost points the tails are exponential, through the last two of that
    side.
    """
    p, q = probabilities, np.sort(quantiles, axis=1)
    knots = ndtri(p)
    with np.errstate(over="ignore"):  # slopes next to 0 have no finite inverse, and count as 0
        cubic = PchipInterpolator(knots, q, axis=1).c  # power, segment, period
    at = np.minimum(np.maximum(np.searchsorted(p, u, side="right") - 1, 0), len(p) - 2)
    x = ndtri(np.minimum(np.maximum(u, p[0]), p[-1])) - knots[at]
    cell = at * len(q) + np.arange(len(q))
    units = np.zeros_like(x)
    for power in cubic.reshape(4, -1):
        units *= x
        units += power[cell]
    up = (q[:, -1] - q[:, -2]) / np.log((1 - p[-2]) / (1 - p[-1]))
    down = (q[:, 1] - q[:, 0]) / np.log(p[1] / p[0])
    draw, period = np.nonzero(u > p[-1])
    units[draw, period] += up[period] * np.log((1 - p[-1]) / (1 - u[draw, period]))
    draw, period = np.nonzero(u < p[0])
    units[draw, period] -= down[period] * np.log(p[0] / u[draw, period])
    return np.asarray(np.maximum(units, 0.0))


def uniforms(rng: np.random.Generator, draws: int, periods: int) -> np.ndarray:
    """Numbers in (0, 1), draws x periods: each column has one in each of `draws` equal parts of it."""
    part = rng.permuted(np.tile(np.arange(draws)[:, None], (1, periods)), axis=0)
    return np.asarray((part + rng.uniform(1e-9, 1 - 1e-9, part.shape)) / draws)


def correlated(u: np.ndarray, correlation: float) -> np.ndarray:
    """`u` with neighbouring columns correlated: an autoregression of their Normal scores."""
    if correlation == 0:
        return u
    z = ndtri(u)
    for t in range(1, z.shape[1]):
        z[:, t] = correlation * z[:, t - 1] + sqrt(1 - correlation**2) * z[:, t]
    return np.asarray(np.clip(ndtr(z), 1e-12, 1 - 1e-12))


@lru_cache(maxsize=64)
def lead_times(mean: float, sd: float, n: int) -> np.ndarray:
    """`n` lead times in periods, spread evenly over a Gamma distribution with this mean and standard deviation."""
    if sd == 0:
        return np.full(n, mean)
    shape = (mean / sd) ** 2
    return np.asarray(gammaincinv(shape, (np.arange(n) + 0.5) / n) * mean / shape)
