"""How many units an experiment needs, and for how long it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite, sqrt

from onecart.errors import UsageError


@dataclass(frozen=True)
class Plan:
    """units: per arm, the control first; days: until all have come, None: not asked. alpha: of each arm's test."""

    units: tuple[int, ...]
    total: int
    days: int | None
    baseline: float
    target: float
    alpha: float
    power: float

    def __str__(self) -> str:
        arms = ", ".join(f"{n:,}" for n in self.units)
        words = f"{self.total:,} units ({arms}; the control first) to see {self.baseline:g} become {self.target:g} "
        words += f"with power {self.power:.0%} at alpha {self.alpha:g}"
        return words + (f": {self.days:,} days" if self.days is not None else "")


def plan_experiment(
    baseline: float,
    uplift: float,
    *,
    relative: bool = True,
    sd: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    arms: int = 2,
    shares: Sequence[float] | None = None,
    daily: float | None = None,
    correlation: float = 0.0,
) -> Plan:
    """Plans a two-sided test of each arm against the control (the normal approximation; Fleiss, Levin and Paik 2003).

    baseline: the metric in the control: a rate, or a mean where its standard deviation `sd` is given. uplift: of the other arms, as
    a share of the baseline, or in its unit where `relative` is False. power: the chance to see it. alpha: of all arms' tests
    together (Bonferroni). shares: of the units per arm, the control first; None: equal. daily: units per day, all arms together.
    correlation: of the metric with a covariate from before the start, which CUPED takes off. UsageError: a figure that
    makes no sense.
    """
    target = baseline * (1 + uplift) if relative else baseline + uplift
    _check(baseline, target, sd, power, alpha, arms, correlation)
    parts = _shares(arms, shares)
    each = alpha / (arms - 1)
    wanted = max(
        _control_units(baseline, target, sd, each, power, share / parts[0]) / parts[0] for share in parts[1:]
    ) * (1 - correlation**2)
    units = tuple(ceil(wanted * share - 1e-9) for share in parts)
    if daily is not None and not (isfinite(daily) and daily > 0):
        raise UsageError(f"plan-experiment: the units per day must be above 0, found {daily:g}")
    days = ceil(sum(units) / daily) if daily is not None else None
    return Plan(units, sum(units), days, baseline, target, each, power)


def _control_units(p: float, q: float, sd: float | None, alpha: float, power: float, ratio: float) -> float:
    """Units of the control where the other arm has `ratio` times as many."""
    from scipy.stats import norm

    against, seen = float(norm.isf(alpha / 2)), float(norm.isf(1 - power))
    if sd is not None:
        return (against + seen) ** 2 * sd**2 * (1 + 1 / ratio) / (q - p) ** 2
    pooled = (p + ratio * q) / (1 + ratio)
    null = sqrt(pooled * (1 - pooled) * (1 + 1 / ratio))
    true = sqrt(p * (1 - p) + q * (1 - q) / ratio)
    return (against * null + seen * true) ** 2 / (q - p) ** 2


def _shares(arms: int, shares: Sequence[float] | None) -> list[float]:
    if shares is None:
        return [1 / arms] * arms
    if len(shares) != arms or not all(isfinite(s) and s > 0 for s in shares):
        raise UsageError(
            f"plan-experiment: give {arms} shares above 0, one per arm, the control first; found {list(shares)}"
        )
    return [s / sum(shares) for s in shares]


def _check(
    baseline: float, target: float, sd: float | None, power: float, alpha: float, arms: int, correlation: float
) -> None:
    problems = [
        (not (isfinite(baseline) and isfinite(target)), "baseline and uplift must be finite numbers"),
        (target == baseline, "the uplift is 0: no number of units shows it"),
        (
            sd is None and not 0 < baseline < 1,
            f"a rate lies between 0 and 1, found {baseline:g}; give the standard deviation of a mean",
        ),
        (sd is None and not 0 < target < 1, f"with the uplift the rate would be {target:g}, which is none"),
        (sd is not None and not (isfinite(sd) and sd > 0), "the standard deviation must be above 0"),
        (not 0 < alpha < 1, f"alpha must lie between 0 and 1, found {alpha:g}"),
        (not alpha / 2 < power < 1, f"power must lie between alpha / 2 and 1, found {power:g}"),
        (arms < 2, f"an experiment has two arms or more, found {arms}"),
        (not -1 < correlation < 1, f"a correlation lies between -1 and 1, found {correlation:g}"),
    ]
    for wrong, what in problems:
        if wrong:
            raise UsageError(f"plan-experiment: {what}")
