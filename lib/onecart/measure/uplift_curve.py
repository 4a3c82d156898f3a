"""The uplift curve and the Qini coefficient of a score, from any frame."""

from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import NUMBERS, library_function, require_columns, require_type
from onecart.stats import qini as core
from onecart.stats.bootstrap import RESAMPLES, interval

_WHOLE = (
    100_000  # rows up to which each counts by itself; above, scores are told apart by their thousandths of the rows
)
_SHARES = 1_000


@library_function()
def qini(scored: DataFrame, *, resamples: int = RESAMPLES, seed: int = 7) -> dict[str, Any]:
    """Measures how well a score finds those whom a treatment moves: definition in `onecart.stats.qini`.

    scored: one row per unit: outcome (number), treated (0/1 or boolean), score (the higher, the sooner it would be treated).
    Assignment must have been random. -> qini (per treated row, in units of the outcome), qini_low and qini_high (95 % bootstrap
    interval), effect (mean of the treated less that of the controls), treated and controls (rows), curve (pandas: share of all
    rows, gain per treated row, chord). Of more than 100,000 rows, scores are put into 1,000 steps of equally many rows.

    UsageError: a column is missing or no number, a value is missing, or an arm has no rows.
    """
    require_columns(scored, ("outcome", "treated", "score"), "measure.qini: scored")
    for name in ("outcome", "score"):
        require_type(scored, name, NUMBERS, "measure.qini: scored")
    rows = scored.select(*[F.col(c).cast("double").alias(c) for c in ("outcome", "treated", "score")])
    endless = F.lit(float("inf"))  # Spark sorts NaN above it
    sane = (F.abs("outcome") < endless) & (F.abs("score") < endless) & F.col("treated").isin(0.0, 1.0)
    counted = rows.agg(F.count("*"), F.count_if(~F.coalesce(sane, F.lit(False))), F.sum("treated")).first()
    total, broken, treated = int(counted[0]), int(counted[1]), counted[2]  # type: ignore[index]
    if broken:
        raise UsageError(
            f"measure.qini: {broken:,} of {total:,} rows lack an outcome, a score or a treated of 0 or 1; leave them out"
        )
    if not total or not 0 < treated < total:
        raise UsageError("measure.qini: scored needs treated rows and controls; one of the two has none")
    if total <= _WHOLE:
        table = rows.toPandas().sort_values(["score", "treated", "outcome"])
        y, t, s = (table[c].to_numpy() for c in ("outcome", "treated", "score"))
        steps, draws = core.steps(y, t, s), core.qini_draws(y, t, [s], resamples=resamples, seed=seed)[0]
    else:
        n, sums, squares, scores = _sums(rows)
        steps = core.Steps(scores, n[1], n[0], sums[1], sums[0])
        draws = core.drawn_from_steps(n, sums, squares, resamples=resamples, seed=seed)
    low, high = interval(draws)
    effect = steps.gained.sum() / steps.treated.sum() - steps.would.sum() / steps.controls.sum()
    return {
        "qini": steps.qini(),
        "qini_low": low,
        "qini_high": high,
        "effect": float(effect),
        "treated": int(steps.treated.sum()),
        "controls": int(steps.controls.sum()),
        "curve": pd.DataFrame(steps.curve()),
    }


def _sums(rows: DataFrame) -> tuple[Any, Any, Any, Any]:
    """([arm, step] rows, sums and squares of outcomes, and the steps' scores), the highest scores first."""
    borders = sorted(set(rows.approxQuantile("score", [i / _SHARES for i in range(1, _SHARES)], 1 / (4 * _SHARES))))
    step = F.size(F.filter(F.array(*map(F.lit, borders)), lambda b: b < F.col("score")))
    square = F.col("outcome") * F.col("outcome")
    sums = rows.groupBy(step.alias("step"), "treated").agg(
        F.count("*").alias("n"),
        F.sum("outcome").alias("sum"),
        F.sum(square).alias("squares"),
        F.max("score").alias("top"),
    )
    table = sums.toPandas().sort_values(["step", "treated"])
    wide = table.pivot(index="step", columns="treated", values=["n", "sum", "squares", "top"]).sort_index(
        ascending=False
    )
    n, total, squares = (
        np.stack([wide[c][arm].fillna(0).to_numpy(float) for arm in (0.0, 1.0)]) for c in ("n", "sum", "squares")
    )
    return n, total, squares, np.nanmax(wide["top"].to_numpy(float), axis=1)
