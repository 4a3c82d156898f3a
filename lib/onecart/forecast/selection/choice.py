"""What is taken for a series: for the expected value the models that squared errors choose, for the median those of absolute ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from onecart.forecast.local.registry import BENCHMARK
from onecart.forecast.selection.selector import (
    ABSOLUTE,
    ENSEMBLE,
    LOSSES,
    SQUARED,
    BacktestResult,
    ErrorPrior,
    Selection,
    error_prior,
    select,
)

OF_MEDIANS = ("extra_trees", "lstm")
"""Models that learn by Huber's loss: what is left of their mean is no expected value."""
Priors = Mapping[str, ErrorPrior]
"""By loss."""


@dataclass(frozen=True)
class Path:
    """[1 + windows, h]: the expected value and the median that a model says, made of the models `names`."""

    mean: np.ndarray
    median: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """mean, median: the selections; ensemble: of both, None where one model is taken for both."""

    mean: Selection
    median: Selection
    ensemble: Path | None

    @property
    def model(self) -> str:
        return ENSEMBLE if self.ensemble else _taken(self.mean)

    @property
    def beaten(self) -> bool:
        return self.mean.beaten or self.median.beaten

    @property
    def words(self) -> str:
        """Which models, for the ledger."""
        mean, median = _words(self.mean), _words(self.median)
        return mean if mean == median else f"{mean}; its median: {median}"


def choose(one: BacktestResult, paths: Mapping[str, Path], priors: Priors) -> Choice:
    """Of a tested series and what its models say."""
    results = _results(one, paths)
    mean, median = (select(results[loss], priors[loss]) for loss in (SQUARED, ABSOLUTE))
    if ENSEMBLE not in (_taken(mean), _taken(median)) and _taken(mean) == _taken(median):
        return Choice(mean, median, None)
    (of_mean, names), (of_median, _) = (
        _path(results[loss], best) for loss, best in ((SQUARED, mean), (ABSOLUTE, median))
    )
    return Choice(mean, median, Path(of_mean, of_median, names))


def priors_of(tested: Iterable[tuple[BacktestResult, Mapping[str, Path]]]) -> Priors:
    """What is usual, by each loss."""
    results = [_results(one, paths) for one, paths in tested]
    return {loss: error_prior(result[loss] for result in results) for loss in LOSSES}


def _results(one: BacktestResult, paths: Mapping[str, Path]) -> dict[str, BacktestResult]:
    means = {name: path.mean for name, path in paths.items() if name not in OF_MEDIANS}
    medians = {name: path.median for name, path in paths.items()}
    return {SQUARED: replace(one, yhats=means, loss=SQUARED), ABSOLUTE: replace(one, yhats=medians, loss=ABSOLUTE)}


def _taken(best: Selection) -> str:
    return best.model if best.beaten else BENCHMARK


def _path(one: BacktestResult, best: Selection) -> tuple[np.ndarray, tuple[str, ...]]:
    return (best.path, (*best.weights,)) if best.beaten else (one.yhats[BENCHMARK], (BENCHMARK,))


def _words(best: Selection) -> str:
    if _taken(best) != ENSEMBLE:
        return f"{_taken(best)}{'' if best.beaten else ': not beaten on the backtest'}"
    return f"ensemble of {', '.join(f'{name} {weight:.0%}' for name, weight in best.weights.items())}"
