"""Lays out the page by the templates beside it, which escape every text. No query here."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from onecart.report import charts
from onecart.report.card import Card


def page(as_of: str, tiles: Iterable[Any], sections: Mapping[str, Markup], note: str) -> str:
    """Lays out the HTML document; the plotting library is inside, so that it opens without a network.

    `tiles`: job, rows_out and headline each; `sections`: by title, what `cards` made.
    """
    plotly = Markup(get_plotlyjs())
    template = _templates().get_template("page.html.j2")
    return template.render(as_of=as_of, tiles=tiles, sections=sections, note=note, plotly=plotly)


def cards(*shown: Card) -> Markup:
    """Lays out a grid of cards, leaving out those without rows; an empty text where none has any. A table of many
    columns has a row of the grid to itself."""
    return Markup(_templates().get_template("cards.html.j2").render(cards=[card for card in shown if len(card.rows)]))


@cache
def _templates() -> Environment:
    templates = Environment(loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined)
    templates.filters |= {"cell": _cell, "columns": _columns, "html": lambda figure: Markup(charts.to_html(figure))}
    return templates


def _columns(rows: pd.DataFrame) -> list[tuple[str, bool]]:
    """Each column's name, and whether it holds numbers, which stand to the right."""
    return [(str(c), pd.api.types.is_numeric_dtype(rows[c])) for c in rows.columns]


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
