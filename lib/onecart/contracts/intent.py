"""The gold tables that the job `intent` writes, and those of every trained model: registry, health, overview, fairness."""

from onecart.contracts.base.columns import AS_OF, CUSTOMER_ID, MODEL_VERSION
from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

INTENT = (
    Table(
        "gold.intent_scores",
        "one customer scored on one day",
        "intent",
        (
            CUSTOMER_ID,
            AS_OF,
            C("horizon_days", "int", "the probability is about this many days from as_of on", nullable=False),
            C("probability", "double", "calibrated probability to buy", nullable=False),
            C("decile", "int", "1: the tenth most likely to buy", nullable=False),
            C("reasons", "strings", "what raised or lowered it most, as sentences, the strongest first"),
            MODEL_VERSION,
        ),
        key=("customer_id", "as_of"),
        purposes=("profiling",),
        checks={"probability_range": "probability BETWEEN 0 AND 1"},
        cluster_by=("as_of",),
    ),
    Table(
        "gold.model_registry",
        "one trained model and whether it scores",
        "intent, live, recommend, voice",
        (
            C("model", "string", "the question it answers: intent | visit | recommend | sentiment", nullable=False),
            MODEL_VERSION,
            C(
                "role",
                "string",
                "champion: it scores | challenger: it did not win | retired: it was beaten",
                nullable=False,
            ),
            C("reason", "string", "why", nullable=False),
            C("path", "string", "the saved model, below the lake; follows from model_version", nullable=False),
            C("checksum", "string", "SHA-256 over the names and contents of its files"),
            C(
                "better_by",
                "double",
                "mean log loss of the champion then less its own, same holdout; null: no champion",
            ),
            C("better_by_low", "double", "lower end of its 95 % interval"),
            C("better_by_high", "double", "upper end of its 95 % interval"),
            C("auc", "double", "on its holdout"),
            C("log_loss", "double", "on its holdout"),
            AS_OF,
        ),
        key=("model", "model_version"),
        checks={"role_known": "role IN ('champion', 'challenger', 'retired')"},
    ),
    Table(
        "gold.model_overview",
        "one point of one picture of one model",
        "intent",
        (
            C("model", "string", "as in gold.model_health", nullable=False),
            MODEL_VERSION,
            C(
                "view",
                "string",
                "importance (share of the mean |Shapley value|) | partial (mean probability where the feature is x) | "
                "predicted, rate, gain (of decile x on the holdout, see intent.IntentModel.gains)",
                nullable=False,
            ),
            C("feature", "string", "the feature; empty where the view has none", nullable=False),
            C("position", "int", "place of the point, from 0", nullable=False),
            C("x", "string", "the feature's value, or the decile", nullable=False),
            C("value", "double", "height of the point", nullable=False),
            AS_OF,
        ),
        key=("model", "model_version", "view", "feature", "position"),
    ),
    Table(
        "gold.fairness",
        "one group of customers under one model, on its holdout",
        "intent",
        (
            C("model", "string", "as in gold.model_health", nullable=False),
            MODEL_VERSION,
            C("attribute", "string", "what groups customers, as in age; never a feature", nullable=False),
            C("value", "string", "the group; unknown: not known", nullable=False),
            C("n", "long", "customers of the group in the holdout", nullable=False),
            C("positives", "long", "of them, those that bought", nullable=False),
            C(
                "selection_rate",
                "double",
                "share among those most likely to buy, see intent.audit_share",
                nullable=False,
            ),
            C("selection_rate_low", "double", "lower end of its 95 % interval", nullable=False),
            C("selection_rate_high", "double", "upper end", nullable=False),
            C("true_positive_rate", "double", "share of the buyers that were selected; null: no buyers"),
            C("true_positive_rate_low", "double", "lower end of its 95 % interval"),
            C("true_positive_rate_high", "double", "upper end"),
            C("calibration_gap", "double", "mean probability less the share that bought", nullable=False),
            C("calibration_gap_low", "double", "lower end of its 95 % interval", nullable=False),
            C("calibration_gap_high", "double", "upper end", nullable=False),
            C("parity", "double", "selection_rate / that of the group selected most", nullable=False),
            C("warned", "boolean", "parity is below intent.min_parity by more than noise", nullable=False),
            AS_OF,
        ),
        key=("model", "model_version", "attribute", "value"),
    ),
    Table(
        "gold.model_health",
        "one figure of one model on one data set",
        "unify, intent, live, recommend, forecast, voice",
        (
            C("model", "string", "as in profile.bg_nbd, intent.gbt, recommend.als", nullable=False),
            MODEL_VERSION,
            C("dataset", "string", "what it was measured on, as in holdout, backtest", nullable=False),
            C(
                "metric",
                "string",
                "as in auc, average_precision, ndcg, mase, alpha; metric_low, metric_high: its 95 % interval; "
                "metric.attribute.value: of one group of customers, as in ndcg_low.activity.2-4, users.country.France",
                nullable=False,
            ),
            C("value", "double", "the figure", nullable=False),
            AS_OF,
        ),
        key=("model", "model_version", "dataset", "metric", "as_of"),
    ),
)
