"""The inputs of `replenish` and `simulate`: what is refused, and how a series with all it needs is packed in one row."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from math import isfinite
from numbers import Real
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError, nearest
from onecart.forecast.inventory.sku_inputs import Costs, Stock, lead_fault
from onecart.forecast.workers import spread_out
from onecart.frames import DATES, FLAGS, IDS, NUMBERS, quoted, require_columns, require_type

STOCK = tuple(Stock.__dataclass_fields__)
COSTS = tuple(Costs.__dataclass_fields__)
_MEDIAN = re.compile(r"yhat[-_]median")
_INTERVAL = re.compile(r"yhat[-_](lo|hi)[-_](\d+(?:\.\d+)?)")
Costing = DataFrame | Mapping[str, float]
LeadTime = DataFrame | float | Sequence[float]


def forecast_frame(who: str, forecast: Any) -> DataFrame:
    """The rows to use of a forecast: a frame, or an object with such a frame as `best`; only `chosen` rows."""
    frame = forecast if isinstance(forecast, DataFrame) else getattr(forecast, "best", None)
    if not isinstance(frame, DataFrame):
        raise UsageError(f"{who}: forecast must be a DataFrame or have one as .best, found {type(forecast).__name__}")
    check_columns(who, "forecast", frame, ("unique_id", "ds", "yhat"))
    require_type(frame, "ds", (DATES[0], "dates"), f"{who}: forecast")
    check_numbers(
        who,
        "forecast",
        frame,
        ["yhat", *(name for name in frame.columns if _INTERVAL.fullmatch(name) or _MEDIAN.fullmatch(name))],
    )
    if "chosen" not in frame.columns:
        return frame
    require_type(frame, "chosen", FLAGS, f"{who}: forecast")
    return frame.where("chosen")


def quantile_columns(who: str, forecast: DataFrame) -> dict[str, float]:
    """Column -> probability, ascending: the ends of the intervals (`yhat-lo-80` or `yhat_lo_80`), and the median (`yhat-median`);
    a forecast without one has yhat for it."""
    found = {next((name for name in forecast.columns if _MEDIAN.fullmatch(name)), "yhat"): 0.5}
    for name in forecast.columns:
        if match := _INTERVAL.fullmatch(name):
            level = float(match[2])
            if not 0 < level < 100:
                raise UsageError(f"{who}: column {name} of forecast: a level lies between 0 and 100")
            found[name] = (100 - level) / 200 if match[1] == "lo" else (100 + level) / 200
    if len(found) == 1:
        raise UsageError(
            f"{who}: forecast has no intervals (yhat-lo-80, yhat-hi-80, ...); forecast with level=(80, 95), as yhat "
            "alone does not say how uncertain demand is"
        )
    if len({*found.values()}) < len(found):
        raise UsageError(f"{who}: forecast has two columns for one end of an interval: {', '.join(found)}")
    return dict(sorted(found.items(), key=lambda item: item[1]))


def packed(
    who: str,
    forecast: DataFrame,
    columns: Sequence[str],
    stock: DataFrame,
    costs: Costing,
    lead_time: LeadTime,
    needed: Sequence[str],
) -> DataFrame:
    """One row a series: unique_id (text), quantiles (array, period after period), its stock, costs and lead time.

    undated, repeated: whether a row has no date, or a date several rows; has_stock, has_costs, has_lead: whether there
    is a row for it. needed: costs that must be given. `forecast` may have a column y, whose values that are not null are the array `actual`.
    """
    values = [F.coalesce(quoted(name).cast("double"), F.lit(float("nan"))) for name in columns]
    more = [F.col("y").cast("double").alias("y")] if "y" in forecast.columns else []
    row = F.struct(F.col("ds").cast("timestamp").alias("ds"), F.array(*values).alias("values"), *more)
    series = (
        spread_out(forecast.select(F.col("unique_id").cast("string").alias("unique_id"), row.alias("row")), "unique_id")
        .groupBy("unique_id")
        .agg(F.sort_array(F.collect_list("row")).alias("rows"))
        .select(
            "unique_id",
            F.flatten("rows.values").alias("quantiles"),
            F.exists("rows.ds", F.isnull).alias("undated"),
            (F.size(F.array_distinct("rows.ds")) < F.size("rows")).alias("repeated"),
            *([F.filter("rows.y", F.isnotnull).alias("actual")] if more else []),
        )
    )
    with_stock = _joined(series, _part(who, "stock", stock, STOCK, ("on_hand",)), "has_stock")
    return _with_lead(who, _with_costs(who, with_stock, costs, needed), lead_time)


def check_rows(who: str, **frames: DataFrame | object) -> None:
    """UsageError where rows share a unique_id (forecast, actual: and a ds), or costs or lead_time have no rows.

    One pass over all frames; what is no frame is left out, a null in a key does not count.
    """
    faults = [fault for what, df in frames.items() if isinstance(df, DataFrame) for fault in _faults(what, df)]
    found = reduce(DataFrame.unionByName, faults).agg(F.min(F.struct("what", "id", "ds", "n")).alias("fault")).first()
    fault = found["fault"] if found else None
    if fault is None:
        return
    if not fault["n"]:
        raise UsageError(f"{who}: {fault['what']} has no rows; give one a unique_id, or one value for all")
    where = f"unique_id {fault['id']}" + (f", ds {fault['ds']}" if fault["ds"] else "")
    hint = ""
    if fault["what"] == "forecast" and "model" in getattr(frames["forecast"], "columns", ()):
        hint = "; keep one model a series (the column chosen, or .best)"
    raise UsageError(f"{who}: {fault['what']} has {fault['n']} rows for {where}; there must be one{hint}")


def _faults(what: str, df: DataFrame) -> Iterator[DataFrame]:
    """[what, id, ds, n]: keys with n rows, more than one; and n = 0 for a frame that must not be empty and is."""
    ds = F.col("ds").cast("timestamp").cast("string") if what in ("forecast", "actual") else F.lit("")
    key = df.select(F.col("unique_id").cast("string").alias("id"), ds.alias("ds")).where(
        "id IS NOT NULL AND ds IS NOT NULL"
    )
    repeated = key.groupBy("id", "ds").agg(F.count("*").alias("n")).where("n > 1")
    yield repeated.select(F.lit(what).alias("what"), "id", "ds", "n")
    if what in ("costs", "lead_time"):
        rows = df.agg(F.count("*").alias("n")).where("n = 0")
        yield rows.select(F.lit(what).alias("what"), F.lit("").alias("id"), F.lit("").alias("ds"), "n")


def check_columns(who: str, what: str, df: DataFrame, wanted: Sequence[str]) -> None:
    """UsageError for columns that are missing, or a unique_id that is no id."""
    if not isinstance(df, DataFrame):
        raise UsageError(f"{who}: {what} must be a DataFrame, found {type(df).__name__}")
    require_columns(df, wanted, f"{who}: {what}")
    require_type(df, "unique_id", IDS, f"{who}: {what}")


def check_numbers(who: str, what: str, df: DataFrame, columns: Sequence[str]) -> None:
    """UsageError for a column of another type than numbers."""
    for name in columns:
        require_type(df, name, NUMBERS, f"{who}: {what}")


def _part(who: str, what: str, df: DataFrame, columns: Sequence[str], needed: Sequence[str]) -> DataFrame:
    """[unique_id as text, *columns as double]; null for a column that the frame lacks."""
    check_columns(who, what, df, ("unique_id", *needed))
    check_numbers(who, what, df, [name for name in columns if name in df.columns])
    return df.select(
        F.col("unique_id").cast("string").alias("unique_id"),
        *[(F.col(name) if name in df.columns else F.lit(None)).cast("double").alias(name) for name in columns],
    )


def _joined(series: DataFrame, part: DataFrame, flag: str) -> DataFrame:
    joined = series.join(part.withColumn(flag, F.lit(True)), on="unique_id", how="left")
    return joined.withColumn(flag, F.coalesce(flag, F.lit(False)))


def _with_costs(who: str, series: DataFrame, costs: Costing, needed: Sequence[str]) -> DataFrame:
    if isinstance(costs, DataFrame):
        return _joined(series, _part(who, "costs", costs, COSTS, needed), "has_costs")
    if not isinstance(costs, Mapping):
        raise UsageError(f"{who}: costs must be a DataFrame or a mapping, found {type(costs).__name__}")
    for name, value in costs.items():
        if name not in COSTS:
            raise UsageError(f"{who}: costs has an unknown entry '{name}'{nearest(str(name), COSTS)}")
        if not _number(value) or value < 0 or (value == 0 and name != "order"):
            least = "0 or more" if name == "order" else "above 0"
            raise UsageError(f"{who}: the cost {name} must be a number {least}, found {value!r}")
    for name in needed:
        if name not in costs:
            raise UsageError(f"{who}: costs has no entry {name}{nearest(name, costs)}")
    return series.withColumns({**_doubles({name: costs.get(name) for name in COSTS}), "has_costs": F.lit(True)})


def _with_lead(who: str, series: DataFrame, lead_time: LeadTime) -> DataFrame:
    if isinstance(lead_time, DataFrame):
        part = _part(who, "lead_time", lead_time, ("mean", "sd"), ("mean",))
        return _joined(series, part.withColumnsRenamed({"mean": "lead_mean", "sd": "lead_sd"}), "has_lead")
    pair = lead_time if isinstance(lead_time, Sequence) else (lead_time, 0.0)
    if isinstance(pair, str) or len(pair) != 2 or not all(_number(x) for x in pair):
        raise UsageError(
            f"{who}: lead_time must be periods as a number, a pair (mean, sd) or a DataFrame[unique_id, mean, sd], "
            f"found {lead_time!r}"
        )
    mean, sd = float(pair[0]), float(pair[1])
    if why := lead_fault(mean, sd):
        raise UsageError(f"{who}: {why}")
    return series.withColumns({**_doubles({"lead_mean": mean, "lead_sd": sd}), "has_lead": F.lit(True)})


def _doubles(values: Mapping[str, float | None]) -> dict[str, Column]:
    return {name: F.lit(value).cast("double") for name, value in values.items()}


def _number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
