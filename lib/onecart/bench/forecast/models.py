"""All forecast models on public data, on what came later, and the price of Spark around them."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart import forecast
from onecart.errors import require_known
from onecart.forecast import metrics
from onecart.forecast.inputs.demand import daily_units, wanted_lines
from onecart.forecast.inputs.series import FREQS, History, Setup
from onecart.forecast.local.registry import MODELS, predicted
from onecart.frames import break_lineage
from onecart.samples.orders import GOODS

SELECTED = "selected"
_SINGLE = (
    "naive",
    "seasonal_naive",
    "moving_average",
    "ets",
    "theta",
    "ces",
    "sba",
    "tsb",
    "adida",
    "imapa",
    "regression",
    "lightgbm",
    "extra_trees",
)
_SLOW = ("arima", "prophet", "croston", "mstl", "gbt", "lstm")
_NO_GOODS = ("FUEL", "MISCELLANEOUS", "COUPON")
_SIZES, _DAYS, _AHEAD = (300, 3000, 30_000), 730, 14
TABLE: tuple[tuple[str, str], ...] = (
    ("data", "{}"),
    ("model", "{}"),
    ("series", "{:,}"),
    ("wape", "{:.4f}"),
    ("mase", "{:.3f}"),
    ("rmsse", "{:.3f}"),
    ("smape", "{:.1f}"),
    ("owa", "{:.3f}"),
    ("bias", "{:.3f}"),
    ("coverage_80", "{:.3f}"),
    ("coverage_95", "{:.3f}"),
    ("seconds", "{:.0f}"),
)
SPEED: tuple[tuple[str, str], ...] = (
    ("model", "{}"),
    ("series", "{:,}"),
    ("spark_s", "{:.1f}"),
    ("alone_s", "{:.1f}"),
    ("ratio", "{:.2f}"),
    ("spark_per_s", "{:.1f}"),
)


@dataclass(frozen=True)
class Trial:
    """train[unique_id, ds, y] and held[same], the h periods after it; future: regressors of past and ahead, as `forecast`
    takes them, and train has them too."""

    data: str
    train: pd.DataFrame
    held: pd.DataFrame
    h: int
    freq: str
    future: pd.DataFrame | None = None
    country: str | None = None


def measure(
    spark: SparkSession, names: Sequence[str] | None, engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:
    """One row per data set and model, the columns of TABLE, on the h last periods, which nothing here was chosen by. Rows of
    models and of `selected` are of the series that were backtested; absolute errors (wape, mase, smape, and owa against Naive2 with
    M4's formulas, a mean over series) are of the median, as it is what they are least for; bias and rmsse of the expected value;
    `selected, all series` has those that fell back on naive kinds, too.

    No `names` of TRIALS: all. `engines`: models beside those that take little time. `selected` is what `forecast` gives
    without naming any.
    """
    require_known(names or (), TRIALS, "data")
    require_known(engines or (), (*_SINGLE, *_SLOW), "model")
    for name in names or TRIALS:
        trial = TRIALS[name](spark)
        train = spark.createDataFrame(trial.train).transform(break_lineage)
        future = None if trial.future is None else spark.createDataFrame(trial.future).transform(break_lineage)
        single = [*_SINGLE, *(engines or ())]
        for models in (None, tuple(dict.fromkeys(single))):
            clock = time.monotonic()
            found = forecast.forecast(
                train, trial.h, trial.freq, models=models, future=future, country=trial.country, seed=seed
            )
            rows, ledger = found.forecast.toPandas(), found.ledger.toPandas()
            found.unpersist()
            seconds = time.monotonic() - clock
            tested = set(ledger.loc[ledger["reason"].str.contains("windows"), "unique_id"])
            if models is None:
                every = rows[rows["chosen"]].assign(model=f"{SELECTED}, all series")
                rows = rows[rows["chosen"]].assign(model=SELECTED)
                yield from _scored(trial, every, seconds)
            yield from _scored(trial, rows[rows["unique_id"].isin(tested)], seconds)


def _scored(trial: Trial, rows: pd.DataFrame, seconds: float) -> Iterator[dict[str, Any]]:
    """One row a model of `rows`."""
    held = trial.held.set_index(["unique_id", "ds"])["y"]
    rows = rows.assign(ds=pd.to_datetime(rows["ds"]))
    y = held.reindex(pd.MultiIndex.from_frame(rows[["unique_id", "ds"]])).fillna(0.0).to_numpy()
    rows = rows.assign(y=y)
    season = FREQS[trial.freq].season
    past = {key: part["y"].to_numpy(float) for key, part in _gridded(trial).groupby("unique_id")}
    second = {key: metrics.naive2(np.nan_to_num(train), trial.h, season) for key, train in past.items()}
    for model, part in rows.groupby("model"):
        ones, benches, squares = [], [], []
        for key, one in part.sort_values("ds").groupby("unique_id"):
            a, f, train = one["y"].to_numpy(), one["yhat-median"].to_numpy(), past[key]
            lag = season if len(train) > season else 1
            ones.append((metrics.smape(a, f), metrics.mase(a, f, train, lag)))
            squares.append(metrics.rmsse(a, one["yhat"].to_numpy(), train))
            benches.append((metrics.smape(a, second[key]), metrics.mase(a, second[key], train, lag)))
        (smape, mase), (s2, m2) = np.nanmean(ones, axis=0), np.nanmean(benches, axis=0)
        inside = {k: part["y"].between(part[f"yhat-lo-{k}"], part[f"yhat-hi-{k}"]).mean() for k in (80, 95)}
        yield {
            "data": trial.data, "model": model, "series": part["unique_id"].nunique(), "smape": smape, "mase": mase,
            "rmsse": np.nanmean(squares), "owa": metrics.owa(smape, mase, s2, m2),
            "wape": metrics.wape(part["y"].to_numpy(), part["yhat-median"].to_numpy()),
            "bias": float((part["yhat"] - part["y"]).sum() / part["y"].sum()), "seconds": seconds,
            **{f"coverage_{k}": share for k, share in inside.items()},
        }  # fmt: skip


def _gridded(trial: Trial) -> pd.DataFrame:
    step = FREQS[trial.freq].step
    by = trial.train.set_index("ds").groupby("unique_id")["y"]
    return by.apply(lambda y: y.asfreq(step).fillna(0.0)).reset_index()


def retail_weekly(spark: SparkSession) -> Trial:
    """Online Retail II: units a week of products that sold in at least 40 weeks before the last 4, to the last day, which are
    held."""
    days, last = _retail(spark, held=28)
    weeks = days.assign(ds=last - pd.to_timedelta(7 * ((last - days["ds"]).dt.days // 7) + 6, unit="D"))
    weekly = weeks.groupby(["unique_id", "ds"], as_index=False)["y"].sum()
    often = weekly[weekly["ds"] <= last - pd.Timedelta(days=28)].groupby("unique_id")["ds"].nunique()
    return _split("Online Retail II, weekly", weekly[weekly["unique_id"].isin(often[often >= 40].index)], 4, "W")


def retail_daily(spark: SparkSession, held: int = 14) -> Trial:
    """Online Retail II: units a day of the 500 products that sold most in the year before the last `held` days, which are held."""
    days, last = _retail(spark, held)
    before = days[(days["ds"] <= last - pd.Timedelta(days=held)) & (days["ds"] > last - pd.Timedelta(days=365 + held))]
    top = before.groupby("unique_id")["y"].sum().nlargest(500).index
    return _split("Online Retail II, daily", days[days["unique_id"].isin(top)], held, "D", country="GB")


def journey_weekly(spark: SparkSession) -> Trial:
    """The Complete Journey (simulated on real shopping, says its package): units a week of the 500 products that sold most before the
    last 4 weeks, with the share of the stores that had them on display or in the mailer. Goods only: fuel, in thousandths of a
    gallon, would be nearly all of the units."""
    from onecart.samples import fetch

    files = {path.name.split(".")[0]: path for path in fetch("complete-journey")}
    goods = spark.read.parquet(str(files["products"])).where(~F.coalesce("department", F.lit("")).isin(*_NO_GOODS))
    lines = spark.read.parquet(str(files["transactions"])).join(goods, on="product_id", how="left_semi")
    days = lines.groupBy("product_id", F.to_date("transaction_timestamp").alias("day")).agg(
        F.sum("quantity").alias("y")
    )
    rows = days.toPandas()
    rows["day"] = pd.to_datetime(rows["day"])
    last = rows["day"].max()
    rows["ds"] = last - pd.to_timedelta(7 * ((last - rows["day"]).dt.days // 7) + 6, unit="D")
    before = rows[rows["ds"] <= last - pd.Timedelta(days=34)]
    top = before.groupby("product_id")["y"].sum().nlargest(500).index
    weekly = rows[rows["product_id"].isin(top)].groupby(["product_id", "ds"], as_index=False)["y"].sum()
    weekly["unique_id"] = weekly["product_id"].astype(str)
    weekly = weekly[["unique_id", "ds", "y"]].assign(y=lambda t: t["y"].astype(float))
    trial = _split("The Complete Journey, weekly", weekly, 4, "W")
    future = _promotions(spark, str(files["promotions"]), weekly, [int(p) for p in top])
    keys = ["unique_id", "ds"]
    train = trial.train.merge(future, on=keys, how="left").fillna(0.0)
    return Trial(trial.data, train, trial.held, trial.h, trial.freq, future)


def hourly(spark: SparkSession) -> Trial:
    """63 stretches of 700 hours of seven public series; the two days after them are held."""
    from onecart.bench.forecast.hourly import LONG, stretches

    rows = stretches(held=48)
    cut = rows["ds"].min() + pd.Timedelta(hours=LONG)
    return Trial("public series, hourly", rows[rows["ds"] < cut], rows[rows["ds"] >= cut], 48, "h")


def _promotions(spark: SparkSession, path: str, weekly: pd.DataFrame, products: list[int]) -> pd.DataFrame:
    """[unique_id, ds, display, mailer] of every product and week: shares of the stores."""
    rows = spark.read.parquet(path).where(F.col("product_id").isin(products))
    stores = F.countDistinct("store_id")
    shown = rows.groupBy("product_id", "week").agg(
        F.count_distinct(F.when(F.col("display_location") != "0", F.col("store_id"))).alias("display"),
        F.count_distinct(F.when(F.col("mailer_location") != "0", F.col("store_id"))).alias("mailer"),
        stores.alias("stores"),
    )
    found = shown.toPandas()
    all_stores = max(1, int(found["stores"].max()))
    weeks = pd.Series(sorted(weekly["ds"].unique()))
    last_week = int(found["week"].max())
    found["ds"] = weeks.iloc[-1] - pd.to_timedelta(7 * (last_week - found["week"]), unit="D")
    found["unique_id"] = found["product_id"].astype(str)
    found[["display", "mailer"]] = found[["display", "mailer"]].astype(float) / all_stores
    grid = pd.MultiIndex.from_product([[*weekly["unique_id"].unique()], weeks], names=["unique_id", "ds"])
    table = found.set_index(["unique_id", "ds"])[["display", "mailer"]]
    return table.reindex(grid).fillna(0.0).reset_index()


def _retail(spark: SparkSession, held: int) -> tuple[pd.DataFrame, pd.Timestamp]:
    """(units a product and day, the last day), by the rules of the job: days before the last `held` as they were known then, without
    the returns that came later; the others as they are known today."""
    from onecart.samples.datasets.load import online_retail_parquet

    lines = spark.read.parquet(str(online_retail_parquet()))
    keys = ["invoice", "stock_code", "quantity", "price", "invoice_date", "customer_id"]
    orders = lines.where("price > 0").dropDuplicates(keys).select(
        F.col("line_no").cast("string").alias("order_line_id"), F.upper("stock_code").alias("sku"),
        F.col("customer_id").alias("buyer"), "quantity", F.col("invoice_date").alias("order_ts"),
    )  # fmt: skip
    last = orders.agg(F.to_date(F.max("order_ts"))).first()[0]  # type: ignore[index]
    goods, known = orders.where(f"sku {GOODS}"), []
    cut = pd.Timestamp(last) - pd.Timedelta(days=held)
    for day in (cut, pd.Timestamp(last)):
        end = (day + pd.Timedelta(days=1)).date()
        lines = goods.where(F.col("order_ts") < F.lit(end))
        days = daily_units(wanted_lines(lines, as_of=end, returned_days=7, bulk_times=5.0)).toPandas()
        known.append(days.assign(ds=pd.to_datetime(days["ds"])))
    before, today = known
    return pd.concat([before, today[today["ds"] > cut]], ignore_index=True), pd.Timestamp(last)


def _split(data: str, rows: pd.DataFrame, h: int, freq: str, country: str | None = None) -> Trial:
    """The last h periods held; each series of the rest ends with it, if need be with a 0."""
    step = pd.Timedelta(days=7 if freq == "W" else 1)
    cut = rows["ds"].max() - h * step
    train, held = rows[rows["ds"] <= cut], rows[rows["ds"] > cut]
    ended = set(train.loc[train["ds"] == cut, "unique_id"])
    open_ = [key for key in train["unique_id"].unique() if key not in ended]
    train = pd.concat([train, pd.DataFrame({"unique_id": open_, "ds": cut, "y": 0.0})], ignore_index=True)
    known = held[held["unique_id"].isin(train["unique_id"])]
    return Trial(data, train, known, h, freq, country=country)


TRIALS: dict[str, Callable[[SparkSession], Trial]] = {
    "weekly": retail_weekly,
    "daily": retail_daily,
    "journey": journey_weekly,
    "hourly": hourly,
}


def speed(
    spark: SparkSession, sizes: Sequence[int] | None, engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:
    """One row per model and number of made-up daily series of two years, the columns of SPEED: seconds for 14 days ahead and one
    window of backtest through `forecast`, from a frame in memory to rows counted, and for the same two fits a series called
    alone, in one process a core. No `engines`: ets, theta, regression and prophet (300 series only)."""
    models = engines or ("ets", "theta", "regression", "prophet")
    require_known(models, MODELS, "model")
    for model in models:
        for size in (sizes or _SIZES) if model != "prophet" else (300,):
            frame = made_up(spark, size, seed).transform(break_lineage)
            clock = time.monotonic()
            found = forecast.forecast(frame, _AHEAD, "D", models=(model,), windows=1)
            found.forecast.count()
            spark_s = time.monotonic() - clock
            found.unpersist()
            series = [np.asarray(y) for y in _values(np.arange(size), seed)]
            clock = time.monotonic()
            cores = os.cpu_count() or 1
            with multiprocessing.get_context("spawn").Pool(cores) as pool:
                pool.starmap(_alone, [(model, part) for part in np.array_split(np.asarray(series), cores)])
            alone_s = time.monotonic() - clock
            yield {
                "model": model, "series": size, "spark_s": spark_s, "alone_s": alone_s, "ratio": spark_s / alone_s,
                "spark_per_s": size / spark_s,
            }  # fmt: skip


def made_up(spark: SparkSession, size: int, seed: int) -> DataFrame:
    """[unique_id, ds, y]: `size` daily series of two years: a level, a week, a slow wave, Poisson. Seeded."""

    def rows(batches: Any) -> Any:
        for batch in batches:
            ids = batch["id"].to_numpy()
            days = pd.date_range("2023-01-01", periods=_DAYS)
            for key, y in zip(ids, _values(ids, seed), strict=True):
                yield pd.DataFrame({"unique_id": str(key), "ds": days, "y": y})

    return spark.range(size).mapInPandas(rows, "unique_id string, ds timestamp, y double")


def _values(ids: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    t = np.arange(_DAYS)
    for key in ids:
        rng = np.random.default_rng([seed, int(key)])
        week, level = 1 + 0.5 * rng.uniform(-1, 1, 7)[t % 7], 5 * rng.lognormal()
        yield rng.poisson(level * week * (1 + 0.3 * np.sin(2 * np.pi * t / 365 + rng.uniform(0, 6)))).astype(float)


def _alone(model: str, series: np.ndarray) -> None:
    days = pd.date_range("2023-01-01", periods=_DAYS + _AHEAD)
    none = pd.DataFrame(index=days)
    setup = Setup(FREQS["D"], seasonal=True, yearly=False)
    for y in series:
        for n in (len(y), len(y) - _AHEAD):
            history = History(days[:n], y[:n], none[:n], days[n : n + _AHEAD], none[n : n + _AHEAD])
            predicted(model, history, setup)
