"""Judging an experiment at a number of units."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from onecart.measure import experiment
from onecart.samples.seeded_random import Dice, with_sql

TABLE: tuple[tuple[str, str], ...] = (
    ("units", "{:,}"),
    ("sums_s", "{:.1f}"),
    ("unique_s", "{:.1f}"),
    ("effect", "{:.4f}"),
    ("lo", "{:.4f}"),
    ("hi", "{:.4f}"),
)
_METRICS = ("bought", "spend", ("spend", "visits"))
_LIFT = 0.05  # that the treated spend more


def measure(spark: SparkSession, sizes: Sequence[int], seed: int) -> Iterator[dict[str, Any]]:
    """One row per size, as soon as it is known: the columns of TABLE.

    Units on disk, two arms, three metrics (one a ratio) with a covariate. sums_s: the verdict from one pass; unique_s: with the
    second pass that looks for units with several rows. effect, lo, hi: of spend, whose true effect is _LIFT.
    """
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="onecart-bench-") as folder:
            units(spark, size, seed).write.parquet(f"{folder}/units")
            rows = spark.read.parquet(f"{folder}/units")
            seconds = []
            for unit in (None, "unit_id"):
                begun = time.monotonic()
                found = experiment(rows, _METRICS, "control", covariate="before", unit=unit)
                seconds.append(round(time.monotonic() - begun, 2))
            spend = found.table.set_index("metric").loc["spend"]
            figures = {name: float(spend[name]) for name in ("effect", "lo", "hi")}
            yield {"units": size, "seed": seed, "sums_s": seconds[0], "unique_s": seconds[1], **figures}


def units(spark: SparkSession, n: int, seed: int) -> DataFrame:
    """`n` units with unit_id, arm (treated | control), before, spend, visits and bought. Seeded."""
    dice = Dice(seed)
    rows = with_sql(spark.range(n), unit_id="concat('u', id)", before=f"10 * {dice.u('before', 'id')}")
    rows = with_sql(rows, arm=f"IF({dice.chance(0.5, 'arm', 'id')}, 'treated', 'control')")
    lift = f"IF(arm = 'treated', {_LIFT}, 0)"
    rows = with_sql(
        rows, spend=f"before + 4 * {dice.u('spend', 'id')} + {lift}", visits=f"1 + {dice.below(5, 'visits', 'id')}"
    )
    return with_sql(rows, bought="spend > 9").drop("id")
