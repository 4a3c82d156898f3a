"""The gate that a policy passes before it decides about anybody."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot
from typing import Any

from pyspark.sql import DataFrame

from onecart.errors import UsageError
from onecart.frames import library_function
from onecart.measure.off_policy.evaluation import CLIP, estimates, off_policy, summed
from onecart.measure.off_policy.moments import Estimate, Moments
from onecart.measure.off_policy.trust import MIN_EFFECTIVE, Overlap
from onecart.stats.proportions import Z_95

_ROUNDING = 1e-6  # of the value: a lift that is no larger is none


@dataclass(frozen=True)
class Verdict:
    """Whether a policy may go live. value, current, lift, low and high (95 %) are None where the log cannot say; then `why` says
    why not."""

    live: bool
    estimator: str
    value: float | None
    current: float | None
    lift: float | None
    low: float | None
    high: float | None
    why: str


@library_function()
def go_live(
    log: DataFrame,
    candidate: DataFrame,
    current: DataFrame | Mapping[str, Any] | None = None,
    model: DataFrame | None = None,
    *,
    min_effective_sample: float = MIN_EFFECTIVE,
) -> Verdict:
    """Whether the policy `candidate` may take the place of `current`: only with enough overlap, and if the lower end of the 95 %
    interval of its lift is above 0.

    log, candidate, model: as log, policy and model of `off_policy`. current: a policy, compared decision by decision on the
    same log; None: the one that wrote the log, whose value is the mean reward; or what `off_policy` said about it on another
    log. The self-normalised estimate decides, doubly robust where there is a model; the direct method never does.
    """
    if not (current is None or isinstance(current, DataFrame | Mapping)):
        kind = type(current).__name__
        raise UsageError(f"measure.go_live: current must be a policy, what off_policy returned, or None, found {kind}")
    estimator = "snips" if model is None else "sndr"
    if isinstance(current, Mapping):
        return _unpaired(
            off_policy(log, candidate, model, min_effective_sample=min_effective_sample), current, estimator
        )
    policies = [candidate, *([] if current is None else [current])]
    moments, overlaps = summed(log, policies, model, clip=CLIP, who="measure.go_live")
    now = Estimate.mean(moments, "reward") if current is None else estimates(moments, 1)[estimator]
    return verdict(moments, estimates(moments)[estimator], now, overlaps, estimator, min_effective_sample)


def verdict(
    moments: Moments,
    candidate: Estimate,
    current: Estimate,
    overlaps: list[Overlap],
    estimator: str,
    min_effective_sample: float = MIN_EFFECTIVE,
) -> Verdict:
    """The verdict on two estimates from the same moments; overlaps: of the candidate, and of the current policy."""
    for whose, overlap in zip(("", "of the current policy: "), overlaps, strict=False):
        if why := overlap.why_not(min_effective_sample):
            return _refused(estimator, f"{whose}{why}")
    lift = candidate.plus(current, -1.0)
    return _judged(estimator, candidate.value, current.value, moments.standard_error(lift.gradient))


def _unpaired(candidate: Mapping[str, Any], current: Mapping[str, Any], estimator: str) -> Verdict:
    missing = [key for key in (estimator, f"se_{estimator}", "trusted", "why_not") if key not in current]
    if missing:
        raise UsageError(f"measure.go_live: current has no '{missing[0]}'; give a policy, or what off_policy returned")
    for whose, value in (("", candidate), ("of the current policy: ", current)):
        if not value["trusted"]:
            return _refused(estimator, f"{whose}{value['why_not']}")
    error = hypot(candidate[f"se_{estimator}"], current[f"se_{estimator}"])
    return _judged(estimator, candidate[estimator], current[estimator], error)


def _refused(estimator: str, why: str) -> Verdict:
    return Verdict(False, estimator, None, None, None, None, None, why)


def _judged(estimator: str, value: float, current: float, error: float) -> Verdict:
    lift = value - current
    low, high = lift - Z_95 * error, lift + Z_95 * error
    if max(abs(low), abs(high)) <= _ROUNDING * max(abs(value), abs(current)):
        return Verdict(
            False, estimator, value, current, 0.0, 0.0, 0.0, "all alike: nothing sets it apart from what was done"
        )
    live = low > 0
    if live:
        why = f"better than the current policy by {lift:.3g} ({low:.3g} to {high:.3g})"
    elif high < 0:
        why = f"worse than the current policy by {-lift:.3g} ({-high:.3g} to {-low:.3g})"
    else:
        why = f"not proved better than the current policy: {lift:+.3g} ({low:.3g} to {high:.3g})"
    return Verdict(live, estimator, value, current, lift, low, high, why)
