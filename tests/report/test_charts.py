"""Figures leave with every text escaped, whatever it is for."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from onecart import report
from onecart.report import charts

HOSTILE = '<a href="https://x.example">click</a>'
SAFE = '&lt;a href="https://x.example"&gt;click&lt;/a&gt;'
FRAME = pd.DataFrame({"label": [HOSTILE, "R&D"], "value": [2.0, 1.0]})


@pytest.mark.parametrize(
    "figure",
    [
        go.Figure(go.Bar(x=FRAME.value, y=FRAME.label)),
        go.Figure(go.Bar(x=FRAME.value, y=np.array([HOSTILE, "b"]))),
        go.Figure(go.Bar(x=FRAME.value, y=[1, 2]).update(text=FRAME.label)),
        go.Figure(go.Bar(x=[1], y=[1], hovertext=HOSTILE)),
        go.Figure(go.Bar(x=[1], y=[1], customdata=FRAME[["label", "value"]])),
        go.Figure(go.Bar(x=[1], y=[1], hovertemplate=HOSTILE)),
        go.Figure(go.Bar(x=[1], y=[1], hovertemplate=HOSTILE + "<extra></extra>")),
        go.Figure(go.Bar(x=[1], y=[1], name=HOSTILE)),
        go.Figure().update_layout(title=HOSTILE),
        go.Figure().update_xaxes(title=HOSTILE),
        go.Figure().update_xaxes(ticktext=[HOSTILE], tickvals=[0]),
        go.Figure().add_annotation(text=HOSTILE),
    ],
    ids=[
        *("tick label", "tick label of an array", "text", "hover text", "customdata of a hover", "hover template"),
        *("hover template without name", "legend", "title", "title of an axis", "named ticks", "annotation"),
    ],
)
def test_a_hostile_text_is_escaped(figure, texts):
    assert HOSTILE in str(figure.to_dict())
    found = texts(figure)
    assert not [text for text in found if "<" in text.removesuffix("<extra></extra>")]
    assert [text for text in found if SAFE in text]


def test_text_is_escaped_once_and_numbers_and_days_stay(texts):
    figure = go.Figure(go.Bar(x=pd.to_datetime(["2011-12-10"]), y=[7], text=["R&D", "a &lt; b"]))
    assert {"R&amp;D", "a &amp;lt; b"} <= set(texts(figure))
    assert '"2011-12-10' in charts.to_html(figure)


def test_a_name_in_a_hover_is_not_cut_within_an_entity():
    assert charts.metric_bars(pd.DataFrame({"model": ["a"], "value": [1.0]}), "AUC").layout.hoverlabel.namelength == -1


def test_figures_and_markup_become_html_in_one_place_each():
    def users(*names):
        for path in sorted(Path(report.__file__).parent.rglob("*.py")):
            used = {n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
            used |= {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
            if used & set(names):
                yield path.name

    assert [*users("plotly_html", "write_html", "to_json")] == ["charts.py"]
    assert [*users("Markup")] == ["page.py"]
    assert not [path for path in Path(report.__file__).parent.rglob("*.j2") if "safe" in path.read_text()]


def test_whiskers_reach_from_low_to_high():
    table = pd.DataFrame({"label": ["a", "b"], "value": [0.5, 0.2], "low": [0.4, float("nan")], "high": [0.7, None]})
    (dots,) = charts.intervals(table, x="nDCG").data
    assert (list(dots.x), list(dots.y), dots.text) == ([0.5, 0.2], ["a", "b"], ("0.500", "0.200"))
    assert (round(dots.error_x.array[0], 3), round(dots.error_x.arrayminus[0], 3)) == (0.2, 0.1)


def test_what_holds_at_every_look_is_a_thinner_and_wider_line():
    ends = {"low": [0.01], "high": [0.05], "wide_low": [-0.01], "wide_high": [0.07]}
    table = pd.DataFrame({"label": ["a"], "value": [0.03], **ends})
    thin, dots = charts.intervals(table, x="conversion", form="+.1%", wide="at every look").data
    assert (thin.name, round(thin.error_x.array[0], 3), round(thin.error_x.arrayminus[0], 3)) == (
        "at every look",
        0.04,
        0.04,
    )
    assert (dots.text[0], [*dots.customdata[0]]) == ("+3.0%", ["+1.0%", "+5.0%"])
