"""The leakage linter: what would let a model see the answer stops the building of a training set."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import DataError
from onecart.intent.prepare import MAX_LEVELS, finite, quoted, require
from onecart.intent.split import LABEL, with_label

CERTAIN = 0.9995  # a column that ranks the outcomes so well alone holds the outcome
MIN_ROWS, MIN_OUTCOMES = 100, 10  # with fewer, a good column may look like that by chance
LABEL_FROM = "label_from"  # first moment of the label window, where the frame has it (see `labels`)
_BORDERS = 50
_KNOWN = re.compile(r"(^|_)(known|received|event|feature|updated)_(ts|at|day|date)$", re.IGNORECASE)
_CUT = re.compile(r"(^|_)(as_?of|ts|timestamp)$", re.IGNORECASE)


class Leak(DataError):
    """The frame holds its own answer (exit code 3). `allow` lets a column pass that is known to be harmless."""


def lint(
    features: DataFrame,
    label: str,
    time: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
    allow: Sequence[str] = (),
) -> None:
    """Leak (exit code 3) that names the column where a model trained on `features` would see the future.

    - a row's feature was known later than its as_of: a date or timestamp in one of `known` (none given: columns named
      like known_ts, received_at, event_ts) after `time`;
    - label and feature windows touch: `known` or as_of not before `label_from`, where the frame has that column;
    - the label is among the features: a column that alone ranks the outcomes almost without error;
    - a timed table is about to be split at random: a date or timestamp named like as_of or ts, and no `time`.
    allow: columns not to be looked at. UsageError: a column is not there.
    """
    require(features, [label], "label")
    require(features, [*(columns or []), *(known or []), *([time] if time else [])], "linted")
    timed(features, time, allow)
    late(features, time, known, allow)
    chosen = [c for c in (columns or features.columns) if c not in (label, time, *allow)]
    answers(with_label(features, label)[0], chosen)


def timed(df: DataFrame, time: str | None, allow: Sequence[str]) -> None:
    """Leak where a table with a cut date has no `time` to be split by."""
    found = [c for c in _moments(df) if _CUT.search(c) and c not in allow]
    if time is None and found:
        raise Leak(
            f"the frame has the time column '{found[0]}', and a split at random would let the model learn from days after "
            f"those it is measured on; give time='{found[0]}', or allow=['{found[0]}'] if it says nothing about when"
        )


def late(df: DataFrame, time: str | None, known: Sequence[str] | None, allow: Sequence[str]) -> None:
    """Leak where a feature was known only after its row's `time`, or inside the label window."""
    moments = _moments(df)
    if time not in moments:
        return
    ours = known if known is not None else [c for c in moments if _KNOWN.search(c)]
    later = [c for c in ours if c not in (time, *allow)]
    at = quoted(time).cast("timestamp")
    checks = {c: quoted(c).cast("timestamp") > at for c in later}
    if LABEL_FROM in moments and LABEL_FROM not in allow:
        start = quoted(LABEL_FROM).cast("timestamp")
        checks[LABEL_FROM] = (
            F.greatest(at, *[quoted(c).cast("timestamp") for c in later]) > start if later else at > start
        )
    if not checks:
        return
    row = df.agg(*[F.count_if(bad).alias(str(i)) for i, bad in enumerate(checks.values())]).first()
    for column, count in zip(checks, row or (), strict=True):
        if count and column == LABEL_FROM:
            raise Leak(f"{count:,} rows have features known after '{LABEL_FROM}': label and feature windows overlap")
        if count:
            raise Leak(
                f"{count:,} rows have a '{column}' later than their '{time}': they know what was not known then; leave "
                f"these rows out, or allow=['{column}'] if it is not about the features"
            )


def answers(rows: DataFrame, columns: Sequence[str]) -> None:
    """Leak where one of `columns` alone tells LABEL. Spark counts the outcomes between 100 borders of each number (those
    of either outcome), and of each frequent word; the area under the ROC curve of each column comes from the counts."""
    kinds = {f.name: f.dataType for f in rows.schema.fields}
    numbers = [c for c in columns if isinstance(kinds[c], T.NumericType | T.BooleanType)]
    words = [c for c in columns if isinstance(kinds[c], T.StringType)]
    counts = rows.agg(F.count("*"), F.sum(LABEL)).first()
    if counts is None or counts[0] < MIN_ROWS or min(counts[1], counts[0] - counts[1]) < MIN_OUTCOMES:
        return
    tables = {**_number_counts(rows, numbers), **_word_counts(rows, words)}
    for column, table in tables.items():
        if (alone := _area(table)) >= CERTAIN:
            raise Leak(
                f"the column '{column}' alone tells the outcome (AUC {alone:.4f}): it is the label, or is made of what "
                f"happened after. Leave it out, or allow=['{column}'] if it is known beforehand"
            )


def _number_counts(rows: DataFrame, columns: Sequence[str]) -> dict[str, Any]:
    if not columns:
        return {}
    shares = [i / (_BORDERS - 1) for i in range(_BORDERS)]
    asked = [
        F.percentile_approx(F.when(F.col(LABEL) == y, finite(c)), F.lit(shares), F.lit(1000)).alias(f"{y}_{i}")
        for i, c in enumerate(columns)
        for y in (0, 1)
    ]
    found = rows.agg(*asked).first()
    assert found is not None
    borders = [sorted({*(found[f"0_{i}"] or []), *(found[f"1_{i}"] or [])}) for i in range(len(columns))]
    pairs = [
        F.struct(F.lit(i).alias("i"), _place(finite(c), borders[i]).alias("at"))
        for i, c in enumerate(columns)
        if borders[i]
    ]
    if not pairs:
        return {}
    counted = rows.select(LABEL, F.explode(F.array(*pairs)).alias("p")).groupBy("p.i", "p.at")
    outcome = counted.agg(F.sum(1 - F.col(LABEL)).alias("no"), F.sum(LABEL).alias("yes")).orderBy("i", "at").collect()
    tables: dict[str, list[tuple[float, float]]] = {}
    for r in outcome:
        tables.setdefault(columns[r["i"]], []).append((r["no"], r["yes"]))
    return {c: np.array(t, dtype=float) for c, t in tables.items()}


def _place(value: Column, borders: Sequence[float]) -> Column:
    """How many borders are at or below the value; a value that is a border has a place of its own. -1: no value."""
    at = F.array(*[F.lit(float(b)) for b in borders])
    below, upto = F.size(F.filter(at, lambda b: b < value)), F.size(F.filter(at, lambda b: b <= value))
    return F.when(value.isNull(), F.lit(-1)).otherwise(below + upto)


def _word_counts(rows: DataFrame, columns: Sequence[str]) -> dict[str, Any]:
    """Words in the order of their rate of positives, which is the best a column of words can do. Columns with more words
    than a feature keeps name things, and are no features."""
    tables = {}
    for column in columns:
        counted = rows.groupBy(quoted(column)).agg(F.sum(1 - F.col(LABEL)).alias("no"), F.sum(LABEL).alias("yes"))
        table = np.array([(r["no"], r["yes"]) for r in counted.limit(MAX_LEVELS + 1).collect()], dtype=float)
        if len(table) <= MAX_LEVELS:
            tables[column] = table[np.argsort(table[:, 1] / table.sum(axis=1))]
    return tables


def _area(table: Any) -> float:
    """Area under the ROC curve over ordered groups [group: negatives, positives], in the better direction."""
    negatives, positives = table.T
    below = np.cumsum(negatives) - negatives
    auc = (positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum())
    return float(max(auc, 1 - auc))


def _moments(df: DataFrame) -> list[str]:
    kinds = (T.DateType, T.TimestampType, T.TimestampNTZType)
    return [f.name for f in df.schema.fields if isinstance(f.dataType, kinds)]
