"""The public functions on Spark: what goes in, what comes out, what is refused."""

import datetime as dt
from types import SimpleNamespace

import pytest

from onecart.errors import UsageError
from onecart.forecast.inventory import replenish, simulate
from onecart.forecast.inventory.checked_inputs import quantile_columns

COSTS = {"holding": 0.18, "shortage": 0.70}
FORECAST = "ds date, yhat double, `yhat-lo-80` double, `yhat-hi-80` double"
COLUMNS = [
    *("unique_id", "policy", "order", "reorder_point", "order_up_to", "order_quantity", "position", "expected_demand"),
    *("service_level", "expected_fill_rate", "expected_short", "expected_left", "reason"),
]


def day(i):
    return dt.date(2024, 1, 1) + dt.timedelta(days=i)


@pytest.fixture
def frames(spark):
    """`frames({id: yhat}, {id: on_hand})`: a forecast of 4 days, certain to the unit, and a stock."""

    def make(means, stock, id_type="string"):
        rows = [(key, day(i), m, m, m) for key, m in means.items() for i in range(4)]
        forecast = spark.createDataFrame(rows, f"unique_id {id_type}, {FORECAST}")
        return forecast, spark.createDataFrame([*stock.items()], f"unique_id {id_type}, on_hand double")

    return make


def test_every_series_gets_a_row_and_bad_numbers_a_reason(frames, spark):
    forecast, stock = frames({1: 5.0, 2: 5.0, 3: None, 4: 5.0}, {1: 3.0, 3: 1.0, 4: 2.0, 9: 1.0}, "int")
    costs = spark.createDataFrame(
        [(1, 0.1, 1.0), (2, 0.1, 1.0), (3, 0.1, 1.0), (4, -0.1, 1.0)], "unique_id int, holding double, shortage double"
    )
    found = replenish(SimpleNamespace(best=forecast), stock, costs, 2, review=1)
    assert found.columns == COLUMNS
    assert found.schema["unique_id"].dataType.simpleString() == "int"
    rows = {r["unique_id"]: r for r in found.collect()}
    assert {k: (r["order"], r["position"], r["expected_demand"]) for k, r in rows.items()} == {
        1: (12.0, 3.0, 15.0),
        2: (15.0, 0.0, 15.0),
        3: (None, None, None),
        4: (None, None, None),
    }
    assert {k: r["reason"] for k, r in rows.items()} == {
        1: "ordered up to 15",
        2: "ordered up to 15; no stock row: stock counted as 0",
        3: "no order: the forecast holds a null or infinite value",
        4: "no order: the cost holding is -0.1, it must be above 0",
    }


def test_stock_limits_lead_times_and_chosen_rows_come_from_frames(frames, spark):
    forecast, _ = frames({"a": 5.0, "b": 7.0}, {})
    other = forecast.selectExpr(
        "unique_id", "ds", "yhat * 9 AS yhat", "`yhat-lo-80`", "`yhat-hi-80`", "false AS chosen"
    )
    forecast = forecast.selectExpr("*", "true AS chosen").unionByName(other).orderBy("ds")
    stock = spark.createDataFrame(
        [("a", 3, 12, None, None), ("b", 0, None, 20, 2)],
        "unique_id string, on_hand int, pack_size int, capacity int, shelf_life int",
    )
    lead = spark.createDataFrame([("a", 1.0, 0.0), ("b", 3.0, None)], "unique_id string, mean double, sd double")
    found = replenish(forecast, stock, COSTS, lead, "base_stock", service_level=0.9, seed=5)
    assert sorted((r["unique_id"], r["order"], r["reason"]) for r in found.collect()) == [
        ("a", 12.0, "ordered up to 10; rounded up to packs of 12"),
        ("b", 20.0, "ordered up to 28; capped by capacity of 20"),
    ]


def test_policies_are_played_on_what_was_asked_for(frames, spark):
    forecast, stock = frames({"a": 5.0, "b": 5.0, "c": 5.0}, {"a": 5.0, "b": 0.0, "c": 0.0})
    actual = spark.createDataFrame(
        [("a", day(0), 5.0), ("a", day(1), 8.0), ("a", day(2), 5.0), ("b", day(0), 6.0), ("c", day(1), None)],
        "unique_id string, ds date, y double",
    )
    past = spark.createDataFrame([(key, 5.0, 0.0) for key in "abc"], "unique_id string, mean double, sd double")
    policies = ("newsvendor", "normal", "normal_past")
    found = simulate(forecast, actual, stock, {**COSTS, "order": 1.0}, 1, policies, past=past)
    assert found.columns == [
        *("unique_id", "policy", "cost", "holding", "shortage", "order_cost", "orders", "fill_rate", "stock_outs"),
        *("waste", "mean_stock", "periods", "demand", "short", "reason"),
    ]
    rows = {(r["unique_id"], r["policy"]): r for r in found.collect()}
    assert len(rows) == 9
    for policy in policies:
        # a: 5 of 5, 5 of 8, 5 of 5 are sold, and 5 ordered each day; b: 0 of 6 sold, then nothing asked for.
        a, b, c = (rows[key, policy] for key in "abc")
        assert (a["periods"], a["demand"], a["short"], a["stock_outs"], a["orders"]) == (3, 18.0, 3.0, 1, 3)
        assert a["cost"] == pytest.approx(3 * 0.70 + 3 * 1.0)
        assert (b["fill_rate"], b["mean_stock"], b["orders"]) == (0.0, pytest.approx(20 / 3), 1)
        assert (c["cost"], c["periods"], c["reason"]) == (None, None, "an actual value is null or infinite")


def test_the_median_is_beside_the_expected_value_where_the_forecast_has_both(frames):
    """yhat is a mean then: as a median it would put half of the demand above it."""
    forecast, stock = frames({"a": 5.0}, {"a": 0.0})
    both = forecast.selectExpr(
        "unique_id", "ds", "9.0 AS yhat", "yhat AS `yhat-median`", "`yhat-lo-80`", "`yhat-hi-80`"
    )
    assert quantile_columns("replenish", both) == {"yhat-lo-80": 0.1, "yhat-median": 0.5, "yhat-hi-80": 0.9}
    written = both.withColumnsRenamed({name: name.replace("-", "_") for name in both.columns if "yhat" in name})
    assert replenish(written, stock, COSTS, 1, service_level=0.5).first()["order"] == 10


def test_what_cannot_be_asked_is_refused(frames, spark):
    forecast, stock = frames({"a": 5.0}, {"a": 5.0})
    lead = spark.createDataFrame([], "unique_id string, mean double")
    for asked, words in [
        ((forecast, stock, COSTS, 1, "newsvender"), "no policy 'newsvender'; did you mean 'newsvendor'"),
        (("x", stock, COSTS, 1), "must be a DataFrame or have one as .best, found str"),
        ((forecast.drop("yhat"), stock, COSTS, 1), "forecast has no column 'yhat'; did you mean"),
        ((forecast.drop("yhat-lo-80", "yhat-hi-80"), stock, COSTS, 1), "forecast has no intervals"),
        ((forecast.withColumn("yhat-hi-x", forecast.ds).drop("ds"), stock, COSTS, 1), "forecast has no column 'ds'"),
        (
            (forecast.withColumn("yhat", forecast.ds), stock, COSTS, 1),
            "forecast: column 'yhat' must hold numbers, found date",
        ),
        ((forecast.union(forecast), stock, COSTS, 1), "forecast has 2 rows for unique_id a, ds 2024-01-0"),
        ((forecast, stock.union(stock), COSTS, 1), "stock has 2 rows for unique_id a; there must be one"),
        ((forecast, stock.drop("on_hand"), COSTS, 1), "stock has no column 'on_hand'"),
        ((forecast, {"a": 5}, COSTS, 1), "stock must be a DataFrame of Spark or pandas, found dict"),
        ((forecast, stock, {"holdin": 1}, 1), "unknown entry 'holdin'; did you mean 'holding'"),
        ((forecast, stock, {"holding": -1}, 1), "the cost holding must be a number above 0, found -1"),
        ((forecast, stock, {"shortage": 1}, 1), "costs has no entry holding"),
        ((forecast, stock, 3, 1), "costs must be a DataFrame or a mapping, found int"),
        ((forecast, stock, {"holding": 1}, 1), "costs has no entry shortage"),
        ((forecast, stock, stock.withColumnRenamed("on_hand", "holding"), 1), "costs has no column 'shortage'"),
        ((forecast, stock, COSTS, ()), r"lead_time must be periods as a number, .* found \(\)"),
        ((forecast, stock, COSTS, (1, -1)), "both must be between 0 and 1000"),
        ((forecast, stock, COSTS, lead), "lead_time has no rows"),
    ]:
        with pytest.raises(UsageError, match=f"replenish: .*{words}"):
            replenish(*asked)
    for more, words in [
        ({"review": 0}, "review must be a whole number from 1, found 0"),
        ({"service_level": 95}, "service_level must lie between 0 and 1, as in 0.95, found 95"),
        ({"correlation": 1}, "correlation must lie between -1 and 1"),
        ({"draws": 1}, "draws must be a whole number from 100"),
    ]:
        with pytest.raises(UsageError, match=words):
            replenish(forecast, stock, COSTS, 1, **more)
    actual = forecast.selectExpr("unique_id", "ds", "yhat AS y")
    for given, policies, more, words in [
        (actual.drop("y"), ("sS",), {}, "actual has no column 'y'"),
        (actual, ("sS", "norml"), {}, "no policy 'norml'; did you mean 'normal'"),
        (actual, (), {}, "policies is empty"),
        (actual, ("normal_past",), {}, "the policy normal_past needs past"),
        (actual, ("sS",), {"warm_up": -1}, "warm_up must be a whole number from 0"),
    ]:
        with pytest.raises(UsageError, match=f"simulate: {words}"):
            simulate(forecast, given, stock, COSTS, 1, policies, **more)
