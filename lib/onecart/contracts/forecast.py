"""The gold tables that the job `forecast` writes: demand, how good its forecasts were, and what to order."""

from onecart.contracts.base.columns import AS_OF, MODEL_VERSION
from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

_QUANTILES = (
    C("yhat_median", "double", "median: as often more as less is sold; nearest on one day, does not add up"),
    *(
        C(f"yhat_{side}_{level}", "double", f"{word} end of the {level} % interval, units")
        for level in (80, 95)
        for side, word in (("lo", "lower"), ("hi", "upper"))
    ),
)

FORECAST = (
    Table(
        "gold.demand_forecast",
        "one product, day and model",
        "forecast",
        (
            C("unique_id", "string", "product (sku)", nullable=False),
            C("ds", "date", "day", nullable=False),
            C("model", "string", "model; ensemble: the best few together", nullable=False),
            C("chosen", "boolean", "the model picked for the product by its backtest", nullable=False),
            C("yhat", "double", "units expected: the mean, which adds up over days and products", nullable=False),
            *_QUANTILES,
            AS_OF,
            MODEL_VERSION,
        ),
        key=("unique_id", "ds", "model"),
    ),
    Table(
        "gold.forecast_backtest",
        "one product, model and cutoff",
        "forecast",
        (
            C("unique_id", "string", "product (sku)", nullable=False),
            C("model", "string", "model", nullable=False),
            C("cutoff", "date", "last day of the training part", nullable=False),
            C("chosen", "boolean", "the model picked for the product"),
            C("days", "int", "days forecast", nullable=False),
            C("mae", "double", "mean absolute error of the median, units a day", nullable=False),
            C("mase", "double", "mae / in-sample seasonal naive error; null: that is 0"),
            C("rmse", "double", "root of the mean squared error of the mean, units a day"),
            C("rmsse", "double", "root of: squared error of the mean / in-sample naive squared error; null: that is 0"),
            C("wape", "double", "sum of absolute errors of the median / sum of units; null: nothing sold"),
            C("bias", "double", "mean of forecast (the mean) - actual, units a day", nullable=False),
            C("pinball", "double", "mean pinball loss of the quantiles .1 and .9, units a day", nullable=False),
            C("coverage_80", "double", "share of days inside the 80 % interval", nullable=False),
            C("coverage_95", "double", "share of days inside the 95 % interval", nullable=False),
            C("units", "double", "units sold in the window", nullable=False),
        ),
        key=("unique_id", "model", "cutoff"),
    ),
    Table(
        "gold.forecast_ledger",
        "one product and what became of it",
        "forecast",
        (
            C("unique_id", "string", "product (sku)", nullable=False),
            C("status", "string", "forecast | fallback | rejected", nullable=False),
            C("reason", "string", "why", nullable=False),
            C("demand", "string", "smooth | erratic | intermittent | lumpy | dead; null: rejected"),
            C("days", "int", "days of history", nullable=False),
            C("units", "double", "units in the history", nullable=False),
        ),
        key=("unique_id",),
        checks={"status_known": "status IN ('forecast', 'fallback', 'rejected')"},
    ),
    Table(
        "gold.forecast_accuracy",
        "one product and day that was forecast and has come since",
        "forecast",
        (
            C("unique_id", "string", "product (sku)", nullable=False),
            C("ds", "date", "day", nullable=False),
            C("made_on", "date", "the day before which the forecast knew everything", nullable=False),
            C("model", "string", "the chosen model", nullable=False),
            C("yhat", "double", "units that were expected, the mean", nullable=False),
            C("y", "double", "units sold; null: the shop was closed"),
            C("inside_80", "boolean", "whether the 80 % interval held them"),
            C("inside_95", "boolean", "whether the 95 % interval held them"),
            MODEL_VERSION,
        ),
        key=("unique_id", "ds", "made_on"),
    ),
    Table(
        "gold.forecast_hierarchy",
        "one node of the product tree and day",
        "forecast",
        (
            C(
                "node",
                "string",
                "total, category=A, or where categories are paths department=A/category=A > B",
                nullable=False,
            ),
            C("ds", "date", "day", nullable=False),
            C("yhat", "double", "units expected; the products of a node add up to it", nullable=False),
            *_QUANTILES,
            AS_OF,
        ),
        key=("node", "ds"),
    ),
    Table(
        "gold.replenishment",
        "one product and what to order of it now",
        "forecast",
        (
            C("sku", "string", "product", nullable=False),
            C("policy", "string", "newsvendor | base_stock | sS | rQ", nullable=False),
            C("order_units", "double", "units to order now; null: nothing can be said"),
            C("reorder_point", "double", "units at or below which is ordered"),
            C("order_up_to", "double", "units to which is ordered; null with rQ"),
            C("order_quantity", "double", "units of an order with rQ, else null"),
            C("position", "double", "units on hand and on order less backorders"),
            C("expected_demand", "double", "units over the lead time and a review period"),
            C("service_level", "double", "aimed at: the share of such spans without running out"),
            C("expected_fill_rate", "double", "share of that demand that will be met"),
            C("expected_short", "double", "units short at the end of it"),
            C("expected_left", "double", "units left at the end of it"),
            C("reason", "string", "what bound the order, what was missing"),
            AS_OF,
        ),
        key=("sku",),
    ),
)
