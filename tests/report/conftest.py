"""What a figure is in the page, read back from its HTML."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import plotly.graph_objects as go
import pytest

from onecart.report import charts


@pytest.fixture(scope="session")
def texts() -> Callable[[go.Figure], list[str]]:
    """`texts(figure)`: every text that plotly.js is given to draw it."""

    def strings(part: Any) -> Iterator[str]:
        if isinstance(part, str):
            yield part
        elif isinstance(part, (dict, list)):
            for one in part.values() if isinstance(part, dict) else part:
                yield from strings(one)

    def read(figure: go.Figure) -> list[str]:
        html = charts.to_html(figure)
        rest = html[re.search(r'Plotly\.newPlot\(\s*"[^"]+",\s*', html).end() :]
        data, end = json.JSONDecoder().raw_decode(rest)
        layout, _ = json.JSONDecoder().raw_decode(rest[end:].lstrip(", \n"))
        return [*strings(data), *strings(layout)]

    return read
