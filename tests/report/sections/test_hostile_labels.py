"""No chart of any section lets markup in its rows reach plotly: in ticks, hovers, names, titles of axes."""

import inspect

import pandas as pd
import pytest

from onecart.report import charts
from onecart.report.sections import decide, experiments, forecast, intent, measure, profile, recommend, voice

LINK = '<a href="https://x.example">click</a>'
DAY = pd.Timestamp("2011-12-10")


def rows(**columns):
    """Two equal rows."""
    return pd.DataFrame({name: [value, value] for name, value in columns.items()})


HEALTH = dict.fromkeys(recommend.MAKE_UP, 0.5)
CHARTS = {  # chart -> rows that name something
    charts.bars: {"table": rows(name=LINK, n=1.0), "label": "name", "value": "n", "x": "rows"},
    charts.metric_bars: {"table": rows(model=LINK, value=0.5), "metric": "AUC"},
    measure.plot_conversion: {"daily": rows(week=DAY, channel=LINK, visitors=2.0, buyers=1.0)},
    measure.plot_changes: {"changes": rows(label=LINK, mix_effect=0.01, rate_effect=0.02)},
    measure.plot_revenue: {"weekly": rows(week=DAY, channel=LINK, currency=LINK, revenue=2.0)},
    measure.plot_funnel: {"steps": rows(channel=LINK, step=LINK, visits=2, drop_off=0.0)},
    profile.plot_lifetime: {"bins": rows(from_value=1.0, to_value=2.0, currency=LINK, customers=2)},
    profile.plot_waterfall: {"evidence": rows(field=LINK, level=LINK, weight=1.0)},
    intent.plot_partial_dependence: {"points": rows(feature=LINK, x=LINK, value=0.5)},
    charts.intervals: {"table": rows(label=LINK, value=0.5, low=0.4, high=0.6), "x": "nDCG"},
    recommend.plot_make_up: {"table": rows(model=LINK, **HEALTH)},
    decide.plot_segments: {"summary": rows(segment=LINK, share=0.5, revenue=1.0)},
    decide.plot_movements: {"moves": rows(from_segment=LINK, to_segment=LINK, customers=1)},
    decide.plot_fates: {"fates": rows(decision="excluded", reason=LINK, customers=1)},
    decide.plot_contacts: {"sent": rows(channel=LINK, action=LINK, customers=1)},
    decide.plot_prices: {"prices": rows(campaign=LINK, what=LINK, price=1.0), "money": LINK},
    decide.plot_items: {"items": rows(placement=LINK, item=LINK, policy=LINK, customers=1, expected_reward=0.1)},
    experiments.plot_credit: {"credit": rows(touch=LINK, method="last", share=0.5).drop_duplicates()},
    experiments.plot_proof: {"found": rows(campaign=LINK, method="last", orders=1.0, low=0.5, high=2.0)},
    forecast.plot_units: {"table": rows(category=LINK, units=1.0)},
    voice.plot_sentiment: {"table": rows(category=LINK, positive=1, negative=1)},
    voice.plot_polarities: {"table": rows(aspect=LINK, positive=1, negative=1)},
    voice.plot_complaints: {"table": rows(month=DAY, aspect=LINK, share=0.5)},
}
NUMBERS_ONLY = {  # charts of rows that name nothing
    *(profile.plot_rfm, profile.plot_records, profile.plot_evidence),
    *(intent.plot_deciles, intent.plot_calibration, intent.plot_gains),
    *(forecast.plot_demand, forecast.plot_came_true),
    *(decide.plot_waits, experiments.plot_uplift),
}


@pytest.mark.parametrize("plot", CHARTS, ids=lambda plot: f"{plot.__module__.split('.')[-1]}.{plot.__name__}")
def test_a_name_that_is_markup_stays_text(plot, texts):
    found = texts(plot(**CHARTS[plot]))
    assert not [text for text in found if "<" in text.removesuffix("<extra></extra>")]
    assert [text for text in found if "&lt;a href=" in text]


def test_every_chart_is_tried():
    rooms = (decide, experiments, forecast, intent, measure, profile, recommend, voice)
    plots = {
        f for room in rooms for name, f in inspect.getmembers(room, inspect.isfunction) if name.startswith("plot_")
    }
    assert plots == {*CHARTS, *NUMBERS_ONLY} - {charts.bars, charts.metric_bars, charts.intervals}
