"""Dates and times of a panel as seconds on the clock of its calendar, and back, in whatever time zone the session is.

A grid of days is one of wall clocks: days stay whole where clocks are changed. A grid of hours is one of moments: no hour comes
twice. Between the two conversions times are numbers, which mean the same wherever they are computed.
"""

from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.forecast.inputs.series import FREQS
from onecart.frames import local_time, quoted
from onecart.sql_settings import their_time_zone

_DAY_S = 86_400
_YEAR_S = 365.25 * _DAY_S
_SILENCE = (
    13  # periods without a value in any series, and two years at least, after which a last date is a mistyped one
)


@dataclass(frozen=True)
class Clock:
    """zone: whose clocks are on the wall where timestamps are read; text without a zone, and dates, are on the wall already."""

    zone: str

    def seconds(self, kind: T.DataType) -> Column:
        """Column `ds`, which is of `kind`, as s since 1970 on the wall; null for what is no date."""
        moment = F.to_timestamp("ds")
        on_wall = local_time(moment, self.zone) if isinstance(kind, T.TimestampType) else moment
        return on_wall.cast("double")

    def back(self, name: str, kind: T.DataType) -> Column:
        """Column `name` of `seconds` as `kind`."""
        moment = F.timestamp_seconds(name)
        there = F.to_utc_timestamp(moment, self.zone) if isinstance(kind, T.TimestampType) else moment
        return there.cast(kind).alias(name)

    def together(self, series: DataFrame, future: DataFrame | None, regressors: tuple[str, ...]) -> DataFrame:
        """[unique_id as text, ds in s, y, known_ahead, *regressors]: the series' rows, then what is known ahead."""
        known = [quoted(name).cast("double").alias(name) for name in regressors]
        unique_id = F.col("unique_id").cast("string").alias("unique_id")
        rows = series.select(
            unique_id, self._date(series), F.col("y").cast("double"), F.lit(False).alias("known_ahead"), *known
        )
        if future is None:
            return rows
        y = F.lit(None).cast("double").alias("y")
        ahead = future.select(unique_id, self._date(future), y, F.lit(True).alias("known_ahead"), *known)
        return rows.unionByName(ahead)

    def _date(self, df: DataFrame) -> Column:
        """ds in s. Outside these years pandas has no dates, and a mistyped year would make a grid of a million days."""
        seconds = self.seconds(df.schema["ds"].dataType)
        first, last = (F.lit(day).cast("timestamp").cast("double") for day in ("1900-01-01", "2200-01-01"))
        return F.when(seconds.between(first, last), seconds).alias("ds")


def clock_of(series: DataFrame, freq: str) -> Clock:
    """The clock by which `series`[ds] keeps its dates, within `our_settings`: UTC for hours; for days and longer the user's zone
    or UTC, by which of them the timestamps are of fewer times of day, and then of more midnights."""
    theirs = their_time_zone(series.sparkSession)
    if freq == "h" or theirs == "UTC" or not isinstance(series.schema["ds"].dataType, T.TimestampType):
        return Clock("UTC" if freq == "h" else theirs)
    clocks = [Clock(theirs), Clock("UTC")]
    times = [F.pmod(clock.seconds(T.TimestampType()), F.lit(_DAY_S)) for clock in clocks]
    row = series.agg(*[count for time in times for count in (F.count_distinct(time), F.count_if(time != 0))]).first()
    assert row is not None
    return clocks[0] if row[:2] <= row[2:] else clocks[1]


def end_of(end: date | str | None, rows: DataFrame, clock: Clock, freq: str) -> pd.Timestamp | None:
    """The last date of every history of `rows`, of `Clock.together`, on the wall: as asked, or the last date with a known value;
    None, for `own`: of each series its own. UsageError: it is neither."""
    if isinstance(end, datetime) and end.tzinfo is not None:
        return pd.Timestamp(end).tz_convert(clock.zone).tz_localize(None)
    if isinstance(end, date):
        if freq == "h" and not isinstance(end, datetime):
            raise UsageError(f"forecast: end of hours must be a datetime, found the date {end}")
        return pd.Timestamp(end)
    if end is not None:
        if end != "own":
            raise UsageError(f"forecast: end must be a date or 'own', found {end!r}")
        return None
    known = rows.where("NOT known_ahead AND ds IS NOT NULL AND y IS NOT NULL AND NOT isnan(y)")
    last = [row["ds"] for row in known.select("ds").distinct().orderBy(F.desc("ds")).limit(2).collect()]
    if not last:
        return None
    mistyped = last[0] - last[-1] > max(2.0, _SILENCE / FREQS[freq].year) * _YEAR_S
    return pd.Timestamp(last[-1 if mistyped else 0], unit="s")
