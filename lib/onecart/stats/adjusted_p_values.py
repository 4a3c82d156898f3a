"""P-values of several tests on the driver, adjusted so that few of those that look significant are so by chance."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from onecart.errors import require_known

Correction = Literal["benjamini-hochberg", "holm", "bonferroni", "none"]
CORRECTIONS: tuple[Correction, ...] = get_args(Correction)


def adjusted(p_values: Sequence[float] | Any, correction: Correction) -> Any:
    """The p-values, in their order, so adjusted that those at or below alpha may be called significant.

    benjamini-hochberg: at most a share alpha of what is called so is so by chance (Benjamini and Hochberg 1995). holm (1979),
    bonferroni: with chance 1 - alpha none is. NaN stays NaN and counts for no test. UsageError: there is no such correction.
    Of a Spark column: `multiple_testing.with_q_value`.
    """
    require_known([str(correction)], CORRECTIONS, "correction")
    given = np.asarray(p_values, float)
    found = np.full(given.shape, np.nan)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    rising, tests = given[order], len(order)
    if correction == "benjamini-hochberg":
        found[order] = np.minimum.accumulate((rising * tests / np.arange(1, tests + 1))[::-1])[::-1]
    elif correction == "holm":
        found[order] = np.maximum.accumulate(rising * np.arange(tests, 0, -1))
    else:
        found[order] = rising * (tests if correction == "bonferroni" else 1)
    return np.minimum(found, 1.0)
