"""Every gold table: what the jobs after `clean` conclude."""

from onecart.lake.contract import Column as C
from onecart.lake.contract import Table
from onecart.lake.gold_behaviour import BEHAVIOUR
from onecart.lake.gold_customer import AS_OF as _AS_OF
from onecart.lake.gold_customer import CUSTOMER
from onecart.lake.gold_customer import CUSTOMER_ID as _CUSTOMER
from onecart.lake.gold_identity import IDENTITY

_VERSION = C("model_version", "string", "the model that made the row", nullable=False)

GOLD = (
    *IDENTITY,
    *CUSTOMER,
    *BEHAVIOUR,
    Table(
        "gold.intent_scores",
        "one customer scored on one day",
        "intent",
        (
            _CUSTOMER,
            _AS_OF,
            C("horizon_days", "int", "the probability is about this many days from as_of on", nullable=False),
            C("probability", "double", "calibrated probability to buy", nullable=False),
            C("decile", "int", "1: the tenth most likely to buy", nullable=False),
            _VERSION,
        ),
        key=("customer_id", "as_of"),
        checks={"probability_range": "probability BETWEEN 0 AND 1"},
        cluster_by=("as_of",),
    ),
    Table(
        "gold.recommendations",
        "one product offered to one customer",
        "recommend",
        (
            _CUSTOMER,
            C("rank", "int", "1 is best", nullable=False),
            C("sku", "string", "product", nullable=False),
            C("score", "double", "the model's score, comparable within a customer", nullable=False),
            C("tier", "string", "model that gave the item, as in als, popularity (the fallback)", nullable=False),
            _AS_OF,
            _VERSION,
        ),
        key=("customer_id", "rank"),
    ),
    Table(
        "gold.demand_forecast",
        "one product, day and model",
        "forecast",
        (
            C("unique_id", "string", "product (sku)", nullable=False),
            C("ds", "date", "day", nullable=False),
            C("model", "string", "model", nullable=False),
            C("chosen", "boolean", "the model picked for the product by its backtest", nullable=False),
            C("yhat", "double", "units expected", nullable=False),
            C("yhat_lo_80", "double", "lower end of the 80 % interval, units"),
            C("yhat_hi_80", "double", "upper end of the 80 % interval, units"),
            C("yhat_lo_95", "double", "lower end of the 95 % interval, units"),
            C("yhat_hi_95", "double", "upper end of the 95 % interval, units"),
            _VERSION,
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
            C("days", "int", "days forecast", nullable=False),
            C("mae", "double", "mean absolute error, units a day", nullable=False),
            C("mase", "double", "mean absolute error / in-sample seasonal naive error; null: that is 0"),
            C("wape", "double", "sum of absolute errors / sum of units; null: nothing sold"),
            C("bias", "double", "mean of forecast - actual, units a day", nullable=False),
            C("coverage_80", "double", "share of days inside the 80 % interval; null: no interval"),
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
            C("days", "int", "days of history", nullable=False),
            C("units", "double", "units in the history", nullable=False),
        ),
        key=("unique_id",),
        checks={"status_known": "status IN ('forecast', 'fallback', 'rejected')"},
    ),
    Table(
        "gold.review_sentiment",
        "one review scored",
        "voice",
        (
            C("review_id", "string", "review", nullable=False),
            C("sku", "string", "product"),
            C("sentiment", "string", "positive | negative; null: the text has no words"),
            C("confidence", "double", "the model's probability of it, 0.5 to 1; surer than it is right"),
            C("split", "string", "train | test | unlabelled: train rows were seen in training", nullable=False),
            _VERSION,
        ),
        key=("review_id",),
    ),
    Table(
        "gold.segments",
        "one customer's segment",
        "decide",
        (
            _CUSTOMER,
            C("segment", "string", "champion | loyal | promising | new | at_risk | lapsed | browser", nullable=False),
            C("recency_score", "int", "1 to 5, 5 bought last; null: never bought"),
            C("frequency_score", "int", "1 to 5, 5 buys most often; null: never bought"),
            C("monetary_score", "int", "1 to 5, 5 spends most; null: never bought"),
            C("intent_decile", "int", "1: the tenth most likely to buy"),
            C(
                "reachable",
                "boolean",
                "consents to at least one of e-mail and SMS and has the address for it",
                nullable=False,
            ),
            _AS_OF,
        ),
        key=("customer_id",),
    ),
    Table(
        "gold.conversion_daily",
        "one day and channel",
        "measure",
        (
            C("day", "date", "UTC day", nullable=False),
            C("channel", "string", "web | app | store | online (web and app together)", nullable=False),
            C("visitors", "long", "distinct visitors; in a store the people counted at its doors; null: nobody counts"),
            C("buyers", "long", "distinct visitors that bought", nullable=False),
            C("conversion_rate", "double", "buyers / visitors; null where visitors are"),
            C("orders", "long", "orders", nullable=False),
            C("revenue", "money", "order lines less returns, in `currency`", nullable=False),
            C("currency", "string", "ISO 4217"),
        ),
        key=("day", "channel"),
        checks={"buyers_are_visitors": "visitors IS NULL OR buyers <= visitors"},
    ),
    Table(
        "gold.model_health",
        "one figure of one model on one data set",
        "unify, intent, recommend, forecast, voice",
        (
            C("model", "string", "as in profile.bg_nbd, intent.gbt, recommend.als", nullable=False),
            _VERSION,
            C("dataset", "string", "what it was measured on, as in holdout, backtest", nullable=False),
            C("metric", "string", "as in auc, average_precision, ndcg@10, mase, alpha", nullable=False),
            C("value", "double", "the figure", nullable=False),
            _AS_OF,
        ),
        key=("model", "model_version", "dataset", "metric"),
    ),
)
