"""Learned segments: groups of customers who buy alike, as many as are found again on resamples, named by what sets them apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from onecart.config.sections.decide.segments import LearnedSegments
from onecart.contracts.base.features import FEATURES
from onecart.stats import clustering

_TAILS = (0.01, 0.99)  # values beyond these quantiles count as they do
_CHOSEN_ON = 5_000  # rows that the number of segments is chosen on
_TRAITS = 2  # words of a name
_PLAIN = 0.5  # standard deviations from the mean of all, below which nothing sets a segment apart
_WORDS = {  # feature -> what those with little and with much of it are called
    "days_since_order": ("recent", "silent for long"),
    "orders_365d": ("few orders", "many orders"),
    "revenue_365d": ("low spend", "high spend"),
    "average_basket": ("small baskets", "large baskets"),
    "visits_90d": ("few visits", "many visits"),
    "product_views_90d": ("look at little", "look at much"),
    "categories": ("few categories", "many categories"),
    "discount_share": ("full price", "discounts"),
    "store_share": ("buy online", "buy in store"),
    "app_visit_share": ("by web", "by app"),
}
_MEANINGS = {f.name: f.meaning for f in FEATURES}


@dataclass(frozen=True)
class Scaling:
    """How columns become numbers of one size: nulls the median, cut at the tails, logarithms of lopsided amounts, then mean 0
    and deviation 1. One value per column."""

    columns: tuple[str, ...]
    median: Any
    low: Any
    high: Any
    logged: Any
    mean: Any
    deviation: Any

    def matrix(self, frame: pd.DataFrame) -> Any:
        """[row, column], scaled."""
        x = frame[[*self.columns]].to_numpy(float)
        x = np.clip(np.where(np.isfinite(x), x, self.median), self.low, self.high)
        return (np.where(self.logged, np.log1p(np.maximum(x, 0)), x) - self.mean) / self.deviation


@dataclass(frozen=True)
class Learned:
    """The segments found. names and traits: one per group. silhouette, stability: of their number."""

    scaling: Scaling
    groups: clustering.Groups
    names: tuple[str, ...]
    traits: tuple[str, ...]
    silhouette: float
    stability: float

    def segment_of(self, frame: pd.DataFrame) -> Any:
        """The name of each row's segment."""
        return np.array(self.names, dtype=object)[self.groups.assign(self.scaling.matrix(frame))]


def learn(frame: pd.DataFrame, how: LearnedSegments, seed: int) -> tuple[Learned | None, str]:
    """(the segments of the rows, and what was found, in words); None where no number of segments is stable.

    frame: one row per customer with the features of `how`, in an order that does not change. Of the numbers of segments whose
    stability is at least how.stability, that with the highest silhouette is taken.
    """
    if len(frame) < how.min_customers:
        return None, f"{len(frame):,} customers with consent are too few to learn segments from"
    scaling = _scaling(frame, how.features)
    if len(scaling.columns) < 2:
        return None, "fewer than two features differ, so no segments are learned"
    x, fit = scaling.matrix(frame), {"kmeans": clustering.kmeans, "mixture": clustering.mixture}[how.method]
    small = x[np.sort(np.random.default_rng(seed).permutation(len(x))[:_CHOSEN_ON])]
    most = min(how.most, len(small) // 10)
    figures = {
        k: (
            clustering.silhouette(small, fit(small, k, seed).assign(small), seed),
            clustering.stability(fit, small, k, seed),
        )
        for k in range(2, most + 1)
    }
    stable = {k: f for k, f in figures.items() if f[1] >= how.stability}
    if not stable:
        best = max((f[1] for f in figures.values()), default=0.0)
        return (
            None,
            f"no learned segments: the most stable number is found again at {best:.2f} only, {how.stability:g} is asked for",
        )
    k = max(stable, key=lambda n: stable[n][0])
    groups = fit(x, k, seed)
    names, traits = _named(x, groups.assign(x), k, scaling.columns)
    made = Learned(scaling, groups, names, traits, *stable[k])
    return made, f"{k} learned segments (silhouette {made.silhouette:.2f}, stability {made.stability:.2f})"


def sample_of(features: DataFrame, how: LearnedSegments) -> pd.DataFrame:
    """At most about how.sample rows of `features`, drawn by the hash of the customer and in its order."""
    place = F.xxhash64("customer_id")
    rows = features.select(place.alias("place"), *[F.col(c).cast("double").alias(c) for c in how.features])
    return rows.orderBy("place").limit(how.sample).toPandas()


def with_learned(rows: DataFrame, learned: Learned | None) -> DataFrame:
    """`rows` with learned_segment, null where a row has no feature at all (nobody to be profiled) or nothing was learned."""
    if learned is None:
        return rows.withColumn("learned_segment", F.lit(None).cast("string"))
    columns = learned.scaling.columns

    @pandas_udf("string")  # type: ignore[call-overload, untyped-decorator]
    def segment(features: pd.DataFrame) -> pd.Series:
        return pd.Series(learned.segment_of(features), index=features.index)

    found = segment(F.struct(*[F.col(c).cast("double").alias(c) for c in columns]))
    return rows.withColumn("learned_segment", F.when(F.col("profiled"), found))


def _scaling(frame: pd.DataFrame, columns: tuple[str, ...]) -> Scaling:
    x = frame[[*columns]].to_numpy(float)
    x = np.where(np.isfinite(x), x, np.nan)
    empty = np.isnan(x).all(axis=0)
    x = np.where(empty, 0.0, x)
    median = np.nanmedian(x, axis=0)
    low, high = np.nanquantile(x, _TAILS, axis=0)
    x = np.clip(np.where(np.isnan(x), median, x), low, high)
    lopsided = (low >= 0) & (x.mean(axis=0) > 1.5 * np.maximum(median, 1e-9)) & (high > 5)
    x = np.where(lopsided, np.log1p(np.maximum(x, 0)), x)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    kept = deviation > 1e-9
    parts = (v[kept] for v in (median, low, high, lopsided, mean, deviation))
    return Scaling(tuple(c for c, k in zip(columns, kept, strict=True) if k), *parts)


def _named(x: Any, group: Any, k: int, columns: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names, traits) of the groups, by the features whose means lie furthest from those of all rows. Two groups of one name
    are told apart by the next trait, else by a number."""
    names: list[str] = []
    traits: list[str] = []
    for g in range(k):
        mean = x[group == g].mean(axis=0) if (group == g).any() else np.zeros(x.shape[1])
        order = np.argsort(-np.abs(mean), kind="stable")
        words = [_word(columns[i], mean[i]) for i in order if abs(mean[i]) >= _PLAIN] or ["as most"]
        traits.append("; ".join(f"{columns[i]} {mean[i]:+.1f}" for i in order[:4]))
        n = _TRAITS
        while ", ".join(words[:n]) in names and n < len(words):
            n += 1
        name = ", ".join(words[:n])
        same = sum(1 for one in names if one == name or one.startswith(f"{name} ("))
        names.append(f"{name} ({same + 1})" if same else name)
    return tuple(names), tuple(traits)


def _word(column: str, deviations: float) -> str:
    little, much = _WORDS.get(
        column, (f"less {_MEANINGS.get(column, column)}", f"more {_MEANINGS.get(column, column)}")
    )
    return much if deviations > 0 else little
