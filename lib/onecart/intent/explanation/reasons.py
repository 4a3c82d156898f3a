"""Why a row has its probability: the strongest contributions, as numbers and as sentences."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.frames import quoted
from onecart.intent.explanation.explain import Explainer, rescaled
from onecart.intent.training.encoding import VECTOR, EncodedFeature
from onecart.stats.calibration import Curve

_WINDOW = re.compile(r"^(.+)_(\d+)d$")
_DAYS_SINCE = re.compile(r"^days_since_(.+)$")
_LEAST = 1e-4  # log-odds below which a contribution is none


def by_column(parts: Any, slots: Sequence[EncodedFeature], columns: Sequence[str]) -> Any:
    """Sums the numbers of each column: Shapley values of columns."""
    place = np.zeros((len(slots), len(columns)))
    for i, slot in enumerate(slots):
        place[i, columns.index(slot.column)] = 1.0
    return parts @ place


def with_contributions(
    df: DataFrame,
    name: str,
    *,
    explainer: Explainer,
    slots: Sequence[EncodedFeature],
    columns: Sequence[str],
    curve: Curve,
) -> DataFrame:
    """Adds `name`: for each of `columns` what it adds to the calibrated log-odds. The sum over them is that of the row
    less that of a row of which nothing is known: exact for the margin, in proportion through the calibration curve."""
    base = float(curve(explainer.expected))

    def parts(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            x = np.array(batch.tolist()) if len(batch) else np.zeros((0, len(slots)))
            odds = curve(explainer.odds(x)) - base
            yield pd.Series(list(rescaled(by_column(explainer.parts(x), slots, columns), odds)), dtype=object)

    udf = pandas_udf(parts, T.ArrayType(T.DoubleType()))  # type: ignore[call-overload]
    return df.withColumn(name, udf(vector_to_array(F.col(VECTOR))))


def odds(explainer: Explainer) -> Column:
    """The explainer's log-odds of VECTOR."""

    def each(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            yield pd.Series(explainer.odds(np.array(batch.tolist())) if len(batch) else [], dtype=float)

    udf = pandas_udf(each, T.DoubleType())  # type: ignore[call-overload]
    return udf(vector_to_array(F.col(VECTOR)))  # type: ignore[no-any-return]


def strongest(
    contributions: Column, columns: Sequence[str], df: DataFrame, *, top: int, words: Mapping[str, str]
) -> Column:
    """Array of (feature, value, contribution, sentence), the strongest first.

    contribution: to the log-odds. sentence: as in "12 product views in 7 days: raises the odds 1.8 times". words: column
    -> how to say it, with {} for the value.
    """
    names = F.array(*[F.lit(c) for c in columns])
    values = F.array(*[_shown(df, c) for c in columns])
    said = [words.get(c) or phrase(c) for c in columns]
    before, after = (F.array(*[F.lit(s.partition("{}")[k]) for s in said]) for k in (0, 2))
    numbered = F.transform(contributions, lambda c, i: F.struct((-F.abs(c)).alias("order"), i.alias("i"), c.alias("c")))
    chosen = F.slice(F.array_sort(F.filter(numbered, lambda r: F.abs(r["c"]) > _LEAST)), 1, top)

    def reason(r: Column) -> Column:
        at, times = r["i"] + 1, F.exp(F.abs(r["c"]))
        value = F.element_at(values, at)
        effect = F.when(r["c"] > 0, "raises").otherwise("lowers")
        sentence = F.concat(
            *(F.element_at(before, at), F.coalesce(value, F.lit("no")), F.element_at(after, at), F.lit(": ")),
            *(effect, F.lit(" the odds "), F.format_string("%.2f", times), F.lit(" times")),
        )
        return F.struct(
            F.element_at(names, at).alias("feature"),
            value.alias("value"),
            r["c"].alias("contribution"),
            sentence.alias("sentence"),
        )

    return F.transform(chosen, reason)


def phrase(column: str) -> str:
    """How to say a column: product_views_7d -> "{} product views in 7 days", and as "name: value" where it is no count."""
    if found := _WINDOW.match(column):
        return f"{{}} {found[1].replace('_', ' ')} in {found[2]} days"
    if found := _DAYS_SINCE.match(column):
        return f"{{}} days since the last {found[1].replace('_', ' ')}"
    return f"{column.replace('_', ' ')} {{}}"


def _shown(df: DataFrame, column: str) -> Column:
    kind, value = df.schema[column].dataType, quoted(column)
    if isinstance(kind, T.FractionalType):
        whole = F.abs(value - F.round(value)) < 1e-9
        plain = F.when(whole & (F.abs(value) < 1e15), F.format_string("%.0f", value.cast("double")))
        short = F.regexp_replace(F.format_string("%.3f", value.cast("double")), "0+$", "")
        return F.when(value.isNotNull() & ~F.isnan(value.cast("double")), F.coalesce(plain, short))
    return value.cast("string")
