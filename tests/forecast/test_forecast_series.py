"""A series as it comes, put on its grid."""

import numpy as np
import pandas as pd
import pytest

from onecart.forecast.series import FREQS, Rejected, read_history


def rows(*pairs, **columns):
    frame = pd.DataFrame(pairs, columns=["ds", "y"]).assign(known_ahead=False, **columns)
    return frame.assign(ds=pd.to_datetime(frame["ds"]), y=frame["y"].astype(float))


def test_gaps_are_zero_nulls_stay_unknown_negatives_are_clipped_and_one_date_is_summed():
    given = rows(
        ("2024-01-04", 5), ("2024-01-01", 2), ("2024-01-01", 3), ("2024-01-02", None), ("2024-01-06", -4), (None, 9)
    )
    history = read_history(given, FREQS["D"], h=2)
    assert list(history.ds.strftime("%d")) == ["01", "02", "03", "04", "05", "06"]
    np.testing.assert_array_equal(history.y, [5, np.nan, 0, 5, 0, 0])
    assert list(history.ahead.strftime("%d")) == ["07", "08"]
    assert history.notes == (
        "rows without a usable date, left out: 1",
        "rows on a date that had one, added to it: 1",
        "dates without a row, counted as 0: 2",
        "unknown values: 1",
        "negative values, counted as 0: 1",
    )


def test_the_history_ends_with_the_last_known_value():
    history = read_history(
        rows(("2024-01-01", 1), ("2024-01-02", 1), ("2024-01-03", 1), ("2024-01-04", None)), FREQS["D"], h=1
    )
    assert str(history.ahead[0].date()) == "2024-01-04"


@pytest.mark.parametrize(
    ("freq", "given", "reason"),
    [
        ("D", rows(("2024-01-01", 1), ("2024-01-02", 2)), "2 periods of history, 3 are needed"),
        ("D", rows(("2024-01-01", None)), "no value of y is known"),
        ("W", rows(("2024-01-01", 1), ("2024-01-09", 2), ("2024-01-15", 2)), "dates are not whole weeks apart"),
        ("MS", rows(("2024-01-31", 1), ("2024-02-29", 2), ("2024-03-31", 2)), "dates are not the first of a month"),
    ],
)
def test_rejections_say_why(freq, given, reason):
    with pytest.raises(Rejected, match=reason):
        read_history(given, FREQS[freq], h=1)


def test_weeks_keep_their_weekday_and_months_their_first():
    weeks = read_history(rows(("2024-01-03", 1), ("2024-01-10", 1), ("2024-01-24", 1)), FREQS["W"], h=1)
    months = read_history(rows(("2024-01-01", 1), ("2024-02-01", 1), ("2024-04-01", 1)), FREQS["MS"], h=1)
    assert [str(weeks.ahead[0].date()), str(months.ahead[0].date())] == ["2024-01-31", "2024-05-01"]
    assert [list(weeks.y), list(months.y)] == [[1, 1, 0, 1], [1, 1, 0, 1]]


def test_regressors_come_from_the_series_and_from_what_is_known_ahead():
    past = rows(("2024-01-01", 1), ("2024-01-03", 1), price=[2.0, 3.0])
    ahead = rows(("2024-01-04", None), price=[4.0]).assign(known_ahead=True)
    history = read_history(pd.concat([past, ahead]), FREQS["D"], h=2, regressors=("price",))
    assert list(history.x["price"]) == [2, 2, 3]  # the gap carries the price on
    np.testing.assert_array_equal(history.x_ahead["price"], [4, np.nan])
