"""What changed since last week, and why: other visits (mix), or visits that bought more or less often (rate)."""

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.contracts import contract
from onecart.stats.proportions import newcombe

_WEEK = timedelta(days=7)
ALL = "all"


def write_conversion_changes(ctx: Context) -> str:
    """Replaces gold.conversion_changes: the seven days before as_of against the seven before those, from
    gold.conversion_breakdown. Says both weeks' rates."""
    as_of = ctx.as_of()
    begin, middle = as_of - 2 * _WEEK, as_of - _WEEK
    days = ctx.lake.read("gold.conversion_breakdown").where(F.col("day").between(begin, as_of - timedelta(days=1)))
    base = (F.col("step") == "visit") & (F.col("dimension") != "place")
    places = (F.col("step") == "visitor") & (F.col("dimension") == "place")
    now = F.col("day") >= F.lit(middle)
    sums = days.where(base | places).groupBy("dimension", "value")
    counts = sums.agg(
        *[F.sum(F.when(~now, F.col(c)).otherwise(0)).alias(f"{c}_before") for c in ("hits", "of")],
        *[F.sum(F.when(now, F.col(c)).otherwise(0)).alias(c) for c in ("hits", "of")],
    ).toPandas()  # a row per channel, device, campaign and segment
    found = pd.concat([_frame([]), *(changes(rows) for _, rows in counts.groupby("dimension", sort=True))])
    rows = [(*row, as_of) for row in found.itertuples(index=False)]
    schema = contract("gold.conversion_changes").schema
    ctx.lake.replace("gold.conversion_changes", ctx.spark.createDataFrame(rows, schema))
    return _words(found)


def changes(counts: pd.DataFrame) -> pd.DataFrame:
    """Shares the change of a conversion rate out over one dimension's values, without a rest.

    counts: one row per value: dimension, value, hits_before of of_before, hits of of. Returned: the columns of
    gold.conversion_changes but as_of, the values and their sum (value `all`); nothing where one of the weeks is empty.

    With shares s and rates r of the two weeks, mix = (s1 - s0) x ((r0 + r1) / 2 - R), rate = (r1 - r0) x (s0 + s1) / 2, R the mean
    of the two overall rates (Das Gupta, Standardization and Decomposition of Rates, 1993): a value gains by mix where it
    grew and is better than the whole. Of a value that was there in one week only, all is mix.
    """
    before, now = counts["of_before"].to_numpy(float), counts["of"].to_numpy(float)
    if not (before.sum() and now.sum()):
        return _frame([])
    hits_before, hits = counts["hits_before"].to_numpy(float), counts["hits"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate_before, rate = hits_before / before, hits / now
    first = np.where(before > 0, rate_before, rate)
    second = np.where(now > 0, rate, rate_before)
    share_before, share = before / before.sum(), now / now.sum()
    overall = (hits_before.sum() / before.sum() + hits.sum() / now.sum()) / 2
    mix = (share - share_before) * ((first + second) / 2 - overall)
    by_rate = (second - first) * (share_before + share) / 2
    dimension = counts["dimension"].iloc[0]
    rows = [
        _row(dimension, value, *numbers)
        for value, *numbers in zip(
            counts["value"], hits_before, before, hits, now, share_before, share, mix, by_rate, strict=True
        )
    ]
    whole = _row(
        dimension, ALL, hits_before.sum(), before.sum(), hits.sum(), now.sum(), 1.0, 1.0, mix.sum(), by_rate.sum()
    )
    return _frame([whole, *rows])


def _row(
    dimension: str,
    value: str,
    hits_before: float,
    before: float,
    hits: float,
    now: float,
    share_before: float,
    share: float,
    mix: float,
    by_rate: float,
) -> dict[str, object]:
    known = bool(before and now)
    low, high = newcombe(int(hits), int(now), int(hits_before), int(before)) if known else (None, None)
    return {
        "dimension": dimension,
        "value": value,
        "visits_before": int(before),
        "visits": int(now),
        "purchases_before": int(hits_before),
        "purchases": int(hits),
        "share_before": float(share_before),
        "share": float(share),
        "rate_before": float(hits_before / before) if before else None,
        "rate": float(hits / now) if now else None,
        "change_low": low,
        "change_high": high,
        "mix_effect": float(mix),
        "rate_effect": float(by_rate),
    }


def _frame(rows: Iterable[dict[str, object]]) -> pd.DataFrame:
    names = [n for n in contract("gold.conversion_changes").schema.fieldNames() if n != "as_of"]
    return pd.DataFrame(rows, columns=names, dtype=object)


def _words(found: pd.DataFrame) -> str:
    whole = found[(found["dimension"] == "channel") & (found["value"] == ALL)].dropna(subset=["rate", "rate_before"])
    if whole.empty:
        return ""
    row = whole.iloc[0]
    return f"{row['rate']:.1%} of visits bought last week, {row['rate_before']:.1%} the week before"
