"""Drift: how far the numbers of today lie from those a model was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.intent.training.encoding import finite

_BORDERS = [i / 10 for i in range(1, 10)]
_LEAST = 1e-4  # share that an empty bin counts as

Profile = dict[str, dict[str, list[float]]]  # column -> borders, and the share of rows in each bin; the last: no value


def profile(df: DataFrame, columns: Sequence[str]) -> Profile:
    """How the rows of `df` spread over ten bins of equal size of each numeric column: counts, no row of data."""
    if not columns:
        return {}
    values = df.select(*[finite(c).alias(str(i)) for i, c in enumerate(columns)])
    tenths = values.approxQuantile(values.columns, _BORDERS, 0.001)
    borders = {c: sorted(set(found)) for c, found in zip(columns, tenths, strict=True)}
    return {c: {"borders": borders[c], "shares": s} for c, s in _shares(df, borders).items()}


def psi(before: Mapping[str, Any], df: DataFrame) -> dict[str, float]:
    """Column -> population stability index of `df` against the profile `before`: the sum over bins of (share now -
    share then) x ln(share now / share then) (Siddiqi, Credit Risk Scorecards, 2006). Below 0.1 is taken as stable, above
    0.25 as moved. No rows: no figures."""
    columns = [c for c in before if c in df.columns]
    now = _shares(df, {c: before[c]["borders"] for c in columns})
    return {c: index(before[c]["shares"], now[c]) for c in now}


def index(then: Sequence[float], now: Sequence[float]) -> float:
    a, b = (np.maximum(np.array(s, dtype=float), _LEAST) for s in (then, now))
    return float(((b - a) * np.log(b / a)).sum())


def _shares(df: DataFrame, borders: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    if not borders:
        return {}
    pairs = [
        F.struct(F.lit(i).alias("i"), _bin(finite(c), edges).alias("bin"))
        for i, (c, edges) in enumerate(borders.items())
    ]
    # One row per value: hundreds of aggregates side by side are slower to plan than this is to run.
    counted = df.select(F.explode(F.array(*pairs)).alias("p")).groupBy("p.i", "p.bin").count().collect()
    found = {(r["i"], r["bin"]): r["count"] for r in counted}
    rows = sum(n for (i, _), n in found.items() if i == 0)
    if not rows:
        return {}
    return {
        c: [found.get((i, k), 0) / rows for k in range(len(edges) + 2)] for i, (c, edges) in enumerate(borders.items())
    }


def _bin(value: Column, edges: Sequence[float]) -> Column:
    """How many borders are below the value; one more than there are: no value."""
    below = F.size(F.filter(F.array(*[F.lit(float(e)) for e in edges]), lambda e: e < value)) if edges else F.lit(0)
    return F.when(value.isNull(), F.lit(len(edges) + 1)).otherwise(below)
