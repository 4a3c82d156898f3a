"""A trained model: scores rows, gives reasons, prints its rules, and is saved and loaded."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pyspark.ml.classification import (
    DecisionTreeClassificationModel,
    GBTClassificationModel,
    LogisticRegressionModel,
    RandomForestClassificationModel,
)
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import FLAGS, NUMBERS, TEXT, Kind, library_function, require_columns, require_type
from onecart.intent.explanation import explain, reasons, rules
from onecart.intent.training.encoding import VECTOR, EncodedFeature, vector
from onecart.lake.files import literal
from onecart.stats.calibration import Curve

_VALUES: Kind = ((*NUMBERS[0], *FLAGS[0]), "numbers, or true or false")
_RAW, _CHANCES = "__onecart_raw", "__onecart_chances"
_LOADERS: dict[str, Any] = {
    "decision_tree": DecisionTreeClassificationModel,
    "random_forest": RandomForestClassificationModel,
    "gbt": GBTClassificationModel,
    "logistic": LogisticRegressionModel,
}
_SUMS = ("gbt", "logistic")  # their raw prediction is a log-odds or half of it; the others count shares


@dataclass(frozen=True)
class IntentModel:
    """Probability that `label` comes out `positive`.

    metrics: figures on the holdout, rows neither fitted nor calibrated on (see `metrics.metrics`); intervals: the ends of
    their 95 % intervals; gains: its deciles. importances: column -> share of mean |Shapley value|, largest first.
    partial: column -> points (value, mean probability of sampled rows given this value). params: of the classifier,
    those the search chose and the number of trees kept among them. profile: how the features were spread in training,
    as counts, to see drift by. skipped: column -> why it is no feature. curve: the calibration. holdout_from: the first
    time of the holdout, s since 1970 or the unit of a numeric time; nothing from then on was learned, nor an outcome that
    `gap` would have kept apart. None: there was no time, or it has learned from the holdout too.
    """

    model: str
    classifier: Any
    explainer: explain.Explainer
    slots: tuple[EncodedFeature, ...]
    curve: Curve
    label: str
    positive: Any
    metrics: dict[str, float]
    importances: dict[str, float]
    intervals: dict[str, float] = field(default_factory=dict)
    gains: list[dict[str, float]] = field(default_factory=list)
    partial: dict[str, list[tuple[Any, float]]] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    holdout_from: float | None = None

    @property
    def features(self) -> list[str]:
        """The columns a frame must have to be scored."""
        return list(dict.fromkeys(slot.column for slot in self.slots))

    def _require(self, df: DataFrame) -> None:
        """UsageError unless `df` has the features, each of the kind that it had in training."""
        require_columns(df, self.features, "the frame", role="feature")
        for slot in self.slots:
            require_type(df, slot.column, TEXT if slot.kind == "level" else _VALUES, "the frame")

    @library_function()
    def score(self, df: DataFrame) -> DataFrame:
        """Adds probability, calibrated, 0 to 1. Values never seen in training count as none of the known ones."""
        self._require(df)
        ready = df.withColumn(VECTOR, vector(self.slots))
        scored = with_log_odds(ready, self.model, self.classifier, self.explainer, "probability")
        p = 1 / (1 + F.exp(-self.curve.column(F.col("probability"))))
        return scored.withColumn("probability", p).drop(VECTOR)

    @library_function()
    def explain(self, df: DataFrame, top: int = 3, words: Mapping[str, str] | None = None) -> DataFrame:
        """Adds probability, and reasons: up to `top` of (feature, value, contribution, sentence), the strongest first.

        contribution: the feature's Shapley value, in log-odds. Over all features they sum to the row's log-odds less
        those of a row of which nothing is known. words: column -> how a sentence says it, with {} for the value.
        """
        self._require(df)
        full, parts = "__onecart_full", "__onecart_parts"  # not yet `probability`, which may be the name of a feature
        named = df.withColumn(VECTOR, vector(self.slots))
        named = with_log_odds(named, self.model, self.classifier, self.explainer, full)
        named = reasons.with_contributions(
            named, parts, explainer=self.explainer, slots=self.slots, columns=self.features, curve=self.curve
        )
        found = reasons.strongest(F.col(parts), self.features, df, top=top, words=words or {})
        explained = named.withColumn("__onecart_reasons", found)
        p = 1 / (1 + F.exp(-self.curve.column(F.col(full))))
        explained = explained.withColumns({"probability": p, "reasons": F.col("__onecart_reasons")})
        return explained.drop(VECTOR, full, parts, "__onecart_reasons")

    def rules(self, trees: int = 3) -> str:
        """The first trees as nested conditions, or the coefficients; numbers are log-odds, before calibration."""
        return rules.text(self.explainer, self.slots, trees)

    def save(self, path: str) -> None:
        """Writes the model to a new or old folder at `path`, local or in an object store. No row of data is in it."""
        spark = SparkSession.active()
        if not explain.whole(self.explainer):
            self.classifier.write().overwrite().save(f"{path}/classifier")
        apart = ("classifier", "slots", "explainer", "curve")
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in apart}
        plain |= {
            "slots": [asdict(s) for s in self.slots],
            "explainer": self.explainer.to_dict(),
            "curve": asdict(self.curve),
        }
        text = json.dumps(plain)
        spark.createDataFrame([(text,)], "value STRING").coalesce(1).write.mode("overwrite").text(f"{path}/intent")

    @staticmethod
    def load(path: str) -> "IntentModel":
        """The model that `save` wrote to `path`."""
        row = SparkSession.active().read.text(literal(f"{path}/intent")).first()
        if row is None:
            raise UsageError(f"no intent model in {path}")
        plain = json.loads(row[0])
        plain["slots"] = tuple(EncodedFeature(**s) for s in plain["slots"])
        plain["explainer"] = explain.from_dict(plain["explainer"])
        curve = plain["curve"]
        plain["curve"] = Curve(**{**curve, "x": tuple(curve["x"]), "y": tuple(curve["y"])})
        name = plain["model"]
        classifier = _LOADERS[name].load(literal(f"{path}/classifier")) if name in _LOADERS else None
        return IntentModel(classifier=classifier, **plain)


def with_log_odds(df: DataFrame, model: str, classifier: Any, explainer: explain.Explainer, name: str) -> DataFrame:
    """Adds the column `name`: the classifier's log-odds of VECTOR, uncalibrated."""
    if explain.whole(explainer):
        return df.withColumn(name, reasons.odds(explainer))
    names = {"featuresCol": VECTOR, "rawPredictionCol": _RAW, "probabilityCol": _CHANCES, "predictionCol": ""}
    copy = classifier.copy({classifier.getParam(k): v for k, v in names.items()})
    if model in _SUMS:
        # MLlib's boosted margin is half the log-odds: Friedman's loss log(1 + exp(-2 y margin)).
        odds = vector_to_array(F.col(_RAW))[1] * F.lit(2.0 if model == "gbt" else 1.0)
    else:
        p = vector_to_array(F.col(_CHANCES))[1]
        kept = F.least(F.greatest(p, F.lit(explain.LIMIT)), F.lit(1 - explain.LIMIT))
        odds = F.log(kept / (1 - kept))
    scored: DataFrame = copy.transform(df).withColumn(name, odds)
    return scored.drop(_RAW, _CHANCES)
