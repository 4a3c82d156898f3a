"""A series as it comes, put on its grid, and the class of its demand."""

import numpy as np
import pandas as pd
import pytest

from onecart.errors import UsageError
from onecart.forecast.inputs.series import FREQS, Rejected, demand_class, frequency, read_history


def rows(*pairs, **columns):
    frame = pd.DataFrame(pairs, columns=["ds", "y"]).assign(known_ahead=False, **columns)
    return frame.assign(ds=pd.to_datetime(frame["ds"], format="ISO8601"), y=frame["y"].astype(float))


def days(*y):
    return rows(*zip(pd.date_range("2024-01-01", periods=len(y)), y, strict=True))


def ahead(history):
    return [str(day.date()) for day in history.ahead]


def test_dates_without_a_row_are_0_and_null_values_stay_unknown():
    history = read_history(rows(("2024-01-01", 2), ("2024-01-02", None), ("2024-01-04", 5)), FREQS["D"], h=2)
    assert list(history.ds.strftime("%d")) == ["01", "02", "03", "04"]
    np.testing.assert_array_equal(history.y, [2, np.nan, 0, 5])
    assert ahead(history) == ["2024-01-05", "2024-01-06"]
    assert history.notes == ("dates without a row, counted as 0: 1", "unknown values: 1")


def test_rows_come_in_any_order():
    history = read_history(days(1, 2, 3, 4).iloc[[2, 0, 3, 1]], FREQS["D"], h=1)
    assert list(history.y) == [1, 2, 3, 4]
    assert history.notes == ()


def test_rows_of_one_date_are_summed_and_unknown_only_where_all_are():
    given = rows(*[("2024-01-01", y) for y in (2, 3)], *[("2024-01-02", y) for y in (None, 4)], ("2024-01-03", None))
    given = pd.concat([given, rows(("2024-01-03", None), ("2024-01-04", 1))])
    history = read_history(given, FREQS["D"], h=1)
    np.testing.assert_array_equal(history.y, [5, 4, np.nan, 1])
    assert history.notes == ("rows on a date that had one, added to it: 3", "unknown values: 1")


def test_negative_values_count_as_0_after_the_rows_of_a_date_are_summed():
    given = rows(("2024-01-01", 5), ("2024-01-02", -4), ("2024-01-03", -4), ("2024-01-03", 6), ("2024-01-04", 1))
    history = read_history(given, FREQS["D"], h=1)
    assert list(history.y) == [5, 0, 2, 1]
    assert history.notes[-1] == "negative values, counted as 0: 1"


def test_values_that_are_not_finite_are_unknown():
    np.testing.assert_array_equal(read_history(days(1, np.inf, 3), FREQS["D"], h=1).y, [1, np.nan, 3])


def test_rows_without_a_date_are_left_out_and_counted():
    history = read_history(pd.concat([days(1, 2, 3), rows((None, 9), (None, 9))]), FREQS["D"], h=1)
    assert list(history.y) == [1, 2, 3]
    assert history.notes == ("rows without a usable date, left out: 2",)


def test_the_history_runs_from_the_first_to_the_last_known_value():
    history = read_history(days(None, 1, 1, None, 1, None, None), FREQS["D"], h=1)
    assert (str(history.ds[0].date()), ahead(history)) == ("2024-01-02", ["2024-01-06"])
    assert len(history.y) == 4


@pytest.mark.parametrize(
    ("freq", "given", "reason"),
    [
        ("D", days(1, 2), "2 periods of history, 3 are needed"),
        ("D", days(7), "1 periods of history, 3 are needed"),
        ("D", days(None, None), "no value of y is known"),
        ("D", rows((None, 3)), "no value of y is known; rows without a usable date, left out: 1"),
        ("D", rows(("2024-01-01", 1), ("2024-01-02 09:00", 1), ("2024-01-05", 1)), "dates are not whole days"),
        (
            "h",
            rows(*((f"2024-01-01 0{i}:00", 1) for i in range(5)), ("2024-01-01 05:30", 1)),
            "are not whole hours apart",
        ),
        ("W", rows(("2024-01-01", 1), ("2024-01-09", 2), ("2024-01-15", 2)), "dates are not whole weeks apart"),
        ("MS", rows(("2024-01-31", 1), ("2024-02-29", 2), ("2024-03-31", 2)), "dates are not the first of a month"),
        ("MS", rows(("2024-01-01", 1), ("2024-02-02", 2), ("2024-04-01", 2)), "dates are not the first of a month"),
        ("ME", rows(("2024-01-31", 1), ("2024-02-28", 2), ("2024-03-31", 2)), "dates are not the last of a month"),
        ("QS", rows(("2024-03-31", 1), ("2024-06-30", 2), ("2024-09-30", 2)), "are not the first of every third month"),
        ("QE", rows(("2024-02-29", 1), ("2024-05-31", 2), ("2024-07-31", 2)), "are not the last of every third month"),
        (
            "YS",
            rows(("2022-04-01", 1), ("2023-04-01", 2), ("2024-03-01", 2)),
            "the first of the same month of every year",
        ),
    ],
)
def test_rejections_say_why(freq, given, reason):
    with pytest.raises(Rejected, match=reason):
        read_history(given, FREQS[freq], h=1)


@pytest.mark.parametrize(
    ("freq", "dates", "expected"),
    [
        ("W", ["2024-01-03", "2024-01-10", "2024-01-24"], ["2024-01-31", "2024-02-07"]),  # Wednesdays stay Wednesdays
        ("MS", ["2024-01-01", "2024-02-01", "2024-04-01"], ["2024-05-01", "2024-06-01"]),
        ("ME", ["2023-11-30", "2023-12-31", "2024-02-29"], ["2024-03-31", "2024-04-30"]),
        ("QS", ["2024-01-01", "2024-04-01", "2024-10-01"], ["2025-01-01", "2025-04-01"]),
        ("QS", ["2024-02-01", "2024-05-01", "2024-11-01"], ["2025-02-01", "2025-05-01"]),
        ("QE", ["2023-11-30", "2024-02-29", "2024-08-31"], ["2024-11-30", "2025-02-28"]),
        ("YS", ["2020-01-01", "2021-01-01", "2023-01-01"], ["2024-01-01", "2025-01-01"]),
        ("YS", ["2020-04-01", "2021-04-01", "2023-04-01"], ["2024-04-01", "2025-04-01"]),
        ("YE", ["2020-06-30", "2021-06-30", "2023-06-30"], ["2024-06-30", "2025-06-30"]),
    ],
)
def test_each_grid_keeps_its_dates_and_fills_its_gap(freq, dates, expected):
    history = read_history(rows(*((day, 1) for day in dates)), FREQS[freq], h=2)
    assert ahead(history) == expected
    assert list(history.y) == [1, 1, 0, 1]


def test_hours_run_over_midnight():
    given = rows(("2024-01-01 22:00", 1), ("2024-01-01 23:00", 2), ("2024-01-02 01:00", 3))
    history = read_history(given, FREQS["h"], h=2)
    assert list(history.y) == [1, 2, 0, 3]
    assert [str(at) for at in history.ahead] == ["2024-01-02 02:00:00", "2024-01-02 03:00:00"]


def test_regressors_come_from_the_series_and_from_what_is_known_ahead():
    past = rows(("2024-01-01", 1), ("2024-01-03", 1), ("2024-01-04", 1), price=[2.0, 3.0, None])
    to_come = rows(("2024-01-05", None), price=[4.0]).assign(known_ahead=True)
    history = read_history(pd.concat([past, to_come]), FREQS["D"], h=2, regressors=("price",))
    assert list(history.x["price"]) == [2, 2, 3, 3]  # the gap, and a null, carry the price on
    assert list(history.x_ahead["price"]) == [4, 4]
    assert history.notes[-1] == (
        "regressor price has no value on 2 dates of the past and 1 ahead, the last one before is taken"
    )


def test_a_regressor_that_a_series_has_no_value_of_is_0_and_that_is_said():
    history = read_history(days(1, 2, 3).assign(price=[np.nan, np.inf, np.nan]), FREQS["D"], h=2, regressors=("price",))
    assert [*history.x["price"], *history.x_ahead["price"]] == [0] * 5
    assert history.notes == ("regressor price has no value on 3 dates of the past and 2 ahead, 0 is taken",)


def test_a_history_goes_on_to_the_end_that_is_given():
    end = pd.Timestamp("2024-01-06")
    silent = read_history(days(5, 1, 2), FREQS["D"], h=1, end=end)
    assert (list(silent.y), ahead(silent)) == ([5, 1, 2, 0, 0, 0], ["2024-01-07"])
    assert silent.notes == ("dates without a row, counted as 0: 3",)
    shut = read_history(days(None, 5, 1, 2, 3, None), FREQS["D"], h=1, end=end)
    np.testing.assert_array_equal(shut.y, [5, 1, 2, 3, np.nan])
    assert ahead(shut) == ["2024-01-07"]
    late = read_history(pd.concat([days(5, 1, 2), rows(("2099-01-01", 9))]), FREQS["D"], h=1, end=end)
    assert (len(late.y), late.notes[0]) == (6, "rows after 2024-01-06, left out: 1")
    weeks = read_history(
        rows(("2024-01-03", 1), ("2024-01-10", 2), ("2024-01-17", 2)), FREQS["W"], h=1, end=pd.Timestamp("2024-01-26")
    )
    assert (list(weeks.y), ahead(weeks)) == ([1, 2, 2, 0], ["2024-01-31"])
    with pytest.raises(Rejected, match="no value of y is known; rows after 2023-12-31, left out: 3"):
        read_history(days(5, 1, 2), FREQS["D"], h=1, end=pd.Timestamp("2023-12-31"))


def test_until_ends_early_and_keeps_what_was_known_of_the_dates_after():
    past = rows(*((f"2024-01-0{i}", i) for i in range(1, 7)), price=[1.0, 2, 3, 4, 5, 6])
    part = read_history(past, FREQS["D"], h=2, regressors=("price",)).until(3, 2)
    assert list(part.y) == [1, 2, 3]
    assert (ahead(part), list(part.x["price"]), list(part.x_ahead["price"])) == (
        ["2024-01-04", "2024-01-05"],
        [1, 2, 3],
        [4, 5],
    )


def test_regressors_of_all_series_come_by_date_and_the_last_goes_on():
    shared = pd.DataFrame(
        {"rain": [7.0, 1, 2, 3]}, index=pd.to_datetime(["2023-12-31", "2024-01-02", "2024-01-03", "2024-01-04"])
    )
    history = read_history(days(5, 6, 7), FREQS["D"], h=2).knowing(shared)
    assert list(history.x["rain"]) == [1, 1, 2]
    assert list(history.x_ahead["rain"]) == [3, 3]
    assert list(history.until(2, 1).x_ahead["rain"]) == [2]
    assert history.notes == (
        "regressor rain has no value on 1 dates of the past and 1 ahead, the last one before is taken",
    )


@pytest.mark.parametrize(
    ("freq", "expected"),
    [
        ("H", "h"),
        ("W-SUN", "W"),
        ("Q", "QE"),
        ("QS-FEB", "QS"),
        ("A-MAR", "YE"),
        ("YS-APR", "YS"),
        ("AS-JUL", "YS"),
        ("D", "D"),
    ],
)
def test_frequencies_have_other_names(freq, expected):
    assert frequency(freq) == expected


@pytest.mark.parametrize(
    ("freq", "words"),
    [
        ("B", "freq 'B' has business days only; ask for 'D'"),
        ("15min", "freq '15min' is finer than hours; sum the values to hours and ask for 'h'"),
        ("T", "freq 'T' is finer than hours"),
        ("BME", "freq 'BME' has dates that move with the weekdays; date the values on the first"),
        ("BQS-FEB", "freq 'BQS-FEB' has dates that move with the weekdays"),
        ("2W", "freq '2W' joins several steps"),
        ("fortnight", "no freq 'fortnight'; known: "),
    ],
)
def test_what_is_no_grid_is_refused_by_its_name(freq, words):
    with pytest.raises(UsageError, match=words):
        frequency(freq)


def test_an_unknown_value_is_taken_from_the_season_before_else_from_before_else_from_after():
    history = read_history(days(1, 2, None, 3, None, 5), FREQS["D"], h=1)
    assert list(history.known(3)) == [1, 2, 2, 3, 2, 5]
    holed = read_history(days(1, None, 3), FREQS["D"], h=1)
    assert list(holed.known(7)) == [1, 1, 3]


# 25 sales in 33 periods are a gap of 1.32; values of 3 and 17 have a squared coefficient of variation of 49 / 100.
STEADY, VARIED, ALMOST = [10.0] * 24, [3.0, 17.0] * 12, [3.01, 17.0] * 12


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (STEADY, "smooth"),
        (ALMOST, "smooth"),
        (VARIED, "erratic"),
        ([*STEADY, *[0.0] * 8, 10], "intermittent"),
        ([*STEADY, *[0.0] * 7, 10], "smooth"),
        ([10, *[0.0] * 12, 10, *[0.0] * 12, 10], "intermittent"),
        ([x for y in VARIED for x in (y, 0)], "lumpy"),
        ([x for y in ALMOST for x in (y, 0)], "intermittent"),
        ([0.0] * 9, "dead"),
    ],
)
def test_classes_of_demand_at_their_thresholds(y, expected):
    assert demand_class(np.array(y, float)) == expected


@pytest.mark.parametrize(
    ("sold", "silence", "expected"),
    [
        ([1.0] * 300, 12, "smooth"),
        ([1.0] * 300, 13, "dead"),
        # The silence counts in the gap: ten times 44 / 30 are more than 14, ten times 45 / 30 are 15.
        ([1.0] * 30, 14, "intermittent"),
        ([1.0] * 30, 15, "dead"),
        ([0.0, 1.0] * 50, 24, "intermittent"),
        ([0.0, 1.0] * 50, 25, "dead"),
    ],
)
def test_dead_is_no_sale_for_ten_usual_gaps_and_13_periods(sold, silence, expected):
    assert demand_class(np.array([*sold, *[0.0] * silence])) == expected


def test_the_class_is_of_what_is_known_since_the_first_sale():
    y = np.array([0.0] * 30 + [10.0, np.nan, 10.0, np.nan] * 6)
    assert demand_class(y) == "smooth"
