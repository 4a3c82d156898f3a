"""Where histories end."""

import datetime as dt

import pandas as pd
import pytest

from onecart.errors import UsageError
from onecart.forecast.inputs.clock import Clock, end_of

BERLIN = Clock("Europe/Berlin")


@pytest.mark.parametrize(
    ("end", "freq", "expected"),
    [
        (dt.date(2024, 1, 7), "D", "2024-01-07"),
        (dt.datetime(2024, 1, 7, 5), "h", "2024-01-07 05:00"),
        (pd.Timestamp("2024-01-07"), "W", "2024-01-07"),
        (dt.datetime(2024, 1, 7, 23, 30, tzinfo=dt.timezone.utc), "D", "2024-01-08 00:30"),
    ],
)
def test_the_end_that_is_given_is_on_the_wall(end, freq, expected):
    assert end_of(end, None, BERLIN, freq) == pd.Timestamp(expected)


def test_each_series_may_end_for_itself():
    assert end_of("own", None, BERLIN, "D") is None


@pytest.mark.parametrize(
    ("end", "freq", "words"),
    [
        (dt.date(2024, 1, 7), "h", "end of hours must be a datetime, found the date 2024-01-07"),
        ("2024-01-07", "D", "end must be a date or 'own', found '2024-01-07'"),
        (20240107, "D", "end must be a date or 'own', found 20240107"),
    ],
)
def test_an_end_that_is_no_date_is_refused(end, freq, words):
    with pytest.raises(UsageError, match=words):
        end_of(end, None, BERLIN, freq)


@pytest.mark.parametrize(
    ("dates", "freq", "expected"),
    [
        (["2024-01-01", "2024-01-07"], "D", "2024-01-07"),
        (["2024-01-07", "2025-12-01"], "D", "2025-12-01"),  # shut for long
        (["2024-01-07", "2099-01-01"], "D", "2024-01-07"),  # mistyped
        (["2015-01-01", "2024-01-01"], "YS", "2024-01-01"),
        (["2024-01-01"], "D", "2024-01-01"),
    ],
)
def test_the_panel_ends_with_its_last_date_unless_that_is_mistyped(spark, dates, freq, expected):
    rows = [("a", pd.Timestamp(day).timestamp(), 1.0, False) for day in dates]
    rows += [("a", 9e9, None, False), ("a", 9e9, 1.0, True), ("a", None, 1.0, False)]
    frame = spark.createDataFrame(rows, "unique_id string, ds double, y double, known_ahead boolean")
    assert end_of(None, frame, Clock("UTC"), freq) == pd.Timestamp(expected)
