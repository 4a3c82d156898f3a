"""What bias is left in a model's paths: by which factor the units of a class exceeded them on the windows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_USUAL = 0.2  # of ln(sold over expected): what one window differs from another by
_FARTHEST = 2.0


@dataclass(frozen=True)
class Correction:
    """Factors of a class. ahead: from all windows; earlier: by window, the newest first, from the windows before it."""

    ahead: float = 1.0
    earlier: tuple[float, ...] = ()

    def factors(self, windows: int) -> np.ndarray:
        """[1 + windows, 1]: of the dates ahead, then window by window from the oldest."""
        known = [self.earlier[back] if back < len(self.earlier) else 1.0 for back in reversed(range(windows))]
        return np.array([self.ahead, *known])[:, None]


def corrections(series: Iterable[tuple[str, float, np.ndarray, np.ndarray]]) -> dict[str, Correction]:
    """Class -> Correction, and '' for all; series: (class, size, y[window, h], path[1 + windows, h]).

    ln of the units sold over those expected, all series of a class together, each weighted by the inverse root of its size, is
    drawn to 0 by its own square over that and its variance between windows and between series (James & Stein 1961): one window
    with a few series says next to nothing, three windows that agree say nearly all.
    """
    sums: dict[str, dict[int, list[tuple[float, float]]]] = {"": {}}
    for demand, size, y, path in series:
        weight = 1 / np.sqrt(max(size, 1e-9))
        for back, (sold, said) in enumerate(zip(y[::-1], path[:0:-1], strict=True)):
            known = np.isfinite(sold)
            pair = (weight * float(sold[known].sum()), weight * float(said[known].sum()))
            for name in {demand, ""}:
                sums.setdefault(name, {}).setdefault(back, []).append(pair)
    return {name: _of_class([by_back[back] for back in sorted(by_back)]) for name, by_back in sums.items()}


def _of_class(windows: Sequence[list[tuple[float, float]]]) -> Correction:
    """windows: newest first, a (sold, expected) each series."""
    logs, noise = [], []
    for pairs in windows:
        sold, said = np.array(pairs).T
        if sold.sum() > 0 and said.sum() > 0:
            logs.append(float(np.log(sold.sum() / said.sum())))
            noise.append(float(np.sum((sold - said) ** 2) / said.sum() ** 2))
        else:
            logs.append(0.0)
            noise.append(np.inf)
    known = [_factor(logs[back:], noise[back:]) for back in range(len(logs) + 1)]
    return Correction(known[0], tuple(known[1:]))


def _factor(logs: Sequence[float], noise: Sequence[float]) -> float:
    n = len(logs)
    if n == 0 or not np.isfinite(noise).all():
        return 1.0
    mean = float(np.mean(logs))
    between = (float(np.sum((np.array(logs) - mean) ** 2)) + _USUAL**2) / n
    variance = between / n + float(np.mean(noise))  # what one series is off by it is off by on all windows
    drawn = mean * mean**2 / (mean**2 + variance)
    return float(np.clip(np.exp(drawn), 1 / _FARTHEST, _FARTHEST))
