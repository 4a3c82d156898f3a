"""The season of the year that one product's few sales don't show and all products together do: what they sold a year before."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from onecart.forecast.inputs.series import Freq

_FEWEST = 60  # origins a year later that must tell how much of last year's season comes again
_HIGHEST = 10.0  # times the usual total that a date counts for at most
_FARTHEST = 4.0  # times the newest level that a date ahead may be


@dataclass(frozen=True)
class YearlySeason:
    """Factors by which what sells on a date ahead exceeds what sold just before, from the same dates a year earlier.

    total: units of all series by date from `first` on (s since 1970, `step` s apart), NaN where nothing is known; year, window,
    smooth: in periods; h: periods ahead. How much of last year's ratio is taken, `strength`, is learnt for each origin from what came
    before it: the slope (0 to 1) of ln(the h periods after an origin over the window before it) on the same a year earlier.
    """

    total: np.ndarray
    first: int
    step: int
    year: int
    window: int
    smooth: int
    h: int

    def factor(self, origin: np.ndarray, target: np.ndarray) -> np.ndarray:
        """For dates `target` when what came before the dates `origin` is known, s since 1970; 1 where a year before is unknown."""
        at, ahead = ((np.asarray(dates) - self.first) // self.step for dates in (origin, target))
        at = np.minimum(at, len(self.strength) - 1)
        half = self.smooth // 2
        then = self._mean(ahead - self.year - half, ahead - self.year - half + self.smooth)
        ratio = then / self._mean(at - self.year - self.window, at - self.year)
        usable = np.isfinite(ratio) & (ratio > 0) & (at - self.year - self.window >= 0)
        ratio = np.clip(np.where(usable, ratio, 1.0), 1 / _FARTHEST, _FARTHEST)
        return np.asarray(ratio ** self.strength[np.maximum(at, 0)])

    @cached_property
    def strength(self) -> np.ndarray:
        """[origin]: 0 where fewer than two months of origins, a year after the first, came true before it."""
        found = np.zeros(len(self.total) + 1)
        at = np.arange(self.year + self.window, len(self.total) - self.h + 1)
        x, z = self._growth(at - self.year), self._growth(at)
        known = np.isfinite(x) & np.isfinite(z)
        x, z = np.where(known, x, 0.0), np.where(known, z, 0.0)
        products, squares, pairs = np.cumsum(x * z), np.cumsum(x * x), np.cumsum(known)
        slope = np.clip(products / np.maximum(squares, 1e-9), 0.0, 1.0)
        found[at + self.h] = np.where(pairs >= _FEWEST, slope, 0.0)
        return found

    def _growth(self, at: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(self._mean(at, at + self.h) / self._mean(at - self.window, at)))

    def _mean(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Of the known totals from `start` to before `end`, as far as there are."""
        sums, counts = self._sums
        start, end = np.clip(start, 0, len(self.total)), np.clip(end, 0, len(self.total))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((sums[end] - sums[start]) / (counts[end] - counts[start]))

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray]:
        known = np.isfinite(self.total)
        return np.r_[0.0, np.cumsum(np.where(known, self.total, 0.0))], np.r_[0.0, np.cumsum(known)]


def yearly_season(totals: pd.DataFrame, freq: Freq, h: int) -> YearlySeason | None:
    """Of `totals`[ds in s since 1970, y: units of all series, null: unknown]; None where the models' own season is the year, the
    horizon is longer than what a year before can tell, or less than a year and a quarter is there."""
    step = {"D": 86_400, "h": 3_600}.get(freq.step)
    smooth = 2 * freq.season
    if step is None or h + smooth > freq.year or not len(totals):
        return None
    year = freq.year // freq.season * freq.season  # whole weeks
    at = ((totals["ds"] - totals["ds"].min()) // step).astype(int).to_numpy()
    if at.max() + 1 < year + freq.window + h + _FEWEST:
        return None
    total = np.zeros(at.max() + 1)
    total[at] = np.maximum(totals["y"].to_numpy(float), 0.0)
    if (total > 0).any():  # one mistyped value would be next year's season
        total = np.minimum(total, _HIGHEST * np.median(total[total > 0]))
    return YearlySeason(total, int(totals["ds"].min()), step, year, freq.window, smooth, h)
