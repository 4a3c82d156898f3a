"""The verdict: every metric, every arm, every segment against the control, from moments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from onecart.errors import UsageError, nearest
from onecart.measure.experiments import always_valid, sample_ratio
from onecart.measure.experiments.effects import Cuped, Effect, cuped, effect, level
from onecart.measure.experiments.group_sequential import GroupSequential
from onecart.measure.experiments.moments import Arm, Metric, Moments, merged_arms, named
from onecart.stats.adjusted_p_values import Correction, adjusted
from onecart.stats.proportions import Z_999

HELPS = 0.02  # share of the variance below which a covariate is said not to help: it narrows the interval by 1 %
_RARE = 10  # fewer that did, or did not, and the normal distribution is no good
_UNLIKELY = 0.001  # p below which arms differ in what chance should have made alike


@dataclass(frozen=True)
class Rules:
    """How an experiment is judged. alpha: of every interval; correction: over all rows of the table; tuned_to: units of both
    arms after which the always-valid interval is narrowest; covariates: metric's name -> covariate."""

    control: Any
    expected: Mapping[Any, float] | None = None
    covariates: Mapping[str, str] | None = None
    alpha: float = 0.05
    correction: Correction = "benjamini-hochberg"
    tuned_to: float = 5000
    group_sequential: GroupSequential | None = None
    sample_ratio_alpha: float = sample_ratio.ALPHA

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("sample_ratio_alpha", self.sample_ratio_alpha)):
            if not 0 < value < 1:
                raise UsageError(f"experiment: {name} must lie between 0 and 1, found {value}")
        if not self.tuned_to > 0:
            raise UsageError(f"experiment: tuned_to must be above 0 units, found {self.tuned_to}")


@dataclass(frozen=True)
class Experiment:
    """What an experiment has brought.

    table: one row per segment, metric and arm but the control: `effect` (arm less control, in the metric's unit; a ratio's in
    the ratio's) with `lo` and `hi`, p_value, p_adjusted, always_valid_lo and _hi, and more, see docs/rooms/measure.md.
    sample_ratio_p: of the units per arm against their planned shares; where `trusted` is False, use no figure. notes: what
    holds for all rows, in words.
    """

    table: pd.DataFrame
    sample_ratio_p: float
    trusted: bool
    units: dict[Any, int]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        rows = [*self.notes, *(_sentence(row) for row in self.table.itertuples())]
        return "\n".join(rows)


def judged(arms: Sequence[Arm], metrics: Sequence[Metric], rules: Rules, notes: Sequence[str] = ()) -> Experiment:
    """The verdict on `arms`, one per arm and, where they have segments, per segment. UsageError: there is no such control, or no
    other arm."""
    names = sorted({arm.name for arm in arms}, key=lambda name: (str(type(name)), name))
    control = _control(rules.control, names)
    whole = {name: merged_arms([arm for arm in arms if arm.name == name]) for name in names}
    shares = dict(zip(names, sample_ratio.expected_shares(names, rules.expected), strict=True))
    segments = sorted({arm.segment for arm in arms if arm.segment is not None})
    per_segment = {s: {arm.name: arm for arm in arms if arm.segment == s} for s in segments}
    total_p = _ratio_p(whole, shares)
    trusted = total_p >= rules.sample_ratio_alpha
    rows = _rows(whole, metrics, control, rules, sample_ratio_p=total_p, trusted=trusted)
    if segments:
        rows = [{"segment": "all units" if "all" in segments else "all", **row} for row in rows]
        for segment, some in per_segment.items():
            p = _ratio_p(some, shares)
            holds = trusted and min(1.0, p * len(segments)) >= rules.sample_ratio_alpha
            found = _rows(some, metrics, control, rules, sample_ratio_p=p, trusted=holds)
            rows += [{"segment": segment, **row} for row in found]
        notes = [*notes, *_not_judged(per_segment, control)]
    table = pd.DataFrame(rows)
    table.insert(list(table.columns).index("p_value") + 1, "p_adjusted", adjusted(table["p_value"], rules.correction))
    counts = {name: arm.units for name, arm in whole.items()}
    if not trusted:
        told = ", ".join(f"{name}: {n:,} (planned {shares[name]:.1%})" for name, n in counts.items())
        notes = [
            f"Do not trust these results: the arms did not get their shares of the units, p {total_p:.2g} ({told}).",
            *notes,
        ]
    return Experiment(table, total_p, trusted, counts, tuple(notes))


def _not_judged(segments: Mapping[str, Mapping[Any, Arm]], control: Any) -> list[str]:
    lacking = {
        segment: sum(arm.units for arm in arms.values())
        for segment, arms in segments.items()
        if control not in arms or len(arms) == 1
    }
    listed = ", ".join(f"{segment} ({n:,} units)" for segment, n in lacking.items())
    return [f"Segments that lack the control or another arm are not judged: {listed}."] if lacking else []


def _control(wanted: Any, names: Sequence[Any]) -> Any:
    same = [name for name in names if name == wanted] or [name for name in names if str(name) == str(wanted)]
    if not same:
        known = nearest(str(wanted), map(str, names)) if names else "; no unit has an arm"
        raise UsageError(f"experiment: no unit is in the control arm {wanted!r}{known}")
    if len(names) == 1:
        raise UsageError(
            f"experiment: all units are in the arm {names[0]!r}; an effect needs the control and another arm"
        )
    return same[0]


def _ratio_p(arms: Mapping[Any, Arm], shares: Mapping[Any, float]) -> float:
    counts = [arms[name].units if name in arms else 0 for name in shares]
    return sample_ratio.sample_ratio(counts, list(shares.values()))[1]


def _rows(
    arms: Mapping[Any, Arm], metrics: Sequence[Metric], control: Any, rules: Rules, **of_all: Any
) -> list[dict[str, Any]]:
    """One row per metric and arm but the control; none where the segment has no unit of the control."""
    rows = []
    for metric in metrics if control in arms else []:
        name, ratio = named(metric), not isinstance(metric, str)
        covariate = (rules.covariates or {}).get(name)
        for other, arm in arms.items():
            if other == control:
                continue
            sides = arm.metrics[name], arms[control].metrics[name]
            taken_off = cuped(sides, ratio=ratio) if covariate else None
            raw = effect(*(_own(side, ratio) for side in sides), ratio=ratio)
            best = effect(*sides, ratio=ratio, cuped=taken_off) if taken_off else raw
            base = level(sides[1], ratio=ratio)
            rows.append(
                {
                    "metric": name,
                    "arm": other,
                    "control": control,
                    "mean": level(sides[0], ratio=ratio),
                    "control_mean": base,
                    **_figures(best, sum(side.units for side in sides), rules),
                    "relative_effect": best.value / base if base else np.nan,
                    **_with_covariate(raw, taken_off, rules),
                    "units": arm.units,
                    "control_units": arms[control].units,
                    "missing": arm.units + arms[control].units - sum(side.units for side in sides),
                    **of_all,
                    "note": _note(arm, arms[control], metric, covariate, taken_off, raw, trusted=of_all["trusted"]),
                }
            )
    return rows


def _own(moments: Moments, ratio: bool) -> Moments:
    """The moments without the covariate's."""
    k = 2 if ratio else 1
    return Moments(moments.units, moments.mean[:k], moments.covariance[:k, :k])


def _figures(found: Effect, units: int, rules: Rules) -> dict[str, float]:
    lo, hi = found.interval(rules.alpha)
    error = found.error if found.error > 0 else np.nan
    half = float(always_valid.half_width(error, units, rules.alpha, rules.tuned_to)) if units else np.nan
    figures = {
        "effect": found.value,
        "lo": lo,
        "hi": hi,
        "p_value": found.p_value,
        "always_valid_lo": found.value - half,
        "always_valid_hi": found.value + half,
        "always_valid_p": float(always_valid.p_value(found.value, error, units, rules.alpha, rules.tuned_to)),
    }
    if rules.group_sequential:
        bound = rules.group_sequential.bound(rules.alpha)
        figures |= {
            "sequential_lo": found.value - bound * error,
            "sequential_hi": found.value + bound * error,
            "sequential_bound": bound,
        }
    return figures


def _with_covariate(raw: Effect, taken_off: Cuped | None, rules: Rules) -> dict[str, float]:
    if taken_off is None:
        return {}
    lo, hi = raw.interval(rules.alpha)
    return {
        "raw_effect": raw.value,
        "raw_lo": lo,
        "raw_hi": hi,
        "raw_p_value": raw.p_value,
        "theta": taken_off.theta,
        "variance_reduction": taken_off.reduction,
    }


def _note(
    arm: Arm,
    control: Arm,
    metric: Metric,
    covariate: str | None,
    taken_off: Cuped | None,
    raw: Effect,
    *,
    trusted: bool,
) -> str:
    sides = arm.metrics[named(metric)], control.metrics[named(metric)]
    notes = [] if trusted else ["not to be trusted: the sample ratio is off"]
    if min(side.units for side in sides) < 2:
        notes.append("fewer than two units in an arm: no interval")
    elif not raw.error > 0:
        notes.append("the metric does not vary: nothing can be said about chance")
    elif isinstance(metric, str) and any(_is_rare(side) for side in sides):
        notes.append(f"fewer than {_RARE} units did, or did not, in an arm: the interval is rough")
    if _more_often_missing(arm.units, sides[0].units, control.units, sides[1].units):
        notes.append("the metric is missing more often in one arm: who is left may differ")
    if covariate and taken_off:
        if taken_off.reduction < HELPS:
            notes.append(
                f"CUPED on '{covariate}' takes off {taken_off.reduction:.2%} of the variance: it does not help"
            )
        if _differs(*sides):
            notes.append(f"'{covariate}' differs between the arms: was it measured before the start?")
    return "; ".join(notes)


def _is_rare(side: Moments) -> bool:
    """Whether the metric is yes or no, and one of them hardly ever."""
    mean, n = float(side.mean[0]), side.units
    if not 0 <= mean <= 1 or abs(float(side.covariance[0, 0]) - mean * (1 - mean) * n / (n - 1)) > 1e-9:
        return False
    return min(mean, 1 - mean) * n < _RARE - 1e-6


def _more_often_missing(units: int, known: int, control_units: int, control_known: int) -> bool:
    missing, total = units - known + control_units - control_known, units + control_units
    if not 0 < missing < total:
        return False
    share = missing / total
    variance = share * (1 - share) * (1 / units + 1 / control_units)
    apart = (units - known) / units - (control_units - control_known) / control_units
    return bool(abs(apart) > Z_999 * np.sqrt(variance))


def _differs(side: Moments, control: Moments) -> bool:
    last = [Moments(one.units, one.mean[-1:], one.covariance[-1:, -1:]) for one in (side, control)]
    return bool(effect(*last, ratio=False).p_value < _UNLIKELY)


def _sentence(row: Any) -> str:
    where = f"{row.segment}: " if hasattr(row, "segment") else ""
    note = f"; {row.note}" if row.note else ""
    return (
        f"{where}{row.metric}, {row.arm} against {row.control}: {row.effect:+.6g} "
        f"({row.lo:.6g} to {row.hi:.6g}), adjusted p {row.p_adjusted:.3g}{note}"
    )
