"""Selects a model per series and writes its forecast, backtest and ledger as rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from onecart.forecast import metrics
from onecart.forecast.inputs.series import FREQS, History, Setup
from onecart.forecast.local.backtest import Plan
from onecart.forecast.local.baselines import ends as naive_ends
from onecart.forecast.local.registry import BENCHMARK, PLAIN
from onecart.forecast.local.serialization import backtest_result
from onecart.forecast.selection import intervals
from onecart.forecast.selection.choice import OF_MEDIANS, Choice, Path, Priors, choose, priors_of
from onecart.forecast.selection.expected import Correction, corrections
from onecart.forecast.selection.intervals import Spread, calibrated, spreads
from onecart.forecast.selection.selector import ABSOLUTE, ENSEMBLE, SQUARED, BacktestResult, ErrorPrior, error_prior

MEDIAN = "yhat-median"
REPORTED = (80, 95)  # levels whose coverage the backtest says


@dataclass(frozen=True)
class Law:
    """What a series will sell, by step: the expected value, the median, and the ends of the intervals, [level, step]."""

    mean: np.ndarray
    median: np.ndarray
    lo: np.ndarray
    hi: np.ndarray

    @classmethod
    def of(cls, mean: np.ndarray, median: np.ndarray, size: float, spread: Spread, levels: Sequence[int]) -> "Law":
        """Of errors that are usually of `size` around `mean`; the median as far as the widest interval holds it, and all hold it."""
        lo, hi = intervals.ends(mean, size, spread, levels)
        median = np.clip(median, lo.min(axis=0), hi.max(axis=0))
        return cls(mean, median, np.minimum(lo, median), np.maximum(hi, median))


@dataclass(frozen=True)
class Known:
    """What was learnt of the models from a sample of the series, by (model, class or ''): what bias is left, and how far errors
    spread; sizes: what is usual of absolute errors."""

    sizes: ErrorPrior
    bias: dict[tuple[str, str], Correction] = field(default_factory=dict)
    spread: dict[tuple[str, str], Spread] = field(default_factory=dict)

    def learn(
        self, name: str, parts: Sequence[tuple[BacktestResult, np.ndarray, tuple[str, ...]]], levels: Any
    ) -> list[Any]:
        """From what the model said of each series [1 + windows, h], and of which models it was made; the errors that are left."""
        if name not in (
            *PLAIN,
            ENSEMBLE,
        ):  # others are measured by the plain ones; an ensemble's models have had theirs taken off
            found = corrections((one.demand, one.size, one.y, yhat) for one, yhat, _ in parts)
            self.bias.update({(name, demand): correction for demand, correction in found.items()})
        means = [(one, self.mean(name, one, yhat), names) for one, yhat, names in parts]
        errors = [(one.demand, one.y - mean[1:], spreads(one, mean, names, self.sizes)) for one, mean, names in means]
        self.spread.update({(name, demand): spread for demand, spread in calibrated(errors, levels).items()})
        return errors

    def mean(self, name: str, one: BacktestResult, yhat: np.ndarray) -> np.ndarray:
        return np.asarray(yhat * _of(self.bias, name, one.demand, Correction()).factors(len(one.y)))

    def of(self, name: str, one: BacktestResult) -> Spread:
        found: Spread = _of(self.spread, name, one.demand, self.spread["", ""])
        return found

    def path(self, name: str, one: BacktestResult) -> Path:
        """What the model `name` says of the series, its bias taken off; one that learns medians says the median itself."""
        yhat = one.yhats[name]
        if name in PLAIN:
            return Path(yhat, yhat, (name,))
        mean = self.mean(name, one, yhat)
        if name in OF_MEDIANS:
            return Path(mean, yhat, (name,))
        sizes = spreads(one, mean, [name], self.sizes, power=0.0)
        return Path(mean, intervals.median(mean, sizes[:, None], self.of(name, one)), (name,))


@dataclass(frozen=True)
class Selector:
    """What was learnt from a sample of the series: of the models, and by each loss what is usual of them."""

    plan: Plan
    known: Known
    priors: Priors

    @cached_property
    def levels(self) -> tuple[int, ...]:
        return _levels(self.plan)

    def rows(self, row: Any) -> list[dict[str, Any]]:
        """A row of SOLVED -> rows whose `part` is forecast, backtest or ledger; one is the ledger's."""
        parts = self._parts(row) if row.status != "rejected" else iter([self._ledger(row, row.status, row.reason)])
        return [{"unique_id": row.unique_id, **part} for part in parts]

    def _parts(self, row: Any) -> Iterator[dict[str, Any]]:
        if row.status == "fallback":
            yield from self._untested(row)
            yield self._ledger(row, row.status, row.reason)
            return
        one = backtest_result(row, self.plan.h)
        paths = {name: self.known.path(name, one) for name in one.models}
        choice = choose(one, paths, self.priors)
        if choice.ensemble:
            paths[ENSEMBLE] = choice.ensemble
        for name, path in paths.items():
            sizes, spread = spreads(one, path.mean, path.names, self.known.sizes), self.known.of(name, one)
            rows = zip(path.mean, path.median, sizes, strict=True)
            laws = [Law.of(mean, median, size, spread, self.levels) for mean, median, size in rows]
            yield from self._forecast(row, name, name == choice.model, laws[0])
            yield from self._backtest(row, one, name, name == choice.model, laws[1:])
        status = "forecast" if choice.beaten or [*one.models] == [BENCHMARK] else "fallback"
        yield self._ledger(row, status, _why(one, choice), f"{len(row.starts)} windows")

    def _untested(self, row: Any) -> Iterator[dict[str, Any]]:
        y, dates = np.asarray(row.history, float), pd.to_datetime(np.asarray(row.dates), unit="s")
        if row.demand == "dead":  # as uncertain as its silence has been, not as its sales once were
            y = np.zeros(len(y))
        history = History(dates[: len(y)], y, pd.DataFrame(), dates[len(y) :], pd.DataFrame())
        yhat = np.asarray(row.yhats[0], float)
        tails = [(100 - level) / 200 for level in self.levels]
        found = naive_ends(history, Setup(FREQS[self.plan.freq]), yhat, np.array([*tails, *(1 - t for t in tails)]))
        lo, hi = np.maximum(np.minimum(found[: len(tails)], yhat), 0), np.maximum(found[len(tails) :], yhat)
        yield from self._forecast(row, row.models[0], True, Law(yhat, yhat, lo, hi))

    def _forecast(self, row: Any, model: str, taken: bool, law: Law) -> Iterator[dict[str, Any]]:
        ahead = pd.to_datetime(np.asarray(row.dates)[row.periods :], unit="s")
        for at, ds in enumerate(ahead):
            ends = {
                f"yhat-{side}-{level}": float(getattr(law, side)[self.levels.index(level)][at])
                for level in self.plan.levels
                for side in ("lo", "hi")
            }
            numbers = {"yhat": float(law.mean[at]), MEDIAN: float(law.median[at]), **ends}
            yield {"part": "forecast", "ds": ds, "model": model, "chosen": taken, **numbers}

    def _backtest(
        self, row: Any, one: BacktestResult, model: str, taken: bool, laws: Sequence[Law]
    ) -> Iterator[dict[str, Any]]:
        freq = FREQS[self.plan.freq]
        for start, y, law in zip(row.starts, one.y, laws, strict=True):
            known = np.isfinite(y)
            a, mean, median, train = (
                y[known],
                law.mean[known],
                law.median[known],
                np.asarray(row.history[:start], float),
            )
            end = {k: (law.lo[self.levels.index(k)][known], law.hi[self.levels.index(k)][known]) for k in REPORTED}
            yield {
                "part": "backtest",
                "model": model,
                "chosen": taken,
                "cutoff": pd.Timestamp(row.dates[start - 1], unit="s"),
                "periods": len(a),
                "mae": metrics.mae(a, median),
                "mase": _or_none(metrics.mase(a, median, train, freq.season if start > freq.season else 1)),
                "rmse": metrics.rmse(a, mean),
                "rmsse": _or_none(metrics.rmsse(a, mean, train)),
                "wape": _or_none(metrics.wape(a, median)),
                "bias": metrics.bias(a, mean),
                "pinball": float(np.mean([metrics.pinball(a, e, q) for e, q in zip(end[80], (0.1, 0.9), strict=True)])),
                **{f"coverage_{k}": metrics.coverage(a, *end[k]) for k in REPORTED},
                "units": float(np.sum(a)),
            }

    def _ledger(self, row: Any, status: str, reason: str, *more: str) -> dict[str, Any]:
        notes = [reason, *more, *(row.notes if row.notes is not None else ())]
        return {
            "part": "ledger", "status": status, "reason": "; ".join(n for n in notes if n), "demand": row.demand or None,
            "periods": int(row.periods), "units": float(row.units),
        }  # fmt: skip


def fit_selector(sample: Iterable[Any], plan: Plan) -> Selector:
    """What the tested series of `sample`, rows of SOLVED, say together."""
    ones, levels = [backtest_result(row, plan.h) for row in sample], _levels(plan)
    known = Known(error_prior(replace(one, loss=ABSOLUTE) for one in ones))
    errors: list[Any] = []
    for name in dict.fromkeys(name for one in ones for name in one.models):
        errors += known.learn(name, [(one, one.yhats[name], (name,)) for one in ones if name in one.yhats], levels)
    known.spread["", ""] = calibrated(errors, levels)[""]
    paths = [{name: known.path(name, one) for name in one.models} for one in ones]
    priors = priors_of(zip(ones, paths, strict=True))
    choices = [(one, choose(one, of_one, priors).ensemble) for one, of_one in zip(ones, paths, strict=True)]
    known.learn(ENSEMBLE, [(one, path.mean, path.names) for one, path in choices if path], levels)
    return Selector(plan, known, priors)


def _of(known: Mapping[tuple[str, str], Any], model: str, demand: str, otherwise: Any) -> Any:
    """What is known of the model and the class, or of the model."""
    return known.get((model, demand)) or known.get((model, "")) or otherwise


def _levels(plan: Plan) -> tuple[int, ...]:
    return tuple(sorted({*plan.levels, *REPORTED}))


def _why(one: BacktestResult, choice: Choice) -> str:
    mean = np.sqrt(replace(one, loss=SQUARED).errors().mean(axis=1))
    error = sorted(zip(mean, one.models, strict=True))
    tried = ", ".join(f"{name} {value:.4g}" for value, name in error)
    return f"{choice.words}; root mean squared errors, of days and their sum: {tried}"


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
