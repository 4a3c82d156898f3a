"""Selects a model per series: its backtest errors, shrunk to the mean error of the series' demand class (empirical Bayes)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from onecart.forecast.local.registry import BENCHMARK

ENSEMBLE = "ensemble"
SQUARED, ABSOLUTE = LOSSES = ("squared", "absolute")
BEST_OF = 3  # models of an ensemble
_FEWEST, _MOST = 0.5, 20.0  # windows that what is usual in the class counts for
_NEAR = {"absolute": 1.05, "squared": 1.1}  # times the best model's score: what is worse takes no part
_SHARES = tuple(n / 20 for n in range(20))  # of the benchmark
_HUGE = 20.0  # naive errors, more than which says nothing of other series
_EXPLODED = 5.0  # times the middle model's error
_CLASS_PRIOR = 10.0  # series that what is usual in all classes counts for


@dataclass(frozen=True)
class BacktestResult:
    """One series and what the models said of it. y[window, period], NaN: unknown; yhats: model -> [1 + windows, h], the dates
    ahead first; scale: units, what a naive forecast misses by in the history."""

    demand: str
    scale: float
    y: np.ndarray
    yhats: Mapping[str, np.ndarray]
    loss: str = SQUARED

    @property
    def models(self) -> list[str]:
        return [*self.yhats]

    def errors(self) -> np.ndarray:
        """[model, window]: see `missed`."""
        return self._errors

    @cached_property
    def _errors(self) -> np.ndarray:
        return self.missed(self.paths[:, 1:])

    @cached_property
    def paths(self) -> np.ndarray:
        """[model, 1 + windows, h]."""
        return np.stack([self.yhats[name] for name in self.models])

    def missed(self, path: np.ndarray) -> np.ndarray:
        """[..., window]: how far `path`[..., window, period] is off. absolute: the mean absolute error, units, least for the median.
        squared: the mean of the squared error a period and of that of the window's sum, a period's share of it, units squared: least
        for the expected value, period by period and for all together."""
        if self.loss == ABSOLUTE:
            return self.missed_each(path)
        together = np.nansum(self.y - path, axis=-1) ** 2 / np.isfinite(self.y).sum(axis=-1)
        return np.asarray((self.missed_each(path) + together) / 2)

    def missed_each(self, path: np.ndarray) -> np.ndarray:
        """[..., window]: the mean absolute, or squared, error of the periods alone."""
        return (
            mean_absolute(self.y, path)
            if self.loss == ABSOLUTE
            else np.asarray(np.nanmean((self.y - path) ** 2, axis=-1))
        )

    @property
    def size(self) -> float:
        """Units by which errors of several series are compared."""
        return self.scale if np.isfinite(self.scale) else max(float(np.nanmean(self.y)), 1e-9)


def mean_absolute(y: np.ndarray, path: np.ndarray) -> np.ndarray:
    """[..., window] of path[..., window, period]; y is NaN where unknown."""
    return np.asarray(np.nanmean(np.abs(y - path), axis=-1))


def middle(errors: np.ndarray) -> float:
    """What the middle one of the models is off: errors[model, window]. A model that explodes does not move it."""
    return float(np.median(errors.mean(axis=1))) or float(errors.mean())


def relative(errors: np.ndarray) -> np.ndarray:
    """[model, window]: errors over `middle`, `_EXPLODED` at most, so that what a model that explodes, or a mistyped value that all but
    one follow, does to one series drowns neither the other models nor what is usual. Zeros where no model is off."""
    unit = middle(errors) if errors.size else 0.0
    return np.asarray(np.minimum(errors / unit, _EXPLODED)) if unit > 0 else np.zeros(errors.shape)


@dataclass(frozen=True)
class ErrorPrior:
    """What is usual, by (class of demand, model). relative: error over that of the middle model; size: absolute error over
    `BacktestResult.size`. A model that was never tried on the class counts as the mean one. windows: how many of a series' own windows
    what is usual in its class counts for."""

    relative: Mapping[tuple[str, str], float]
    size: Mapping[tuple[str, str], float]
    windows: Mapping[str, float] = field(default_factory=dict)

    def prior(self, demand: str) -> float:
        return self.windows.get(demand, 3.0)


def error_prior(tested: Iterable[BacktestResult]) -> ErrorPrior:
    """The means over series of each class, drawn to those of all."""
    tested = [*tested]
    rows: list[tuple[str, str, float, float]] = []
    for one in tested:
        shares = relative(one.errors()).mean(axis=1)
        if shares.any():
            sizes = np.minimum(mean_absolute(one.y, one.paths[:, 1:]).mean(axis=1) / one.size, _HUGE)
            rows += [(one.demand, *row) for row in zip(one.models, shares, sizes, strict=True)]
    found: list[dict[tuple[str, str], float]] = [{}, {}]
    for name in {row[1] for row in rows}:
        of_all = np.mean([row[2:] for row in rows if row[1] == name], axis=0)
        for demand in {row[0] for row in rows}:
            here = [row[2:] for row in rows if row[:2] == (demand, name)]
            mean = (np.sum(here, axis=0) + _CLASS_PRIOR * of_all) / (len(here) + _CLASS_PRIOR)
            for table, value in zip(found, mean, strict=True):
                table[demand, name] = float(value)
    windows = {demand: alike([x for x in tested if x.demand == demand]) for demand in {x.demand for x in tested}}
    return ErrorPrior(found[0], found[1], windows)


def alike(series: Sequence[BacktestResult]) -> float:
    """How many windows of one series say as much of a model as what is usual among `series`: the variance of its relative error
    between windows over that between series (empirical Bayes, Efron & Morris 1975), all models together; between _FEWEST, the
    series are not alike, and _MOST."""
    between = within = 0.0
    shares = [(x, relative(x.errors())) for x in series if len(x.y) > 1 and x.errors().any()]
    for name in {name for x, _ in shares for name in x.models}:
        own = [share[x.models.index(name)] for x, share in shares if name in x.models]
        if len(own) > 1:
            noise = float(np.mean([share.var(ddof=1) for share in own]))
            mean = float(np.mean([share.var(ddof=1) / len(share) for share in own]))
            between += max(float(np.var([share.mean() for share in own], ddof=1)) - mean, 0.0)
            within += noise
    return min(_MOST, max(_FEWEST, within / between if between > 0 else _MOST)) if within > 0 else 3.0


def scores(one: BacktestResult, errors: np.ndarray, known: ErrorPrior) -> np.ndarray:
    """[model]: how far each is usually off, where 1 is the middle one: its `errors`[model, window] drawn to what is usual in its
    class. A model without an error on the windows is what the series is: 0, and the others' errors."""
    shares = relative(errors)
    usually = np.array([known.relative.get((one.demand, name), 1.0) for name in one.models])
    if not shares.any():
        return usually
    own, prior = shares.sum(axis=1), known.prior(one.demand)
    return np.asarray(own if (own == 0).any() else (own + prior * usually) / (shares.shape[1] + prior))


def weights(one: BacktestResult, windows: np.ndarray, known: ErrorPrior) -> np.ndarray:
    """[model]: the weights of the models, from their errors on `windows` (positions) and what is usual; they sum to 1.

    The best few by `scores`, half of those tried at most and none much worse than the best, are weighted by its inverse square,
    of squared errors by the inverse, as means of forecasts beat picking one (Bates & Granger 1969; Makridakis et al. 2020). Where they
    are farther off on the periods of these windows than the benchmark, as little of it as makes them no worse takes part.
    """
    score = scores(one, one.errors()[:, windows], known)
    first = np.array([name != BENCHMARK for name in one.models])
    best = np.lexsort((first, score))[: max(1, min(BEST_OF, len(score) // 2))]
    best = best[score[best] <= _NEAR[one.loss] * score[best[0]]]
    found = np.zeros(len(score))
    found[best] = np.maximum(score[best], 1e-6) ** (-1 if one.loss == SQUARED else -2)
    return _no_worse(one, found / found.sum(), windows)


def _no_worse(one: BacktestResult, found: np.ndarray, windows: np.ndarray) -> np.ndarray:
    benchmark = np.array([float(name == BENCHMARK) for name in one.models])
    allowed = one.missed_each(one.yhats[BENCHMARK][1:])[windows].sum()
    for share in _SHARES:
        mixed = (1 - share) * found + share * benchmark
        if one.missed_each(np.tensordot(mixed, one.paths[:, 1:], axes=1))[windows].sum() <= allowed:
            return np.asarray(mixed)
    return np.asarray(benchmark)


@dataclass(frozen=True)
class Selection:
    """The best few models together. model: the name of the one, ENSEMBLE of several; weights: of its models;
    path[1 + windows, h]: what it says, of each window as it was chosen from the other windows, so that its errors are those of
    a choice that did not know them; beaten: whether the benchmark is, by the same scores; where not, that is to be taken. What is
    taken is never farther off on the periods of the windows than the benchmark."""

    model: str
    weights: dict[str, float]
    path: np.ndarray
    beaten: bool


def select(one: BacktestResult, known: ErrorPrior) -> Selection:
    """The best few models of a series together."""
    paths, windows = one.paths, np.arange(len(one.y))
    of_all = weights(one, windows, known)
    each = [of_all, *(weights(one, windows[windows != w], known) for w in windows)]
    path = np.stack([w @ paths[:, at] for at, w in enumerate(each)])
    own, unit = one.missed(np.tensordot(of_all, paths[:, 1:], axes=1)), middle(one.errors())
    usually = sum(w * known.relative.get((one.demand, name), 1.0) for name, w in zip(one.models, of_all, strict=True))
    shares, prior = np.minimum(own / unit, _EXPLODED) if unit > 0 else own, known.prior(one.demand)
    score = (shares.sum() + prior * usually) / (len(windows) + prior) if unit > 0 else usually
    beaten = bool(score < scores(one, one.errors(), known)[one.models.index(BENCHMARK)])
    used = {name: float(w) for name, w in zip(one.models, of_all, strict=True) if w > 0}
    model = next(iter(used)) if len(used) == 1 else ENSEMBLE
    return Selection(model, used, path, beaten)
