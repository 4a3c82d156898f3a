"""Conversion: rates and the funnel are of the days and visits that were counted."""

from datetime import date

import pandas as pd
import pytest

from onecart.report.sections import measure

pytestmark = pytest.mark.job


def test_conversion_chart_divides_buyers_by_visitors():
    weekly = pd.DataFrame(
        {"week": ["2011-01-03"] * 2, "channel": ["web", "app"], "visitors": [100.0, 50.0], "buyers": [4.0, 1.0]}
    )
    figure = measure.plot_conversion(weekly)
    assert {t.name: list(t.y) for t in figure.data if t.name} == {"web": [0.04], "app": [0.02]}


def test_funnel_steps_sum_the_days_and_keep_the_order(spark):
    rows = [
        ("2011-01-01", "web", "mobile", 10, 8, 4, 3, 2),
        ("2011-01-02", "web", None, 1, 1, 1, 1, 1),
        ("2011-01-01", "store", None, 5, 5, 5, 5, 5),
    ]
    columns = "day string, channel string, device_type string, " + ", ".join(f"{s} long" for s in measure.STEPS)
    funnel = spark.createDataFrame(rows, columns)
    found = measure.funnel_steps(funnel.where("channel = 'web'")).collect()
    assert [(r.channel, r.step, r.visits, round(r.drop_off, 3)) for r in found] == [
        ("web", "visits", 11, 0.0),
        ("web", "product", 9, 0.182),
        ("web", "cart", 5, 0.444),
        ("web", "checkout", 4, 0.2),
        ("web", "purchase", 3, 0.25),
    ]
    by_device = measure.funnel_steps(funnel.where("channel = 'web'"), "device_type").toPandas()
    figure = measure.plot_funnel(by_device, by="device_type")
    assert {t.name: t.text[1] for t in figure.data} == {
        "mobile": "80% (8), 20% dropped off",
        "unknown": "100% (1)",
    }


def test_stores_stand_beside_the_web_on_days_that_were_counted(spark):
    rows = [("2011-01-03", "online", 50, 5), ("2011-01-03", "store", 10, 4), ("2011-01-04", "store", None, 9)]
    daily = spark.createDataFrame(rows, "day string, channel string, visitors long, buyers long")
    figure = measure.plot_conversion(measure.weekly_conversion(daily).toPandas())
    assert {t.name: list(t.y) for t in figure.data if t.name} == {"online": [0.1], "store": [0.4]}


def test_a_rate_stands_in_its_interval():
    weekly = pd.DataFrame({"week": ["2011-01-03"], "channel": ["web"], "visitors": [100.0], "buyers": [4.0]})
    band, rate = measure.plot_conversion(weekly).data
    low, high = band.y
    assert rate.y[0] == 0.04
    assert (round(low, 4), round(high, 4)) == (0.0157, 0.0984)  # Wilson


def test_what_changed_is_said_and_the_largest_effects_are_shown():
    names = ["dimension", "value", "rate_before", "rate", "change_low", "change_high", "mix_effect", "rate_effect"]
    rows = [
        ("channel", "all", 0.03, 0.04, -0.01, 0.03, 0.002, 0.008),
        ("channel", "web", 0.03, 0.04, -0.01, 0.03, 0.0, 0.009),
        ("channel", "app", 0.03, 0.03, -0.01, 0.01, 0.002, -0.001),
        ("device_type", "mobile", 0.03, 0.04, -0.01, 0.03, 0.0, 0.0),
    ]
    changes = pd.DataFrame(rows, columns=names)
    words = measure.changes_in_words(changes)
    assert "4.0% of online visits bought in the last seven days, 3.0% in the seven before (may be chance)" in words
    assert "+0.20 points by other channels (mix), +0.80 by the channels' own rates" in words
    shown = measure.largest_changes(changes)
    assert [*shown.label] == ["channel web", "channel app"]
    mix, rate = measure.plot_changes(shown).data
    assert [round(v, 6) for v in (*mix.x, *rate.x)] == [0.0, 0.2, 0.9, -0.1]
    assert measure.changes_in_words(changes.head(0)) == "What changed since the week before"


def test_recent_rates_are_of_the_last_weeks_visits_and_of_a_places_visitors(spark):
    rows = [
        ("2011-12-01", "channel", "web", "visit", 4, 100),
        ("2011-12-02", "channel", "web", "visit", 6, 100),
        ("2011-12-02", "channel", "web", "cart", 50, 100),
        ("2011-12-02", "place", "store", "visitor", 9, 30),
        ("2011-10-01", "channel", "web", "visit", 50, 100),
        ("2011-12-10", "channel", "web", "visit", 50, 100),
    ]
    schema = "day string, dimension string, value string, step string, hits long, of long"
    breakdown = spark.createDataFrame(rows, schema)
    found = measure.labelled_rates(measure.recent_rates(breakdown, date(2011, 12, 10)).toPandas())
    assert found[["label", "value"]].to_numpy().tolist() == [["channel web", 0.05], ["place store", 0.3]]
    assert (found.low < found.value).all()
