"""One function a chart: a small pandas frame in, a plotly figure out. No Spark here."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

# One hue a channel or model wherever it appears; distinguishable with colour-vision deficiency (Okabe-Ito).
COLOURS = {
    "web": "#0072B2",
    "app": "#E69F00",
    "store": "#009E73",
    "online": "#333333",
    "prophet": "#D55E00",
    "seasonal_naive": "#7A7A7A",
    "positive": "#009E73",
    "negative": "#D55E00",
    "desktop": "#0072B2",
    "mobile": "#E69F00",
    "tablet": "#CC79A7",
}
INK, GRID, MAIN = "#1f2933", "#e4e7eb", "#0072B2"
MAKE_UP = {  # measure of recommended lists -> what a reader sees, number format
    "coverage": ("share of products offered", ".1%"),
    "popularity_share": ("share from the most popular tenth", ".0%"),
    "diversity": ("share of two lists that differs", ".0%"),
    "novelty": ("novelty, bits", ".1f"),
}


def _colour(name: object) -> str:
    return COLOURS.get(str(name), INK)


def conversion(daily: pd.DataFrame) -> go.Figure:
    """`daily`: week, channel, visitors, buyers. Buyers / visitors per week, one line a channel."""
    figure = go.Figure()
    for channel, rows in daily.groupby("channel", sort=True):
        rate = rows.buyers / rows.visitors
        figure.add_scatter(
            x=rows.week, y=rate, name=channel, mode="lines", line={"color": _colour(channel), "width": 2}
        )
    return _styled(figure, y="buyers / visitors", percent=True)


def revenue(weekly: pd.DataFrame) -> go.Figure:
    """`weekly`: week, channel, revenue. Stacked bars per week."""
    figure = go.Figure()
    for channel, rows in weekly.groupby("channel", sort=True):
        figure.add_bar(x=rows.week, y=rows.revenue, name=channel, marker_color=_colour(channel))
    return _styled(figure.update_layout(barmode="stack"), y="net revenue a week, GBP")


def funnel(steps: pd.DataFrame, by: str = "channel") -> go.Figure:
    """`steps`: `by`, step, visits, drop_off (steps in order). Share of the visits that reached each step, and of those
    of the step before that did not."""
    figure = go.Figure()
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
            marker_color=_colour(name),
            text=text,
            textposition="auto",
        )
    figure.update_yaxes(autorange="reversed")
    return _styled(figure, x="share of visits", percent_x=True)


def bars(table: pd.DataFrame, *, label: str, value: str, x: str, percent: bool = False) -> go.Figure:
    """Horizontal bars, the largest on top."""
    rows = table.sort_values(value)
    text = [f"{v:.1%}" if percent else f"{v:,.0f}" for v in rows[value]]
    figure = go.Figure(
        go.Bar(x=rows[value], y=rows[label], orientation="h", marker_color=MAIN, text=text, textposition="auto")
    )
    return _styled(figure, x=x, percent_x=percent)


def deciles(table: pd.DataFrame) -> go.Figure:
    """`table`: decile, mean_probability, customers. Mean predicted probability by decile."""
    figure = go.Figure(go.Bar(x=table.decile, y=table.mean_probability, marker_color=MAIN, customdata=table.customers))
    figure.update_traces(hovertemplate="decile %{x}: %{y:.1%} of %{customdata:,} customers<extra></extra>")
    figure.update_xaxes(dtick=1)
    return _styled(figure, x="decile (1: most likely)", y="mean probability to buy", percent=True)


def calibration(points: pd.DataFrame) -> go.Figure:
    """`points`: view (predicted | rate), x (decile), value. What was promised and what came true, a dot a decile."""
    table = points.pivot(index="x", columns="view", values="value").astype(float).sort_values("predicted")
    end = float(table.to_numpy().max()) * 1.05
    figure = _diagonal(end, "as promised")
    figure.add_scatter(x=table.predicted, y=table.rate, mode="lines+markers", name="the model", line={"color": MAIN})
    return _styled(figure, x="mean probability of the decile", y="share that bought", percent=True, percent_x=True)


def gains(points: pd.DataFrame) -> go.Figure:
    """`points`: x (decile), value (share of all buyers up to it), in order. Cumulative gain beside asking at random."""
    share = [0.0, *(points.x.astype(int) / len(points))]
    figure = _diagonal(1.0, "at random")
    caught = [0.0, *points.value]
    figure.add_scatter(x=share, y=caught, mode="lines+markers", name="most likely first", line={"color": MAIN})
    return _styled(figure, x="share of customers addressed", y="share of buyers reached", percent=True, percent_x=True)


def partial_dependence(points: pd.DataFrame) -> go.Figure:
    """`points`: x, value, in order. Mean probability if everyone had the value x of the feature."""
    figure = go.Figure(go.Scatter(x=points.x, y=points.value, mode="lines+markers", line={"color": MAIN}))
    figure.update_xaxes(type="category")
    figure.update_yaxes(rangemode="tozero")
    return _styled(figure, x=str(points.feature.iloc[0]).replace("_", " "), y="mean probability to buy", percent=True)


def metric_bars(table: pd.DataFrame, metric: str) -> go.Figure:
    """`table`: model, value. One bar a model, so that a model always stands beside its baseline."""
    rows = table.sort_values("value")
    text = [f"{v:.3f}" for v in rows.value]
    figure = go.Figure(
        go.Bar(x=rows.value, y=rows.model, orientation="h", marker_color=MAIN, text=text, textposition="auto")
    )
    return _styled(figure, x=metric)


def intervals(table: pd.DataFrame, x: str) -> go.Figure:
    """`table`: label, value, low, high (nan: no interval), from the top. A dot each, and a line from low to high."""
    line = {"type": "data", "symmetric": False, "array": table.high - table.value, "color": INK, "thickness": 1.5}
    figure = go.Figure(
        go.Scatter(
            x=table.value,
            y=table.label,
            mode="markers+text",
            marker={"color": MAIN, "size": 10},
            error_x={**line, "arrayminus": table.value - table.low},
            text=[f"{v:.3f}" for v in table.value],
            textposition="top center",
            customdata=table[["low", "high"]],
            hovertemplate="%{y}: %{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})<extra></extra>",
            cliponaxis=False,
        )
    )
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(type="category", range=[len(table) - 0.5, -0.7])
    return _styled(figure, x=x)


def make_up(table: pd.DataFrame) -> go.Figure:
    """`table`: model, the columns of MAKE_UP, from the top. A small chart a measure, a bar a model."""
    titles = [title for title, _ in MAKE_UP.values()]
    figure = make_subplots(2, 2, shared_yaxes=True, subplot_titles=titles, vertical_spacing=0.24)
    for place, (name, (_, form)) in enumerate(MAKE_UP.items()):
        text = [format(v, form) for v in table[name]]
        bar = go.Bar(x=table[name], y=table.model, orientation="h", marker_color=MAIN, text=text, textposition="auto")
        figure.add_trace(bar, row=place // 2 + 1, col=place % 2 + 1)
    figure = _styled(figure.update_layout(showlegend=False))
    for place, (_, form) in enumerate(MAKE_UP.values()):
        figure.update_xaxes(tickformat=form, nticks=4, row=place // 2 + 1, col=place % 2 + 1)
    figure.update_yaxes(autorange="reversed", type="category")
    return figure.update_annotations(font_size=13)


def demand(history: pd.DataFrame, forecast: pd.DataFrame) -> go.Figure:
    """`history`: ds, y. `forecast`: ds, yhat, yhat_lo_80, yhat_hi_80. Sales of one product and what is expected."""
    figure = go.Figure()
    figure.add_bar(x=history.ds, y=history.y, name="sold", marker_color=INK)  # bars: a day without a sale stays empty
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=forecast.ds, y=forecast.yhat_hi_80, **band)
    figure.add_scatter(x=forecast.ds, y=forecast.yhat_lo_80, fill="tonexty", fillcolor="rgba(213,94,0,.2)", **band)
    figure.add_scatter(
        x=forecast.ds,
        y=forecast.yhat,
        name="expected (80 % interval)",
        mode="lines",
        line={"color": COLOURS["prophet"], "width": 2},
    )
    return _styled(figure, y="units a day")


def units(table: pd.DataFrame) -> go.Figure:
    """`table`: category, units. A bar each, the largest on top."""
    bar = go.Bar(x=table.units, y=table.category, orientation="h", marker_color=MAIN)
    return _styled(go.Figure(bar).update_yaxes(autorange="reversed", type="category"), x="units")


def came_true(table: pd.DataFrame) -> go.Figure:
    """`table`: ds, expected, sold (units)."""
    figure = go.Figure().add_bar(x=table.ds, y=table.sold, name="sold", marker_color=INK)
    line = {"color": COLOURS["prophet"], "width": 2}
    figure.add_scatter(x=table.ds, y=table.expected, name="expected", mode="lines", line=line)
    return _styled(figure, y="units a day")


def sentiment(table: pd.DataFrame) -> go.Figure:
    """`table`: category, positive, negative (counts). Share of each, by category."""
    rows = table.assign(total=table.positive + table.negative).sort_values("total")
    figure = go.Figure()
    for word in ("positive", "negative"):
        figure.add_bar(
            x=rows[word] / rows.total, y=rows.category, orientation="h", name=word, marker_color=COLOURS[word]
        )
    return _styled(figure.update_layout(barmode="stack"), x="share of reviews", percent_x=True)


def polarities(table: pd.DataFrame) -> go.Figure:
    """`table`: aspect, positive, negative (reviews), from the top. Praise to the right, complaints to the left."""
    figure = go.Figure()
    for word, sign in (("negative", -1), ("positive", 1)):
        figure.add_bar(
            x=sign * table[word], y=table.aspect, orientation="h", name=word, marker_color=COLOURS[word],
            customdata=table[word], hovertemplate="%{y}: %{customdata:,} " + word + "<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="relative").update_yaxes(autorange="reversed", type="category")
    return _styled(figure, x="reviews: complaints to the left, praise to the right")


def complaints(table: pd.DataFrame) -> go.Figure:
    """`table`: month, aspect, share (complaints per review). A line an aspect."""
    figure = go.Figure()
    for aspect, rows in table.groupby("aspect", sort=False):
        figure.add_scatter(x=rows.month, y=rows.share, name=str(aspect), mode="lines+markers")
    return _styled(figure, y="complaints per review", percent=True)


def link_waterfall(evidence: pd.DataFrame) -> go.Figure:
    """`evidence`: field, level, weight (bits), in order. What each field adds to the odds that two records are one
    person, from the prior to the total."""
    names = [
        f"{field}: {level}" if level else field for field, level in zip(evidence.field, evidence.level, strict=True)
    ]
    figure = go.Figure(
        go.Waterfall(
            x=[*names, "total"],
            y=[*evidence.weight, 0],
            measure=["relative"] * len(evidence) + ["total"],
            text=[f"{w:+.1f}" for w in [*evidence.weight, evidence.weight.sum()]],
            increasing={"marker": {"color": COLOURS["positive"]}},
            decreasing={"marker": {"color": COLOURS["negative"]}},
            totals={"marker": {"color": INK}},
            connector={"line": {"color": GRID}},
            cliponaxis=False,
        )
    )
    return _styled(figure, y="bits (log2 of the odds)")


def link_evidence(bins: pd.DataFrame, threshold: float | None = None) -> go.Figure:
    """`bins`: from_bits, to_bits, accepted, pairs. Compared pairs by evidence, those of one customer apart from those
    refused; a line at `threshold` (bits)."""
    figure = go.Figure()
    for accepted, name, colour in ((True, "one customer", "positive"), (False, "refused", "negative")):
        rows = bins[bins.accepted == accepted]
        middle, width = (rows.from_bits + rows.to_bits) / 2, rows.to_bits - rows.from_bits
        figure.add_bar(x=middle, y=rows.pairs, name=name, width=width, marker_color=COLOURS[colour])
    if threshold is not None:
        line = {"color": INK, "width": 2, "dash": "dash"}
        figure.add_vline(x=threshold, line=line, annotation={"text": f"threshold {threshold:+.1f}"})
    figure.update_layout(barmode="stack")
    return _styled(figure, x="bits (log2 of the odds); the outer bars hold all beyond", y="pairs")


def records_per_customer(counts: pd.DataFrame) -> go.Figure:
    """`counts`: records, and_more, customers. Customers by how many records are theirs."""
    labels = [f"{n} and more" if more else str(n) for n, more in zip(counts.records, counts.and_more, strict=True)]
    figure = go.Figure(
        go.Bar(x=labels, y=counts.customers, marker_color=MAIN, text=counts.customers, textposition="auto")
    )
    figure.update_xaxes(type="category")
    return _styled(figure, x="records", y="customers")


def rfm_heatmap(counts: pd.DataFrame) -> go.Figure:
    """`counts`: rfm_r, rfm_f, customers. How many buyers have each score of recency and frequency."""
    scores = range(1, 6)
    grid = counts.pivot(index="rfm_f", columns="rfm_r", values="customers").reindex(index=scores, columns=scores)
    figure = go.Figure(
        go.Heatmap(
            x=list(scores),
            y=list(scores),
            z=grid.fillna(0).to_numpy(),
            colorscale=[[0, "#ffffff"], [1, MAIN]],
            texttemplate="%{z:,}",
            hovertemplate="recency %{x}, frequency %{y}: %{z:,} customers<extra></extra>",
        )
    )
    figure.update_xaxes(dtick=1).update_yaxes(dtick=1)
    return _styled(figure, x="recency score (5: bought last)", y="frequency score (5: most often)")


def lifetime_values(bins: pd.DataFrame) -> go.Figure:
    """`bins`: from_value, to_value (nan: no end), currency, customers. Customers by revenue expected in 12 months, one
    series a currency."""
    figure = go.Figure()
    for currency, rows in bins.groupby("currency", sort=True):
        labels = [
            f"{low:,.0f} to {high:,.0f}" if high == high else f"{low:,.0f} and more"
            for low, high in zip(rows.from_value, rows.to_value, strict=True)
        ]
        figure.add_bar(x=labels, y=rows.customers, name=str(currency), text=rows.customers, textposition="auto")
    figure.update_traces(marker_color=MAIN, selector=0)
    return _styled(figure, x=f"expected in 12 months, {', '.join(sorted(set(bins.currency)))}", y="customers")


def _diagonal(end: float, name: str) -> go.Figure:
    line = {"color": GRID, "width": 2, "dash": "dash"}
    return go.Figure(go.Scatter(x=[0, end], y=[0, end], mode="lines", line=line, name=name, hoverinfo="skip"))


def _styled(
    figure: go.Figure, *, x: str = "", y: str = "", percent: bool = False, percent_x: bool = False
) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "color": INK, "size": 13},
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        height=340,
        legend={"orientation": "h", "y": 1.12, "x": 0},
        hovermode="closest",
    )
    figure.update_xaxes(title=x or None, gridcolor=GRID, automargin=True, tickformat=".0%" if percent_x else None)
    figure.update_yaxes(title=y or None, gridcolor=GRID, automargin=True, tickformat=".0%" if percent else None)
    return figure
