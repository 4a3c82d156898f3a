"""Intervals of shares."""

from typing import Any

Z_95, Z_999 = 1.96, 3.29  # two-sided


def wilson(hits: int, n: int, z: float = Z_999) -> tuple[float, float]:
    """The interval of a share of which `hits` of `n` were seen (Wilson 1927). Nothing seen: (0, 1)."""
    if n <= 0:
        return 0.0, 1.0
    low, high = wilson_ends(hits, n, z)
    return max(0.0, low), min(1.0, high)


def wilson_ends(hits: Any, n: Any, z: float = Z_95) -> tuple[Any, Any]:
    """The same of arrays or of Spark columns, where all `n` are above 0; rounding may leave an end a hair outside 0 to 1."""
    share, spread = hits / n, z * z / n
    middle = share + spread / 2
    half = z * ((share * (1 - share) + spread / 4) / n) ** 0.5
    return (middle - half) / (1 + spread), (middle + half) / (1 + spread)


def newcombe(hits: int, n: int, other_hits: int, other_n: int, z: float = Z_95) -> tuple[float, float]:
    """The interval of the difference of two shares, hits / n less other_hits / other_n, from their Wilson intervals (Newcombe
    1998, method 10)."""
    (low, high), (other_low, other_high) = wilson(hits, n, z), wilson(other_hits, other_n, z)
    share, other = hits / n if n else 0.5, other_hits / other_n if other_n else 0.5
    below = ((share - low) ** 2 + (other_high - other) ** 2) ** 0.5
    above = ((high - share) ** 2 + (other - other_low) ** 2) ** 0.5
    return share - other - below, share - other + above
