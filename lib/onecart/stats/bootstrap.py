"""The Poisson bootstrap: in each draw a row counts as often as a Poisson number of mean 1 says, so that resamples can be made
from counts, and wherever the rows lie (Chamandy et al., Estimating Uncertainty for Massive Data Streams, 2012)."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

INTERVAL = (0.025, 0.975)
RESAMPLES = 200


def resampled_counts(counts: Any, resamples: int, draw: np.random.Generator) -> Any:
    """[resample, *the shape of counts]: how often each kind of row comes, where `counts` says how many rows are alike."""
    return draw.poisson(counts, (resamples, *np.shape(counts)))


def interval(statistics: Any) -> tuple[float, float]:
    """The ends of the 95 % interval (percentile bootstrap) of a statistic, from its values on the resamples; NaN: it had none
    on that one."""
    low, high = np.nanquantile(statistics, INTERVAL)
    return float(low), float(high)


def means_by(
    rows: DataFrame, unit: str, by: str, names: Sequence[str], resamples: int = RESAMPLES, seed: int = 7
) -> pd.DataFrame:
    """One row per value of the column `by` of `rows`, a text and the index: <name>_low and <name>_high, the 95 % interval of
    the mean of each column `names`, for all values in one pass. Rows without a value in `by` are left out.

    rows: one row per `unit`, whose hash and `seed` give its Poisson numbers, so they do not depend on how rows are spread.
    Only sums leave the workers. Empty where `rows` is.
    """
    key = F.xxhash64(unit, F.lit(seed)).alias("key")
    schema = "__by string, draw int, n double, " + ", ".join(f"`{name}` double" for name in names)

    def drawn(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            counts = np.stack([np.random.default_rng(int(k) % 2**63).poisson(1, resamples) for k in batch["key"]])
            values = batch[[*names]].to_numpy(float)
            for value, at in batch.groupby("__by").indices.items():
                sums = dict(zip(names, (counts[at].T @ values[at]).T, strict=True))
                yield pd.DataFrame({"__by": value, "draw": range(resamples), "n": counts[at].sum(0), **sums})

    parts = rows.select(key, F.col(by).cast("string").alias("__by"), *names).mapInPandas(drawn, schema)
    sums = parts.groupBy("__by", "draw").agg(F.sum("n").alias("n"), *[F.sum(name).alias(name) for name in names])
    table = sums.toPandas()
    means = table[[*names]].div(table["n"].clip(lower=1), axis=0).groupby(table["__by"].rename(None))
    low, high = (means.quantile(end).add_suffix(side) for end, side in zip(INTERVAL, ("_low", "_high"), strict=True))
    return low.join(high)
