"""The effect of an arm on a metric, from moments: difference of means or of ratios, with and without a covariate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onecart.measure.experiments.moments import Moments, merged


@dataclass(frozen=True)
class Effect:
    """A difference between two arms: its standard error and the degrees of freedom of its t distribution."""

    value: float
    error: float
    freedom: float

    def interval(self, alpha: float) -> tuple[float, float]:
        """The two-sided interval of level 1 - alpha."""
        from scipy.stats import t

        half = float(t.isf(alpha / 2, self.freedom)) * self.error if self.error > 0 else np.nan
        return self.value - half, self.value + half

    @property
    def p_value(self) -> float:
        """Two-sided; NaN where nothing varies, for then nothing can be said about chance."""
        from scipy.stats import t

        return float(2 * t.sf(abs(self.value / self.error), self.freedom)) if self.error > 0 else np.nan


@dataclass(frozen=True)
class Cuped:
    """`theta`: what a unit of the covariate is taken off with; `reduction`: the share of the variance that it takes off."""

    theta: float
    reduction: float


def welch(treated: float, variance: float, n: int, control: float, control_variance: float, control_n: int) -> Effect:
    """The difference of two means whose variances may differ (Welch 1947), from means, sample variances and counts. No error
    (NaN) below two units in an arm."""
    a, b = (variance / n, control_variance / control_n) if min(n, control_n) > 1 else (np.nan, np.nan)
    below = a**2 / max(n - 1, 1) + b**2 / max(control_n - 1, 1)
    freedom = (a + b) ** 2 / below if below > 0 else np.nan
    return Effect(float(treated - control), float(np.sqrt(a + b)), float(freedom))


def level(arm: Moments, *, ratio: bool) -> float:
    """The metric in an arm: its mean, or sum of numerators / sum of denominators."""
    if not ratio:
        return float(arm.mean[0])
    return float(arm.mean[0] / arm.mean[1]) if arm.mean[1] else np.nan


def effect(arm: Moments, control: Moments, *, ratio: bool, cuped: Cuped | None = None) -> Effect:
    """`arm` less `control`, by the delta method for a ratio (Deng, Knoblich and Lu, Applying the Delta Method in Metric
    Analytics, KDD 2018); with `cuped` each unit's covariate, the last part, is taken off."""
    sides = [_adjusted(one, ratio=ratio, theta=cuped.theta if cuped else None) for one in (arm, control)]
    (mean, variance), (control_mean, control_variance) = sides
    return welch(mean, variance, arm.units, control_mean, control_variance, control.units)


def cuped(arms: Sequence[Moments], *, ratio: bool) -> Cuped:
    """theta = cov(metric, covariate) / var(covariate) over the units of the arms that are compared (Deng et al., Improving the Sensitivity of
    Online Controlled Experiments by Utilizing Pre-Experiment Data, WSDM 2013). The covariate is the last part."""
    together = merged(arms)
    weights = _weights(together, ratio=ratio, theta=0.0)
    variance, spread = weights @ together.covariance @ weights, together.covariance[-1, -1]
    shared = float((weights @ together.covariance)[-1])
    if not (variance > 0 and spread > 0):
        return Cuped(0.0, 0.0)
    return Cuped(shared / float(spread), shared**2 / float(variance * spread))


def _adjusted(arm: Moments, *, ratio: bool, theta: float | None) -> tuple[float, float]:
    weights = _weights(arm, ratio=ratio, theta=theta)
    mean = level(arm, ratio=ratio) - (theta * float(arm.mean[-1]) if theta is not None else 0.0)
    return mean, max(0.0, float(weights @ arm.covariance @ weights)) if arm.units > 1 else np.nan


def _weights(arm: Moments, *, ratio: bool, theta: float | None) -> Any:
    """The metric of one unit as a sum of its parts with these weights, a ratio made linear around the arm's."""
    own = np.array([1.0])
    if ratio:
        own = np.array([1.0, -level(arm, ratio=True)]) / arm.mean[1] if arm.mean[1] else np.full(2, np.nan)
    rest = len(arm.mean) - len(own)
    return np.concatenate([own, np.full(rest, -theta if theta is not None else 0.0)])
