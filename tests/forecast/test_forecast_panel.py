"""The public function on Spark: what goes in, what comes out, what is refused."""

import datetime as dt

import pytest

from onecart import forecast
from onecart.errors import UsageError

MODELS = ("seasonal_naive", "moving_average")


@pytest.fixture
def panel(spark):
    """`panel({id: values}, "int")`: daily series from 2024-01-01 with a price."""

    def make(values, id_type="string", ds=dt.date.isoformat):
        start = dt.date(2024, 1, 1)
        rows = [
            (key, ds(start + dt.timedelta(days=i)), None if y is None else float(y), 2.0 + i % 2)
            for key, ys in values.items()
            for i, y in enumerate(ys)
        ]
        kind = "string" if ds is dt.date.isoformat else "date"
        return spark.createDataFrame(rows, f"unique_id {id_type}, ds {kind}, y double, price double")

    return make


def test_every_series_is_in_the_ledger_once_and_ids_keep_their_type(panel):
    series = panel(
        {1: [3, 1, 4, 1, 5, 9, 2] * 8, 2: [1, 2, 3], 3: [7], 4: [0] * 30, 5: [None] * 3, None: [1] * 3}, "int"
    )
    found = forecast.forecast(series, 7, "D", models=MODELS)
    assert found.ledger.schema["unique_id"].dataType.simpleString() == "int"
    assert found.forecast.columns == [
        *("unique_id", "ds", "model", "yhat", "yhat-lo-80", "yhat-hi-80", "yhat-lo-95", "yhat-hi-95", "chosen")
    ]
    ledger = [(r["unique_id"], r["status"], r["periods"], r["units"]) for r in found.ledger.collect()]
    assert sorted(ledger, key=str) == [
        (1, "fallback", 56, 200.0),
        (2, "fallback", 3, 6.0),
        (3, "rejected", 0, 0.0),
        (4, "fallback", 30, 0.0),
        (5, "rejected", 0, 0.0),
        (None, "rejected", 0, 0.0),
    ]
    best = [(r["unique_id"], str(r["ds"]), r["yhat"]) for r in found.best.where("unique_id < 3").collect()]
    season = [(1, f"2024-02-{26 + i:02}", y) for i, y in enumerate([3.0, 1.0, 4.0, 1.0])]
    assert sorted(best)[:4] == season
    assert [x for x in sorted(best) if x[0] == 2] == [(2, f"2024-01-{day:02}", 3.0) for day in range(4, 11)]


def test_prophet_learns_from_regressors_known_ahead(panel, spark):
    prices = [2.0 + (i * 7 % 11) / 5 for i in range(77)]
    series = panel({"a": [50 - 10 * p for p in prices[:63]]}, ds=lambda day: day).drop("price")
    day = dt.date(2024, 1, 1)
    known = spark.createDataFrame(
        [("a", day + dt.timedelta(days=i), p) for i, p in enumerate(prices)], "unique_id string, ds date, price double"
    )
    series = series.join(known, ["unique_id", "ds"], how="inner")
    ahead = known.where("ds >= '2024-03-04'")
    static = spark.createDataFrame([("a", "gift")], "unique_id string, category string")
    found = forecast.forecast(series, 14, "D", models=["prophet"], future=ahead, static=static)
    rows = sorted((r["ds"], r["yhat"]) for r in found.best.where("model = 'prophet'").collect())
    assert [yhat for _, yhat in rows] == pytest.approx([50 - 10 * p for p in prices[63:]], abs=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"h": 0}, "h must be a whole number from 1, found 0"),
        ({"freq": "Q"}, "no freq 'Q'"),
        ({"level": (80, 101)}, "level must hold whole per cents"),
        ({"models": ["profet"]}, "no model 'profet'; did you mean 'prophet'"),
        ({"models": []}, "models is empty"),
        ({"country": "XX"}, "no country 'XX'"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(panel, changes, message):
    with pytest.raises(UsageError, match=message):
        forecast.forecast(panel({"a": [1]}), **{"h": 7, "freq": "D", **changes})


def test_columns_that_are_missing_or_of_the_wrong_kind_are_named(panel):
    series = panel({"a": [1]})
    with pytest.raises(UsageError, match="series has no column unique_id"):
        forecast.forecast(series.withColumnRenamed("unique_id", "sku"), 7, "D")
    with pytest.raises(UsageError, match="column y of series must hold numbers, found string"):
        forecast.forecast(series.withColumn("y", series.ds), 7, "D")
    with pytest.raises(UsageError, match="series has no column promo"):
        forecast.forecast(series, 7, "D", future=series.select("unique_id", "ds", series.price.alias("promo")))
