"""The public face: checks what is asked, hands each series to a worker, and gives the three tables back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.forecast import global_models
from onecart.forecast.inputs.clock import Clock, clock_of, end_of
from onecart.forecast.inputs.series import FREQS, frequency
from onecart.forecast.local.backtest import Plan
from onecart.forecast.local.registry import MODELS
from onecart.forecast.local.serialization import backtests, of_windows, packed, with_static
from onecart.forecast.request import (
    above_0,
    attributes_of,
    check_types,
    country_of,
    levels_of,
    models_of,
    regressors_of,
    shared_of,
    two_kinds,
    whole,
)
from onecart.forecast.selection.results import MEDIAN, Selector, fit_selector
from onecart.forecast.workers import mapped
from onecart.forecast.yearly_season import YearlySeason, yearly_season
from onecart.frames import DIGITS, library_function

_BACKTEST = (
    "unique_id", "model", "cutoff", "chosen", "periods", "mae", "mase", "rmse", "rmsse", "wape", "bias", "pinball",
    "coverage_80", "coverage_95", "units",
)  # fmt: skip
_LEDGER = ("unique_id", "status", "reason", "demand", "periods", "units")
_ENOUGH = 50  # series from which a model over all of them is trained without being named
_JUDGES = 5000  # series from which the others learn what is usual, at most
_NUMBERS = 32_000_000  # forecasts of them that the driver takes: 256 MB, a quarter of what Spark lets it take
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
    end: date | str | None = None,
    seconds: float = 60.0,
    seed: int = 0,
) -> Forecast:
    """Forecasts `h` periods of demand for every series, with intervals, a backtest and a ledger of what became of each.

    series: [unique_id (string or integer), ds (date, timestamp or text), y (number), ...], any order.
        A time without a zone (text, pandas) is taken as it stands. Timestamps are moments: of hours in UTC, else the day that the
        session's zone shows, or UTC where they are midnights there.
        Rows of one date are summed; dates without a row count as 0, from the series' first known value to `end`;
        a null y is unknown (closed, sold out), not 0; negative y counts as 0. What was repaired is in the ledger's reason.
    freq: h (hours), D (days), W (weeks, on the weekday the series has), MS (months, dated on the 1st), ME (on the last), QS and QE
        (quarters, from the month the series has), YS and YE (years, fiscal ones too). Business days and minutes are refused.
    level: coverage of the intervals, per cent.
    models: of `MODELS` and `across.MODELS`; None: those that suit the demand of a series (`ROUTES`), and from 50 series on
        lightgbm and extra_trees, trained once over all of them. seasonal_naive is always tried: a series gets the best models together (an
        ensemble) or alone only where they beat it on the backtest, see `choice`.
    future: [unique_id, ds, columns that `series` has, too]: regressors known ahead (prices, promotions) for all dates to forecast;
        what lacks is the last value before, and in the ledger. Columns that `series` alone has are not used. Or [ds, columns]:
        what is the same for all series (weather, holidays), of the past and of the dates ahead. Or one of each, in a list.
    static: [unique_id, attributes], one row a series: numbers or kinds (text, true or false), used by the trees over all.
    windows, step: the backtest has so many windows of `h` periods, the last at the end of the series, `step` periods (None: h)
        apart, as far as enough is left to train on, see `solve.starts`.
    end: the last date of all histories; later rows are left out, of a series that ends before nothing was sold since. None: the
        panel's last known value (a date two years after all others is mistyped); `own`: of each series its own last known value.
    country: ISO 3166 code whose public holidays prophet and regression know (daily series).
    seconds: after so many on one series no other model is begun, and after twice as many the one that runs is stopped.

    A series too short for a backtest gets seasonal_naive, or naive, one that is not sold any more zeros (all status fallback); one
    with fewer than 3 periods, or off the grid of `freq`, is rejected and has no forecast. Rows without a unique_id are one rejected
    ledger row. All series are worked on at once, when this is called. UsageError for what cannot be asked.
    """
    grid = frequency(freq)
    check_types(series, grid)
    own, of_all = two_kinds(future)
    regressors = () if own is None else regressors_of(series, own)
    clock = clock_of(series, grid)
    together = clock.together(series, own, regressors)
    plan = Plan(
        h=whole("h", h),
        freq=grid,
        levels=levels_of(level),
        models=None if models is None else tuple(name for name in models_of(models) if name in MODELS),
        regressors=regressors,
        windows=whole("windows", windows),
        step=h if step is None else whole("step", step),
        country=country_of(country),
        seconds=above_0("seconds", seconds),
        seed=seed,
        shared=None if of_all is None else shared_of(of_all, clock),
        static=() if static is None else attributes_of(static),
        end=end_of(end, together, clock, grid),
    )
    plan = replace(plan, season=_season(together, plan))
    found = with_static(backtests(packed(together, regressors), plan), static).persist()
    over_all = [m for m in models or global_models.BOOSTED if m in global_models.MODELS]
    found = _with_global(found, plan, over_all, asked=models is not None)
    selector = fit_selector(_sample(found, plan), plan)
    return _tables(found, selector, series, clock)


def _tables(found: DataFrame, selector: Selector, series: DataFrame, clock: Clock) -> Forecast:
    """The three frames of `found` of SOLVED, with ids and dates of the types of `series`."""
    plan = selector.plan
    rows = mapped(found, lambda row: [*map(_in_seconds, selector.rows(row))], _schema(plan))
    kind, ids = _date_type(series, plan.freq), F.col("unique_id").cast(series.schema["unique_id"].dataType)
    rows = rows.withColumns({"unique_id": ids, **{name: clock.back(name, kind) for name in _TIMES}})
    columns = ("unique_id", "ds", "model", "yhat", MEDIAN, *_ends(plan.levels), "chosen")
    return Forecast(
        forecast=rows.where("part = 'forecast'").select(*columns),
        backtest=rows.where("part = 'backtest'").select(*_BACKTEST),
        ledger=rows.where("part = 'ledger'").select(*_LEDGER),
        _rows=found,
    )


def _season(rows: DataFrame, plan: Plan) -> YearlySeason | None:
    """Of all series of `rows`[ds, y, known_ahead] up to the plan's end: their sum by date, as many rows as there are dates."""
    freq = FREQS[plan.freq]
    if freq.season == freq.year:
        return None
    told = rows.where("NOT known_ahead AND ds IS NOT NULL AND (y IS NULL OR NOT isnan(y))")
    if plan.end is not None:
        told = told.where(F.col("ds") <= plan.end.timestamp())
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


def _sample(found: DataFrame, plan: Plan) -> Iterable[Any]:
    """Tested series of `found` on the driver, drawn by their names."""
    drawn = of_windows(found).orderBy(F.xxhash64("unique_id")).limit(_sample_size(plan))
    return drawn.toPandas().itertuples(index=False)


def _sample_size(plan: Plan) -> int:
    """Series that go to the driver, were all models tried on them: fewer where many periods are forecast."""
    each = (len(MODELS) + len(global_models.MODELS)) * (1 + plan.windows) * plan.h
    return max(_ENOUGH, min(_JUDGES, _NUMBERS // each))


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
