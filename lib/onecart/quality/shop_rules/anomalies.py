"""Values far from what their group usually has, by median and median absolute deviation, which outliers do not move."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Anomaly
from onecart.quality.rules import Rule
from onecart.quality.shop_rules.repairs import median, of_group

_NORMAL = 1.4826  # standard deviation of a normal distribution / its median absolute deviation
_LEAST = 0.01  # of the median: a group that never varied has a scale, too


def with_deviations(rows: DataFrame, anomalies: Sequence[Anomaly], known: DataFrame | None) -> DataFrame:
    """Adds, for each of `anomalies`, how many scales its value is from the median of its group; null: of too small a group.
    `known`: the rows that groups are judged by; None: `rows`.

    Robust z (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
    """
    for a in anomalies:
        if not {a.value, *a.by} <= set(rows.columns):
            rows = rows.withColumn(_deviation(a), F.lit(None).cast("double"))
            continue
        rows = of_group(rows, scales(rows if known is None else known, a), a.by)
        distance = F.abs(F.col(a.value).cast("double") - F.col("middle"))
        rows = rows.withColumn(_deviation(a), distance / F.col("scale")).drop("middle", "scale")
    return rows


def scales(known: DataFrame, a: Anomaly) -> DataFrame:
    """[*by, middle, scale] of the groups with min_rows values or more."""
    values = known.where(F.col(a.value).isNotNull()).select(*a.by, F.col(a.value).cast("double").alias("value"))
    middles = values.groupBy(*a.by).agg(median(F.col("value")).alias("middle"), F.count("*").alias("rows"))
    large = middles.where(F.col("rows") >= a.min_rows)
    apart = of_group(values, large, a.by).where(F.col("middle").isNotNull())
    spread = F.greatest(
        _NORMAL * median(F.abs(F.col("value") - F.col("middle"))), _LEAST * F.abs(F.first("middle")), F.lit(1e-9)
    )
    return apart.groupBy(*a.by).agg(F.first("middle").alias("middle"), spread.alias("scale"))


def anomaly_rules(anomalies: Sequence[Anomaly]) -> list[Rule]:
    return [
        Rule(
            a.name,
            f"{a.value} is more than {a.limit:g} robust standard deviations from the median"
            + (f" of its {', '.join(a.by)}" if a.by else ""),
            F.col(_deviation(a)) > a.limit,
            a.severity,
        )
        for a in anomalies
    ]


def _deviation(a: Anomaly) -> str:
    return f"deviation_{a.name}"
