"""Labels as 0 and 1, and the parts of a frame: to fit on, to calibrate on, and to be measured on."""

from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.frames import composed, quoted

HOLDOUT = 0.25  # share of the rows measured on
CALIBRATE = 0.25  # share of the others calibrated on
_DAY_S = 86_400
LABEL, PART = "__onecart_label", "__onecart_part"
BEFORE = ("fit", "between", "calibrate")  # parts that lie before the holdout, a gap apart
_TIME, _DRAW = "__onecart_time", "__onecart_draw"
_YES = {"1", "true", "t", "yes", "y", "positive", "pos"}


def with_label(df: DataFrame, label: str, *, whole: bool = False, both: bool = True) -> tuple[DataFrame, Any]:
    """Adds LABEL, 0.0 or 1.0, and says which value is 1.0. Rows without a label (null, NaN) are dropped; `whole`: are a
    UsageError.

    Numbers must be 0 and 1. Of two strings the positive one is that which means yes, else the later in the alphabet.
    UsageError where the label has more values than two, or fewer: not `both`: where its one value is a string.
    """
    column, kind = quoted(label), df.schema[label].dataType
    if not isinstance(kind, T.NumericType | T.BooleanType | T.StringType):
        raise UsageError(
            f"the label '{label}' is of type {kind.simpleString()}; give 0 and 1, a boolean, or two strings"
        )
    if isinstance(kind, T.StringType):
        column = composed(column)
    is_known = ~F.isnan(column.cast("double")) if isinstance(kind, T.FractionalType) else column.isNotNull()
    counted = df.groupBy(F.when(is_known, column).alias("value")).count()
    found: dict[Any, int] = dict(counted.orderBy(F.col("value").isNotNull()).limit(5).collect())
    if whole and (missing := found.get(None)):
        raise UsageError(f"the label '{label}' is null or NaN in {missing:,} rows; drop them, or say what came of them")
    known = df.where(is_known & column.isNotNull())
    values = sorted(value for value in found if value is not None)[:4]
    shown = ", ".join(repr(v) for v in values[:3]) + (", ..." if len(values) > 3 else "")
    is_text = isinstance(kind, T.StringType)
    if len(values) < 2 and (both or (is_text and values)):
        raise UsageError(f"the label '{label}' holds {shown or 'no value'} only; rows of both outcomes are needed")
    if len(values) > 2 or (isinstance(kind, T.NumericType) and not {float(v) for v in values} <= {0.0, 1.0}):
        raise UsageError(f"the label '{label}' holds {shown}; give 0 and 1, a boolean, or two strings")
    if not is_text:
        return known.withColumn(LABEL, column.cast("double")), 1 if isinstance(kind, T.NumericType) else True
    meaning_yes = [v for v in values if str(v).strip().lower() in _YES]
    positive = meaning_yes[0] if len(meaning_yes) == 1 else values[-1] if values else None
    return known.withColumn(LABEL, (column == F.lit(positive)).cast("double")), positive


def with_part(
    df: DataFrame,
    time: str | None,
    columns: Sequence[str],
    *,
    seed: int,
    holdout_from: Any = None,
    gap: float = 0.0,
) -> DataFrame:
    """Adds PART: fit | between | calibrate | gap | holdout.

    With `time` the split is forward: the holdout is the latest part, from `holdout_from` on where given, else about
    HOLDOUT of the rows; of the earlier rows the latest are calibrated on. Rows of one time stay together; rows without
    a time are dropped. Where only one earlier time is left, and without `time`, parts are drawn by a hash of the row's
    `columns` and the seed, so that the same frame is always split alike.

    gap: rows less than this before the first of the next part (days, or the unit of a numeric `time`) are apart, `between`
    before the calibration and `gap` before the holdout: give the days that a label looks ahead, so that no outcome
    learned from lies in the time that is measured.
    """
    if gap < 0 or (gap and time is None):
        raise UsageError(f"gap={gap:g}: a gap is 0 or more days, and needs the column of the time")
    if time is None:
        draw = df.transform(_with_draw, columns, seed=seed)
        return _named(draw, F.col(_DRAW) < HOLDOUT, F.col(_DRAW) < HOLDOUT + CALIBRATE * (1 - HOLDOUT))
    timed = df.withColumn(_TIME, as_number(df, time)).where(F.col(_TIME).isNotNull())
    cut = border(timed, _TIME, HOLDOUT) if holdout_from is None else _literal(timed, time, holdout_from)
    if cut is None:
        raise UsageError(
            f"the time '{time}' has one value only, so nothing can be held out forward in time; give time=None"
        )
    apart = gap if isinstance(df.schema[time].dataType, T.NumericType) else gap * _DAY_S
    t = F.col(_TIME)
    held, before = t >= cut, (t > cut - apart) & (t < cut)
    earlier = border(timed.where(~held & ~before), _TIME, CALIBRATE)
    if earlier is not None:
        return _named(timed, held, t >= earlier, before, (t > earlier - apart) & (t < earlier))
    return _named(timed.transform(_with_draw, columns, seed=seed), held, F.col(_DRAW) < CALIBRATE, before)


def _named(
    df: DataFrame, held: Column, calibrated: Column, gap: Column | None = None, between: Column | None = None
) -> DataFrame:
    part = F.when(held, "holdout")
    part = part if gap is None else part.when(gap, "gap")
    part = part if between is None else part.when(between, "between")
    part = part.when(calibrated, "calibrate").otherwise("fit")
    return df.withColumn(PART, part).drop(_TIME, _DRAW)


def as_number(df: DataFrame, time: str) -> Column:
    """`time` of `df` in s since 1970, or as the number that it is."""
    kind = df.schema[time].dataType
    if isinstance(kind, T.DateType | T.TimestampType | T.TimestampNTZType):
        return quoted(time).cast("timestamp").cast("double")
    if isinstance(kind, T.NumericType):
        return quoted(time).cast("double")
    raise UsageError(f"the time '{time}' is of type {kind.simpleString()}; cast it to a date, a timestamp or a number")


def _literal(df: DataFrame, time: str, value: Any) -> float:
    one = df.sparkSession.range(1).select(F.lit(value).cast(df.schema[time].dataType).alias(time))
    row = one.select(as_number(one, time)).first()
    if row is None or row[0] is None:
        raise UsageError(f"holdout_from={value!r} is no value of the time '{time}'")
    return float(row[0])


def border(df: DataFrame, column: str, share: float) -> float | None:
    """The value of `column` from which on the rows are nearest to the highest `share`; None: there is one value, or none."""
    quantile = df.approxQuantile(column, [1 - share], 0.001)
    if not quantile:
        return None
    t, q = F.col(column), quantile[0]
    row = df.agg(F.count("*"), F.count_if(t >= q), F.count_if(t > q), F.min(F.when(t > q, t))).first()
    assert row is not None
    rows, at_least, above, following = row
    cuts = [(abs(n / rows - share), cut) for n, cut in ((at_least, q), (above, following)) if 0 < n < rows]
    return min(cuts)[1] if cuts else None


def _with_draw(df: DataFrame, columns: Sequence[str], *, seed: int) -> DataFrame:
    """Adds _DRAW, uniform in [0, 1): of equal rows each gets its own."""
    row = F.xxhash64(*[quoted(c) for c in columns], F.col(LABEL))
    nth = F.row_number().over(Window.partitionBy("__onecart_row").orderBy("__onecart_row"))
    draw = F.pmod(F.xxhash64("__onecart_row", nth, F.lit(seed)), F.lit(1_000_000)) / 1_000_000
    return df.withColumn("__onecart_row", row).withColumn(_DRAW, draw).drop("__onecart_row")
