"""Intervals that hold at every look: confidence sequences of the Gaussian mixture (Robbins 1970; Howard et al., Time-uniform,
nonparametric, nonasymptotic confidence sequences, 2021; for estimated variances Waudby-Smith et al. 2021, so they hold from
some hundred units on)."""

from math import log, sqrt
from typing import Any

import numpy as np


def mixture_rho(tuned_to: float, alpha: float) -> float:
    """The mixture's parameter with which the interval is narrowest after `tuned_to` units of both arms."""
    a = -2 * log(alpha)
    return sqrt((a + log(a + 1)) / tuned_to)


def half_width(standard_error: Any, units: Any, alpha: float, tuned_to: float) -> Any:
    """Half of the interval around an effect with this standard error, after `units` of both arms together."""
    grown = units * mixture_rho(tuned_to, alpha) ** 2
    return standard_error * np.sqrt(2 * (grown + 1) / grown * np.log(np.sqrt(grown + 1) / alpha))


def p_value(effect: Any, standard_error: Any, units: Any, alpha: float, tuned_to: float) -> Any:
    """The smallest level at which the interval, its mixture tuned for `alpha`, leaves zero out; valid at every look."""
    grown = units * mixture_rho(tuned_to, alpha) ** 2
    evidence = np.square(effect / standard_error) * grown / (2 * (grown + 1))
    return np.minimum(1.0, np.sqrt(grown + 1) * np.exp(-evidence))
