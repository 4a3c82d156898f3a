"""Bounds for a few planned looks (Jennison and Turnbull, Group Sequential Methods, 2000), by numerical integration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np

from onecart.errors import UsageError

Kind = Literal["pocock", "obrien-fleming", "lan-demets-obrien-fleming", "lan-demets-pocock"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_NODES = 64  # of the Gauss-Legendre rule on each panel, which is about four standard deviations of a step wide


@dataclass(frozen=True)
class GroupSequential:
    """A plan of looks: `fractions` of the planned units seen at each (the last is 1), and the look the data is `at` (1 is the
    first). The plan is made before the start; looks at other times need always-valid intervals."""

    at: int
    fractions: tuple[float, ...]
    kind: Kind = "lan-demets-obrien-fleming"

    def bound(self, alpha: float) -> float:
        """How many standard errors from zero an effect must be at this look."""
        if not 1 <= self.at <= len(self.fractions):
            raise UsageError(f"group sequential: look {self.at} of {len(self.fractions)} planned; say at=1 or more")
        return group_sequential_bounds(self.fractions, self.kind, alpha)[self.at - 1]


def group_sequential_bounds(
    fractions: Sequence[float], kind: Kind = "lan-demets-obrien-fleming", alpha: float = 0.05
) -> tuple[float, ...]:
    """The two-sided bounds on |z| at each look, so that all looks together cry victory by chance in a share `alpha`.

    fractions: share of the planned units seen at each look, rising, at most 1. kind: pocock (the same bound at each look),
    obrien-fleming (c / sqrt(fraction)), lan-demets-* (what those spend, at any fractions). UsageError: there is no such kind,
    or fractions that do not rise in (0, 1].
    """
    if kind not in KINDS:
        raise UsageError(f"group sequential: there is no kind '{kind}'; known: {', '.join(KINDS)}")
    if not 0 < alpha < 1:
        raise UsageError(f"group sequential: alpha must lie between 0 and 1, found {alpha}")
    times = tuple(float(t) for t in fractions)
    if not times or times[0] <= 0 or times[-1] > 1 + 1e-9 or any(b <= a for a, b in pairwise(times)):
        raise UsageError(f"group sequential: fractions must rise and lie above 0 and up to 1, found {list(fractions)}")
    return _bounds(times, kind, alpha)


@cache
def _bounds(times: tuple[float, ...], kind: Kind, alpha: float) -> tuple[float, ...]:
    from scipy.optimize import brentq

    if kind.startswith("lan-demets"):
        return _by_spending(times, _spending(kind), alpha)
    shape = np.array(times) ** (0.0 if kind == "pocock" else -0.5)
    constant = brentq(lambda c: sum(_exits(times, c * shape)) - alpha, 0.1, 12, xtol=1e-12)
    return tuple(float(b) for b in constant * shape)


def _spending(kind: Kind) -> Callable[[float, float], float]:
    """(fraction seen, alpha) -> the share of alpha that may be spent by then (Lan and DeMets 1983)."""
    from scipy.stats import norm

    if kind == "lan-demets-pocock":
        return lambda t, alpha: float(alpha * np.log1p((np.e - 1) * t))
    return lambda t, alpha: float(4 * norm.sf(norm.isf(alpha / 4) / np.sqrt(t)))  # half of it on each side


def _by_spending(times: tuple[float, ...], spent: Callable[[float, float], float], alpha: float) -> tuple[float, ...]:
    from scipy.optimize import brentq

    bounds: list[float] = []
    before, density = 0.0, _Density()
    for time in times:
        now = spent(min(time, 1.0), alpha)
        share = now - before

        def missed(bound: float, at: float = time, of: float = share, inside: "_Density" = density) -> float:
            return inside.exit(at, bound) - of

        bounds.append(float(brentq(missed, 0.0, 40, xtol=1e-12)))
        before, density = now, density.after(time, bounds[-1])
    return tuple(bounds)


def _exits(times: Sequence[float], bounds: Any) -> list[float]:
    """The chance to leave the bounds at each look and not before, where there is no effect."""
    density, exits = _Density(), []
    for time, bound in zip(times, bounds, strict=True):
        exits.append(density.exit(time, float(bound)))
        density = density.after(time, float(bound))
    return exits


class _Density:
    """The density of the running sum (a Brownian motion at `time`) among paths that stayed within all bounds, as weights at
    the nodes of a quadrature (Armitage, McPherson and Rowe 1969)."""

    def __init__(self, time: float = 0.0, at: Any = (0.0,), weights: Any = (1.0,)) -> None:
        self.time, self.at, self.weights = time, np.asarray(at), np.asarray(weights)

    def exit(self, time: float, bound: float) -> float:
        """The chance to lie outside `bound` (in z) at `time`, and within all before."""
        from scipy.special import ndtr

        step, edge = np.sqrt(time - self.time), bound * np.sqrt(time)
        return float(self.weights @ (ndtr((-edge - self.at) / step) + ndtr((self.at - edge) / step)))

    def after(self, time: float, bound: float) -> "_Density":
        """The density at `time` of those that lie within `bound`."""
        step, edge = np.sqrt(time - self.time), bound * np.sqrt(time)
        panels = max(1, int(np.ceil(2 * edge / (4 * step))))
        nodes, rule = _quadrature()
        half = edge / panels
        centres = -edge + half * (2 * np.arange(panels) + 1)
        at = (centres[:, None] + half * nodes).ravel()
        kernel = np.exp(-0.5 * ((at[:, None] - self.at) / step) ** 2) / (step * np.sqrt(2 * np.pi))
        return _Density(time, at, np.tile(half * rule, panels) * (kernel @ self.weights))


@cache
def _quadrature() -> tuple[Any, Any]:
    return np.polynomial.legendre.leggauss(_NODES)
