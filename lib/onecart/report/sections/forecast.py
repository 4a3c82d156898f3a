"""What will sell: demand ahead, how true forecasts came and what to order, of the gold tables of forecast."""

from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.frames import local_time
from onecart.report import charts
from onecart.report.card import Card, Section
from onecart.report.model_health import newest

SOLD_DAYS = 180  # of history before a forecast that a chart shows


def cards(ctx: Context) -> list[Card]:
    forecast, health = ctx.lake.read_if_exists("gold.demand_forecast"), ctx.lake.read_if_exists("gold.model_health")
    products, ledger = ctx.lake.read_if_exists("silver.products"), ctx.lake.read_if_exists("gold.forecast_ledger")
    orders = ctx.lake.read_if_exists("silver.orders")
    sold = orders.withColumn("order_ts", local_time("order_ts", ctx.settings.shop.time_zone))
    examples = demand_examples(forecast, sold, products, 3)
    models = demand_table(health).toPandas()
    errors = models[["model", "wape"]].rename(columns={"wape": "value"}).assign(model=lambda t: "forecast." + t.model)
    classes = demand_classes(ctx.lake.read_if_exists("gold.forecast_backtest"), ledger)
    true = came_true(ctx.lake.read_if_exists("gold.forecast_accuracy"))
    tree = nodes(ctx.lake.read_if_exists("gold.forecast_hierarchy"), 12)
    orders = orders_now(ctx.lake.read_if_exists("gold.replenishment"), products, 12)
    wape = partial(charts.metric_bars, metric="WAPE")
    return [
        Card("Absolute error of the median of each day / units sold, backtest (less is better)", errors, wape),
        *_products(*(frame.toPandas() for frame in examples)),
        Card("Units expected by category, which its products add up to", tree.toPandas(), plot_units),
        Card("What earlier forecasts expected of each day, and what was sold", true.toPandas(), plot_came_true),
        Card("Bias of what is expected, and days inside the intervals, by class of demand", classes.toPandas()),
        Card("Do weather (perfect foresight) and what else is known ahead help?", regressors_help(health).toPandas()),
        Card("What became of the series", demand_ends(ledger).toPandas()),
        Card("All models on the windows held back: medians of days, expected units of days and their sums", models),
        Card("The largest orders that are due", orders.toPandas()),
    ]


def _products(sold: pd.DataFrame, ahead: pd.DataFrame) -> list[Card]:
    """One chart per product of `ahead`, as `demand_examples` gives both."""
    shown = []
    for sku, rows in ahead.groupby("unique_id", sort=False):
        title = f"Demand for {sku}, {rows.description.iloc[0] or 'no description'}"
        shown.append(Card(title, rows, partial(plot_demand, sold[sold.unique_id == sku])))
    return shown


SECTION = Section("What will sell", cards)


def demand_examples(forecast: DataFrame, orders: DataFrame, products: DataFrame, n: int) -> tuple[DataFrame, DataFrame]:
    """Picks the `n` products with the largest demand ahead: (sales per day of the last SOLD_DAYS, the chosen
    forecast)."""
    chosen = forecast.where("chosen")
    top = (
        chosen.groupBy("unique_id")
        .agg(F.sum("yhat").alias("ahead"), F.min("ds").alias("first"))
        .orderBy(F.desc("ahead"))
        .limit(n)
    )
    named = F.broadcast(
        top.join(products.select(F.col("sku").alias("unique_id"), "description"), on="unique_id", how="left")
    )
    day = F.to_date("order_ts").alias("ds")
    sold = orders.select(F.col("sku").alias("unique_id"), day, "quantity").join(named, on="unique_id", how="inner")
    sold = (
        sold.where(F.datediff("first", "ds").between(1, SOLD_DAYS))
        .groupBy("unique_id", "ds")
        .agg(F.sum("quantity").cast("double").alias("y"))
    )
    ahead = chosen.join(named, on="unique_id", how="inner")
    return sold.orderBy("ds"), ahead.select(
        "unique_id", "description", "ds", "yhat", "yhat_lo_80", "yhat_hi_80"
    ).orderBy("ds")


def demand_table(health: DataFrame) -> DataFrame:
    """Lists the forecast models, and what was selected of them, with the figures of their newest backtest, the best WAPE first:
    wape of the median, rmsse and bias of the expected value; _horizon, _category, _total of the sums of expected values."""
    rows = health.where(F.col("model").startswith("forecast.") & (F.col("dataset") == "backtest"))
    sums = [f"{metric}_{level}" for metric in ("wape", "rmsse") for level in ("horizon", "category", "total")]
    names: list[Any] = ["wape", "rmsse", "bias", *sums, "mase", "coverage_80", "coverage_95"]
    wide = (
        newest(rows).groupBy(F.expr("substring(model, 10)").alias("model")).pivot("metric", names).agg(F.first("value"))
    )
    return wide.orderBy("wape")


def demand_classes(backtest: DataFrame, ledger: DataFrame) -> DataFrame:
    """Sums up what was selected on the windows held back, per class of demand and of all: products, bias of the expected value
    (errors less their sign / units), WAPE of the median, and the share of days inside the intervals beside what they are for."""
    rows = backtest.where("chosen").join(ledger.select("unique_id", "demand"), on="unique_id", how="inner")
    both = rows.unionByName(rows.withColumn("demand", F.lit("all")))
    days, units = F.sum("days"), F.sum("units")
    of_all = [(F.sum(F.col(c) * F.col("days")) / units).alias(name) for c, name in (("bias", "bias"), ("mae", "WAPE"))]
    held = [(F.sum(F.col(f"coverage_{k}") * F.col("days")) / days).alias(f"inside the {k} %") for k in (80, 95)]
    found = both.groupBy("demand").agg(F.count_distinct("unique_id").alias("products"), *of_all, *held)
    return found.orderBy(F.desc("products"))


def regressors_help(health: DataFrame) -> DataFrame:
    """Says in one row by which share weather and what else is known ahead make the regression's errors less, by its windows held
    back. Their weather is the one that came: a forecast of it would help less."""
    rows = health.where("model = 'forecast.regression' AND dataset = 'regressors'")
    names: list[Any] = ["gain", "gain_low", "gain_high"]
    wide = newest(rows).groupBy().pivot("metric", names).agg(F.first("value")).where("gain IS NOT NULL")
    says = (
        F.when(F.col("gain_low") > 0, "they help").when(F.col("gain_high") < 0, "they harm").otherwise("no effect seen")
    )
    return wide.select(
        F.col("gain").alias("errors less by"),
        F.col("gain_low").alias("from"),
        F.col("gain_high").alias("to"),
        says.alias("says"),
    )


def demand_ends(ledger: DataFrame) -> DataFrame:
    """Counts what became of the series: status, class of demand, products."""
    demand = F.coalesce("demand", F.lit("not known")).alias("demand")
    return ledger.groupBy("status", demand).agg(F.count("*").alias("products")).orderBy("status", F.desc("products"))


def came_true(accuracy: DataFrame) -> DataFrame:
    """Sums all units expected and sold per day that was forecast before, ds first."""
    known = accuracy.where("y IS NOT NULL")
    newest = known.groupBy("unique_id", "ds").agg(*[F.max_by(c, "made_on").alias(c) for c in ("yhat", "y")])
    return newest.groupBy("ds").agg(F.sum("yhat").alias("expected"), F.sum("y").alias("sold")).orderBy("ds")


def nodes(hierarchy: DataFrame, n: int) -> DataFrame:
    """Picks the `n` categories with the largest demand ahead: units expected, all days together."""
    category = F.regexp_extract("node", "(?:^|/)category=(.*)$", 1).alias("category")
    rows = hierarchy.select(category, "yhat").where("category <> ''").groupBy("category")
    return rows.agg(F.sum("yhat").alias("units")).orderBy(F.desc("units")).limit(n)


def orders_now(replenishment: DataFrame, products: DataFrame, n: int) -> DataFrame:
    """Picks the `n` largest orders that are due."""
    named = replenishment.where("order_units > 0").join(products.select("sku", "description"), on="sku", how="left")
    columns = ["sku", "description", "order_units", "position", "expected_demand", "service_level", "reason"]
    return named.select(*columns).orderBy(F.desc("order_units"), "sku").limit(n)


def plot_demand(history: pd.DataFrame, forecast: pd.DataFrame) -> go.Figure:
    """Plots sales of one product and what is expected. `history`: ds, y. `forecast`: ds, yhat, yhat_lo_80,
    yhat_hi_80."""
    figure = go.Figure()
    figure.add_bar(
        x=history.ds, y=history.y, name="sold", marker_color=charts.INK
    )  # bars: a day without a sale stays empty
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=forecast.ds, y=forecast.yhat_hi_80, **band)
    figure.add_scatter(x=forecast.ds, y=forecast.yhat_lo_80, fill="tonexty", fillcolor="rgba(213,94,0,.2)", **band)
    figure.add_scatter(
        x=forecast.ds,
        y=forecast.yhat,
        name="expected (80 % interval)",
        mode="lines",
        line={"color": charts.COLOURS["prophet"], "width": 2},
    )
    return charts.styled(figure, y="units a day")


def plot_units(table: pd.DataFrame) -> go.Figure:
    """Plots the units of each category, in the order of `table`[category, units] from the top."""
    bar = go.Bar(x=table.units, y=table.category, orientation="h", marker_color=charts.MAIN)
    return charts.styled(go.Figure(bar).update_yaxes(autorange="reversed", type="category"), x="units")


def plot_came_true(table: pd.DataFrame) -> go.Figure:
    """Plots units expected beside units sold. `table`: ds, expected, sold."""
    figure = go.Figure().add_bar(x=table.ds, y=table.sold, name="sold", marker_color=charts.INK)
    line = {"color": charts.COLOURS["prophet"], "width": 2}
    figure.add_scatter(x=table.ds, y=table.expected, name="expected", mode="lines", line=line)
    return charts.styled(figure, y="units a day")
