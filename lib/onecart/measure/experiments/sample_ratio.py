"""Did each arm get its share of the units? If not, something else than chance chose them, and no figure can be trusted
(Fabijan et al., Diagnosing Sample Ratio Mismatch in Online Controlled Experiments, KDD 2019)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onecart.errors import UsageError

ALPHA = 0.001  # of the check; it is made at every look, so a usual .05 would cry wolf


def expected_shares(arms: Sequence[Any], expected: Mapping[Any, float] | None) -> list[float]:
    """The share of each of `arms`, in their order; None: all the same. UsageError: `expected` names not just these arms, or a
    share that is not above zero."""
    if expected is None:
        return [1 / len(arms)] * len(arms)
    if not isinstance(expected, Mapping):
        raise UsageError(f"expected must map each arm to its share, as {{{arms[0]!r}: 0.5, ...}}, found {expected!r}")
    by_text = {str(arm): share for arm, share in expected.items()}
    if {*by_text} != {str(arm) for arm in arms}:
        raise UsageError(
            f"expected has shares of {', '.join(sorted(by_text))}, the units are in {', '.join(map(str, arms))}; "
            "give each arm its share"
        )
    shares = [float(by_text[str(arm)]) for arm in arms]
    if not all(np.isfinite(share) and share > 0 for share in shares):
        raise UsageError(f"expected: each share must be above 0, found {shares}")
    return [share / sum(shares) for share in shares]


def sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> tuple[float, float]:
    """chi-square and its p-value of `counts` units per arm against the `shares` that were planned."""
    from scipy.stats import chi2

    wanted = np.array(shares) * sum(counts)
    statistic = float(np.sum((np.array(counts) - wanted) ** 2 / wanted))
    return statistic, float(chi2.sf(statistic, len(counts) - 1))
