"""What the charts of several sections share: colours, bars, the common style, and the way to HTML. No Spark here."""

from collections.abc import Iterable
from html import escape
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.io import to_html as plotly_html

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
_HUES = ("#56B4E9", "#CC79A7", "#009E73", "#0072B2", "#E69F00", "#D55E00", "#7A7A7A")
INK, GRID, MAIN, PALE = "#1f2933", "#e4e7eb", "#0072B2", "#9aa5b1"
_NO_NAME = "<extra></extra>"  # at the end of a hover template: no box with the series' name


def to_html(figure: go.Figure, *, full_html: bool = False, include_plotlyjs: bool | str = False) -> str:
    """Writes a figure as HTML with every text of it escaped. All figures go this way: plotly takes links and other
    markup in ticks, hovers, names and titles, and these hold what customers and suppliers wrote."""
    shown = {"displayModeBar": False, "responsive": True}
    parts = _escaped(figure.to_plotly_json())
    html: str = plotly_html(parts, config=shown, full_html=full_html, include_plotlyjs=include_plotlyjs, validate=False)
    return html


def _escaped(part: Any) -> Any:
    """Escapes the texts in a part of a figure, whatever they are for; no figure has markup of its own but _NO_NAME."""
    if isinstance(part, str):
        return escape(part, quote=False)  # plotly knows no entity for quotes, which do no harm in a text
    if isinstance(part, dict):
        return {name: _template(value) if name == "hovertemplate" else _escaped(value) for name, value in part.items()}
    if isinstance(part, (list, tuple)) or (isinstance(part, np.ndarray) and part.dtype.kind in "OU"):
        return [_escaped(one) for one in part]
    return part


def _template(text: str) -> str:
    words = text.removesuffix(_NO_NAME)
    return f"{_escaped(words)}{text[len(words) :]}"


def bars(table: pd.DataFrame, *, label: str, value: str, x: str, percent: bool = False) -> go.Figure:
    """Plots the `value` of each `label` as horizontal bars, the largest on top."""
    rows = table.sort_values(value)
    text = [f"{v:.1%}" if percent else f"{v:,.0f}" for v in rows[value]]
    figure = go.Figure(
        go.Bar(x=rows[value], y=rows[label], orientation="h", marker_color=MAIN, text=text, textposition="auto")
    )
    return styled(figure, x=x, percent_x=percent)


def metric_bars(table: pd.DataFrame, metric: str) -> go.Figure:
    """Plots one bar per model of `table`[model, value], so that a model always stands beside its baseline."""
    rows = table.sort_values("value")
    text = [f"{v:.3f}" for v in rows.value]
    figure = go.Figure(
        go.Bar(x=rows.value, y=rows.model, orientation="h", marker_color=MAIN, text=text, textposition="auto")
    )
    return styled(figure, x=metric)


def intervals(table: pd.DataFrame, x: str, form: str = ".3f", wide: str = "") -> go.Figure:
    """Plots a dot per row, and a line from low to high. `table`: label, value, low, high (nan: no interval), from the top; wide_low
    and wide_high, if there, are a thinner line, named `wide`. form: of the numbers."""
    figure = go.Figure()
    if "wide_low" in table:
        thin = ends(table, "wide_low", "wide_high", color=PALE, thickness=1, width=9)
        figure.add_scatter(
            x=table.value,
            y=table.label,
            mode="markers",
            name=wide,
            marker={"color": PALE, "size": 4},
            error_x=thin,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=table.value,
        y=table.label,
        mode="markers+text",
        name="95 % interval",
        showlegend=len(figure.data) > 0,
        marker={"color": MAIN, "size": 10},
        error_x=ends(table, "low", "high", color=INK, thickness=1.5),
        text=[format(v, form) for v in table.value],
        textposition="top center",
        customdata=[[format(v, form) for v in ends] for ends in table[["low", "high"]].to_numpy()],
        hovertemplate=f"%{{y}}: %{{x:{form}}} (%{{customdata[0]}} to %{{customdata[1]}}){_NO_NAME}",
        cliponaxis=False,
    )
    figure.update_xaxes(rangemode="tozero", zerolinecolor=PALE, tickformat=form if "%" in form else None)
    figure.update_yaxes(type="category", range=[len(table) - 0.5, -0.7])
    return styled(figure, x=x, percent_x="%" in form).update_layout(height=max(340, 110 + 34 * len(table)))


def ends(table: pd.DataFrame, low: str, high: str, value: str = "value", **line: Any) -> dict[str, Any]:
    """The error bars of plotly from columns with a value and the ends of its interval."""
    apart = {"array": table[high] - table[value], "arrayminus": table[value] - table[low]}
    return {"type": "data", "symmetric": False, **apart, **line}


def money(rows: pd.DataFrame) -> str:
    """The currencies of rows in words."""
    return ", ".join(sorted(set(rows.currency.dropna())))


def hues(names: Iterable[object]) -> dict[str, str]:
    """Finds the hues of channels or devices; names that have none of their own share those that are left."""
    told = sorted({str(name) for name in names})
    left = cycle([hue for hue in _HUES if hue not in {COLOURS.get(name) for name in told}] or _HUES)
    return {name: COLOURS[name] if name in COLOURS else next(left) for name in told}


def styled(figure: go.Figure, *, x: str = "", y: str = "", percent: bool = False, percent_x: bool = False) -> go.Figure:
    """Gives a figure the common look, the titles of its axes and their number formats."""
    figure.update_layout(
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "color": INK, "size": 13},
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        height=340,
        legend={"orientation": "h", "y": 1.03, "yanchor": "bottom", "x": 0},
        hovermode="closest",
        hoverlabel={"namelength": -1},  # cut to a length, an escaped name may end within an entity
    )
    figure.update_xaxes(title=x or None, gridcolor=GRID, automargin=True, tickformat=".0%" if percent_x else None)
    figure.update_yaxes(title=y or None, gridcolor=GRID, automargin=True, tickformat=".0%" if percent else None)
    return figure
