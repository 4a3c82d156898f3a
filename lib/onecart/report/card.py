"""What a section is made of: cards, each a title and rows with the chart or the table they become."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from onecart.context import Context


@dataclass(frozen=True)
class Card:
    """A titled chart, which `draw` makes of `rows`; without `draw` a table of them. It is not shown without rows."""

    title: str
    rows: pd.DataFrame
    draw: Callable[[pd.DataFrame], go.Figure] | None = None


@dataclass(frozen=True)
class Section:
    """A heading of the report, and the cards below it in order, from the tables as they are."""

    title: str
    cards: Callable[[Context], Sequence[Card]]
