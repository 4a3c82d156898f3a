"""Conversion: rates and the funnel are of the days and visits that were counted."""

import pandas as pd
import pytest

from onecart.report.sections import measure

pytestmark = pytest.mark.job


def test_conversion_chart_divides_buyers_by_visitors():
    weekly = pd.DataFrame(
        {"week": ["2011-01-03"] * 2, "channel": ["web", "app"], "visitors": [100.0, 50.0], "buyers": [4.0, 1.0]}
    )
    figure = measure.plot_conversion(weekly)
    assert {t.name: list(t.y) for t in figure.data} == {"web": [0.04], "app": [0.02]}


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
    assert {t.name: list(t.y) for t in figure.data} == {"online": [0.1], "store": [0.4]}
