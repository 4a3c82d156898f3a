"""The leakage linter: what would let a model see the answer stops the building of a training set."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import DataError
from onecart.frames import library_function, quoted, require_columns
from onecart.intent.evaluation.metrics import auc
from onecart.intent.training.encoding import MAX_LEVELS, finite
from onecart.intent.training.split import LABEL, with_label

CERTAIN = 0.9995  # a column that ranks the outcomes so well alone holds the outcome
MIN_ROWS, MIN_OUTCOMES = 100, 10  # with fewer, a good column may look like that by chance
LABEL_FROM = "label_from"  # first moment of the label window, where the frame has it (see `labels`)
SAMPLE, SEED = 10_000, 7
_KNOWN = re.compile(r"(^|_)(known|received|event|feature|updated)_(ts|at|day|date)$", re.IGNORECASE)
_CUT = re.compile(r"(^|_)(as_?of|ts|timestamp)$", re.IGNORECASE)


class Leak(DataError):
    """The frame holds its own answer (exit code 3). `allow` lets a column pass that is known to be harmless."""


@library_function("label", "time", "columns", "known", "allow")
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
    require_columns(features, [label], "the frame", role="label")
    require_columns(features, [*(columns or []), *(known or []), *([time] if time else [])], "the frame", role="linted")
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
    """Leak where one of `columns` alone tells LABEL: its area under the ROC curve, on up to SAMPLE rows of either outcome.

    Words are ordered by their rate of positives, which is the best that a column of words can do; columns with more words
    than a feature keeps name things, and are no features.
    """
    kinds = {f.name: f.dataType for f in rows.schema.fields}
    numbers = [c for c in columns if isinstance(kinds[c], T.NumericType | T.BooleanType)]
    words = [c for c in columns if isinstance(kinds[c], T.StringType)]
    counts = {r[0]: r[1] for r in rows.groupBy(LABEL).count().collect()}
    if len(counts) < 2 or sum(counts.values()) < MIN_ROWS or min(counts.values()) < MIN_OUTCOMES:
        return
    share = F.when(F.col(LABEL) == 1, min(SAMPLE / counts[1.0], 1.0)).otherwise(min(SAMPLE / counts[0.0], 1.0))
    values = [*(finite(c) for c in numbers), *(quoted(c) for c in words)]
    named = [value.alias(str(i)) for i, value in enumerate(values)]
    sample = rows.where(F.rand(SEED) < share).select(LABEL, *named).toPandas()
    positive = sample.pop(LABEL).to_numpy() == 1
    for i, column in enumerate([*numbers, *words]):
        places, distinct = pd.factorize(sample[str(i)], sort=i < len(numbers), use_na_sentinel=False)
        if i >= len(numbers) and len(distinct) > MAX_LEVELS:
            continue
        table = np.array(
            [np.bincount(places[positive == y], minlength=len(distinct)) for y in (False, True)], dtype=float
        ).T
        if i >= len(numbers):
            table = table[np.argsort(table[:, 1] / table.sum(axis=1))]
        area = auc(table.sum(axis=1), table[:, 1])
        if (alone := max(area, 1 - area)) >= CERTAIN:  # in the better direction
            raise Leak(
                f"the column '{column}' alone tells the outcome (AUC {alone:.4f}): it is the label, or is made of what "
                f"happened after. Leave it out, or allow=['{column}'] if it is known beforehand"
            )


def _moments(df: DataFrame) -> list[str]:
    kinds = (T.DateType, T.TimestampType, T.TimestampNTZType)
    return [f.name for f in df.schema.fields if isinstance(f.dataType, kinds)]
