"""Conformal intervals: how far forecasts were off on the windows, in units of what is usual for the series, says how far they
may be off ahead (Vovk, Gammerman & Shafer 2005; scaled residuals: Papadopoulos, Gammerman & Vovk 2008)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onecart.forecast.selection.selector import BacktestResult, ErrorPrior, mean_absolute

_GROWS = 0.75  # power of what is expected by which errors grow, between Poisson's law and shares of it
_LEAST_LEVEL = 0.1  # of what a series is usually off: less is not told from nothing
_PRIOR = 2.0  # windows that what is usual counts for in the spread of a series
_STEP_PRIOR = 20.0  # residuals that the mean of all steps counts for in the spread of one
_FEW = 100  # fewer residuals of a class are taken together with those of the others


@dataclass(frozen=True)
class Spread:
    """Of one class: growth[step], how much wider than the mean of all steps; lo, hi: by level, in spreads of a series below and
    above the expected value; middle: where the median lies, above it."""

    growth: np.ndarray
    lo: Mapping[int, float]
    hi: Mapping[int, float]
    middle: float = 0.0


def spreads(
    one: BacktestResult, path: np.ndarray, names: Sequence[str], known: ErrorPrior, power: float = _GROWS
) -> np.ndarray:
    """[1 + windows]: by how many units `path`, made of the models `names`, is usually off, the dates ahead first, then for each
    window from the others; where more is expected than on the windows, more, by `power`."""
    usually = np.mean([known.size.get((one.demand, name), 1.0) for name in names]) * one.size
    # What is expected of a product that was out of stock on the windows is no share of the nothing expected there.
    level = np.maximum(path.mean(axis=1), max(_LEAST_LEVEL * usually, 1e-9))
    grown = (level / level[1:].mean()) ** power
    errors = mean_absolute(one.y, path[1:]) / grown[1:]
    total, n = errors.sum(), len(errors)
    ahead = (total + _PRIOR * usually) / (n + _PRIOR)
    windows = (total - errors + _PRIOR * usually) / (n - 1 + _PRIOR)
    return np.asarray(np.maximum(np.r_[ahead, windows] * grown, 1e-9))


def calibrated(series: Iterable[tuple[str, np.ndarray, np.ndarray]], levels: Sequence[int]) -> dict[str, Spread]:
    """Class -> Spread, and '' for all; series: (class, residuals[window, h], spreads[1 + windows]).

    One number says how wide an interval must be to hold the share of the residuals that it is for: the largest of how far a
    residual is out above and below, each side in units of its own tail. So skewed demand gets skewed intervals that hold what
    they say, cut off at 0 or not.
    """
    scaled: dict[str, list[np.ndarray]] = {"": []}
    for demand, residuals, sizes in series:
        z = residuals / sizes[1:, None]
        scaled.setdefault(demand, []).append(z)
        scaled[""].append(z)
    found = {}
    for demand, parts in scaled.items():
        together = np.concatenate(parts) if parts else np.zeros((0, 1))
        if demand == "" or np.isfinite(together).sum() >= _FEW:
            newest = np.concatenate([np.arange(len(part))[::-1] for part in parts]) if parts else np.zeros(0)
            found[demand] = _crossed(together, newest, levels)
    return found


def _crossed(z: np.ndarray, window: np.ndarray, levels: Sequence[int]) -> Spread:
    """`_spread` of z[window, step], wider by as much as the residuals of each window (its number: `window`) ask of the spread of the
    other windows: what moves all series at once makes windows differ (cross-conformal prediction, Vovk 2015)."""
    found, numbers = _spread(z, levels), np.unique(window)
    out: dict[int, list[np.ndarray]] = {level: [] for level in levels}
    for number in numbers if len(numbers) > 1 else ():
        rest = z[window != number]
        of_rest = _spread(rest, levels)
        if np.isfinite(rest).sum() < _FEW or min(*of_rest.lo.values(), *of_rest.hi.values()) <= 0:
            return found
        flat = z[window == number] / np.maximum(of_rest.growth, 1e-9)
        for level in levels:
            out[level].append(np.maximum(flat / of_rest.hi[level], -flat / of_rest.lo[level]).ravel())
    wider = {level: max(1.0, float(np.nanquantile(np.concatenate(o), level / 100))) for level, o in out.items() if o}
    lo, hi = ({k: end * wider.get(k, 1.0) for k, end in ends.items()} for ends in (found.lo, found.hi))
    return Spread(found.growth, lo, hi, found.middle)


def _spread(z: np.ndarray, levels: Sequence[int]) -> Spread:
    """z[window, step]."""
    known = np.isfinite(z)
    mean = np.abs(z[known]).mean() if known.any() else 0.0
    steps = (np.nansum(np.abs(z), axis=0) + _STEP_PRIOR * mean) / (known.sum(axis=0) + _STEP_PRIOR)
    growth = steps / steps.mean() if mean > 0 else np.ones(z.shape[1])
    flat = (z / np.maximum(growth, 1e-9)).ravel()
    flat = flat[np.isfinite(flat)]
    if not len(flat) or not np.any(flat):
        same = {level: 0.0 if len(flat) else _normal(level) for level in levels}
        return Spread(growth, same, same)
    lo, hi = {}, {}
    for level in levels:
        tail = (100 - level) / 200
        below, above = (max(float(_quantile(side * flat, 1 - tail)), 1e-6) for side in (-1, 1))
        out = np.maximum(flat / above, -flat / below)
        width = float(_quantile(out, level / 100))
        lo[level], hi[level] = width * below, width * above
        # Where many lie on the very end of an interval (nothing sold), one width holds more than it is for.
        missed = np.mean(-flat > lo[level] * (1 + 1e-9))
        if np.mean(flat <= hi[level] * (1 + 1e-9)) - missed > level / 100 + 3 / len(flat):
            hi[level] = min(hi[level], max(_quantile(flat, level / 100 + missed), 1e-6))
    return Spread(growth, lo, hi, float(np.median(flat)))


def _quantile(values: np.ndarray, q: float) -> float:
    """With one more value than there is, as conformal prediction asks; beyond the largest the largest and a Normal tail."""
    n, at = len(values), (len(values) + 1) / len(values) * q
    if at <= 1:
        return float(np.quantile(values, at, method="higher"))
    return float(max(values.max(), _normal(100 * (2 * q - 1)) * np.sqrt(np.mean(values**2)) * (1 + 1 / n)))


def _normal(level: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(0.5 + min(level, 99.9) / 200))


def median(yhat: np.ndarray, size: float | np.ndarray, spread: Spread) -> np.ndarray:
    """[..., step]: the value that as many lie above as below, around the expected yhat[..., step]; not below 0."""
    return np.asarray(np.maximum(yhat + spread.middle * size * spread.growth, 0.0))


def ends(yhat: np.ndarray, size: float, spread: Spread, levels: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """(lo, hi)[level, step] around yhat[step]; nothing below 0, a wider level holds a narrower."""
    wide = size * spread.growth
    lo = np.stack([np.maximum(yhat - spread.lo[level] * wide, 0.0) for level in levels])
    hi = np.stack([yhat + spread.hi[level] * wide for level in levels])
    for narrow, wider in zip(np.argsort(levels)[:-1], np.argsort(levels)[1:], strict=True):
        lo[wider], hi[wider] = np.minimum(lo[wider], lo[narrow]), np.maximum(hi[wider], hi[narrow])
    return lo, hi
