"""Selects a model per series and writes its forecast, backtest and ledger as rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from onecart.forecast import metrics
from onecart.forecast.inputs.series import FREQS, History, Setup
from onecart.forecast.local.backtest import Plan
from onecart.forecast.local.baselines import ends as naive_ends
from onecart.forecast.local.registry import BENCHMARK
from onecart.forecast.local.serialization import backtest_result
from onecart.forecast.selection import intervals
from onecart.forecast.selection.intervals import Spread, calibrated, spreads
from onecart.forecast.selection.selector import ENSEMBLE, BacktestResult, ErrorPrior, Selection, error_prior, select

REPORTED = (80, 95)  # levels whose coverage the backtest says


@dataclass(frozen=True)
class Selector:
    """What was learnt from a sample of the series: what is usual, and by (model, class or '') how wide intervals are."""

    plan: Plan
    prior: ErrorPrior
    spread: dict[tuple[str, str], Spread]

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
        best = select(one, self.prior)
        taken = best.model if best.beaten else BENCHMARK
        for name, (path, names) in _all_paths(one, best).items():
            sizes, spread = spreads(one, path, names, self.prior), self._spread(name, one.demand)
            bands = [intervals.ends(path[at], sizes[at], spread, self.levels) for at in range(len(path))]
            yield from self._forecast(row, name, name == taken, path[0], bands[0])
            yield from self._backtest(row, one, name, path[1:], bands[1:])
        status = "forecast" if best.beaten or [*one.models] == [BENCHMARK] else "fallback"
        yield self._ledger(row, status, _why(one, best, taken), f"{len(row.starts)} windows")

    def _spread(self, name: str, demand: str) -> Spread:
        return self.spread.get((name, demand)) or self.spread.get((name, "")) or self.spread["", ""]

    def _untested(self, row: Any) -> Iterator[dict[str, Any]]:
        y, dates = np.asarray(row.history, float), pd.to_datetime(np.asarray(row.dates), unit="s")
        if row.demand == "dead":  # as uncertain as its silence has been, not as its sales once were
            y = np.zeros(len(y))
        history = History(dates[: len(y)], y, pd.DataFrame(), dates[len(y) :], pd.DataFrame())
        yhat = np.asarray(row.yhats[0], float)
        tails = [(100 - level) / 200 for level in self.levels]
        found = naive_ends(history, Setup(FREQS[self.plan.freq]), yhat, np.array([*tails, *(1 - t for t in tails)]))
        lo, hi = np.maximum(np.minimum(found[: len(tails)], yhat), 0), np.maximum(found[len(tails) :], yhat)
        yield from self._forecast(row, row.models[0], True, yhat, (lo, hi))

    def _forecast(
        self, row: Any, model: str, taken: bool, yhat: np.ndarray, band: tuple[np.ndarray, np.ndarray]
    ) -> Iterator[dict[str, Any]]:
        ahead = pd.to_datetime(np.asarray(row.dates)[row.periods :], unit="s")
        for at, ds in enumerate(ahead):
            ends = {
                f"yhat-{side}-{level}": float(band[end][self.levels.index(level)][at])
                for level in self.plan.levels
                for end, side in enumerate(("lo", "hi"))
            }
            yield {"part": "forecast", "ds": ds, "model": model, "chosen": taken, "yhat": float(yhat[at]), **ends}

    def _backtest(
        self, row: Any, one: BacktestResult, model: str, paths: np.ndarray, bands: list[tuple[np.ndarray, np.ndarray]]
    ) -> Iterator[dict[str, Any]]:
        freq = FREQS[self.plan.freq]
        for start, y, path, (lo, hi) in zip(row.starts, one.y, paths, bands, strict=True):
            known = np.isfinite(y)
            a, f, train = y[known], path[known], np.asarray(row.history[:start], float)
            at = {level: self.levels.index(level) for level in REPORTED}
            yield {
                "part": "backtest",
                "model": model,
                "cutoff": pd.Timestamp(row.dates[start - 1], unit="s"),
                "periods": len(a),
                "mae": metrics.mae(a, f),
                "mase": _or_none(metrics.mase(a, f, train, freq.season if start > freq.season else 1)),
                "rmsse": _or_none(metrics.rmsse(a, f, train)),
                "wape": _or_none(metrics.wape(a, f)),
                "bias": metrics.bias(a, f),
                "pinball": float(np.mean([metrics.pinball(a, e[at[80]][known], q) for e, q in ((lo, 0.1), (hi, 0.9))])),
                **{f"coverage_{k}": metrics.coverage(a, lo[at[k]][known], hi[at[k]][known]) for k in REPORTED},
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
    ones = [backtest_result(row, plan.h) for row in sample]
    prior = error_prior(ones)
    levels = _levels(plan)
    paths: dict[str, list[tuple[str, np.ndarray, np.ndarray]]] = {}
    for one in ones:
        for name, (path, names) in _all_paths(one, select(one, prior)).items():
            sizes = spreads(one, path, names, prior)
            paths.setdefault(name, []).append((one.demand, one.y - path[1:], sizes))
    spread = {
        (name, demand): found for name, parts in paths.items() for demand, found in calibrated(parts, levels).items()
    }
    everything = calibrated([one for parts in paths.values() for one in parts], levels)
    return Selector(plan, prior, {**spread, ("", ""): everything[""]})


def _levels(plan: Plan) -> tuple[int, ...]:
    return tuple(sorted({*plan.levels, *REPORTED}))


def _all_paths(one: BacktestResult, best: Selection) -> dict[str, tuple[np.ndarray, list[str]]]:
    """Model -> (what it says, the models it is made of)."""
    paths = {name: (one.yhats[name], [name]) for name in one.models}
    return paths | ({ENSEMBLE: (best.path, [*best.weights])} if best.model == ENSEMBLE else {})


def _why(one: BacktestResult, best: Selection, taken: str) -> str:
    error = dict(zip(one.models, one.errors().mean(axis=1), strict=True))
    tried = ", ".join(f"{name} {value:.4g}" for name, value in sorted(error.items(), key=lambda pair: pair[1]))
    if taken != ENSEMBLE:
        words = "" if best.beaten else ": not beaten on the backtest"
        return f"{taken}{words}; mean absolute errors: {tried}"
    of = ", ".join(f"{name} {weight:.0%}" for name, weight in best.weights.items())
    return f"ensemble of {of}; mean absolute errors alone: {tried}"


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
