"""The public face: checks what is asked, hands each series to a worker, and gives the three tables back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest
from onecart.forecast import global_models
from onecart.forecast.inputs.clock import Clock, clock_of
from onecart.forecast.inputs.series import ALIASES, FREQS
from onecart.forecast.local.backtest import Plan
from onecart.forecast.local.registry import MODELS
from onecart.forecast.local.serialization import backtests, is_kind, packed, with_static
from onecart.forecast.selection.results import MEDIAN, Selector, fit_selector
from onecart.forecast.workers import mapped
from onecart.forecast.yearly_season import YearlySeason, yearly_season
from onecart.frames import DATES, DIGITS, IDS, LABELS, NUMBERS, library_function, quoted, require_columns, require_type

_KEY = ("unique_id", "ds", "y")
_BACKTEST = (
    "unique_id", "model", "cutoff", "chosen", "periods", "mae", "mase", "rmse", "rmsse", "wape", "bias", "pinball",
    "coverage_80", "coverage_95", "units",
)  # fmt: skip
_LEDGER = ("unique_id", "status", "reason", "demand", "periods", "units")
_ENOUGH = 50  # series from which a model over all of them is trained without being named
_JUDGES = 5000  # series from which the others learn what is usual
_TIMES = ("ds", "cutoff")
_FIELDS: dict[str, T.DataType] = {
    "part": T.StringType(),
    "unique_id": T.StringType(),
    "ds": T.LongType(),
    "model": T.StringType(),
    "chosen": T.BooleanType(),
    "yhat": T.DoubleType(),
    MEDIAN: T.DoubleType(),
    "cutoff": T.LongType(),
    "periods": T.IntegerType(),
    **{name: T.DoubleType() for name in _BACKTEST[5:]},
    **{name: T.StringType() for name in ("status", "reason", "demand")},
}


@dataclass(frozen=True)
class Forecast:
    """What `forecast` found. The three frames come from one pass over the series, kept until `unpersist`.

    forecast: key unique_id, ds, model; `chosen` is true for one model of a series (`best` holds only its rows); yhat, the expected
        value, which adds up over dates and series; `yhat-median`, the median, nearest on one date, which does not; and the
        ends of the intervals `yhat-lo-80`, ..., in units of y a period, none below 0. ds is of the type that it came in; a date
        where it came as text (hourly: a timestamp).
    backtest: key unique_id, model, cutoff (last training date); chosen; periods; of the median mae, mase, wape; of the expected value
        rmse, rmsse, bias (forecast less actual); pinball (mean of the quantiles .1 and .9), coverage_80, coverage_95, units. mase and rmsse are null where the in-sample
        error is 0, wape where nothing was sold. What is said of the model `ensemble`, and of coverage, is of a choice and of
        intervals that did not know the window.
    ledger: key unique_id, every series once; status forecast | fallback (the naive kind, for a reason) | rejected;
        reason; demand: smooth | erratic | intermittent | lumpy | dead; periods and units of history.
    """

    forecast: DataFrame
    backtest: DataFrame
    ledger: DataFrame
    _rows: DataFrame

    @property
    def best(self) -> DataFrame:
        """The rows of `forecast` of each series' chosen model: key unique_id, ds."""
        return self.forecast.where("chosen")

    def unpersist(self) -> None:
        self._rows.unpersist()


@library_function()
def forecast(
    series: DataFrame,
    h: int,
    freq: str,
    level: Sequence[int] = (80, 95),
    models: Sequence[str] | None = None,
    future: DataFrame | Sequence[DataFrame] | None = None,
    static: DataFrame | None = None,
    *,
    windows: int = 3,
    step: int | None = None,
    country: str | None = None,
    seconds: float = 60.0,
    seed: int = 0,
) -> Forecast:
    """Forecasts `h` periods of demand for every series, with intervals, a backtest and a ledger of what became of each.

    series: [unique_id (string or integer), ds (date, timestamp or text), y (number), ...], any order.
        A time without a zone (text, pandas) is taken as it stands. Timestamps are moments: of hours in UTC, else the day that the
        session's zone shows, or UTC where they are midnights there.
        Rows of one date are summed; dates without a row count as 0, from the series' first to its last known value;
        a null y is unknown (closed, sold out), not 0; negative y counts as 0. What was repaired is in the ledger's reason.
    freq: h (hours), D (days), W (weeks, on the weekday the series has), MS (months, dated on the 1st), ME (on the last), QS, YS.
    level: coverage of the intervals, per cent.
    models: of `MODELS` and `across.MODELS`; None: those that suit the demand of a series (`ROUTES`), and from 50 series on
        lightgbm and extra_trees, trained once over all of them. seasonal_naive is always tried: a series gets the best models together (an
        ensemble) or alone only where they beat it on the backtest, see `choice`.
    future: [unique_id, ds, columns that `series` has, too]: regressors known ahead (prices, promotions) for all dates
        to forecast, used by prophet and regression. Columns that `series` alone has are not used. Or [ds, columns]: what is
        the same for all series (weather, holidays), of the past and of the dates ahead. Or one of each, in a list.
    static: [unique_id, attributes], one row a series: numbers or kinds (text, true or false), used by the trees over all.
    windows, step: the backtest has so many windows of `h` periods, the last at the end of the series, `step` periods (None: h)
        apart, as far as enough is left to train on, see `solve.starts`.
    country: ISO 3166 code whose public holidays prophet and regression know (daily series).
    seconds: after so many on one series no other model is begun, and after twice as many the one that runs is stopped.

    A series too short for a backtest gets seasonal_naive, or naive, one that is not sold any more zeros (all status
    fallback); one with fewer than 3 periods, or off the grid of `freq`, is rejected and has no forecast.
    Rows without a unique_id are one rejected ledger row. All series are worked on at once, when this is called.
    UsageError for what cannot be asked.
    """
    grid = _one_of("freq", ALIASES.get(freq, freq), FREQS)
    _check_types(series, grid)
    own, of_all = _two_kinds(future)
    regressors = () if own is None else _regressors(series, own)
    clock = clock_of(series, grid)
    plan = Plan(
        h=_whole("h", h),
        freq=grid,
        levels=_levels(level),
        models=None if models is None else tuple(name for name in _models(models) if name in MODELS),
        regressors=regressors,
        windows=_whole("windows", windows),
        step=h if step is None else _whole("step", step),
        country=_country(country),
        seconds=_above_0("seconds", seconds),
        seed=seed,
        shared=None if of_all is None else _shared(of_all, clock),
        static=() if static is None else _attributes(static),
    )
    together = clock.together(series, own, regressors)
    plan = replace(plan, season=_season(together, plan))
    found = with_static(backtests(packed(together, regressors), plan), static).persist()
    over_all = [m for m in models or global_models.BOOSTED if m in global_models.MODELS]
    found = _with_global(found, plan, over_all, asked=models is not None)
    sample = found.where("status = 'forecast'").orderBy(F.xxhash64("unique_id")).limit(_JUDGES).toPandas()
    selector = fit_selector(sample.itertuples(index=False), plan)
    return _tables(found, selector, series, clock)


def _tables(found: DataFrame, selector: Selector, series: DataFrame, clock: Clock) -> Forecast:
    """What the selector says of `found` of SOLVED, dated as `series` is."""
    plan = selector.plan
    rows = mapped(found, lambda row: [*map(_in_seconds, selector.rows(row))], _schema(plan))
    date, ids = _date_type(series, plan.freq), F.col("unique_id").cast(series.schema["unique_id"].dataType)
    rows = rows.withColumns({"unique_id": ids, **{name: clock.back(name, date) for name in _TIMES}})
    columns = ("unique_id", "ds", "model", "yhat", MEDIAN, *_ends(plan.levels), "chosen")
    return Forecast(
        forecast=rows.where("part = 'forecast'").select(*columns),
        backtest=rows.where("part = 'backtest'").select(*_BACKTEST),
        ledger=rows.where("part = 'ledger'").select(*_LEDGER),
        _rows=found,
    )


def _season(rows: DataFrame, plan: Plan) -> YearlySeason | None:
    """Of all series of `rows`[ds, y, known_ahead]: their sum by date, as many rows as there are dates."""
    freq = FREQS[plan.freq]
    if freq.season == freq.year:
        return None
    told = rows.where("NOT known_ahead AND ds IS NOT NULL AND (y IS NULL OR NOT isnan(y))")
    sums = told.groupBy("ds").agg(F.round(F.sum("y"), DIGITS).alias("y")).orderBy("ds")
    return yearly_season(sums.toPandas(), freq, plan.h)


def _with_global(found: DataFrame, plan: Plan, names: Sequence[str], *, asked: bool) -> DataFrame:
    """`found` of SOLVED, persisted, with what the models over all series say beside what the others do, persisted."""
    if not names or (not asked and found.where("status = 'forecast'").limit(_ENOUGH).count() < _ENOUGH):
        return found
    lists = [F.collect_list("model").alias("more"), F.collect_list("yhats").alias("their")]
    more = global_models.paths(found, plan, names).groupBy("unique_id").agg(*lists)
    both = found.join(more, on="unique_id", how="left")
    nothing = {"more": "array<string>", "their": "array<array<double>>"}
    filled = both.withColumns({name: F.coalesce(name, F.array().cast(kind)) for name, kind in nothing.items()})
    joined = filled.withColumns({"models": F.concat("models", "more"), "yhats": F.concat("yhats", "their")})
    whole = joined.select(*found.columns).persist()
    whole.count()
    found.unpersist()
    return whole


def _in_seconds(row: dict[str, Any]) -> dict[str, Any]:
    """A row of results with times as s since 1970: as timestamps they would depend on the session that computes them."""
    return row | {name: int(row[name].timestamp()) for name in _TIMES if name in row}


def _date_type(series: DataFrame, freq: str) -> T.DataType:
    """Of ds in the result: as it came; text becomes a date, or of hours a timestamp."""
    given = series.schema["ds"].dataType
    if not isinstance(given, T.StringType):
        return given
    return T.TimestampType() if freq == "h" else T.DateType()


def _schema(plan: Plan) -> T.StructType:
    fields = [*_FIELDS.items(), *((name, T.DoubleType()) for name in _ends(plan.levels))]
    return T.StructType([T.StructField(name, kind) for name, kind in fields])


def _ends(levels: Iterable[int]) -> list[str]:
    return [f"yhat-{side}-{level}" for level in levels for side in ("lo", "hi")]


def _check_types(series: DataFrame, grid: str) -> None:
    require_columns(series, _KEY, "forecast: series")
    for name, kind in zip(_KEY, (IDS, DATES, NUMBERS), strict=True):
        require_type(series, name, kind, "forecast: series")
    if grid == "h" and isinstance(series.schema["ds"].dataType, T.DateType):
        raise UsageError("forecast: ds of series holds dates, which have no hours; give timestamps, or freq='D'")


def _two_kinds(future: DataFrame | Sequence[DataFrame] | None) -> tuple[DataFrame | None, DataFrame | None]:
    """(regressors of each series, those that are the same for all)."""
    given = [future] if isinstance(future, DataFrame) else [*(future or ())]
    own = [one for one in given if "unique_id" in one.columns]
    of_all = [one for one in given if "unique_id" not in one.columns]
    if len(own) > 1 or len(of_all) > 1:
        raise UsageError("forecast: future has two frames of one kind; join them, on unique_id and ds or on ds")
    if own and of_all and (both := {*own[0].columns} & {*of_all[0].columns} - {"ds"}):
        raise UsageError(f"forecast: both frames of future have {', '.join(sorted(both))}; rename it in one")
    return next(iter(own), None), next(iter(of_all), None)


def _regressors(series: DataFrame, future: DataFrame) -> tuple[str, ...]:
    require_columns(future, ("unique_id", "ds"), "forecast: future")
    require_type(future, "ds", DATES, "forecast: future")
    names = tuple(name for name in future.columns if name not in _KEY)
    _check_numbers("future", future, names)
    require_columns(series, names, "forecast: series")
    _check_numbers("series", series, names)
    return names


def _attributes(static: DataFrame) -> tuple[bool, ...]:
    require_columns(static, ("unique_id",), "forecast: static")
    names = [name for name in static.columns if name != "unique_id"]
    if not names:
        raise UsageError("forecast: static has no columns beside unique_id; add attributes of the series")
    for name in names:
        require_type(static, name, LABELS, "forecast: static")
    twice = static.groupBy("unique_id").count().where("count > 1").orderBy("unique_id").first()
    if twice is not None:
        raise UsageError(f"forecast: static has {twice['count']} rows of {twice['unique_id']!r}; give one a series")
    return tuple(is_kind(static, name) for name in names)


def _shared(future: DataFrame, clock: Clock) -> pd.DataFrame:
    """`future`[ds, numbers], one row a date: there are no more than dates. UsageError: a date twice, no numbers."""
    require_columns(future, ("ds",), "forecast: future")
    require_type(future, "ds", DATES, "forecast: future")
    names = [name for name in future.columns if name != "ds"]
    _check_numbers("future", future, names)
    moment = clock.seconds(future.schema["ds"].dataType).alias("ds")
    rows = future.select(moment, *[quoted(n).cast("double").alias(n) for n in names])
    table = rows.where("ds IS NOT NULL").toPandas().set_index("ds").sort_index()
    table.index = pd.to_datetime(table.index, unit="s")
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise UsageError(f"forecast: future has {twice} twice; give one row a date, or a column unique_id")
    return table


def _check_numbers(what: str, df: DataFrame, names: Iterable[str]) -> None:
    names = [*names]
    if not names:
        raise UsageError(f"forecast: {what} has no columns beside its keys; add the regressors that are known ahead")
    for name in names:
        if not isinstance(found := df.schema[name].dataType, T.NumericType | T.BooleanType):
            raise UsageError(f"forecast: regressor {name} of {what} must hold numbers, found {found.simpleString()}")


def _whole(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"forecast: {name} must be a whole number from 1, found {value!r}")
    return value


def _above_0(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise UsageError(f"forecast: {name} must be a number above 0, found {value!r}")
    return float(value)


def _one_of(name: str, value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise UsageError(f"forecast: no {name} '{value}'{nearest(str(value), known)}")
    return value


def _models(models: Sequence[str]) -> tuple[str, ...]:
    names = (models,) if isinstance(models, str) else tuple(models)
    if not names:
        raise UsageError(f"forecast: models is empty; name some of {', '.join(MODELS)}")
    return tuple(_one_of("model", name, (*MODELS, *global_models.MODELS)) for name in names)


def _levels(level: Sequence[int]) -> tuple[int, ...]:
    levels = tuple(level) if isinstance(level, Sequence) else (level,)
    if len(set(levels)) < len(levels):
        raise UsageError(f"forecast: level names the same coverage twice: {level!r}")
    if any(isinstance(x, bool) or not isinstance(x, int) or not 0 < x < 100 for x in levels):
        raise UsageError(f"forecast: level must hold whole per cents between 1 and 99, found {level!r}")
    return levels


def _country(country: str | None) -> str | None:
    if country is None:
        return None
    from holidays import list_supported_countries

    return _one_of("country", country, list_supported_countries())
