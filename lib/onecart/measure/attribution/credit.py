"""Credit of channels for conversions: rules, shares and the Markov chain, all from one pass over the paths."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest
from onecart.frames import NUMBERS, library_function, require_columns, require_type
from onecart.measure.attribution.methods import BY_PLACE, METHODS, Method, Share
from onecart.measure.attribution.removal import removal_effects

_CREDIT = "channel string, credit double"
_PATH, _COUNTS = "path", ("conversions", "nulls")
_SUM = T.StructType(
    [
        T.StructField("method", T.StringType()),
        T.StructField("origin", T.StringType()),
        T.StructField("target", T.StringType()),
        T.StructField("weight", T.DoubleType()),
        T.StructField("converted", T.DoubleType()),
    ]
)


@library_function()
def attribution(paths: DataFrame, method: Method = "markov") -> DataFrame:
    """Shares conversions among the channels of the paths that led to them: one row per channel, its key, most credit first.

    paths: path (array of strings, touches from first to last), conversions and nulls (how often the path ended in one, and
    in none). Equal paths may be one row or several.
    method: first | last | linear (every touch alike) | position (40 % to the first, 40 % to the last, 20 % to those between;
    of two touches half each) | shapley (every channel of the path alike, however often it was touched: the Shapley value of
    the game in which a path converts where all its channels are there, Zhao et al. 2018) | markov (by removal effects, see
    `removal_effects`).
    Returns channel, credit (in conversions; adds up to all of them) and, for markov, removal_effect (0 to 1; null where nothing
    converted). UsageError: a path without touches, a count that is negative or missing, an unknown method.
    """
    if method not in METHODS:
        raise UsageError(f"measure.attribution: no method '{method}'{nearest(method, METHODS)}")
    sums = path_sums(checked(paths), [method]).toPandas()
    rows = credits(sums)
    with_effect = method == "markov"
    values = [
        (r.channel, r.credit, *([None if pd.isna(r.removal_effect) else r.removal_effect] if with_effect else []))
        for r in rows.sort_values(["credit", "channel"], ascending=[False, True]).itertuples()
    ]
    schema = _CREDIT + (", removal_effect double" if with_effect else "")
    return paths.sparkSession.createDataFrame(values, schema)


def checked(paths: DataFrame) -> DataFrame:
    """[path, conversions, nulls] of `paths` as doubles; UsageError, with the number of rows, where one cannot be counted."""
    what = "measure.attribution: paths"
    require_columns(paths, [_PATH, *_COUNTS], what)
    for name in _COUNTS:
        require_type(paths, name, NUMBERS, what)
    kind = paths.schema[_PATH].dataType
    if not (isinstance(kind, T.ArrayType) and isinstance(kind.elementType, T.StringType)):
        raise UsageError(f"{what}: column 'path' must hold arrays of strings, found {kind.simpleString()}")
    counts = {name: F.col(name).cast("double") for name in _COUNTS}
    plain = paths.select(_PATH, *[column.alias(name) for name, column in counts.items()])
    empty = F.col(_PATH).isNull() | (F.size(_PATH) == 0) | F.exists(_PATH, lambda touch: touch.isNull())
    usable = [F.coalesce((F.col(n) >= 0) & ~F.isnan(n) & (F.col(n) < float("inf")), F.lit(False)) for n in _COUNTS]
    bad: Any = plain.agg(F.count_if(empty), F.count_if(~(usable[0] & usable[1]))).first()
    if bad[0]:
        raise UsageError(f"{what}: {bad[0]:,} paths have no touch, or one that is null; leave them out")
    if bad[1]:
        raise UsageError(f"{what}: {bad[1]:,} rows have conversions or nulls that are no count; give numbers from 0")
    return plain.where("conversions + nulls > 0")


def path_sums(paths: DataFrame, methods: Sequence[str] = METHODS, by: Iterable[str] = ()) -> DataFrame:
    """One row per `by`, method, origin and target: weight and converted. Few rows, however many paths.

    For markov: weight paths that go from the channel origin (null: the start) to target (null: the end), converted those
    of them that end in a conversion there. For the others: converted is the credit of the channel origin.
    """
    size = F.size(_PATH)
    both = F.col("conversions") + F.col("nulls")
    parts = []
    for method in methods:
        if method == "markov":
            parts.append(_moves(size, both))
        elif method == "shapley":
            distinct = F.array_distinct(_PATH)
            parts.append(_shares(method, distinct, BY_PLACE["linear"](F.size(distinct))))
        else:
            parts.append(_shares(method, F.col(_PATH), BY_PLACE[method](size)))
    rows = paths.select(*by, F.inline(F.flatten(F.array(*parts))))
    return rows.groupBy(*by, "method", "origin", "target").agg(
        F.sum("weight").alias("weight"), F.sum("converted").alias("converted")
    )


def _shares(method: str, channels: Column, share: Share) -> Column:
    """Every channel with its share of the path's conversions."""

    def of(channel: Column, place: Column) -> Column:
        part = share(place)
        paths = F.when(part > 0, F.col("conversions") + F.col("nulls")).otherwise(0.0)
        return _struct(method, channel, F.lit(None), paths, part * F.col("conversions"))

    return F.transform(channels, of)


def _struct(method: str, origin: Column, target: Column, weight: Column, converted: Column) -> Column:
    values = (F.lit(method), origin, target, weight, converted)
    return F.struct(*[v.cast(f.dataType).alias(f.name) for v, f in zip(values, _SUM.fields, strict=True)])


def _moves(size: Column, both: Column) -> Column:
    """start -> first touch, touch -> touch ..., last touch -> end."""
    steps = F.sequence(F.lit(0), size)

    def move(n: Column) -> Column:
        origin = F.when(n > 0, F.get(_PATH, n - 1))
        ends = n == size
        target = F.when(~ends, F.get(_PATH, n))
        return _struct("markov", origin, target, both, F.when(ends, F.col("conversions")).otherwise(0.0))

    return F.transform(steps, move)


def credits(sums: pd.DataFrame) -> pd.DataFrame:
    """[method, channel, credit, removal_effect] from the rows of `path_sums` of one period; removal_effect is NaN but for
    markov. A chain in which nothing converts shares nothing."""
    found = []
    for method, rows in sums.groupby("method"):
        if method != "markov":
            found += [(method, c, v, float("nan")) for c, v in zip(rows["origin"], rows["converted"], strict=True)]
            continue
        pairs = [
            (None if pd.isna(a) else a, None if pd.isna(b) else b)
            for a, b in zip(rows["origin"], rows["target"], strict=True)
        ]
        ends = {a: v for (a, b), v in zip(pairs, rows["converted"], strict=True) if b is None and a is not None}
        chain = removal_effects(dict(zip(pairs, rows["weight"], strict=True)), ends)
        total, all_effects = sum(ends.values()), sum(chain.removal.values())
        shared = total / all_effects if total > 0 else 0.0
        found += [("markov", c, 0.0 if pd.isna(e) else e * shared, e) for c, e in chain.removal.items()]
    return pd.DataFrame(found, columns=["method", "channel", "credit", "removal_effect"])
