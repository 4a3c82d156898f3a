"""`decide.assign` on ever more customers: time, gap to the bound and memory."""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from onecart.bench.memory import Peak
from onecart.decide import assign
from onecart.frames import break_lineage

SIZES = (1_000, 100_000, 1_000_000)
ENGINES = ("pandas", "spark")
TABLE: tuple[tuple[str, str], ...] = (
    ("engine", "{}"),
    ("customers", "{:,}"),
    ("offers", "{}"),
    ("seconds", "{:.1f}"),
    ("exponent", "{:.2f}"),
    ("gap", "{:.5%}"),
    ("spent_of_budget", "{:.4f}"),
    ("chosen", "{:,}"),
    ("peak_gib", "{:.2f}"),
)
_OFFERS = {"a": 0.5, "b": 0.7, "c": 0.3, "d": 1.0, "e": 0.2}  # offer -> cost
_CAPPED = {"c": 0.02, "d": 0.01}  # of the customers
_BUDGET = 0.1  # per customer


def measure(spark: SparkSession, sizes: list[int], engines: list[str] | None, seed: int) -> Iterator[dict[str, Any]]:
    """One row per engine and size: values are gamma distributed, a budget and two caps are short. exponent: of the number of
    customers in the time, from the size before; peak_gib: of this process with its JVM, the rows to choose from included."""
    for engine in engines or ENGINES:
        before: tuple[int, float] | None = None
        for n in sizes:
            rows: Any = _rows(n, seed)
            if engine == "spark":
                rows = spark.createDataFrame(rows).transform(break_lineage)
            with Peak() as peak:
                clock = time.monotonic()
                plan = assign(rows, _BUDGET * n, {name: math.floor(part * n) for name, part in _CAPPED.items()})
                chosen = len(plan.chosen) if engine == "pandas" else plan.chosen.agg(F.count("*")).first()[0]
                seconds = time.monotonic() - clock
            grown = math.log(seconds / before[1]) / math.log(n / before[0]) if before else None
            before = (n, seconds)
            figures = {
                "seconds": seconds,
                "exponent": grown,
                "gap": plan.gap,
                "spent_of_budget": plan.spent / (_BUDGET * n),
            }
            yield {
                "engine": engine,
                "customers": n,
                "offers": len(_OFFERS),
                **figures,
                "chosen": chosen,
                "peak_gib": peak.gib,
            }


def _rows(n: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(n), len(_OFFERS)),
            "offer": np.tile([*_OFFERS], n),
            "value": draw.gamma(2, 1, n * len(_OFFERS)),
            "cost": np.tile([*_OFFERS.values()], n),
        }
    )
