"""Conversion: rates, what changed since last week, revenue and the funnel, of gold.conversion_* (measure) and gold.funnel
(behaviour)."""

from datetime import date, timedelta
from functools import partial

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.facts.shop import is_online
from onecart.facts.visit_steps import STEPS
from onecart.report import charts
from onecart.report.card import Card, Section
from onecart.stats.proportions import wilson_ends

RECENT_DAYS, MOST_VALUES = 28, 12
DIMENSIONS = {  # of gold.conversion_breakdown
    "channel": "channel", "device_type": "device", "campaign": "campaign", "segment": "segment", "place": "place",
}  # fmt: skip


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
    changes = ctx.lake.read_if_exists("gold.conversion_changes").toPandas()
    recent = recent_rates(ctx.lake.read_if_exists("gold.conversion_breakdown"), ctx.as_of()).toPandas()
    rates = partial(charts.intervals, x="buyers / visits; of a place buyers / visitors", form=".1%")
    return [
        Card("Online conversion rate by week, with its 95 % interval", online, plot_conversion),
        Card("Conversion rate online and in store by week", both, plot_conversion),
        Card(changes_in_words(changes), largest_changes(changes), plot_changes),
        Card(f"Conversion rate of the last {RECENT_DAYS} days", labelled_rates(recent), rates),
        Card("Net revenue by week", weekly_revenue(single).toPandas(), plot_revenue),
        Card("Visits that reached each step, and drop-off", by_channel, plot_funnel),
        Card("The same by device", by_device, partial(plot_funnel, by="device_type")),
    ]


SECTION = Section("Conversion", cards)


def recent_rates(breakdown: DataFrame, as_of: date) -> DataFrame:
    """Sums purchases and visits of RECENT_DAYS per value of each dimension: dimension, value, hits, of."""
    first = as_of - timedelta(days=RECENT_DAYS)
    visits = (F.col("step") == "visit") & (F.col("dimension") != "place")
    visitors = (F.col("step") == "visitor") & (F.col("dimension") == "place")
    rows = breakdown.where((visits | visitors) & (F.col("day") >= F.lit(first)) & (F.col("day") < F.lit(as_of)))
    sums = [F.sum(c).cast("double").alias(c) for c in ("hits", "of")]
    return rows.groupBy("dimension", "value").agg(*sums)


def labelled_rates(recent: pd.DataFrame) -> pd.DataFrame:
    """Names rows of `recent_rates` as `charts.intervals` takes them: the MOST_VALUES most visited, by dimension."""
    rows = _labelled(recent[recent["of"] > 0].sort_values("of", ascending=False).head(MOST_VALUES), "of")
    low, high = wilson_ends(rows.hits, rows["of"])
    return pd.DataFrame({"label": rows.label, "value": rows.hits / rows["of"], "low": low.clip(lower=0), "high": high})


def changes_in_words(changes: pd.DataFrame) -> str:
    """What the whole online rate did since last week, and whether mix or rates did it, from gold.conversion_changes."""
    whole = changes[(changes.dimension == "channel") & (changes.value == "all")]
    if whole.empty or pd.isna(whole.rate.iloc[0]) or pd.isna(whole.rate_before.iloc[0]):
        return "What changed since the week before"
    row = whole.iloc[0]
    chance = " (may be chance)" if row.change_low <= 0 <= row.change_high else ""
    return (
        f"What changed: {row.rate:.1%} of online visits bought in the last seven days, {row.rate_before:.1%} in the seven before{chance}: "
        f"{row.mix_effect * 100:+.2f} points by other channels (mix), {row.rate_effect * 100:+.2f} by the channels' own rates"
    )


def largest_changes(changes: pd.DataFrame) -> pd.DataFrame:
    """Picks the MOST_VALUES values that did most to the whole rate, by dimension: label, mix_effect, rate_effect."""
    rows = changes[changes.value != "all"].astype({"mix_effect": float, "rate_effect": float})
    rows = rows.assign(size=rows.mix_effect.abs() + rows.rate_effect.abs())
    largest = rows[rows["size"] > 0].nlargest(MOST_VALUES, "size")
    return _labelled(largest, "size")[["label", "mix_effect", "rate_effect"]]


def _labelled(rows: pd.DataFrame, size: str) -> pd.DataFrame:
    """Adds `label`, the dimension and its value, by dimension in the order of DIMENSIONS, the largest `size` first."""
    place = rows.dimension.map({name: n for n, name in enumerate(DIMENSIONS)})
    rows = rows.assign(place=place, label=rows.dimension.map(DIMENSIONS) + " " + rows.value)
    return rows.sort_values(["place", size], ascending=[True, False])


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
    """Plots buyers / visitors per week of `daily`[week, channel, visitors, buyers], one line per channel in its 95 % interval."""
    figure, hues = go.Figure(), charts.hues(daily.channel)
    for channel, rows in daily.groupby("channel", sort=True):
        rate = rows.buyers / rows.visitors
        low, high = wilson_ends(rows.buyers, rows.visitors)
        figure.add_scatter(
            x=[*rows.week, *rows.week[::-1]], y=[*low, *high[::-1]], mode="lines", line={"width": 0}, fill="toself",
            fillcolor=hues[str(channel)], opacity=0.15, showlegend=False, hoverinfo="skip", legendgroup=str(channel),
        )  # fmt: skip
        figure.add_scatter(
            x=rows.week,
            y=rate,
            name=channel,
            mode="lines",
            line={"color": hues[str(channel)], "width": 2},
            legendgroup=channel,
        )
    return charts.styled(figure, y="buyers / visitors", percent=True)


def plot_changes(changes: pd.DataFrame) -> go.Figure:
    """Plots what each value did to the whole rate by its share of visits and by its own rate, in points. `changes`: label,
    mix_effect, rate_effect, from the top."""
    figure = go.Figure()
    for column, name, hue in (
        ("mix_effect", "its share of visits (mix)", "#E69F00"),
        ("rate_effect", "its own rate", charts.MAIN),
    ):
        points = 100 * changes[column]
        figure.add_bar(
            x=points, y=changes.label, orientation="h", name=name, marker_color=hue,
            hovertemplate="%{y}: %{x:+.2f} points<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="relative").update_yaxes(autorange="reversed", type="category")
    return charts.styled(figure, x="points of the conversion rate")


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
