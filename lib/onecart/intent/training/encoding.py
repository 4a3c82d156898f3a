"""A stranger's columns as numbers: which become features, and how each row turns into a vector."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.frames import quoted

VECTOR = "__onecart_vector"
MAX_LEVELS = 30  # most frequent values of a string column that get a number of their own; the others share none
MIN_ROWS_A_VALUE = 20  # a string column with fewer rows a value names things rather than kinds of things
_IDENTIFIER = re.compile(r"(^|[\W_])([iI][dD])$|[a-z](Id|ID)$")


@dataclass(frozen=True)
class EncodedFeature:
    """One number of the vector.

    kind: `value` is the column as a number, `missing` whether it has none, `level` whether it equals `level`
    (None: null). typical: what the number is in a typical row: the median, and the most frequent level.
    """

    column: str
    kind: str
    typical: float
    level: str | None = None

    def number(self) -> Column:
        if self.kind == "value":
            return F.coalesce(finite(self.column), F.lit(self.typical))
        if self.kind == "missing":
            return finite(self.column).isNull().cast("double")
        return quoted(self.column).eqNullSafe(F.lit(self.level)).cast("double")


def vector(slots: Sequence[EncodedFeature]) -> Column:
    """The row as an MLlib vector."""
    return array_to_vector(F.array(*[s.number() for s in slots]))


def encoded_features(df: DataFrame, columns: Sequence[str]) -> tuple[list[EncodedFeature], dict[str, str]]:
    """The numbers that `columns` give, learned from the rows of `df`; and for each column left out, why.

    Numbers and booleans: the value, the median where there is none, and then whether there was none. Strings: one
    number per frequent value. Left out: identifiers, dates, nested columns, and columns with one value only.
    """
    types = {f.name: f.dataType for f in df.schema.fields}
    skipped = {c: why for c in columns if (why := _unfit(c, types[c]))}
    numeric = [c for c in columns if c not in skipped and not isinstance(types[c], T.StringType)]
    text = [c for c in columns if c not in skipped and isinstance(types[c], T.StringType)]
    facts = _facts(df, numeric, text)
    rows = int(facts["rows"])
    found: dict[str, list[EncodedFeature]] = {}
    for i, column in enumerate(numeric):
        values, low, high, median = (facts[f"{what}{i}"] for what in ("values", "low", "high", "median"))
        if not values or (low == high and values == rows):
            skipped[column] = "one value only" if values else "no values"
            continue
        found[column] = [EncodedFeature(column, "value", float(median))] if low != high else []
        found[column] += [EncodedFeature(column, "missing", 0.0)] if values < rows else []
    for i, column in enumerate(text):
        distinct = int(facts[f"distinct{i}"])
        if distinct > MIN_ROWS_A_VALUE and rows / distinct < MIN_ROWS_A_VALUE:
            skipped[column] = f"names things: about {distinct:,} values in {rows:,} rows"
    levels = _levels(df, [c for c in text if c not in skipped])
    for column, values in levels.items():
        if len(values) == 1:
            skipped[column] = "one value only"
        else:
            found[column] = [EncodedFeature(column, "level", float(i == 0), level) for i, level in enumerate(values)]
    return [slot for c in columns for slot in found.get(c, [])], skipped


def finite(column: str) -> Column:
    value = quoted(column).cast("double")
    return F.when(F.abs(value) < F.lit(float("inf")), value)  # Spark sorts NaN above infinity, so it is null too


def _unfit(column: str, kind: T.DataType) -> str | None:
    if isinstance(kind, T.DateType | T.TimestampType | T.TimestampNTZType):
        return "a date: give a number, as in days since"
    if isinstance(kind, T.IntegralType) and _IDENTIFIER.search(column):
        return "named as an identifier"
    if isinstance(kind, T.NumericType | T.BooleanType | T.StringType):
        return None
    return f"of type {kind.simpleString()}"


def _facts(df: DataFrame, numeric: Sequence[str], text: Sequence[str]) -> Any:
    aggregates = [F.count("*").alias("rows")]
    for i, column in enumerate(numeric):
        value = finite(column)
        aggregates += [
            F.count(value).alias(f"values{i}"),
            F.min(value).alias(f"low{i}"),
            F.max(value).alias(f"high{i}"),
            F.percentile_approx(value, 0.5).alias(f"median{i}"),
        ]
    aggregates += [F.approx_count_distinct(quoted(c)).alias(f"distinct{i}") for i, c in enumerate(text)]
    return df.agg(*aggregates).first()


def _levels(df: DataFrame, columns: Sequence[str]) -> dict[str, list[str | None]]:
    """The most frequent values of each column, most frequent first."""
    if not columns:
        return {}
    pairs = F.array(*[F.struct(F.lit(c).alias("column"), quoted(c).alias("level")) for c in columns])
    counted = df.select(F.explode(pairs).alias("pair")).groupBy("pair.column", "pair.level").count()
    order = Window.partitionBy("column").orderBy(F.desc("count"), "level")
    top = counted.withColumn("place", F.row_number().over(order)).where(F.col("place") <= MAX_LEVELS).collect()
    found: dict[str, list[str | None]] = {c: [] for c in columns}
    for row in sorted(top, key=lambda r: r["place"]):
        found[row["column"]].append(row["level"])
    return found
