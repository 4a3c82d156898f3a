"""Fairness: what a model's choice does to groups of people it was told nothing about."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import library_function, quoted, require_columns
from onecart.intent.training.split import LABEL, border, with_label
from onecart.stats.bootstrap import RESAMPLES, interval, resampled_counts

MIN_ROWS = 30  # smaller groups say nothing, and might name someone
_RATES = ("selection_rate", "true_positive_rate", "calibration_gap")


@library_function("label", "probability", "by")
def audit(
    scored: DataFrame,
    label: str,
    by: Sequence[str],
    *,
    probability: str = "probability",
    share: float = 0.2,
    min_parity: float = 0.8,
    seed: int = 7,
) -> list[dict[str, Any]]:
    """One dict per column of `by` (attribute) and value, the largest group first: the columns of gold.fairness.

    Selected are the rows with the highest probability, as near to `share` of all as ties allow. selection_rate, true_positive_rate: as fairlearn
    has them; calibration_gap: mean probability less the share of positives; each with the ends of its 95 % interval
    (bootstrap). parity: selection_rate / that of the attribute's group selected most (fairlearn's demographic parity
    ratio, group by group); warned: even the upper end of the group's rate is below min_parity of the lower end of that
    group's. Groups under MIN_ROWS rows are left out. UsageError: a column is not there, or share is not inside 0 to 1.

    scored: a row per case with the `label` (0/1, boolean, or two strings as `train` takes them), `probability` and `by`, where
    null counts as `unknown`.
    """
    require_columns(scored, [label, probability, *by], "the audited frame")
    if not 0 < share < 1:
        raise UsageError(f"share={share:g}: the share that is selected lies between 0 and 1")
    if not by:
        return []
    p, y = quoted(probability), F.col(LABEL)
    known = with_label(scored, label, both=False)[0].where(p.isNotNull())
    cut = border(known.select(p.alias("p")), "p", share)
    selected = F.lit(True) if cut is None else p >= cut
    groups = [
        F.struct(F.lit(c).alias("attribute"), F.coalesce(quoted(c).cast("string"), F.lit("unknown")).alias("value"))
        for c in by
    ]
    rows = known.select(F.explode(F.array(*groups)).alias("g"), y.alias("y"), selected.alias("selected"), p.alias("p"))
    counted = rows.groupBy("g.attribute", "g.value").agg(
        *[
            F.count_if((F.col("y") == hit) & (F.col("selected") == chosen)).alias(f"n{hit}{int(chosen)}")
            for hit in (0, 1)
            for chosen in (False, True)
        ],
        F.sum("p").alias("p"),
        F.count("*").alias("n"),
    )
    found = counted.where(F.col("n") >= MIN_ROWS).orderBy("attribute", F.desc("n"), "value").collect()
    draw = np.random.default_rng(seed)
    table = [{"attribute": r["attribute"], "value": r["value"], **_figures(r, draw)} for r in found]
    return [{**row, **_parity(row, table, min_parity)} for row in table]


def _figures(r: Any, draw: Any) -> dict[str, Any]:
    cells = np.array([r["n00"], r["n01"], r["n10"], r["n11"]])
    mean, (point, *resampled) = r["p"] / r["n"], (_rates(c) for c in (cells, *resampled_counts(cells, RESAMPLES, draw)))
    found: dict[str, Any] = {"n": r["n"], "positives": r["n10"] + r["n11"]}
    for i, name in enumerate(_RATES):
        value, others = point[i], np.array([rates[i] for rates in resampled])
        value, others = (mean - value, mean - others) if name == "calibration_gap" else (value, others)
        low, high = interval(others) if not np.isnan(value) else (np.nan, np.nan)
        named = {name: value, f"{name}_low": low, f"{name}_high": high}
        found |= {k: None if np.isnan(v) else float(v) for k, v in named.items()}
    return found


def _rates(cells: Any) -> tuple[float, float, float]:
    """Selected of all, selected of the positives, positives of all."""
    n, hits = cells.sum(), cells[2] + cells[3]
    return (cells[1] + cells[3]) / max(n, 1), cells[3] / hits if hits else np.nan, hits / max(n, 1)


def _parity(row: dict[str, Any], table: list[dict[str, Any]], least: float) -> dict[str, Any]:
    peers = [r for r in table if r["attribute"] == row["attribute"]]
    most = max(peers, key=lambda r: r["selection_rate"])
    parity = row["selection_rate"] / most["selection_rate"] if most["selection_rate"] else 1.0
    return {"parity": parity, "warned": row["selection_rate_high"] < least * most["selection_rate_low"]}
