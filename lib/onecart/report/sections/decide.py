"""Who gets what: segments and who moved, what campaigns plan, what is shown where, who answers the tickets, of the tables of
decide."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.report import charts
from onecart.report.card import Card, Section
from onecart.report.model_health import newest, newest_day

_KINDS = {"rule": "Segments by rules", "learned": "Segments of those who buy alike"}
_FATES = {"treated": "contacted", "control": "held back to compare with"}
_FATE_HUES = {"treated": charts.COLOURS["positive"], "control": charts.MAIN}
_PRICES = {
    "price_of_budget": "1 more of budget",
    "price_of_contact": "one more contact",
    "price_of_consent": "one more consent",
}
_NEW, _GONE = "(not there)", "(gone)"
_QUEUES = {"decide.first_come": "first come, first served", "decide.routing": "by priority, with ageing"}


def cards(ctx: Context) -> list[Card]:
    summary, moves, plans = (
        newest_day(ctx.lake.read_if_exists(name)).toPandas()
        for name in ("gold.segment_summary", "gold.segment_movements", "gold.campaign_plan")
    )
    fates = campaign_fates(ctx.lake.read_if_exists("gold.decision_log"), plans)
    day = newest(ctx.lake.read_if_exists("gold.model_health").where("dataset = 'simulated day'")).toPandas()
    waits = waits_of(day)
    waiting = open_tickets(ctx.lake.read_if_exists("gold.ticket_routing")).toPandas()
    items = items_shown(ctx.lake.read_if_exists("gold.content_choice")).toPandas()
    by_kind = {title: summary[summary.kind == kind] for kind, title in _KINDS.items()}
    return [
        *_segments(by_kind, moves),
        *_campaigns(plans, fates),
        Card("What is shown where, and how often an answer is expected", items, plot_items),
        Card(_queue_title(day), waits, plot_waits),
        *[Card(f"{title}: who they are", described(rows)) for title, rows in by_kind.items()],
        Card("The plans of campaigns", planned(plans)),
        Card("Tickets that wait, by who answers them", waiting),
    ]


def _segments(by_kind: dict[str, pd.DataFrame], moves: pd.DataFrame) -> list[Card]:
    rules, learned = (
        Card(f"{title}: share of customers and of revenue", rows, plot_segments) for title, rows in by_kind.items()
    )
    moved = moves[moves.kind == "rule"]
    since = (
        f"Who moved from one segment to another, {moved.since.iloc[0]} to {moved.as_of.iloc[0]}" if len(moved) else ""
    )
    return [rules, Card(since, moved, plot_movements), learned]


def _campaigns(plans: pd.DataFrame, fates: pd.DataFrame) -> list[Card]:
    sent = fates[fates.decision == "treated"]
    money = charts.money(plans)
    shown = [
        Card(plan_in_words(plan), fates[fates.subject == plan.campaign], plot_fates) for plan in plans.itertuples()
    ]
    prices = priced(plans)
    return [
        *shown,
        Card("Contacts by channel and offer", sent, plot_contacts),
        Card(f"What one more would bring, {money}", prices, partial(plot_prices, money=money)),
    ]


SECTION = Section("Who gets what", cards)


def campaign_fates(log: DataFrame, plans: pd.DataFrame) -> pd.DataFrame:
    """Counts what became of the customers whom the newest campaigns considered: subject, decision, channel, action, reason (of those
    left out; null: others), customers. log: gold.decision_log; plans: rows of gold.campaign_plan of one day."""
    day = plans.as_of.max() if len(plans) else None
    left_out = F.when(F.col("decision") == "excluded", F.col("reason")).alias("reason")
    rows = log.where((F.col("kind") == "campaign") & (F.col("as_of") == F.lit(day)))
    counts = rows.groupBy("subject", "decision", "channel", "action", left_out).agg(F.count("*").alias("customers"))
    return counts.toPandas()  # campaigns x reasons, channels and offers


def items_shown(choices: DataFrame) -> DataFrame:
    """Counts what the newest day's customers are shown: placement, item, policy, customers, expected_reward (mean)."""
    rows = newest_day(choices).groupBy("placement", "item", "policy")
    counts = rows.agg(F.count("*").alias("customers"), F.avg("expected_reward").alias("expected_reward"))
    return counts.orderBy("placement", F.desc("customers"), "item")


def open_tickets(routed: DataFrame) -> DataFrame:
    """Counts the tickets of each queue by urgency, and finds the longest wait in it: the longest queue first."""
    counts = [F.count_if(F.col("urgency") == level).alias(level) for level in ("high", "normal", "low")]
    longest = (F.max("waited_hours") / 24).alias("longest wait, days")
    rows = routed.groupBy("queue").agg(*counts, F.count("*").alias("tickets"), longest)
    return rows.orderBy(F.desc("tickets"), "queue").limit(20)


def described(summary: pd.DataFrame) -> pd.DataFrame:
    """Words of `summary` (gold.segment_summary) for a table, the largest segment first."""
    rows = summary.sort_values(["customers", "segment"], ascending=[False, True])
    money = charts.money(rows)
    return pd.DataFrame(
        {
            "segment": rows.segment,
            "meaning": rows.meaning,
            "customers": rows.customers,
            "buyers": rows.buyers,
            f"revenue, {money}": rows.revenue.astype(float),
            "expected of each in 12 months": rows.value_12m.astype(float),
        }
    )


def plan_in_words(plan: Any) -> str:
    """One row of gold.campaign_plan as a sentence."""
    money = f" {plan.currency}" if plan.currency else ""
    limit = "" if pd.isna(plan.budget) else f" of {plan.budget:,.2f}"
    return (
        f"Campaign {plan.campaign}, {plan.as_of}: {plan.treated:,} contacted, {plan.control:,} held back, of {plan.considered:,}; "
        f"{plan.spent:,.2f}{limit}{money} spent, {plan.expected_profit:,.2f}{money} expected to be earned"
    )


def planned(plans: pd.DataFrame) -> pd.DataFrame:
    """Words of `plans` (gold.campaign_plan) for a table."""
    names = {
        "campaign": "campaign", "considered": "considered", "eligible": "may be contacted", "treated": "contacted",
        "control": "held back", "budget": "budget", "spent": "spent", "expected_profit": "expected profit",
        "price_of_budget": "1 more of budget brings", "price_of_contact": "one more contact",
        "price_of_consent": "one more consent", "currency": "currency",
    }  # fmt: skip
    amounts = ["budget", "spent", "expected_profit", *_PRICES]
    best = [f"{gap:.2%}" for gap in plans.gap]
    return (
        plans[[*names]]
        .astype(dict.fromkeys(amounts, float))
        .rename(columns=names)
        .assign(**{"below the best plan by at most": best})
    )


def priced(plans: pd.DataFrame) -> pd.DataFrame:
    """One row per campaign and limit whose price is known: campaign, what, price."""
    rows = plans.melt("campaign", [*_PRICES], var_name="what", value_name="price").dropna(subset="price")
    rows = rows[~((rows.what == "price_of_budget") & rows.campaign.isin(plans.campaign[plans.budget.isna()]))]
    return rows.assign(what=rows.what.map(_PRICES), price=rows.price.astype(float))


def waits_of(day: pd.DataFrame) -> pd.DataFrame:
    """The minutes a simulated day's tickets wait: queue, urgency, minutes. day: model, metric, value."""
    found = day[day.model.isin(_QUEUES) & day.metric.str.startswith("wait_")]
    urgency = found.metric.str.removeprefix("wait_")
    return pd.DataFrame({"queue": found.model.map(_QUEUES), "urgency": urgency, "minutes": found.value.astype(float)})


def _queue_title(day: pd.DataFrame) -> str:
    missed = day[day.metric == "urgent_missed"].set_index("model").value
    title = "Minutes that tickets wait on a busy day (simulated)"
    if not set(_QUEUES) <= set(missed.index):
        return title
    ours, theirs = missed["decide.routing"], missed["decide.first_come"]
    return f"{title}; {ours:.0%} of the urgent ones wait too long, {theirs:.0%} where the first to come is served first"


def plot_segments(summary: pd.DataFrame) -> go.Figure:
    """Plots the share of customers and of revenue of each segment, the largest on top. `summary`: segment, share, revenue."""
    rows = summary.sort_values(["share", "segment"], ascending=[True, False])
    revenue = rows.revenue.astype(float)
    total = revenue.sum()
    figure = go.Figure()
    shares = {"customers": (rows.share, charts.MAIN), "revenue": (revenue / total if total else 0 * revenue, "#E69F00")}
    for name, (share, hue) in shares.items():
        text = [f"{s:.0%}" for s in share]
        figure.add_bar(
            x=share, y=rows.segment, orientation="h", name=name, marker_color=hue, text=text, textposition="auto"
        )
    figure.update_layout(legend={"traceorder": "normal"}).update_yaxes(type="category")
    return charts.styled(figure, x="share", percent_x=True).update_layout(height=max(340, 90 + 48 * len(rows)))


def plot_movements(moves: pd.DataFrame) -> go.Figure:
    """Plots how many customers went from each segment to each, shaded by the share of those who were in the first. `moves`:
    from_segment, to_segment (null: nowhere), customers."""
    rows = moves.assign(old=moves.from_segment.fillna(_NEW), now=moves.to_segment.fillna(_GONE))
    grid = rows.pivot_table(index="old", columns="now", values="customers", aggfunc="sum", fill_value=0)
    names = sorted({*rows.old, *rows.now} - {_NEW, _GONE})
    grid = grid.reindex(
        index=[n for n in (*names, _NEW) if n in grid.index], columns=[n for n in (*names, _GONE) if n in grid.columns]
    )
    share = grid.div(grid.sum(axis=1), axis=0)
    figure = go.Figure(
        go.Heatmap(
            x=[*grid.columns],
            y=[*grid.index],
            z=share.to_numpy(),
            text=grid.map(lambda n: f"{n:,}" if n else "").to_numpy(),
            customdata=grid.to_numpy(),
            texttemplate="%{text}",
            colorscale=[[0, "#ffffff"], [1, charts.MAIN]],
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{y} to %{x}: %{customdata:,} customers, %{z:.0%} of %{y}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", type="category").update_xaxes(type="category")
    return charts.styled(figure, x="now", y="before")


def plot_fates(fates: pd.DataFrame) -> go.Figure:
    """Plots what became of one campaign's customers, each reason above its bar. `fates`: decision, reason, customers."""
    what = fates.decision.map(_FATES).fillna(fates.reason)
    rows = fates.assign(what=what).groupby(["decision", "what"], as_index=False).customers.sum()
    place = rows.decision.map({"treated": 0, "control": 1}).fillna(2)
    rows = rows.assign(place=place).sort_values(["place", "customers"], ascending=[True, False])
    at = [*range(len(rows))]
    hues = [_FATE_HUES.get(decision, charts.PALE) for decision in rows.decision]
    figure = go.Figure(
        go.Bar(
            x=rows.customers, y=at, orientation="h", width=0.4, marker_color=hues, customdata=rows.what,
            hovertemplate="%{customdata}: %{x:,}<extra></extra>",
        )
    )  # fmt: skip
    text = [f"{n:,} {words}" for n, words in zip(rows.customers, rows.what, strict=True)]
    above = [n - 0.22 for n in at]
    figure.add_scatter(
        x=[0.0] * len(rows),
        y=above,
        text=text,
        mode="text",
        textposition="top right",
        textfont={"size": 11},
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_yaxes(range=[len(rows) - 0.5, -0.8], visible=False)
    figure.update_layout(showlegend=False)
    return charts.styled(figure, x="customers").update_layout(height=max(220, 70 + 48 * len(rows)))


def plot_contacts(sent: pd.DataFrame) -> go.Figure:
    """Plots the contacts by each channel, by offer. `sent`: channel, action, customers."""

    def bar(rows: pd.DataFrame) -> dict[str, Any]:
        by_channel = rows.groupby("channel").customers.sum()
        return {"x": by_channel, "y": by_channel.index, "text": by_channel}

    figure = _bars_by(sent, "action", bar).update_layout(barmode="stack").update_yaxes(type="category")
    return charts.styled(figure, x="customers contacted")


def plot_prices(prices: pd.DataFrame, money: str) -> go.Figure:
    """Plots what one more of each limit would bring, by campaign. `prices`: campaign, what, price."""

    def bar(rows: pd.DataFrame) -> dict[str, Any]:
        return {"x": rows.price, "y": rows.what, "text": [f"{v:,.2f}" for v in rows.price]}

    figure = _bars_by(prices, "campaign", bar).update_yaxes(autorange="reversed")
    return charts.styled(figure, x=f"profit, {money}")


def plot_items(items: pd.DataFrame) -> go.Figure:
    """Plots how often each item is shown, by placement. `items`: placement, item, policy, customers, expected_reward."""

    def bar(rows: pd.DataFrame) -> dict[str, Any]:
        share = rows.customers / rows.customers.sum()
        expected = [f"answer expected of {r:.1%}" if pd.notna(r) else "no answers yet" for r in rows.expected_reward]
        text = [f"{s:.0%}, {said}" for s, said in zip(share, expected, strict=True)]
        return {"x": share, "y": rows.item, "text": text, "name": f"{rows.placement.iloc[0]}, {rows.policy.iloc[0]}"}

    figure = _bars_by(items, "placement", bar).update_yaxes(autorange="reversed", type="category")
    return charts.styled(figure, x="share of customers", percent_x=True)


def _bars_by(table: pd.DataFrame, by: str, bar: Callable[[pd.DataFrame], dict[str, Any]]) -> go.Figure:
    """Horizontal bars, a hue for each value of `by`; bar: x, y and text of its rows, and the name if it is another."""
    figure, hues = go.Figure(), charts.hues(table[by])
    for value, rows in table.groupby(by, sort=True):
        look = {"orientation": "h", "marker_color": hues[str(value)], "textposition": "auto"}
        figure.add_bar(**{"name": str(value), **look, **bar(rows)})
    return figure.update_layout(showlegend=True)


def plot_waits(waits: pd.DataFrame) -> go.Figure:
    """Plots the minutes that tickets of each urgency wait, under each rule. `waits`: queue, urgency, minutes."""
    levels = [level for level in ("high", "normal", "low") if level in set(waits.urgency)]
    figure = go.Figure()
    for name, hue in zip(_QUEUES.values(), (charts.COLOURS["seasonal_naive"], charts.MAIN), strict=True):
        minutes = waits[waits.queue == name].set_index("urgency").minutes.reindex(levels)
        figure.add_bar(
            x=levels, y=minutes, name=name, marker_color=hue, text=[f"{m:.0f}" for m in minutes], textposition="auto"
        )
    return charts.styled(figure, x="urgency", y="minutes")
