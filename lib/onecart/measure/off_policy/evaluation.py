"""What a policy would have earned, from the log of another one."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import library_function
from onecart.measure.off_policy.moments import ROWS, Estimate, Moments, moment_columns
from onecart.measure.off_policy.trust import MIN_EFFECTIVE, Overlap
from onecart.measure.off_policy.weights import (
    checked_model,
    log_rows,
    problem_columns,
    require_usable,
    weight_names,
    with_weights,
)

CLIP = 10.0
ESTIMATORS = ("ips", "clipped", "snips", "dm", "dr", "sndr")
_OF_MODEL = ("dm", "dr", "sndr")
_NAN = float("nan")


@library_function()
def off_policy(
    log: DataFrame,
    policy: DataFrame,
    model: DataFrame | None = None,
    *,
    clip: float = CLIP,
    min_effective_sample: float = MIN_EFFECTIVE,
) -> dict[str, Any]:
    """Estimates the mean reward that `policy` would have had on the decisions of `log`, which another policy took.

    log: context, action, propensity (with which the action was chosen, above 0 and at most 1), reward; one row per decision.
    policy: context, action, probability; one row per pair, adding up to 1 in each context, for every pair of the log.
    model: context, action, reward expected; one row for each pair that the log has or the policy may choose.

    Returns ips (inverse propensity scores, Horvitz & Thompson 1952), clipped (weights cut at `clip`), snips (self-normalised,
    Swaminathan & Joachims 2015), dm (direct method: what the model expects, whose errors no log corrects), dr (doubly
    robust, Dudik et al. 2011), sndr (the same, self-normalised), each with its standard error as se_<name>; rows,
    effective_sample (Kish), mean_weight (1 where all is right), largest_weight, trusted, why_not. NaN: no model given, or
    weights that say nothing (then the direct method stays unsaid, too). UsageError: one sentence on what is wrong with a frame.
    """
    who = "measure.off_policy"
    if not clip > 0:
        raise UsageError(f"{who}: clip must be above 0, found {clip}")
    moments, (overlap,) = summed(log, [policy], model, clip=clip, who=who)
    found = estimates(moments)
    values: dict[str, Any] = {}
    for name in ESTIMATORS:
        known = not overlap.hopeless and (model is not None or name not in _OF_MODEL)
        values[name] = found[name].value if known else _NAN
        values[f"se_{name}"] = moments.standard_error(found[name].gradient) if known else _NAN
    why_not = overlap.why_not(min_effective_sample)
    return {
        **values,
        "rows": overlap.rows,
        "effective_sample": overlap.effective_sample,
        "mean_weight": overlap.mean_weight,
        "largest_weight": overlap.largest_weight,
        "trusted": why_not is None,
        "why_not": why_not,
    }


def summed(
    log: DataFrame, policies: list[DataFrame], model: DataFrame | None, *, clip: float, who: str
) -> tuple[Moments, list[Overlap]]:
    """Sums of all rows of the log: moments of the reward and of `weight_names(prefix(n))` of the n-th policy, and how far
    each of them overlaps with the log, in a Spark job for each, one for the model and one for all."""
    rows = log_rows(log, who)
    known = None if model is None else checked_model(model, who)
    names: list[str] = []
    for n, policy in enumerate(policies):
        rows = with_weights(rows, policy, known, clip=clip, who=who, prefix=prefix(n))
        names += weight_names(prefix(n))
    names.append("reward")
    largest = [F.max(f"{prefix(n)}weight").alias(f"largest_{n}") for n in range(len(policies))]
    found: Any = rows.agg(*moment_columns(names), *largest, *problem_columns()).first()
    if not found[ROWS]:
        raise UsageError(f"{who}: the log has no rows; there is nothing to estimate from")
    require_usable(found, who)
    overlaps = []
    for n in range(len(policies)):
        own = Moments.of(found, weight_names(prefix(n)))
        overlaps.append(Overlap.of(own, found[f"largest_{n}"]))
    return Moments.of(found, names), overlaps


def prefix(n: int) -> str:
    """Of the columns of the n-th policy."""
    return f"policy{n}_"


def estimates(moments: Moments, n: int = 0) -> Mapping[str, Estimate]:
    """The estimates of the n-th policy, by name."""
    weight, weighted, clipped, modelled, correction = weight_names(prefix(n))
    dm = Estimate.mean(moments, modelled)
    return {
        "ips": Estimate.mean(moments, weighted),
        "clipped": Estimate.mean(moments, clipped),
        "snips": Estimate.ratio(moments, weighted, weight),
        "dm": dm,
        "dr": dm.plus(Estimate.mean(moments, correction)),
        "sndr": dm.plus(Estimate.ratio(moments, correction, weight)),
    }
