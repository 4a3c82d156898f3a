"""BG/NBD and Gamma-Gamma: how often a buyer will come back, whether he still does, and what he spends. No Spark here.

Sources: P. S. Fader, B. G. S. Hardie, K. L. Lee, "Counting Your Customers" the Easy Way, Marketing Science 24(2), 2005;
P. S. Fader, B. G. S. Hardie, The Gamma-Gamma Model of Monetary Value, 2013. Both are fitted on counted patterns, so that
the work does not grow with the number of customers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

Array = NDArray[np.float64]
_LOG_BOUND = 6.0  # parameters stay within e**-6 .. e**6: beyond, the likelihood is flat and `expected` overflows


@dataclass(frozen=True)
class BgNbd:
    """Purchase rates are Gamma(r, alpha) over buyers; after each purchase a buyer stays away for good with a
    probability that is Beta(a, b) over buyers. Time is in weeks. `log_likelihood` is of the fitted counts."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = float("nan")

    def p_alive(self, x: Any, t_x: Any, t: Any) -> Array:
        """Probability that a buyer with `x` repeat purchases, the last at `t_x`, is still one at `t` (weeks since the
        first purchase)."""
        gone = self._odds_gone(np.asarray(x, float), np.asarray(t_x, float), np.asarray(t, float))
        return np.asarray(1 / (1 + gone))

    def expected(self, ahead: float, x: Any, t_x: Any, t: Any) -> Array:
        """Purchases expected in the `ahead` weeks after `t` (the paper's equation 10).

        Written with Euler's transformation of the hypergeometric function, whose arguments then do not grow with `x`:
        the direct form overflows for frequent buyers.
        """
        x, t_x, t = (np.asarray(v, float) for v in (x, t_x, t))
        a = self.a if abs(self.a - 1) > 1e-6 else self.a + 1e-6  # the formula's limit at a = 1 is finite, its terms not
        c = a + self.b + x - 1
        c = np.where(np.abs(c) > 1e-6, c, 1e-6)
        z = ahead / (self.alpha + t + ahead)
        left = (1 - z) ** (a - 1) * hyp2f1(a + self.b - 1 - self.r, a - 1, c, z)
        return np.asarray(np.maximum(c / (a - 1) * (1 - left), 0) / (1 + self._odds_gone(x, t_x, t)))

    def _odds_gone(self, x: Array, t_x: Array, t: Array) -> Array:
        # A buyer without a repeat purchase has had no chance to leave: the model lets buyers leave after a repeat only.
        repeat = x > 0
        odds = self.a / np.where(repeat, self.b + x - 1, 1.0)
        waited = (self.r + x) * (np.log(self.alpha + t) - np.log(self.alpha + t_x))
        return np.asarray(np.where(repeat, odds * np.exp(np.minimum(waited, 700)), 0.0))


@dataclass(frozen=True)
class GammaGamma:
    """Values of one buyer's purchases are Gamma(p, nu), and nu is Gamma(q, gamma) over buyers."""

    p: float
    q: float
    gamma: float
    log_likelihood: float = float("nan")

    def mean_value(self, n: Any, mean: Any) -> Array:
        """Expected value of a purchase of a buyer whose `n` purchases had this mean: the mean, drawn to all buyers'."""
        n, mean = np.asarray(n, float), np.maximum(np.asarray(mean, float), 0)
        return np.asarray(self.p * (self.gamma + n * mean) / (self.p * n + self.q - 1))


def fit_bg_nbd(x: Any, t_x: Any, t: Any, count: Any) -> BgNbd | None:
    """Maximum likelihood on patterns: `x` repeat purchases, the last at `t_x` of `t` weeks, seen on `count` buyers.

    None: the search did not converge.
    """
    x, t_x, t, count = (np.asarray(v, float) for v in (x, t_x, t, count))

    def loss(logs: Array) -> float:
        return -float(np.sum(count * bg_nbd_log_likelihood(np.exp(logs), x, t_x, t)))

    found = _minimised(loss, [np.log([0.5, max(float(np.average(t, weights=count)) / 4, 1e-2), 1.0, 2.0])], count.sum())
    if found is None:
        return None
    r, alpha, a, b = np.exp(found.x).tolist()
    return BgNbd(r, alpha, a, b, -float(found.fun))


def bg_nbd_log_likelihood(parameters: Any, x: Array, t_x: Array, t: Array) -> Array:
    """Log-likelihood of each pattern (the paper's equation 6, in logarithms)."""
    r, alpha, a, b = parameters
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stayed = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + t)
    repeat = np.maximum(x, 1)
    left = betaln(a + 1, b + repeat - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x)
    return np.asarray(common + np.where(x > 0, np.logaddexp(stayed, left), stayed))


def fit_gamma_gamma(n: Any, mean: Any, count: Any) -> GammaGamma | None:
    """Maximum likelihood on patterns: `n` purchases of this `mean` value (above 0), seen on `count` buyers.

    None: the search did not converge, or found q <= 1, where a purchase has no expected value.
    """
    n, mean, count = (np.asarray(v, float) for v in (n, mean, count))
    unit = float(np.average(mean, weights=count))  # the search works on values near 1, whatever the currency

    def loss(logs: Array) -> float:
        return -float(np.sum(count * gamma_gamma_log_likelihood(np.exp(logs), n, mean / unit)))

    starts = [np.log([2.0, 3.0, 1.0]), np.log([6.0, 4.0, 0.5])]
    found = _minimised(loss, starts, count.sum())
    if found is None or found.x[1] <= 0:
        return None
    p, q, gamma = np.exp(found.x).tolist()
    return GammaGamma(p, q, gamma * unit, -float(found.fun) - float(np.sum(count)) * float(np.log(unit)))


def gamma_gamma_log_likelihood(parameters: Any, n: Array, mean: Array) -> Array:
    """Log-density of the mean of `n` purchases (the paper's equation 1a), for each pattern."""
    p, q, gamma = parameters
    shape = p * n
    return np.asarray(
        gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma)
        + (shape - 1) * np.log(mean) + shape * np.log(n) - (shape + q) * np.log(gamma + n * mean)
    )  # fmt: skip


def _minimised(loss: Any, starts: list[Array], buyers: float) -> Any:
    """The best minimum from `starts`, found by slopes and settled without them: where the likelihood is nearly flat the
    numeric slopes are noise, and the first search gives up early."""
    bounds = [(-_LOG_BOUND, _LOG_BOUND)] * len(starts[0])

    def mean_loss(logs: Array) -> float:  # a buyer's, so that the tolerances fit a small shop and a large one
        return float(loss(logs)) / buyers

    tries = []
    for start in starts:
        near = minimize(mean_loss, start, method="L-BFGS-B", bounds=bounds)
        options = {"xatol": 1e-4, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000}
        tries.append(minimize(mean_loss, near.x, method="Nelder-Mead", bounds=bounds, options=options))
    good = [t for t in tries if t.success and np.isfinite(t.fun)]
    if not good:
        return None
    best = min(good, key=lambda t: float(t.fun))
    best.fun = best.fun * buyers
    return best
