"""A stranger's columns as numbers for trees: which become features, and how a row turns into a vector."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

MAX_LEVELS = 30  # most frequent values of a text column that get a number of their own; the others share none
_MIN_ROWS_A_LEVEL = 20  # a text column with fewer rows a value names things rather than kinds of things
IDENTIFIER = re.compile(r"(?:^|_)(?:id|key|uuid|guid)$", re.IGNORECASE)


@dataclass(frozen=True)
class Encoder:
    """numbers: columns taken as they are, missing values left to the trees. levels: text column -> the values that have a
    number of their own. skipped: column -> why it is no feature."""

    numbers: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    skipped: dict[str, str]

    @property
    def columns(self) -> list[str]:
        """The columns a frame must have."""
        return [*self.numbers, *self.levels]

    @property
    def names(self) -> list[tuple[str, str | None]]:
        """(column, level or None) of each number of the vector."""
        return [(c, None) for c in self.numbers] + [(c, level) for c, found in self.levels.items() for level in found]

    def matrix(self, frame: pd.DataFrame) -> Any:
        """[row, number]; a value that is not finite is missing."""
        parts = [_number(_plain(frame[c])) for c in self.numbers]
        for column, found in self.levels.items():
            values = frame[column].astype(object)
            parts += [(values == level).to_numpy(float) for level in found]
        x = np.column_stack(parts) if len(frame) else np.empty((0, len(self.names)))
        return np.where(np.isfinite(x), x, np.nan)


def encoder(frame: pd.DataFrame, columns: Sequence[str]) -> Encoder:
    """Learns from the rows of `frame` which of `columns` are features. Left out: dates, nested values, identifiers, and columns
    with one value only."""
    numbers, levels, skipped = [], {}, {}
    for column in columns:
        values = _plain(frame[column])
        if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
            if pd.api.types.is_integer_dtype(values) and IDENTIFIER.search(column):
                skipped[column] = "named as an identifier"
            elif len(np.unique(_number(values))) < 2:
                skipped[column] = "one value only"
            else:
                numbers.append(column)
        elif pd.api.types.infer_dtype(values, skipna=True) == "string":
            counts = values.value_counts()
            if len(counts) + values.isna().any() < 2:
                skipped[column] = "one value only"
            elif len(counts) > _MIN_ROWS_A_LEVEL and len(values) / len(counts) < _MIN_ROWS_A_LEVEL:
                skipped[column] = f"names things: {len(counts):,} values in {len(values):,} rows"
            else:
                ranked = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
                levels[column] = tuple(str(level) for level, _ in ranked[:MAX_LEVELS])
        else:
            skipped[column] = "no number, text or true and false"
    return Encoder(tuple(numbers), levels, skipped)


def _plain(values: pd.Series) -> pd.Series:
    """Categories as what they stand for; booleans and decimals among missing values as numbers."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object).infer_objects()
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in (
        "boolean",
        "decimal",
        "integer",
        "floating",
    ):
        return values.astype("Float64")
    return values


def _number(values: pd.Series) -> Any:
    return pd.to_numeric(values).astype("Float64").to_numpy(float, na_value=np.nan)
