"""When weights say enough: overlap of a log with a policy."""

from dataclasses import dataclass

from onecart.measure.off_policy.moments import Moments

MIN_EFFECTIVE = 100.0  # decisions that must be left after weighting
_MEAN = (0.8, 1.25)  # weights of a right log are 1 on average
_LARGEST_SHARE = 0.1  # of all weight, in one decision
# Beyond these a figure is none: one decision speaks for all, or the propensities are not those of the log.
_HOPELESS_MEAN = (0.5, 2.0)
_HOPELESS_SHARE = 0.5


@dataclass(frozen=True)
class Overlap:
    """rows: decisions in the log; effective_sample: as many as would say as much without weights (Kish)."""

    rows: int
    effective_sample: float
    mean_weight: float
    largest_weight: float

    @classmethod
    def of(cls, moments: Moments, largest_weight: float) -> "Overlap":
        return cls(moments.rows, moments.effective_sample, next(iter(moments.means.values())), largest_weight)

    @property
    def _share(self) -> float:
        """Of all weight, that of the heaviest decision."""
        total = self.mean_weight * self.rows
        return self.largest_weight / total if total > 0 else 1.0

    @property
    def hopeless(self) -> bool:
        """Whether an estimate would say nothing, so that none is given."""
        low, high = _HOPELESS_MEAN
        return not low <= self.mean_weight <= high or self._share > _HOPELESS_SHARE

    def why_not(self, least: float = MIN_EFFECTIVE) -> str | None:
        """One sentence: why an estimate must not be trusted; None: it may be."""
        low, high = _MEAN
        if self.mean_weight == 0:
            return "the policy chooses none of the actions in the log: there is nothing to judge it by"
        if self.effective_sample < least:
            return (
                f"the log says as much about the policy as {self.effective_sample:,.1f} decisions of its own would; "
                f"at least {least:,.0f} are needed"
            )
        if not low <= self.mean_weight <= high:
            return f"the weights are {self.mean_weight:.3g} on average and should be 1: the propensities may be wrong"
        if self._share > _LARGEST_SHARE:
            return f"one decision has {self._share:.0%} of all weight"
        return None
