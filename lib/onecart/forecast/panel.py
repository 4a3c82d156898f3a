"""The public face: checks what is asked, hands each series to a worker, and gives the three tables back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest
from onecart.forecast.models import MODELS
from onecart.forecast.series import FREQS
from onecart.forecast.solve import Plan, solve

DEFAULT_MODELS = ("seasonal_naive", "prophet")
_KEY = ("unique_id", "ds", "y")
_BACKTEST = ("unique_id", "model", "cutoff", "periods", "mae", "mase", "wape", "bias", "coverage_80", "units")
_LEDGER = ("unique_id", "status", "reason", "periods", "units")
_FIELDS: dict[str, T.DataType] = {
    "part": T.StringType(),
    "unique_id": T.StringType(),
    "ds": T.DateType(),
    "model": T.StringType(),
    "chosen": T.BooleanType(),
    "yhat": T.DoubleType(),
    "cutoff": T.DateType(),
    "periods": T.IntegerType(),
    **{name: T.DoubleType() for name in ("mae", "mase", "wape", "bias", "coverage_80", "units")},
    "status": T.StringType(),
    "reason": T.StringType(),
}


@dataclass(frozen=True)
class Forecast:
    """What `forecast` found. The three frames come from one pass, kept on first use (until `unpersist`).

    forecast: key unique_id, ds, model; `chosen` is true for one model of a series (`best` holds only its rows);
        yhat and the ends of the intervals `yhat-lo-80`, ..., in units of y a period, none below 0.
    backtest: key unique_id, model, cutoff (last training date); periods, mae, mase, wape, bias (forecast less actual),
        coverage_80, units. mase is null where the in-sample error is 0, wape where nothing was sold. The figures of the
        chosen model are a little flattering, as the same windows chose it.
    ledger: key unique_id, every series once; status forecast | fallback (the naive kind, for a reason) | rejected;
        reason; periods and units of history.
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


def forecast(
    series: DataFrame,
    h: int,
    freq: str,
    level: Sequence[int] = (80, 95),
    models: Sequence[str] | None = None,
    future: DataFrame | None = None,
    static: DataFrame | None = None,
    *,
    windows: int = 1,
    country: str | None = None,
    seed: int = 0,
) -> Forecast:
    """Forecasts `h` periods of demand for every series, with intervals, a backtest and a ledger of what became of each.

    series: [unique_id (string or integer), ds (date, timestamp or text), y (number), ...], any order.
        Rows of one date are summed; dates without a row count as 0, from the series' first to its last known value;
        a null y is unknown, not 0; negative y counts as 0. What was repaired is in the ledger's reason.
    freq: D (days), W (weeks, on the weekday the series has) or MS (months, dated on the 1st).
    level: coverage of the intervals, per cent.
    models: of naive, seasonal_naive, moving_average, prophet; None: seasonal_naive and prophet. seasonal_naive is
        always tried: a model is chosen for a series only where its mean absolute error in the backtest is less.
    future: [unique_id, ds, columns that `series` has, too]: regressors known ahead (prices, promotions) for all dates
        to forecast, used by prophet. Columns that `series` alone has are not used.
    static: [unique_id, attributes]: checked only; no model of today uses it.
    windows: backtest windows of `h` periods each, as many as leave two seasons to train on.
    country: ISO 3166 code whose public holidays prophet knows (daily series).

    A series under two seasons gets naive, one too short for a backtest seasonal_naive, one of zeros zeros (all status
    fallback); one with fewer than 3 periods, or off the grid of `freq`, is rejected and has no forecast.
    Rows without a unique_id are one rejected ledger row. Work is lazy: it runs with the first action, once for the
    three frames. UsageError for what cannot be asked.
    """
    _check_columns("series", series, _KEY)
    _check_types(series)
    if static is not None:
        _check_columns("static", static, ("unique_id",))
    regressors = () if future is None else _regressors(series, future)
    plan = Plan(
        h=_whole("h", h),
        freq=_one_of("freq", freq, FREQS),
        levels=_levels(level),
        models=_models(DEFAULT_MODELS if models is None else models),
        regressors=regressors,
        windows=_whole("windows", windows),
        country=_country(country),
        seed=seed,
    )
    solved = _solved(_together(series, future, regressors), plan).persist()
    rows = solved.withColumn("unique_id", F.col("unique_id").cast(series.schema["unique_id"].dataType))
    return Forecast(
        forecast=rows.where("part = 'forecast'").select(
            "unique_id", "ds", "model", "yhat", *_ends(plan.levels), "chosen"
        ),
        backtest=rows.where("part = 'backtest'").select(*_BACKTEST),
        ledger=rows.where("part = 'ledger'").select(*_LEDGER),
        _rows=solved,
    )


def _together(series: DataFrame, future: DataFrame | None, regressors: tuple[str, ...]) -> DataFrame:
    """[unique_id as text, ds at midnight, y, known_ahead, *regressors]: the series' rows, then what is known ahead."""
    # Outside these years pandas has no dates, and a mistyped year would make a grid of a million days.
    day = F.to_date("ds")
    date = F.when(day.between("1900-01-01", "2199-12-31"), day.cast("timestamp"))
    known = [F.col(f"`{name}`").cast("double").alias(name) for name in regressors]
    unique_id = F.col("unique_id").cast("string").alias("unique_id")
    rows = series.select(
        unique_id, date.alias("ds"), F.col("y").cast("double"), F.lit(False).alias("known_ahead"), *known
    )
    if future is None:
        return rows
    ahead = future.select(
        unique_id, date.alias("ds"), F.lit(None).cast("double").alias("y"), F.lit(True).alias("known_ahead"), *known
    )
    return rows.unionByName(ahead)


def _solved(rows: DataFrame, plan: Plan) -> DataFrame:
    """One pass over all series. A worker starts Python once per task and then takes series after series."""
    schema = T.StructType([T.StructField(name, kind) for name, kind in _FIELDS.items()])
    for name in _ends(plan.levels):
        schema = schema.add(name, T.DoubleType())
    columns = schema.fieldNames()

    def one_series(frame: pd.DataFrame) -> pd.DataFrame:
        # As objects: a column that a series leaves empty would be of floats, which do not turn into dates.
        found: pd.DataFrame = pd.DataFrame(solve(frame, plan), columns=columns, dtype=object)
        return found

    # A few hundred series are a small shuffle, which AQE would join into one task and fit on one core; it leaves a
    # repartition with a number alone. Four tasks a core even out series that take longer.
    tasks = 4 * rows.sparkSession.sparkContext.defaultParallelism
    return rows.repartition(tasks, "unique_id").groupBy("unique_id").applyInPandas(one_series, schema)


def _ends(levels: Iterable[int]) -> list[str]:
    return [f"yhat-{side}-{level}" for level in levels for side in ("lo", "hi")]


def _check_columns(what: str, df: DataFrame, wanted: Iterable[str]) -> None:
    missing = [name for name in wanted if name not in df.columns]
    if missing:
        raise UsageError(f"forecast: {what} has no column {', '.join(missing)}{nearest(missing[0], df.columns)}")


def _check_types(series: DataFrame) -> None:
    types = {name: series.schema[name].dataType for name in _KEY}
    allowed = {
        "unique_id": (T.StringType, T.IntegralType),
        "ds": (T.DateType, T.TimestampType, T.TimestampNTZType, T.StringType),
        "y": (T.NumericType,),
    }
    for name, kinds in allowed.items():
        if not isinstance(types[name], kinds):
            words = {"unique_id": "text or whole numbers", "ds": "dates, timestamps or text", "y": "numbers"}[name]
            raise UsageError(f"forecast: column {name} of series must hold {words}, found {types[name].simpleString()}")


def _regressors(series: DataFrame, future: DataFrame) -> tuple[str, ...]:
    _check_columns("future", future, ("unique_id", "ds"))
    names = tuple(name for name in future.columns if name not in _KEY)
    if not names:
        raise UsageError(
            "forecast: future has no columns beside unique_id and ds; add the regressors that are known ahead"
        )
    _check_columns("series", series, names)
    for what, df in (("series", series), ("future", future)):
        for name, found in ((name, df.schema[name].dataType) for name in names):
            if not isinstance(found, T.NumericType | T.BooleanType):
                raise UsageError(
                    f"forecast: regressor {name} of {what} must hold numbers, found {found.simpleString()}"
                )
    return names


def _whole(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"forecast: {name} must be a whole number from 1, found {value!r}")
    return value


def _one_of(name: str, value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise UsageError(f"forecast: no {name} '{value}'{nearest(str(value), known)}")
    return value


def _models(models: Sequence[str]) -> tuple[str, ...]:
    names = (models,) if isinstance(models, str) else tuple(models)
    if not names:
        raise UsageError(f"forecast: models is empty; name some of {', '.join(MODELS)}")
    return tuple(_one_of("model", name, MODELS) for name in names)


def _levels(level: Sequence[int]) -> tuple[int, ...]:
    levels = tuple(level)
    if any(isinstance(x, bool) or not isinstance(x, int) or not 0 < x < 100 for x in levels):
        raise UsageError(f"forecast: level must hold whole per cents between 1 and 99, found {level!r}")
    return levels


def _country(country: str | None) -> str | None:
    if country is None:
        return None
    from holidays import list_supported_countries

    return _one_of("country", country, list_supported_countries())
