"""What an offer changes, and whether a learner finds whom: everything from rows that the learner has not seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onecart.decide.uplift.learners import LEARNERS, Arrays, Effect, response
from onecart.decide.uplift.propensity import Assignment, weights
from onecart.stats import qini
from onecart.stats.bootstrap import interval
from onecart.stats.proportions import Z_95

_POINTS = 200  # of a curve that is kept


@dataclass(frozen=True)
class OfferReport:
    """One offer against the control group, on held-out rows. effect: mean difference of the outcome, with its 95 % interval.
    qini: per treated row, see `onecart.stats.qini`; response_qini: of the outcome's model, which knows no uplift; better_by:
    the interval of the difference of the two on the same resamples. heterogeneous: the interval of qini is above 0."""

    offer: str
    treated: int
    controls: int
    effect: float
    effect_low: float
    effect_high: float
    qini: float
    qini_low: float
    qini_high: float
    response_qini: float
    response_qini_low: float
    response_qini_high: float
    better_by_low: float
    better_by_high: float
    heterogeneous: bool
    advice: str


@dataclass(frozen=True)
class Judgement:
    """What held-out rows say of one offer. slope, constant: how the learned effect is calibrated."""

    report: OfferReport
    curve: dict[str, list[float]]
    slope: float
    constant: float


def learned(
    offer: str, learner: str, rows: Arrays, who: Assignment, fold: Any, break_even: float
) -> tuple[Effect, Judgement]:
    """The effect learned from all used rows, calibrated on held-out ones, and the judgement. fold: of each row; each is scored
    by what the others taught. break_even: the effect that pays for the offer."""
    rows, fold = rows.where(who.used), fold[who.used]
    scores = np.empty((2, len(rows.y)))
    for k in np.unique(fold):
        out = fold == k
        for i, learn in enumerate((LEARNERS[learner], response)):
            scores[i, out] = learn(rows.where(~out))(rows.x[out], rows.e[out])
    found = judged(offer, rows.y, rows.t == 1, rows.e, scores, who.trees is not None, break_even, rows.engine.seed)
    return LEARNERS[learner](rows).calibrated(found.slope, found.constant), found


def judged(offer: str, y: Any, t: Any, e: Any, scores: Any, observed: bool, break_even: float, seed: int) -> Judgement:
    """From held-out rows and their scores[learner or response, row]; observed: the propensity `e` was learned."""
    w = weights(t, e) if observed or np.ptp(e) > 0 else None
    draws = qini.qini_draws(y, t, scores, w, seed=seed)
    (low, high), (low_r, high_r), (worse, better) = map(interval, (draws[0], draws[1], draws[0] - draws[1]))
    steps = qini.steps(y, t, scores[0], w)
    effect, half = _effect(y, t, np.ones(len(y)) if w is None else w)
    found = low > 0
    report = OfferReport(
        offer=offer,
        treated=int(t.sum()),
        controls=int((~t).sum()),
        effect=effect,
        effect_low=effect - half,
        effect_high=effect + half,
        qini=steps.qini(),
        qini_low=low,
        qini_high=high,
        response_qini=qini.steps(y, t, scores[1], w).qini(),
        response_qini_low=low_r,
        response_qini_high=high_r,
        better_by_low=worse,
        better_by_high=better,
        heterogeneous=found,
        advice=_advice(found, effect - half, effect + half, break_even),
    )
    slope = _slope(y - scores[1], t, e, scores[0])
    return Judgement(report, _thinned(steps.curve()), slope, effect - slope * float(scores[0].mean()))


def _slope(rest: Any, t: Any, e: Any, score: Any) -> float:
    """How much of the differences that held-out scores claim is there, 0 to 1: the best linear predictor of the effect
    (Chernozhukov, Demirer, Duflo & Fernandez-Val, 2018). Who is chosen for a high score is chosen for its error, too; without
    this a plan expects more than it gets. rest: the outcome less what is expected of the row."""
    if np.ptp(score) == 0:
        return 0.0
    effects = rest * (t - e) / (e * (1 - e))
    apart = score - score.mean()
    return float(np.clip((effects @ apart) / (apart @ apart), 0, 1))


def _advice(heterogeneous: bool, low: float, high: float, break_even: float) -> str:
    if heterogeneous:
        return "treat by uplift"
    if low > break_even:
        return "no heterogeneity: treat all"
    if high < break_even:
        return "no heterogeneity: treat none"
    return "no heterogeneity, and the effect's interval includes what the offer costs: treat none until more is known"


def _effect(y: Any, t: Any, w: Any) -> tuple[float, float]:
    """(difference of the weighted means, half of its 95 % interval): Hajek's estimator, its variance linearised."""
    difference, variance = 0.0, 0.0
    for sign, arm in ((1, t), (-1, ~t)):
        total = w[arm].sum()
        mean = (w[arm] * y[arm]).sum() / total
        difference += sign * mean
        variance += ((w[arm] * (y[arm] - mean)) ** 2).sum() / total**2
    return float(difference), float(Z_95 * np.sqrt(variance))


def _thinned(curve: dict[str, Any]) -> dict[str, list[float]]:
    at = np.unique(np.linspace(0, len(curve["share"]) - 1, _POINTS).round().astype(int))
    return {name: [float(v) for v in values[at]] for name, values in curve.items()}
