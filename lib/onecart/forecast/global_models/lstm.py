"""A network over all series: windows of them in the workers, trained by `deep`, scored in the workers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from onecart.forecast.global_models.boosted import Origins, Predict
from onecart.forecast.global_models.origins import Series, drawn, training_origins
from onecart.forecast.global_models.settings import Training
from onecart.forecast.global_models.training_rows import FEWEST, series_in, targets, together
from onecart.forecast.inputs.series import FREQS
from onecart.forecast.local.backtest import Plan

WINDOWS = "unique_id STRING, t INT, past ARRAY<FLOAT>, ahead ARRAY<FLOAT>, ratio ARRAY<FLOAT>, weight ARRAY<FLOAT>"
_PAST = {8766: 168, 365: 56, 52: 56, 12: 26, 4: 12, 1: 8}  # periods that are read, by those of a year
_FARTHEST = 5.0  # spreads of a regressor from its mean


def fit_lstm(
    names: Sequence[str], found: DataFrame, plan: Plan, cutoff: int | None, training: Training
) -> dict[str, bytes]:
    """The network as bytes, the one of `names`, of `training.windows` origins at most, which come to the driver; none where there are too few rows."""
    import torch

    from onecart.deep import saved, trained
    from onecart.forecast.global_models.network import Lstm

    rows = training_windows(found, plan, cutoff, training.windows).toPandas()
    if len(rows) * plan.h < FEWEST:
        return {}
    rows = rows.sort_values(["unique_id", "t"])
    past, ahead, ratio, weight = (np.stack(rows[name].tolist()) for name in ("past", "ahead", "ratio", "weight"))
    past = past.reshape(len(rows), _PAST[FREQS[plan.freq].year], -1)
    ahead = ahead.reshape(len(rows), plan.h, -1)
    seed = plan.seed % 2**31
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Lstm(past=past.shape[2], ahead=ahead.shape[2])
    (name,), parts = names, (past, ahead, ratio, weight / weight.mean())
    return {name: saved(trained(network, parts, training.fit(seed), name))}


def training_windows(found: DataFrame, plan: Plan, cutoff: int | None, windows: int) -> DataFrame:
    """WINDOWS, key unique_id, t: about `windows` of all origins before `cutoff`; the arrays of `inputs` flat, and the targets with
    weights, which are 0 for what is unknown or not before `cutoff`."""
    _, origins = training_origins(found, plan, cutoff)
    share = windows / max(1, origins)

    def run(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for ones in series_in(batches, plan):
            yield from together(_windows(one, cutoff, share, plan) for one in ones)

    return found.mapInPandas(run, WINDOWS)


def _windows(one: Series, cutoff: int | None, share: float, plan: Plan) -> dict[str, Any]:
    t, _ = drawn(one, plan, cutoff, share, steps=1)
    past, ahead = inputs(one, t, plan)
    n = one.periods_before(cutoff)
    at = t[:, None] + np.arange(plan.h)
    inside = np.minimum(at, n - 1)
    ratio, weight = targets(one, t[:, None], inside)
    weight = weight * ((at < n) & one.known[inside])
    past, ahead = (part.reshape(len(t), part.shape[1] * part.shape[2]) for part in (past, ahead))
    flat = {"past": past, "ahead": ahead, "ratio": ratio, "weight": weight}
    arrays = {name: values.astype(np.float32) for name, values in flat.items()}
    return {"unique_id": np.full(len(t), one.unique_id, object), "t": t, **arrays}


def inputs(one: Series, t: np.ndarray, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """(past[origin, date, channel], ahead[origin, date, channel]) float32, when the first t values are known.

    past: ln(1 + value over level), whether it was known, the calendar, the regressors. ahead: the same of one season and of one
    year before, the step, the level, the calendar, the regressors, which count in spreads from their mean before t.
    """
    freq = FREQS[plan.freq]
    level = np.maximum(one.levels[t], 1e-9)[:, None]
    back = t[:, None] + np.arange(-_PAST[freq.year], 0)
    target = t[:, None] + np.arange(plan.h)
    past = [*_values(one, back, level), *_calendar(one.dates, np.maximum(back, 0), plan)]
    ahead = [(target - t[:, None] + 1) / plan.h, np.broadcast_to(np.log1p(level) / 5, target.shape)]
    for season in dict.fromkeys((freq.season, freq.year)):
        same = target - season * (-(-(target - t[:, None] + 1) // season))
        ahead += _values(one, same, level)
    ahead += _calendar(one.dates, target, plan)
    for values in one.x:
        mean, spread = _before(values, t)
        for parts, at in ((past, np.maximum(back, 0)), (ahead, target)):
            z = np.clip((values[at] - mean) / np.maximum(spread, 1e-9), -_FARTHEST, _FARTHEST)
            parts.append(np.nan_to_num(z))
    return np.stack(past, axis=2).astype(np.float32), np.stack(ahead, axis=2).astype(np.float32)


def _values(one: Series, at: np.ndarray, level: np.ndarray) -> list[np.ndarray]:
    inside, place = at >= 0, np.maximum(at, 0)
    return [np.where(inside, np.log1p(one.y[place] / level), 0.0), (inside & one.known[place]).astype(float)]


def _calendar(dates: np.ndarray, at: np.ndarray, plan: Plan) -> list[np.ndarray]:
    step, days = FREQS[plan.freq].step, pd.DatetimeIndex(dates.astype("datetime64[s]"))
    angles = [days.dayofyear / 365.25]
    if step in ("D", "h"):
        angles.append(days.dayofweek / 7)
    if step == "h":
        angles.append(days.hour / 24)
    waves = [wave(2 * np.pi * np.asarray(angle, float)) for angle in angles for wave in (np.sin, np.cos)]
    return [wave[at] for wave in waves]


def _before(values: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of a regressor's known values among the first t; [origin, 1]."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    count, total, square = (np.r_[0.0, np.cumsum(part)][t] for part in (known, filled, filled**2))
    mean = total / np.maximum(count, 1)
    return mean[:, None], np.sqrt(np.maximum(square / np.maximum(count, 1) - mean**2, 0))[:, None]


def open_lstm(stored: dict[str, bytes], plan: Plan) -> Predict:
    """What `fit_lstm` gave, ready to predict, on the GPU where there is one."""
    import torch

    from onecart.deep import loaded, threads
    from onecart.forecast.global_models.network import Lstm

    ((name, weights),) = stored.items()
    network: Any = loaded(Lstm, weights)
    device = network.second.weight.device

    def predict(origins: Origins) -> dict[str, np.ndarray]:
        parts = [inputs(one, np.array([t]), plan) for one, t in origins]
        past, ahead = (torch.from_numpy(np.concatenate(part)).to(device) for part in zip(*parts, strict=True))
        expected = np.stack([one.expected(np.full(plan.h, t), t + np.arange(plan.h)) for one, t in origins])
        with threads(1):  # a worker has one core
            ratio = network(past, ahead).cpu().numpy().astype(float)
        return {name: np.asarray(expected * ratio)}

    return predict
