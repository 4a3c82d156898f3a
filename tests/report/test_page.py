"""The page: cards leave out what has no rows, every text is escaped, nothing is loaded from elsewhere."""

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup

from onecart.report import page
from onecart.report.card import Card

HOSTILE = '<a href="https://x.example">click</a><script>alert(1)</script>'


def test_cards_without_rows_are_left_out():
    empty, full = pd.DataFrame({"a": []}), pd.DataFrame({"a": [1]})
    assert page.cards(Card("x", empty)) == ""
    assert page.cards(Card("x", empty), Card("y", full)).count("card") == 1


def test_tables_escape_what_customers_wrote():
    html = page.cards(Card("x", pd.DataFrame({"text": ["<script>alert(1)</script>"], "n": [1234]})))
    assert "<script>" not in html
    assert '<td class="n">1,234</td>' in html


def test_headings_and_names_of_columns_are_escaped():
    html = page.cards(Card(HOSTILE, pd.DataFrame({HOSTILE: ["x"]})))
    assert "<a" not in html
    assert "<script>" not in html
    assert html.count("&lt;a href=") == 2


def test_what_stands_around_the_sections_is_escaped():
    tile = {"job": HOSTILE, "rows_out": 1234, "headline": HOSTILE}
    html = page.page("2011-12-10", [tile], {HOSTILE: Markup("<p>x</p>")}, HOSTILE)
    assert "<a href" not in html.split("</script>")[-1]
    assert html.count("&lt;a href=") == 4
    assert "<b>1,234</b>" in html
    assert "<p>x</p>" in html  # what `cards` made is taken as it is


def test_cells_show_numbers_in_two_places_and_nothing_for_none():
    html = page.cards(Card("x", pd.DataFrame({"share": [0.125], "why": [None]})))
    assert '<td class="n">0.12</td><td></td>' in html


def test_a_table_of_many_columns_has_a_row_of_the_grid_and_a_chart_has_not():
    many = pd.DataFrame([range(6)], columns=[*"abcdef"])
    assert 'class="card wide"' in page.cards(Card("x", many))
    assert 'class="card wide"' not in page.cards(Card("x", many[[*"abcde"]]))
    assert 'class="card wide"' not in page.cards(Card("x", many, lambda rows: go.Figure()))


def test_the_page_is_self_contained_and_names_its_day():
    html = page.page("2011-12-10", [], {"Conversion": Markup("<p>x</p>")}, "A note.")
    assert "2011-12-10" in html
    assert "<h2>Conversion</h2>" in html
    assert "Plotly" in html
    assert 'src="http' not in html
