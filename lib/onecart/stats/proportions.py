"""Intervals of shares."""

from math import sqrt

Z_95, Z_999 = 1.96, 3.29  # two-sided


def wilson(hits: int, n: int, z: float = Z_999) -> tuple[float, float]:
    """The interval of a share of which `hits` of `n` were seen (Wilson 1927). Nothing seen: (0, 1)."""
    if n <= 0:
        return 0.0, 1.0
    share, spread = hits / n, z * z / n
    middle = share + spread / 2
    half = z * sqrt((share * (1 - share) + spread / 4) / n)
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))
