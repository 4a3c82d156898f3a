"""The job: orders to daily series, and a run on a small lake."""

import datetime as dt
from decimal import Decimal

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from onecart.forecast import accuracy, job
from onecart.forecast.inputs import demand, exogenous
from onecart.forecast.local.registry import BENCHMARK as BENCH
from onecart.report.sections.forecast import demand_classes
from onecart.report.sections.forecast import nodes as report_nodes

pytestmark = pytest.mark.job

AS_OF = dt.date(2011, 12, 10)
DAILY = "unique_id string, ds date, y double"


def line(sku, day, quantity, n=0):
    return {
        "order_line_id": f"{sku}-{day}-{quantity}-{n}",
        "order_id": str(n),
        "order_ts": dt.datetime.combine(day, dt.time(23, 30)),
        "channel": "web",
        "sku": sku,
        "quantity": quantity,
        "unit_price": Decimal(1),
        "amount": Decimal(quantity),
        "currency": "GBP",
        "is_return": quantity < 0,
    }


def test_demand_is_what_was_wanted(spark):
    day, back, later = dt.datetime(2011, 12, 1, 23, 30), dt.datetime(2011, 12, 5, 9), dt.datetime(2011, 12, 10)
    rows = [
        ("1", "85123A", day, 6),
        ("2", "85123A", day, 4),
        ("3", "85123A", back, -4),  # all of line 2 within a week
        ("4", "85123A", back, -5),  # a part of a line: wanted, and sent back
        ("5", "85123A", later, 5),
        ("7", "22222", dt.datetime(2011, 11, 1), 3),
        ("8", "22222", dt.datetime(2011, 11, 20), -3),  # too late to be an error
        *((f"a{n}", "33333", day, 2) for n in range(200)),
        ("9", "33333", back, 500),  # one buyer's bulk order
    ]
    orders = spark.createDataFrame(rows, "order_line_id string, sku string, order_ts timestamp, quantity int")
    orders = orders.withColumn("buyer", F.lit("anna"))
    lines = demand.wanted_lines(orders, as_of=AS_OF, returned_days=7, bulk_times=5.0)
    found = {(r["unique_id"], r["ds"].isoformat()): r["y"] for r in demand.daily_units(lines).collect()}
    assert found == {
        ("85123A", "2011-12-01"): 6.0,
        ("22222", "2011-11-01"): 3.0,
        ("33333", "2011-12-01"): 400.0,
        ("33333", "2011-12-05"): 10.0,
    }


def test_best_sellers_are_of_the_last_year_and_keep_their_whole_history(spark):
    old, new = dt.date(2010, 12, 1), dt.date(2011, 12, 1)
    rows = [("a", old, 99.0), ("b", old, 1.0), ("b", new, 5.0), ("c", new, 4.0), ("d", new, 0.0)]
    found = spark.createDataFrame(rows, DAILY).transform(demand.best_sellers, as_of=AS_OF, top=1)
    assert_df_equality(found, spark.createDataFrame([("b", old, 1.0), ("b", new, 5.0)], DAILY), ignore_row_order=True)


def test_days_on_which_the_shop_was_shut_are_unknown(spark):
    start = AS_OF - dt.timedelta(days=29)
    shut = {AS_OF - dt.timedelta(days=3), AS_OF - dt.timedelta(days=1)}
    days = [start + dt.timedelta(days=n) for n in range(29)]
    open_days = [day for day in days if day.weekday() != 6 and day not in shut]
    series = spark.createDataFrame([("a", day, 1.0) for day in open_days], DAILY)
    closed = demand.closed_days(series, as_of=AS_OF)
    assert {r["ds"] for r in closed.collect()} == shut  # no Sunday has sales
    few = spark.createDataFrame([("a", days[0], 2.0), ("b", days[-2], 3.0)], DAILY)
    found = few.transform(demand.told, closed)
    expected = [("a", days[0], 2.0), *(("a", day, None) for day in shut), ("b", days[-2], 3.0), ("b", days[-1], None)]
    assert_df_equality(found, spark.createDataFrame(expected, DAILY), ignore_row_order=True)


def test_whether_regressors_help_is_said_with_an_interval(spark):
    """A hundred products that share what happened in three windows are three cases."""
    kind = "unique_id string, cutoff int, model string, mae double"
    less = (0.5, 0.3, 0.1)  # of the error, by window
    maes = [("calendar", w, 4.0) for w in range(3)] + [("regression", w, 4.0 * (1 - x)) for w, x in enumerate(less)]
    rows = [(f"s{n}", w, model, (1 + n) * mae) for n in range(100) for model, w, mae in maes]
    found = accuracy.gain(spark.createDataFrame(rows, kind)).first()
    half = 4.302653 * 0.2 / 3**0.5
    assert [*found] == [3, *(pytest.approx(x, abs=1e-6) for x in (0.3, 0.3 - half, 0.3 + half))]
    one = [row for row in rows if row[1] == 0] + [("silent", 1, model, 0.0) for model in ("calendar", "regression")]
    assert accuracy.gain(spark.createDataFrame(one, kind)).first() is None


def test_the_table_has_medians_by_day_and_expected_values_by_sum(spark):
    """Two products of one category, one window of 10 days: theta is 20 units above on one and 10 below on the other."""
    cut = dt.date(2011, 11, 1)
    rows = [
        (sku, model, cut, model == "theta", 10, 3.0, 1.0, 2.0, bias, 0.8, 0.9, 100.0)
        for sku, model, bias in (("a", "theta", 2.0), ("b", "theta", -1.0), ("a", BENCH, 4.0), ("b", BENCH, 3.0))
    ]
    names = "unique_id string, model string, cutoff date, chosen boolean, days int, mae double, mase double, rmsse double, bias double"
    backtest = spark.createDataFrame(rows, f"{names}, coverage_80 double, coverage_95 double, units double")
    tree = spark.createDataFrame([("a", "BAGS"), ("b", "BAGS")], "unique_id string, category string")
    found = {(r["model"], r["metric"]): r["value"] for r in job.health(backtest, tree).collect()}
    assert {model for model, _ in found} == {"forecast.theta", f"forecast.{BENCH}", "forecast.selected"}
    of = {metric: value for (model, metric), value in found.items() if model == "forecast.selected"}
    assert of == pytest.approx({
        "mase": 1.0, "rmsse": 2.0, "wape": 60 / 200, "bias": 10 / 200, "coverage_80": 0.8, "coverage_95": 0.9,
        "wape_horizon": 30 / 200, "wape_category": 10 / 200, "wape_total": 10 / 200,
        "rmsse_horizon": (500 / 2500) ** 0.5, "rmsse_category": 10 / 70, "rmsse_total": 10 / 70,
    })  # fmt: skip
    assert found[f"forecast.{BENCH}", "rmsse_total"] == 1
    ledger = spark.createDataFrame([("a", "lumpy"), ("b", "smooth")], "unique_id string, demand string")
    classes = {r["demand"]: (r["products"], r["bias"], r["WAPE"]) for r in demand_classes(backtest, ledger).collect()}
    assert classes == {"all": (2, 0.05, 0.3), "lumpy": (1, 0.2, 0.3), "smooth": (1, -0.1, 0.3)}


def test_categories_that_are_paths_have_departments(spark):
    flat = spark.createDataFrame([("a", "BAGS"), ("b", None)], "sku string, category string")
    assert job.tree_of(flat).columns == ["unique_id", "category"]
    found = job.tree_of(flat.union(spark.createDataFrame([("c", "HOME > MUGS > BIG")], flat.schema)))
    assert [tuple(row) for row in found.orderBy("unique_id").collect()] == [
        ("a", "BAGS", "BAGS"),
        ("b", None, None),
        ("c", "HOME > MUGS > BIG", "HOME"),
    ]


FORECAST = "unique_id string, ds date, as_of date, model string, chosen boolean, yhat double, yhat_lo_80 double, yhat_hi_80 double, yhat_lo_95 double, yhat_hi_95 double, model_version string"


def test_earlier_forecasts_are_held_against_what_came(spark):
    made, first = dt.date(2011, 12, 1), dt.date(2011, 12, 1)
    days = [first + dt.timedelta(days=n) for n in range(12)]
    rows = [
        (sku, day, made, model, model == "theta", 5.0, 2.0, 8.0, 0.0, 9.0, "v")
        for sku in ("low", "fair")
        for day in days
        for model in ("theta", "naive")
    ]
    sold = [("low", day, 20.0) for day in days] + [("fair", day, 4.0 + 2 * (n % 2)) for n, day in enumerate(days[:8])]
    closed = spark.createDataFrame([(days[8],)], "ds date")
    found = accuracy.came_true(
        spark.createDataFrame(rows, FORECAST), spark.createDataFrame(sold, DAILY), closed, as_of=AS_OF
    )
    fair = {r["ds"]: (r["y"], r["inside_80"]) for r in found.where("unique_id = 'fair'").collect()}
    assert len(fair) == 9  # as_of is the tenth day
    assert (fair[days[0]], fair[days[8]]) == ((4.0, True), (None, None))
    (drift,) = accuracy.drifted(found).collect()
    assert (drift["unique_id"], drift["signal"]) == ("low", -8.0)


def test_a_run_writes_forecasts_ledger_hierarchy_orders_and_the_next_says_what_came_true(context, lake, fill):
    days = [AS_OF - dt.timedelta(days=i) for i in range(1, 71)]
    lines = [line("MUG-RED-01", day, 10 * (1 + day.weekday())) for day in days] + [
        line("22222", days[1], 4),
        line("M", days[1], 9),
    ]
    fill("silver.orders", lines)
    product = {"category": "BAGS > TOTES", "list_price": Decimal(3), "unit_cost": Decimal(1), "stock_on_hand": 40}
    fill("silver.products", [{"sku": "MUG-RED-01", "updated_ts": dt.datetime(2011, 1, 1), **product}])
    old = {"model": "theta", "model_version": "v", "chosen": True, "as_of": days[1], "unique_id": "MUG-RED-01"}
    fill("gold.demand_forecast", [{**old, "ds": days[0], "yhat": 50.0, "yhat_lo_80": 30.0, "yhat_hi_80": 49.0}])
    models = {"models": ["moving_average"], "horizon_days": 14, "top_skus": 1}
    result = job.run(context(as_of=AS_OF, forecast=models, shop={"goods": None}))
    assert result.headline == (
        "bias +0 %, WAPE selected 0.00, seasonal naive 0.00, moving average 0.43 (1 SKUs, 1 to order)"
    )
    assert result.rows_in == 72
    ledger = {r["unique_id"]: (r["status"], r["days"], r["units"]) for r in lake.read("gold.forecast_ledger").collect()}
    assert ledger == {"MUG-RED-01": ("fallback", 70, 2800.0)}
    chosen = lake.read("gold.demand_forecast").where("chosen").orderBy("ds").collect()
    assert [(r["ds"], round(r["yhat"], 6)) for r in chosen] == [
        (day, 10.0 * (1 + day.weekday())) for day in (AS_OF + dt.timedelta(days=i) for i in range(14))
    ]
    assert {r["model_version"] for r in chosen} == {"forecast.seasonal_naive@testrun"}
    nodes = {(r["node"], r["ds"]): r["yhat"] for r in lake.read("gold.forecast_hierarchy").collect()}
    assert {node for node, _ in nodes} == {"total", "department=BAGS", "department=BAGS/category=BAGS > TOTES"}
    assert all(nodes[node, AS_OF] == pytest.approx(chosen[0]["yhat"]) for node, _ in nodes)
    (of_report,) = report_nodes(lake.read("gold.forecast_hierarchy"), 9).collect()
    assert of_report["category"] == "BAGS > TOTES"
    assert of_report["units"] == pytest.approx(sum(r["yhat"] for r in chosen))
    (came,) = lake.read("gold.forecast_accuracy").collect()
    assert (came["ds"], came["yhat"], came["y"], came["inside_80"]) == (days[0], 50.0, 50.0, False)
    (order,) = lake.read("gold.replenishment").collect()
    assert order["order_units"] > 0
    assert order["position"] == 40
    health = {(r["model"], r["metric"]): r["value"] for r in lake.read("gold.model_health").collect()}
    assert health["forecast.seasonal_naive", "wape"] == 0
    assert health["forecast.moving_average", "wape"] > 0


def test_weather_is_that_of_the_shops_country_by_whatever_name(context, fill):
    last = AS_OF + dt.timedelta(days=27)
    fill(
        "silver.weather", [{"day": last, "country": name, "temperature_c": 1.0} for name in ("Deutschland ", "France")]
    )
    seen = {code: job._weather(context(as_of=AS_OF, shop={"country": code})) for code in ("DE", "GB", None)}
    assert {code: rows and rows.count() for code, rows in seen.items()} == {"DE": 1, "GB": None, None: None}


def test_plans_and_reviews_are_known_ahead_of_products_and_nodes(spark):
    first, horizon = AS_OF - dt.timedelta(days=3), 2
    series = spark.createDataFrame([("11111", first, 1.0), ("22222", first, 1.0)], DAILY)
    tree = spark.createDataFrame([("11111", "BAGS"), ("22222", "BAGS")], "unique_id string, category string")
    plan = "plan_id string, sku string, day date, kind string, amount double"
    plans = [
        ("a", "11111", AS_OF, "promotion", 0.5),
        ("b", "11111", AS_OF, "promotion", 0.2),
        ("c", "*", first, "2.5` off", 1.0),
    ]
    planned = exogenous.planned(spark.createDataFrame(plans, plan), series.select("unique_id"))
    reviewed = dt.datetime.combine(AS_OF - dt.timedelta(days=horizon), dt.time(12))
    reviews = spark.createDataFrame([("r1", reviewed), ("r2", reviewed)], "review_id string, review_ts timestamp")
    scores = [("r1", "22222", "negative"), ("r2", "22222", None)]
    scored = spark.createDataFrame(scores, "review_id string, sku string, sentiment string")
    parts = [exogenous.sentiment(scored, reviews, horizon=horizon), planned]
    found = exogenous.known_ahead(series, parts, tree, ["category"], as_of=AS_OF, horizon=horizon).collect()
    assert len(found) == 4 * 5  # two products, the category, the total; three days and two ahead
    names = ("sentiment", "2.5` off", "promotion")
    at = {(r["unique_id"], (r["ds"] - AS_OF).days): tuple(r[n] for n in names) for r in found}
    assert at["11111", 0] == (0, 0, 0.5)
    assert at["11111", -3] == at["22222", -3] == (0, 1, 0)
    assert at["22222", 0] == at["22222", 1] == (-0.25, 0, 0)  # of the day that ended two days before, and later
    assert at["total", 0] == at["category=BAGS", 0] == (-0.125, 0, 0.25)


def test_a_planned_promotion_that_doubles_sales_is_in_the_forecast_and_the_test_says_that_it_helps(context, lake, fill):
    days = [AS_OF - dt.timedelta(days=i) for i in range(1, 121)]
    skus = [f"{n}" * 5 for n in (1, 2, 3, 4)]
    # As many in each window, whose errors are compared.
    on_sale = {AS_OF + dt.timedelta(days=n) for n in range(-119, 14) if n % 14 in (0, 5, 11)}
    fill("silver.orders", [line(sku, day, 20 if day in on_sale else 10) for sku in skus for day in days])
    planned = {
        "kind": "promotion",
        "amount": 1.0,
        "updated_ts": dt.datetime(2011, 1, 1),
        "plan_id": "autumn",
        "sku": "*",
    }
    fill("silver.plans", [{**planned, "day": day} for day in sorted(on_sale)])
    job.run(context(as_of=AS_OF, forecast={"models": ["regression", "calendar"], "horizon_days": 14}))
    chosen = lake.read("gold.demand_forecast").where("chosen AND unique_id = '11111'").collect()
    for row in chosen:
        assert row["yhat"] == pytest.approx(20 if row["ds"] in on_sale else 10, rel=0.1)
    health = {r["metric"]: r["value"] for r in lake.read("gold.model_health").where("dataset = 'regressors'").collect()}
    assert health["gain_low"] > 0.5
