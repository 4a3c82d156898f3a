"""How well a score finds those whom a treatment moves: the uplift curve and its Qini coefficient, one definition.

Radcliffe, Using Control Groups to Target on Predicted Lift (2007). Those with the highest scores come first. Where n_t treated
and n_c controls have come, with the outcomes y_t and y_c, the treatment has gained y_t - y_c n_t / n_c. Qini is the area
between this curve and the chord to its end, over the share of all rows, per treated row. Rows with equal scores are one step,
so that a score that tells nobody apart has exactly 0.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onecart.stats.bootstrap import RESAMPLES, interval

_AT_ONCE = 2_000_000  # numbers of a block of resamples: 16 MB


@dataclass(frozen=True)
class Steps:
    """One entry per distinct score, the highest first: treated rows, controls, and the sums of their outcomes (weighted)."""

    score: Any
    treated: Any
    controls: Any
    gained: Any
    would: Any

    def curve(self) -> dict[str, Any]:
        """The points of the curve from (0, 0) on: share of all rows, gain per treated row, and the chord's height there."""
        share, gain = _curve(self.treated, self.controls, self.gained, self.would)
        return {"share": share, "gain": gain, "chord": share * gain[-1]}

    def qini(self) -> float:
        """The Qini coefficient; NaN where one of the arms has no rows."""
        return float(_area(self.treated, self.controls, self.gained, self.would))


def steps(outcome: Any, treated: Any, score: Any, weight: Any = None) -> Steps:
    """The steps of rows: `treated` says 1 or 0, `weight` how much a row counts (None: once)."""
    y, t, s = (np.asarray(v, float) for v in (outcome, treated, score))
    w = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    distinct, at = np.unique(-s, return_inverse=True)
    parts = (w * t, w * (1 - t), w * t * y, w * (1 - t) * y)
    return Steps(-distinct, *(np.bincount(at, values, len(distinct)) for values in parts))


def qini_draws(
    outcome: Any, treated: Any, scores: Any, weight: Any = None, *, resamples: int = RESAMPLES, seed: int = 7
) -> Any:
    """[score, resample]: the Qini of each of `scores`[score, row] on the same resamples of the rows (Poisson bootstrap), so
    that two scores can be compared pair by pair."""
    y, t = np.asarray(outcome, float), np.asarray(treated, float)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    ordered = [_order(np.asarray(score, float)) for score in scores]
    draw, found = np.random.default_rng(seed), np.empty((len(ordered), resamples))
    block = max(1, _AT_ONCE // max(1, len(y)))
    for start in range(0, resamples, block):
        counts = draw.poisson(1, (min(block, resamples - start), len(y))) * w
        for i, (order, last) in enumerate(ordered):
            c, to, yo = counts[:, order], t[order], y[order]
            sums = [np.cumsum(c * part, axis=1)[:, last] for part in (to, 1 - to, to * yo, (1 - to) * yo)]
            found[i, start : start + len(counts)] = _area_of(*sums)
    return found


def qini_interval(outcome: Any, treated: Any, score: Any, weight: Any = None, **how: int) -> tuple[float, float]:
    """The ends of the 95 % bootstrap interval of the Qini coefficient. how: resamples, seed."""
    return interval(qini_draws(outcome, treated, [score], weight, **how)[0])


def drawn_from_steps(n: Any, s: Any, squares: Any, *, resamples: int = RESAMPLES, seed: int = 7) -> Any:
    """[resample]: the Qini where only sums of many rows are known. n, s, squares: [arm, step], rows, the sum of their outcomes
    and of the outcomes' squares, arm 0 the controls. A Poisson resample of many rows has a sum and a count that are normal,
    with the variances `squares` and n and the covariance s."""
    draw = np.random.default_rng(seed)
    first, second = (draw.standard_normal((resamples, *np.shape(n))) for _ in range(2))
    slope = np.divide(s, n, out=np.zeros_like(s, float), where=n > 0)
    count = np.maximum(n + np.sqrt(n) * first, 0)
    total = s + slope * np.sqrt(n) * first + np.sqrt(np.maximum(squares - slope * s, 0)) * second
    return _area(count[:, 1], count[:, 0], total[:, 1], total[:, 0])


def _order(score: Any) -> tuple[Any, Any]:
    """The rows from the highest score on, and where each step ends."""
    order = np.argsort(-score, kind="stable")
    return order, np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)


def _area(treated: Any, controls: Any, gained: Any, would: Any) -> Any:
    return _area_of(*(np.cumsum(v, axis=-1) for v in (treated, controls, gained, would)))


def _area_of(nt: Any, nc: Any, yt: Any, yc: Any) -> Any:
    """From running sums over the steps, the last axis."""
    rows, heads = nt + nc, nt[..., -1:]
    lacking = (heads[..., 0] <= 0) | (nc[..., -1] <= 0)
    gain = _gain(nt, nc, yt, yc)
    width = np.diff(rows, axis=-1, prepend=0)
    before = np.concatenate([np.zeros_like(gain[..., :1]), gain[..., :-1]], axis=-1)
    under = ((gain + before) / 2 * width).sum(axis=-1) / np.maximum(rows[..., -1], 1e-300)
    area = (under - gain[..., -1] / 2) / np.maximum(heads[..., 0], 1e-300)
    return np.where(lacking, np.nan, area)


def _gain(nt: Any, nc: Any, yt: Any, yc: Any) -> Any:
    return yt - yc * np.divide(nt, nc, out=np.zeros_like(nt, float), where=nc > 0)


def _curve(treated: Any, controls: Any, gained: Any, would: Any) -> tuple[Any, Any]:
    nt, nc, yt, yc = (np.cumsum(v) for v in (treated, controls, gained, would))
    gain = _gain(nt, nc, yt, yc) / max(nt[-1], 1e-300)
    share = (nt + nc) / max(nt[-1] + nc[-1], 1e-300)
    return np.append(0.0, share), np.append(0.0, gain)
