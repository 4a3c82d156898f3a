"""The job: orders to daily series, and a run on a small lake."""

import datetime as dt
from decimal import Decimal

from chispa import assert_df_equality

from onecart.forecast import demand

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


def test_daily_units_are_sales_less_returns_of_goods_before_as_of(spark):
    day, later = dt.datetime(2011, 12, 9, 23, 30), dt.datetime(2011, 12, 10)
    rows = [("85123A", day, 6), ("85123A", day, -2), ("85123A", later, 5), ("POST", day, 1)]
    orders = spark.createDataFrame(rows, "sku string, order_ts timestamp, quantity int")
    expected = spark.createDataFrame([("85123A", day.date(), 4.0)], DAILY)
    assert_df_equality(demand.daily_units(orders, as_of=AS_OF), expected)


def test_best_sellers_are_of_the_last_year_and_keep_their_whole_history(spark):
    old, new = dt.date(2010, 12, 1), dt.date(2011, 12, 1)
    rows = [("a", old, 99.0), ("b", old, 1.0), ("b", new, 5.0), ("c", new, 4.0), ("d", new, -1.0)]
    found = spark.createDataFrame(rows, DAILY).transform(demand.best_sellers, as_of=AS_OF, top=1)
    assert_df_equality(found, spark.createDataFrame([("b", old, 1.0), ("b", new, 5.0)], DAILY), ignore_row_order=True)


def test_series_end_the_day_before_as_of(spark):
    last = dt.date(2011, 12, 9)
    rows = [("a", dt.date(2011, 12, 1), 2.0), ("b", last, 3.0)]
    found = spark.createDataFrame(rows, DAILY).transform(demand.until, as_of=AS_OF)
    expected = spark.createDataFrame([*rows, ("a", last, 0.0)], DAILY)
    assert_df_equality(found, expected, ignore_row_order=True)


def test_a_run_writes_forecasts_backtest_ledger_and_health(context, lake, fill):
    days = [AS_OF - dt.timedelta(days=i) for i in range(1, 71)]
    lines = [line("11111", day, 10 * (1 + day.weekday())) for day in days] + [
        line("22222", days[1], 4),
        line("M", days[1], 9),
    ]
    fill("silver.orders", lines)
    ctx = context(as_of=AS_OF)
    result = demand.run(ctx)
    assert (result.rows_in, result.rows_out) == (72, 2 * 28)
    assert result.headline.startswith("WAPE seasonal naive 0.00, prophet 0.")
    ledger = {r["unique_id"]: (r["status"], r["days"], r["units"]) for r in lake.read("gold.forecast_ledger").collect()}
    assert ledger == {"11111": ("fallback", 70, 2800.0), "22222": ("rejected", 0, 0.0)}
    chosen = lake.read("gold.demand_forecast").where("chosen").orderBy("ds").collect()
    assert [(r["ds"], r["yhat"]) for r in chosen] == [
        (day, 10.0 * (1 + day.weekday())) for day in (AS_OF + dt.timedelta(days=i) for i in range(28))
    ]
    assert {r["model_version"] for r in chosen} == {"forecast.seasonal_naive@testrun"}
    health = {(r["model"], r["metric"]): r["value"] for r in lake.read("gold.model_health").collect()}
    assert health["forecast.seasonal_naive", "wape"] == 0
    assert health["forecast.prophet", "coverage_80"] >= 0
