"""Conversion: rates, revenue and the funnel, of gold.conversion_daily (measure) and gold.funnel (behaviour)."""

from functools import partial

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.facts.shop import is_online
from onecart.report import charts
from onecart.report.card import Card, Section

STEPS = ("visits", "product_visits", "cart_visits", "checkout_visits", "purchase_visits")


def cards(ctx: Context) -> list[Card]:
    daily = ctx.lake.read_if_exists("gold.conversion_daily")
    shop = ctx.settings.shop
    totals = F.col("channel").isin(shop.all_online, shop.all_stores)
    single = daily.where(F.col("channel").isin(*shop.channels) | ~totals)
    online = weekly_conversion(single.where(is_online(shop))).toPandas()
    both = weekly_conversion(daily.where(totals)).toPandas()
    both = both if both.channel.nunique() > 1 else both.head(0)  # nothing to compare
    funnel = ctx.lake.read_if_exists("gold.funnel").where(is_online(shop))
    by_channel, by_device = (funnel_steps(funnel, by).toPandas() for by in ("channel", "device_type"))
    return [
        Card("Online conversion rate by week", online, plot_conversion),
        Card("Conversion rate online and in store by week", both, plot_conversion),
        Card("Net revenue by week", weekly_revenue(single).toPandas(), plot_revenue),
        Card("Visits that reached each step, and drop-off", by_channel, plot_funnel),
        Card("The same by device", by_device, partial(plot_funnel, by="device_type")),
    ]


SECTION = Section("Conversion", cards)


def weekly_conversion(daily: DataFrame) -> DataFrame:
    """Sums visitors and buyers per week and channel, over the days whose visitors are known."""
    week = F.date_trunc("week", "day").cast("date").alias("week")
    sums = [F.sum(c).cast("double").alias(c) for c in ("visitors", "buyers")]
    return daily.where("visitors > 0").groupBy(week, "channel").agg(*sums).orderBy("week")


def weekly_revenue(daily: DataFrame) -> DataFrame:
    """Sums revenue per week, channel and currency."""
    week = F.date_trunc("week", "day").cast("date").alias("week")
    revenue = F.sum("revenue").cast("double").alias("revenue")
    return daily.groupBy(week, "channel", "currency").agg(revenue).orderBy("week")


def funnel_steps(funnel: DataFrame, by: str = "channel") -> DataFrame:
    """Counts the visits that reached each step, one row per `by` (channel | device_type; null: unknown) and step, in order; drop_off: share of the visits of the step before that did not."""
    name = F.coalesce(by, F.lit("unknown")).alias(by)
    totals = funnel.groupBy(name).agg(*[F.sum(s).alias(s) for s in STEPS])
    before = dict(zip(STEPS[1:], STEPS, strict=False))
    step = [
        F.struct(
            F.lit(s.replace("_visits", "")).alias("step"),
            F.col(s).alias("visits"),
            (1 - F.col(s) / F.nullif(F.col(before.get(s, s)), F.lit(0))).alias("drop_off"),
        )
        for s in STEPS
    ]
    exploded = totals.select(by, F.explode(F.array(*step)).alias("s"))
    return exploded.select(by, "s.step", "s.visits", "s.drop_off")


def plot_conversion(daily: pd.DataFrame) -> go.Figure:
    """Plots buyers / visitors per week of `daily`[week, channel, visitors, buyers], one line per channel."""
    figure, hues = go.Figure(), charts.hues(daily.channel)
    for channel, rows in daily.groupby("channel", sort=True):
        rate = rows.buyers / rows.visitors
        figure.add_scatter(
            x=rows.week, y=rate, name=channel, mode="lines", line={"color": hues[str(channel)], "width": 2}
        )
    return charts.styled(figure, y="buyers / visitors", percent=True)


def plot_revenue(weekly: pd.DataFrame) -> go.Figure:
    """Plots `weekly`[week, channel, currency, revenue] as stacked bars."""
    figure, hues = go.Figure(), charts.hues(weekly.channel)
    for channel, rows in weekly.groupby("channel", sort=True):
        figure.add_bar(x=rows.week, y=rows.revenue, name=channel, marker_color=hues[str(channel)])
    money = ", ".join(sorted(set(weekly.currency)))
    return charts.styled(figure.update_layout(barmode="stack"), y=f"net revenue a week, {money}")


def plot_funnel(steps: pd.DataFrame, by: str = "channel") -> go.Figure:
    """Plots the share of visits that reached each step, and of those of the step before that did not. `steps`: `by`,
    step, visits, drop_off (steps in order)."""
    figure, hues = go.Figure(), charts.hues(steps[by])
    for name, rows in steps.groupby(by, sort=True):
        share = rows.visits / rows.visits.iloc[0]
        text = [
            f"{s:.0%} ({v:,})" + (f", {d:.0%} dropped off" if d > 0 else "")
            for s, v, d in zip(share, rows.visits, rows.drop_off, strict=True)
        ]
        figure.add_bar(
            y=rows.step,
            x=share,
            name=str(name),
            orientation="h",
            marker_color=hues[str(name)],
            text=text,
            textposition="auto",
        )
    figure.update_yaxes(autorange="reversed")
    return charts.styled(figure, x="share of visits", percent_x=True)
