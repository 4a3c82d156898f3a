"""The public function on Spark: what goes in, what comes out, what is refused."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from onecart import forecast
from onecart.errors import UsageError
from onecart.forecast import metrics

DAY = dt.date(2024, 1, 1)
WEEK = [3.0, 1, 4, 1, 5, 9, 2]


@pytest.fixture
def daily(spark):
    """`daily({id: values}, "int", x=...)`: daily series from 2024-01-01, with a column more."""

    def make(values, id_type="string", **column):
        names = "".join(f", `{name}` double" for name in column)
        rows = [
            (key, DAY + dt.timedelta(days=i), None if y is None else float(y), *(float(x[i]) for x in column.values()))
            for key, ys in values.items()
            for i, y in enumerate(ys)
        ]
        return spark.createDataFrame(rows, f"unique_id {id_type}, ds date, y double{names}")

    return make


def test_every_series_is_in_the_ledger_once_and_a_bad_one_kills_no_other(spark):
    values = {1: WEEK * 8, 2: [1, 2, 3], 3: [7], 4: [0] * 30, 5: [None] * 3, None: [1] * 3, 8: WEEK * 3 + [None] * 2}
    rows = [
        (key, (DAY + dt.timedelta(days=i)).isoformat(), None if y is None else float(y))
        for key, ys in values.items()
        for i, y in enumerate(ys)
    ]
    rows += [(6, "soon", 2.0), (6, "later", 3.0), (7, "0024-01-01", 1.0), (7, "2024-01-01", 1.0), (8, "never", 1.0)]
    series = spark.createDataFrame(rows, "unique_id int, ds string, y double")
    found = forecast.forecast(series, 7, "D", models=("moving_average",), end="own")
    assert found.forecast.columns == [
        *("unique_id", "ds", "model", "yhat", "yhat-median"),
        *("yhat-lo-80", "yhat-hi-80", "yhat-lo-95", "yhat-hi-95", "chosen"),
    ]
    assert found.backtest.columns == [
        *(
            "unique_id",
            "model",
            "cutoff",
            "chosen",
            "periods",
            "mae",
            "mase",
            "rmse",
            "rmsse",
            "wape",
            "bias",
            "pinball",
        ),
        *("coverage_80", "coverage_95", "units"),
    ]
    assert found.ledger.columns == ["unique_id", "status", "reason", "demand", "periods", "units"]
    for frame in (found.forecast, found.backtest, found.ledger):
        assert frame.schema["unique_id"].dataType.simpleString() == "int"
    assert found.forecast.schema["ds"].dataType.simpleString() == "date"
    rows = found.ledger.collect()
    reasons = {r["unique_id"]: r["reason"] for r in rows}
    ledger = [(r["unique_id"], r["status"], r["demand"], r["periods"], r["units"]) for r in rows]
    assert sorted(ledger, key=str) == [
        (1, "fallback", "erratic", 56, 200.0),
        (2, "fallback", "smooth", 3, 6.0),
        (3, "rejected", None, 0, 0.0),
        (4, "fallback", "dead", 30, 0.0),
        (5, "rejected", None, 0, 0.0),
        (6, "rejected", None, 0, 0.0),
        (7, "rejected", None, 0, 0.0),
        (8, "fallback", "erratic", 21, 75.0),
        (None, "rejected", None, 0, 0.0),
    ]
    assert reasons[6] == "no value of y is known; rows without a usable date, left out: 2"
    assert reasons[8].endswith("; 1 windows; rows without a usable date, left out: 1")
    best = found.best.toPandas()
    assert best.groupby("unique_id").size().to_dict() == {1: 7, 2: 7, 4: 7, 8: 7}
    assert not best.duplicated(["unique_id", "ds"]).any()
    first = best[best["unique_id"] == 1].sort_values("ds")
    assert list(first["yhat"]) == WEEK
    assert list(first["ds"]) == [dt.date(2024, 2, 26) + dt.timedelta(days=i) for i in range(7)]
    assert (best[best["unique_id"] == 4]["yhat"] == 0).all()
    tested = found.backtest.toPandas()
    assert set(tested["unique_id"]) == {1, 8}
    assert sorted(tested[tested["model"] == "moving_average"]["cutoff"]) == [
        *(dt.date(2024, 1, 14), dt.date(2024, 2, 4), dt.date(2024, 2, 11), dt.date(2024, 2, 18))
    ]


def test_all_series_end_with_the_panel_and_what_ended_long_before_is_not_ordered(daily, spark):
    gone = [9.0, 4, 7, 30, 5, 6, 8] * 2
    series = daily({"live": WEEK * 12, "gone": gone, "shut": [*WEEK * 11, *WEEK[:6], None], "typed": WEEK * 12})
    mistyped = spark.createDataFrame([("typed", dt.date(2099, 1, 1), 4.0)], series.schema)
    last = DAY + dt.timedelta(days=83)
    found = forecast.forecast(series.union(mistyped), 7, "D", models=["seasonal_naive"], windows=1)
    best = found.best.toPandas().sort_values(["unique_id", "ds"]).set_index("unique_id")
    for key in ("live", "gone", "shut", "typed"):
        assert list(best.loc[key, "ds"]) == [last + dt.timedelta(days=i) for i in range(1, 8)]
        assert list(best.loc[key, "yhat"]) == ([0] * 7 if key == "gone" else WEEK)
    assert (best.loc["gone", ["yhat-lo-95", "yhat-hi-95"]] == 0).all(axis=None)
    reasons = {r["unique_id"]: r["reason"] for r in found.ledger.collect()}
    assert "nothing sold for long" in reasons["gone"]
    assert "rows after 2024-03-24, left out: 1" in reasons["typed"]
    stock = spark.createDataFrame([("live", 0.0), ("gone", 0.0)], "unique_id string, on_hand double")
    orders = forecast.replenish(found, stock, {"holding": 0.01, "shortage": 1.0}, (7, 2), review=7, service_level=0.95)
    units = {r["unique_id"]: r["order"] for r in orders.collect()}
    assert units["gone"] == 0
    assert units["live"] >= 2 * sum(WEEK)
    found.unpersist()


def test_month_ends_as_timestamps_come_back_as_such_under_the_old_name_of_the_grid(spark):
    ends = pd.date_range("2020-01-31", periods=40, freq="ME")
    rows = [("a", end.to_pydatetime(), float(5 + i % 12)) for i, end in enumerate(ends)]
    series = spark.createDataFrame(rows, "unique_id string, ds timestamp, y double")
    found = forecast.forecast(series, 2, "M", level=(90,), models="naive", windows=1)
    assert found.forecast.columns == [
        "unique_id",
        "ds",
        "model",
        "yhat",
        "yhat-median",
        "yhat-lo-90",
        "yhat-hi-90",
        "chosen",
    ]
    best = found.best.orderBy("ds").collect()
    assert [r["ds"] for r in best] == [dt.datetime(2023, 5, 31), dt.datetime(2023, 6, 30)]
    assert {r["cutoff"] for r in found.backtest.collect()} == {dt.datetime(2023, 2, 28)}


def planted(season, n, h, seeds):
    """seed -> a wave of a season with noise; the last `h` values are the wave alone."""
    wave = 60 + 40 * np.sin(2 * np.pi * np.arange(n + h) / season)
    noise = {seed: np.random.default_rng(seed).normal(0, 12, n) for seed in seeds}
    return {str(seed): np.r_[np.maximum(1, wave[:n] + off), wave[n:]] for seed, off in noise.items()}


def test_the_default_models_beat_naive2_on_hours_and_weeks(spark):
    for freq, step, season, n, h, kind in (("H", "h", 24, 192, 24, "timestamp"), ("W-SUN", "7D", 52, 164, 8, "date")):
        beats_naive2(spark, freq, step, season, n, h, kind)


def beats_naive2(spark, freq, step, season, n, h, kind):
    values = planted(season, n, h, range(3))
    dates = pd.date_range("2023-01-01", periods=n + h, freq=step)
    text = "%Y-%m-%d %H:00:00" if step == "h" else "%Y-%m-%d"
    rows = [
        (key, at.strftime(text), float(y)) for key, ys in values.items() for at, y in zip(dates[:n], ys, strict=False)
    ]
    series = spark.createDataFrame(rows, "unique_id string, ds string, y double")
    found = forecast.forecast(series, h, freq, windows=1)
    assert found.forecast.schema["ds"].dataType.simpleString() == kind
    best = found.best.toPandas().sort_values(["unique_id", "ds"])
    assert list(pd.to_datetime(best["ds"].astype(str))) == [*dates[n:]] * 3
    errors = [
        (
            metrics.mae(ys[n:], best[best["unique_id"] == key]["yhat"].to_numpy()),
            metrics.mae(ys[n:], metrics.naive2(ys[:n], h, season)),
        )
        for key, ys in values.items()
    ]
    ours, naive2 = np.mean(errors, axis=0)
    assert ours < 0.8 * naive2
    assert {r["status"] for r in found.ledger.collect()} == {"forecast"}


def test_a_regressor_known_ahead_is_used_and_one_that_series_alone_has_is_not(daily):
    price = np.random.default_rng(0).choice([2.0, 3.0, 4.0], 84)
    sold = 120 / price
    everything = daily({"a": sold}, price=price, other=np.arange(84.0))
    first = DAY + dt.timedelta(days=77)
    ahead = everything.where(f"ds >= '{first}'").select("unique_id", "ds", "price")
    static = everything.selectExpr("unique_id", "'gift' AS category").limit(1)
    series = everything.where(f"ds < '{first}'")
    found = forecast.forecast(series, 7, "D", models=["regression"], future=ahead, static=static)
    best = found.best.orderBy("ds").toPandas()
    assert set(best["model"]) == {"regression"}
    assert metrics.mae(sold[77:], best["yhat"].to_numpy()) < 3
    assert len(found.ledger.collect()) == 1


def test_what_is_not_known_ahead_is_said_of_each_series(daily, spark):
    price = [2.0, 3, 4, 2, 3, 4, 2] * 6
    everything = daily({"a": WEEK * 6, "b": WEEK * 6}, price=price)
    series, ahead = everything.where("ds < '2024-02-05'"), everything.where("ds >= '2024-02-05'").drop("y")
    ahead = ahead.where("unique_id = 'a' AND ds <> '2024-02-07'").selectExpr(
        "unique_id", "ds", "IF(ds = '2024-02-08', NULL, price) AS price"
    )
    rain = spark.createDataFrame([(DAY, 1.0), (DAY + dt.timedelta(days=40), 2.0)], "ds date, rain double")
    found = forecast.forecast(series, 7, "D", models=["regression"], future=[ahead, rain], windows=1)
    reasons = {r["unique_id"]: r["reason"] for r in found.ledger.collect()}
    for key, ahead_of in (("a", 2), ("b", 7)):
        assert f"regressor price has no value on 0 dates of the past and {ahead_of} ahead" in reasons[key]
        assert "regressor rain has no value on 34 dates of the past and 6 ahead" in reasons[key]
    found.unpersist()


def test_regressors_of_each_series_and_of_all_go_together(daily, spark):
    rng = np.random.default_rng(1)
    price, rain = rng.choice([2.0, 3.0, 4.0], 84), rng.random(84)
    everything = daily({"a": 120 / price + 30 * rain}, price=price)
    days = [DAY + dt.timedelta(days=n) for n in range(84)]
    weather = spark.createDataFrame([*zip(days, rain.tolist(), strict=True)], "ds date, rain double")
    series, ahead = everything.where(f"ds < '{days[77]}'"), everything.where(f"ds >= '{days[77]}'").drop("y")
    off = []
    for future in ([ahead, weather], ahead, weather):
        best = forecast.forecast(series, 7, "D", models=["regression"], future=future).forecast.where(
            "model = 'regression'"
        )
        off.append(metrics.mae((120 / price + 30 * rain)[77:], best.orderBy("ds").toPandas()["yhat"].to_numpy()))
    assert off[0] < 0.6 * min(off[1:])


def test_regressors_may_have_any_name_that_a_column_may_have(daily):
    promo = [0, 1, 0, 0, 0, 0, 0] * 5
    everything = daily(
        {"a": WEEK * 5}, **{"on sale": promo, "_promo": promo, "class": promo, "a``b": promo, "v1.5": promo}
    )
    series, ahead = everything.where("ds < '2024-01-29'"), everything.where("ds >= '2024-01-29'").drop("y")
    found = forecast.forecast(series, 7, "D", models=["regression"], future=ahead, windows=1)
    assert "regression failed" not in found.ledger.collect()[0]["reason"]


def test_what_cannot_be_asked_is_a_usage_error_that_names_it(daily, spark):
    series = daily({"a": [1]}, price=[2])
    cases = [
        ({"h": 0}, "h must be a whole number from 1, found 0"),
        ({"h": 7.0}, "h must be a whole number from 1, found 7.0"),
        ({"windows": True}, "windows must be a whole number from 1, found True"),
        ({"step": 0}, "step must be a whole number from 1, found 0"),
        ({"freq": "DD"}, "no freq 'DD'; did you mean 'D'?"),
        ({"freq": "WS"}, "no freq 'WS'; did you mean "),
        ({"freq": "fortnight"}, "no freq 'fortnight'; known: D, ME, MS, QE, QS, W, YE, YS, h"),
        ({"freq": "B"}, "freq 'B' has business days only; ask for 'D'"),
        ({"freq": "15min"}, "freq '15min' is finer than hours; sum the values to hours"),
        ({"level": (80, 101)}, "level must hold whole per cents between 1 and 99, found (80, 101)"),
        ({"level": (0.8,)}, "level must hold whole per cents"),
        ({"models": ["profet"]}, "no model 'profet'; did you mean 'prophet'?"),
        ({"models": []}, "models is empty; name some of naive, seasonal_naive"),
        ({"country": "XX"}, "no country 'XX'"),
        ({"series": series.withColumnRenamed("unique_id", "sku")}, "series has no column 'unique_id'; "),
        ({"series": series.withColumnRenamed("y", "Y")}, "series has no column 'y'; "),
        ({"series": series.withColumn("y", series.ds)}, "series: column 'y' must hold numbers, found date"),
        ({"series": series.withColumn("ds", series.y)}, "series: column 'ds' must hold dates, timestamps or text, found double"),
        ({"series": series.withColumn("unique_id", series.y)}, "series: column 'unique_id' must hold text or whole numbers"),
        ({"future": series.select("unique_id", "ds", "y")}, "future has no columns beside its keys"),
        ({"future": series.select("unique_id", "price")}, "future has no column 'ds'"),
        ({"future": series.selectExpr("unique_id", "ds", "price AS promo")}, "series has no column 'promo'"),
        ({"future": series.selectExpr("unique_id", "ds", "'x' AS price")}, "regressor price of future must hold numbers, found string"),
        ({"future": series.select("price")}, "future has no column 'ds'"),
        ({"future": series.select("ds")}, "future has no columns beside its keys"),
        ({"future": series.select("ds", "price").union(series.select("ds", "price"))}, "future has 2024-01-01 00:00:00 twice"),
        ({"future": [series.select("ds", "price")] * 2}, "future has two frames of one kind; join them"),
        ({"future": [series.select("ds", "price"), series.drop("y")]}, "both frames of future have price; rename it"),
        ({"static": series.select("ds")}, "static has no column 'unique_id'"),
        ({"static": series.select("unique_id")}, "static has no columns beside unique_id"),
        ({"static": series.selectExpr("unique_id", "array(1) AS sizes")}, "static: column 'sizes' must hold text, numbers"),
        ({"static": (one := series.select("unique_id", "price")).union(one)}, "static has 2 rows of 'a'; give one a series"),
    ]  # fmt: skip
    for changes, message in cases:
        with pytest.raises(UsageError) as raised:
            forecast.forecast(**{"series": series, "h": 7, "freq": "D", **changes})
        assert f"forecast: {message}" in str(raised.value)


def test_what_would_fail_in_the_middle_is_refused_at_once(daily):
    series = daily({"a": WEEK * 5})
    for changes in ({"level": (80, 80)}, {"seconds": 0}, {"seconds": -1.0}):
        with pytest.raises(UsageError):
            forecast.forecast(series, **{"h": 7, "freq": "D", "models": ["naive"], "windows": 1, **changes})


def test_dates_are_those_of_the_session_whatever_its_time_zone(daily, spark):
    """The clocks of Berlin change inside the history."""
    spark.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
    try:
        found = forecast.forecast(daily({"a": WEEK * 15}), 2, "D", models=["naive"], windows=1)
        ledger = [(r["status"], r["periods"]) for r in found.ledger.collect()]
        dates = [r["ds"] for r in found.best.orderBy("ds").collect()]
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
    assert ledger == [("fallback", 105)]
    assert dates == [DAY + dt.timedelta(days=105), DAY + dt.timedelta(days=106)]
