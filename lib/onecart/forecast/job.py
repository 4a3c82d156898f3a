"""Job `forecast`: daily demand of the best sellers, from orders, weather, reviews and plans, and what to order."""

from datetime import timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.errors import NothingToDo
from onecart.facts.countries import names_of
from onecart.facts.shop import are_goods, in_shop_currency
from onecart.forecast import accuracy
from onecart.forecast.hierarchy import reconciliation
from onecart.forecast.inputs import demand, exogenous
from onecart.forecast.inventory import replenish
from onecart.forecast.local.registry import BENCHMARK
from onecart.forecast.panel import Forecast, forecast
from onecart.forecast.selection.results import MEDIAN
from onecart.frames import break_lineage, local_time

_SUMS = ("horizon", "category", "total")
_FIGURES = (
    *("mase", "rmsse", "wape", "bias", "coverage_80", "coverage_95"),
    *(f"{metric}_{level}" for level in _SUMS for metric in ("wape", "rmsse")),
)
SELECTED = "selected"
_YEAR = 365.0
_BUYER = ("record_id", "account_id", "card_id", "device_id")
_RENAMED = {MEDIAN: "yhat_median"} | {
    f"yhat-{side}-{level}": f"yhat_{side}_{level}" for side in ("lo", "hi") for level in (80, 95)
}


def run(ctx: Context) -> Result:
    """silver.orders -> gold.forecast_accuracy of the forecasts that were there; then gold.demand_forecast, forecast_backtest,
    forecast_ledger, forecast_hierarchy, replenishment; figures to gold.model_health."""
    ctx.require_rows("silver.orders")
    conf, shop, as_of = ctx.settings.forecast, ctx.settings.shop, ctx.as_of()
    orders = ctx.lake.read("silver.orders")
    goods = orders.where(are_goods(shop)).withColumns(
        {"order_ts": local_time("order_ts", shop.time_zone), "buyer": F.coalesce(*_BUYER)}
    )
    lines = demand.wanted_lines(goods, as_of=as_of, returned_days=conf.returned_days, bulk_times=conf.bulk_times)
    units = break_lineage(demand.daily_units(lines))
    closed = break_lineage(demand.closed_days(units, as_of=as_of))
    drifted = _judge_the_last(ctx, units, closed)
    series = units.transform(demand.best_sellers, as_of=as_of, top=conf.top_skus)
    series = break_lineage(series.transform(demand.told, closed))
    if series.isEmpty():
        raise NothingToDo(f"no goods were sold in the year before {as_of}")
    tree = tree_of(ctx.lake.read_if_exists("silver.products"))
    all_series, future = _with_future(ctx, series, tree)
    found = forecast(
        all_series,
        conf.horizon_days,
        "D",
        models=conf.models,
        windows=conf.backtest_windows,
        future=future,
        static=tree,
        country=shop.country,
        end=as_of - timedelta(days=1),
        seconds=conf.seconds,
        seed=ctx.settings.seed,
    )
    written = _write(ctx, found, tree, series.select("unique_id").distinct(), drifted)
    found.unpersist()
    backtest = ctx.lake.read("gold.forecast_backtest")
    figures = health(backtest, tree).unionByName(_of_regressors(backtest))
    ctx.lake.upsert(
        "gold.model_health",
        figures.withColumns({"model_version": F.concat("model", F.lit(f"@{ctx.run_id}")), "as_of": F.lit(as_of)}),
    )
    _order(ctx)
    return Result(rows_in=orders.count(), rows_out=written, headline=_headline(ctx, figures))


def tree_of(products: DataFrame) -> DataFrame:
    """[unique_id, then its levels from bottom to top]: category, and department where any category is a path, such as
    `KITCHEN > MUGS`; a category that is none is a department of its own."""
    paths = not products.where(F.contains("category", F.lit(">"))).isEmpty()
    department = F.trim(F.substring_index("category", ">", 1)).alias("department")
    return products.select(F.col("sku").alias("unique_id"), "category", *([department] if paths else []))


def health(backtest: DataFrame, tree: DataFrame) -> DataFrame:
    """[model, dataset, metric, value], of each model and of what was `selected` for each product: of days rmsse of the expected
    value and mase of the median (means of windows), wape of the median (all errors / all units), coverage_80, coverage_95;
    bias of the expected value (all errors less their sign / all units); and of the sums of expected values over the days
    of a window wape_horizon (by product), wape_category, wape_total, and rmsse_ alike: the root of the mean squared error over
    that of seasonal naive on the same windows.

    tree: [unique_id, category, ...]."""
    error = F.col("bias") * F.col("days")
    of_bench = F.sum(F.when(F.col("model") == BENCHMARK, error)).over(Window.partitionBy("unique_id", "cutoff"))
    rows = backtest.withColumns({"error": error, "of_bench": of_bench})
    rows = rows.join(tree.select("unique_id", "category"), on="unique_id", how="left")
    both = rows.unionByName(rows.where("chosen").withColumn("model", F.lit(SELECTED)))
    both = both.withColumn("model", F.concat(F.lit("forecast."), "model"))
    units, days = F.sum("units"), F.sum("days")
    figures = both.groupBy("model").agg(
        F.avg("mase").alias("mase"),
        F.avg("rmsse").alias("rmsse"),
        (F.sum(F.col("mae") * F.col("days")) / units).alias("wape"),
        (F.sum("error") / units).alias("bias"),
        *[(F.sum(F.col(f"coverage_{k}") * F.col("days")) / days).alias(f"coverage_{k}") for k in (80, 95)],
    )
    for level, keys in zip(_SUMS, (["unique_id"], ["category"], []), strict=True):
        sums = both.groupBy("model", "cutoff", *keys).agg(*[F.sum(c).alias(c) for c in ("error", "of_bench", "units")])
        square = [F.sum(F.col(c) * F.col(c)) for c in ("error", "of_bench")]
        of_level = sums.groupBy("model").agg(
            (F.sum(F.abs("error")) / F.sum("units")).alias(f"wape_{level}"),
            F.sqrt(square[0] / square[1]).alias(f"rmsse_{level}"),
        )
        figures = figures.join(of_level, on="model", how="inner")
    long = figures.unpivot("model", [*_FIGURES], "metric", "value").where("value IS NOT NULL")
    return long.withColumn("dataset", F.lit("backtest"))


def _of_regressors(backtest: DataFrame) -> DataFrame:
    """`accuracy.gain` as rows of `health`."""
    wide = accuracy.gain(backtest).withColumn("model", F.lit("forecast.regression"))
    long = wide.unpivot("model", ["gain", "gain_low", "gain_high"], "metric", "value")
    return long.withColumn("dataset", F.lit("regressors"))


def _judge_the_last(ctx: Context, units: DataFrame, closed: DataFrame) -> DataFrame:
    """Writes gold.forecast_accuracy; gives back [unique_id, signal] of the products whose forecasts drifted."""
    before = ctx.lake.read_if_exists("gold.demand_forecast")
    rows = accuracy.came_true(before, units, closed, as_of=ctx.as_of())
    ctx.lake.upsert("gold.forecast_accuracy", rows)
    return accuracy.drifted(ctx.lake.read("gold.forecast_accuracy"))


def _with_future(ctx: Context, series: DataFrame, tree: DataFrame) -> tuple[DataFrame, list[DataFrame]]:
    """(the series of products and nodes, what is known ahead of each and of all)."""
    levels = tree.columns[1:]
    all_series, weather = reconciliation.aggregate(series, tree, levels), _weather(ctx)
    future = [] if weather is None else [weather]
    horizon, parts = ctx.settings.forecast.horizon_days, []
    scored, plans = ctx.lake.read_if_exists("gold.review_sentiment"), ctx.lake.read_if_exists("silver.plans")
    if not scored.isEmpty():
        moment = local_time("review_ts", ctx.settings.shop.time_zone)
        reviews = ctx.lake.read("silver.reviews").withColumn("review_ts", moment)
        parts.append(exogenous.sentiment(scored, reviews, horizon=horizon))
    if not plans.isEmpty():
        parts.append(exogenous.planned(plans, series.select("unique_id").distinct()))
    if parts:
        own = break_lineage(exogenous.known_ahead(series, parts, tree, levels, as_of=ctx.as_of(), horizon=horizon))
        future.append(own)
        names = [name for name in own.columns if name not in ("unique_id", "ds")]
        all_series = all_series.withColumns({name: F.lit(None).cast("double") for name in names})
    return all_series, future


def _weather(ctx: Context) -> DataFrame | None:
    """[ds, temperature_c, rain_mm] of the shop's country, if it is known up to the last day that is forecast."""
    country, last = ctx.settings.shop.country, ctx.as_of() + timedelta(days=ctx.settings.forecast.horizon_days - 1)
    if country is None:
        return None
    weather = ctx.lake.read_if_exists("silver.weather").where(F.lower(F.trim("country")).isin(names_of(country)))
    days = weather.select(F.col("day").alias("ds"), "temperature_c", "rain_mm")
    return None if days.where(F.col("ds") >= F.lit(last)).isEmpty() else days


def _write(ctx: Context, found: Forecast, tree: DataFrame, skus: DataFrame, drifted: DataFrame) -> int:
    """The rows of the products `skus`[unique_id], their chosen forecasts moved so that they add up with those of the nodes."""
    as_of, rows = F.lit(ctx.as_of()).alias("as_of"), break_lineage(found.forecast.withColumnsRenamed(_RENAMED))
    ends = [*_RENAMED.values()]
    chosen = rows.where("chosen").select("unique_id", "ds", "model", "yhat", *ends)
    spread = found.backtest.groupBy("unique_id", "model").agg(F.avg(F.col("rmse") * F.col("rmse")).alias("variance"))
    of_chosen = chosen.select("unique_id", "model").distinct().join(spread, on=["unique_id", "model"], how="inner")
    variance = of_chosen.select("unique_id", "variance")
    method = "wls_struct" if variance.isEmpty() else "wls_var"
    whole = break_lineage(reconciliation.reconcile(chosen, tree, tree.columns[1:], variance=variance, method=method))
    kept = rows.join(skus, on="unique_id", how="left_semi").where("NOT chosen")
    moved = whole.join(skus, on="unique_id", how="left_semi").withColumn("chosen", F.lit(True))
    version = F.concat(F.lit("forecast."), "model", F.lit(f"@{ctx.run_id}")).alias("model_version")
    both = kept.unionByName(moved).select("*", as_of, version)
    written = ctx.lake.replace("gold.demand_forecast", both)
    nodes = whole.join(skus, on="unique_id", how="left_anti")
    ctx.lake.replace(
        "gold.forecast_hierarchy", nodes.select(F.col("unique_id").alias("node"), "ds", "yhat", *ends, as_of)
    )
    backtest = found.backtest.join(skus, on="unique_id", how="left_semi")
    ctx.lake.replace("gold.forecast_backtest", backtest.withColumnRenamed("periods", "days"))
    words = F.format_string("; the last forecast drifted, tracking signal %.1f: chosen anew", "signal")
    told = found.ledger.join(skus, on="unique_id", how="left_semi").join(drifted, on="unique_id", how="left")
    told = told.withColumn("reason", F.concat("reason", F.when(F.col("signal").isNull(), "").otherwise(words)))
    ctx.lake.replace("gold.forecast_ledger", told.drop("signal").withColumnRenamed("periods", "days"))
    return written.inserted


def _order(ctx: Context) -> None:
    """gold.demand_forecast and silver.products -> gold.replenishment. A unit short loses its margin, one left costs
    forecast.holding_rate of what it cost, a year; forecast.service_level, where set, takes the place of that ratio."""
    conf, products = (
        ctx.settings.forecast,
        ctx.lake.read_if_exists("silver.products").transform(in_shop_currency, ctx.settings.shop),
    )
    chosen = ctx.lake.read("gold.demand_forecast").where("chosen")
    priced = products.where("unit_cost > 0 AND list_price > unit_cost").select(
        F.col("sku").alias("unique_id"),
        (F.col("unit_cost").cast("double") * conf.holding_rate / _YEAR).alias("holding"),
        (F.col("list_price") - F.col("unit_cost")).cast("double").alias("shortage"),
        F.lit(conf.order_cost).alias("order"),
    )
    about = chosen.select("unique_id").distinct().join(priced, on="unique_id", how="left")
    stock = products.where("stock_on_hand IS NOT NULL").select(
        F.col("sku").alias("unique_id"), F.greatest("stock_on_hand", F.lit(0)).alias("on_hand")
    )
    orders = replenish(
        chosen, stock, about, conf.lead_time_days, conf.policy,
        review=conf.review_days, service_level=conf.service_level, seed=ctx.settings.seed,
    )  # fmt: skip
    named = orders.withColumnsRenamed({"unique_id": "sku", "order": "order_units"})
    ctx.lake.replace("gold.replenishment", named.withColumn("as_of", F.lit(ctx.as_of())))


def _headline(ctx: Context, figures: DataFrame) -> str:
    """As in: bias -2 %, WAPE selected 0.70, theta 0.74, ... seasonal naive 1.13 (300 SKUs, 45 to order)."""
    rows = figures.where("metric IN ('wape', 'bias') AND dataset = 'backtest'").collect()
    value = {(r["metric"], r["model"].removeprefix("forecast.")): r["value"] for r in rows}
    others = sorted((wape, model) for (metric, model), wape in value.items() if metric == "wape" and model != SELECTED)
    shown = [*others[:2], *(w for w in others[2:] if w[1] == BENCHMARK)]
    words = [f"{model.replace('_', ' ')} {wape:.2f}" for wape, model in shown]
    if ("wape", SELECTED) in value:
        words = [f"{SELECTED} {value['wape', SELECTED]:.2f}", *words]
    said = f"bias {100 * value['bias', SELECTED]:+.0f} %, " if ("bias", SELECTED) in value else ""
    skus, to_order = ctx.lake.read("gold.forecast_ledger").count(), ctx.lake.read("gold.replenishment")
    return f"{said}WAPE {', '.join(words)} ({skus} SKUs, {to_order.where('order_units > 0').count()} to order)"
