"""Checks of what is asked of `forecast`, before any work."""

from collections.abc import Iterable, Sequence

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest
from onecart.forecast import global_models
from onecart.forecast.inputs.clock import Clock
from onecart.forecast.local.registry import MODELS
from onecart.forecast.local.serialization import is_kind
from onecart.frames import DATES, IDS, LABELS, NUMBERS, quoted, require_columns, require_type

KEY = ("unique_id", "ds", "y")


def check_types(series: DataFrame, grid: str) -> None:
    require_columns(series, KEY, "forecast: series")
    for name, kind in zip(KEY, (IDS, DATES, NUMBERS), strict=True):
        require_type(series, name, kind, "forecast: series")
    if grid == "h" and isinstance(series.schema["ds"].dataType, T.DateType):
        raise UsageError("forecast: ds of series holds dates, which have no hours; give timestamps, or freq='D'")


def two_kinds(future: DataFrame | Sequence[DataFrame] | None) -> tuple[DataFrame | None, DataFrame | None]:
    """(regressors of each series, those that are the same for all)."""
    given = [future] if isinstance(future, DataFrame) else [*(future or ())]
    own = [one for one in given if "unique_id" in one.columns]
    of_all = [one for one in given if "unique_id" not in one.columns]
    if len(own) > 1 or len(of_all) > 1:
        raise UsageError("forecast: future has two frames of one kind; join them, on unique_id and ds or on ds")
    if own and of_all and (both := {*own[0].columns} & {*of_all[0].columns} - {"ds"}):
        raise UsageError(f"forecast: both frames of future have {', '.join(sorted(both))}; rename it in one")
    return next(iter(own), None), next(iter(of_all), None)


def regressors_of(series: DataFrame, future: DataFrame) -> tuple[str, ...]:
    require_columns(future, ("unique_id", "ds"), "forecast: future")
    require_type(future, "ds", DATES, "forecast: future")
    names = tuple(name for name in future.columns if name not in KEY)
    _check_numbers("future", future, names)
    require_columns(series, names, "forecast: series")
    _check_numbers("series", series, names)
    return names


def attributes_of(static: DataFrame) -> tuple[bool, ...]:
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


def shared_of(future: DataFrame, clock: Clock) -> pd.DataFrame:
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


def whole(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"forecast: {name} must be a whole number from 1, found {value!r}")
    return value


def above_0(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise UsageError(f"forecast: {name} must be a number above 0, found {value!r}")
    return float(value)


def _one_of(name: str, value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise UsageError(f"forecast: no {name} '{value}'{nearest(str(value), known)}")
    return value


def models_of(models: Sequence[str]) -> tuple[str, ...]:
    names = (models,) if isinstance(models, str) else tuple(models)
    if not names:
        raise UsageError(f"forecast: models is empty; name some of {', '.join(MODELS)}")
    return tuple(_one_of("model", name, (*MODELS, *global_models.MODELS)) for name in names)


def levels_of(level: Sequence[int]) -> tuple[int, ...]:
    levels = tuple(level) if isinstance(level, Sequence) else (level,)
    if len(set(levels)) < len(levels):
        raise UsageError(f"forecast: level names the same coverage twice: {level!r}")
    if any(isinstance(x, bool) or not isinstance(x, int) or not 0 < x < 100 for x in levels):
        raise UsageError(f"forecast: level must hold whole per cents between 1 and 99, found {level!r}")
    return levels


def country_of(country: str | None) -> str | None:
    if country is None:
        return None
    from holidays import list_supported_countries

    return _one_of("country", country, list_supported_countries())
