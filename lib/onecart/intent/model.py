"""A trained model: scores rows, gives reasons, and is saved and loaded."""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pyspark.ml.classification import (
    DecisionTreeClassificationModel,
    GBTClassificationModel,
    LogisticRegressionModel,
    RandomForestClassificationModel,
)
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.intent.prepare import Slot, quoted, require, vector

VECTOR = "__onecart_vector"
_CHANCES = "__onecart_chances"
_LOADERS: dict[str, Any] = {
    "decision_tree": DecisionTreeClassificationModel,
    "random_forest": RandomForestClassificationModel,
    "gbt": GBTClassificationModel,
    "logistic": LogisticRegressionModel,
}


@dataclass(frozen=True)
class IntentModel:
    """Probability that `label` comes out `positive`.

    metrics: figures on the holdout, rows neither fitted nor calibrated on (see `metrics.metrics`).
    importances: column -> share of what the model learned, largest first. skipped: column -> why it is no feature.
    slope, intercept: Platt's calibration of the classifier's log-odds.
    """

    model: str
    classifier: Any
    slots: tuple[Slot, ...]
    slope: float
    intercept: float
    label: str
    positive: Any
    metrics: dict[str, float]
    importances: dict[str, float]
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def features(self) -> list[str]:
        """The columns a frame must have to be scored."""
        return list(dict.fromkeys(slot.column for slot in self.slots))

    def score(self, df: DataFrame) -> DataFrame:
        """Adds probability, calibrated, 0 to 1. Values never seen in training count as none of the known ones."""
        require(df, self.features, "feature")
        return self._with_probability(df, "probability")

    def explain(self, df: DataFrame, top: int = 3, among: int = 8) -> DataFrame:
        """Adds probability, and reasons: up to `top` of (feature, value, contribution), the strongest first.

        contribution: the probability less what it would be with a typical value in the column (the median; the most
        frequent string) and all others as they are. Only the `among` most important columns are tried. This is ablation
        of one column at a time: the contributions do not add up, and two columns that say the same hide each other.
        """
        require(df, self.features, "feature")
        full = "__onecart_full"  # not yet `probability`, which may be the name of a feature
        explained, reasons = self._with_probability(df, full), []
        for i, column in enumerate(list(self.importances)[:among]):
            without = f"__onecart_without_{i}"
            explained = self._with_probability(explained, without, typical=column)
            contribution = F.col(full) - F.col(without)
            reason = F.struct(
                F.lit(column).alias("feature"),
                quoted(column).cast("string").alias("value"),
                contribution.alias("contribution"),
            )
            reasons.append(F.struct((-F.abs(contribution)).alias("order"), reason.alias("reason")))
        ordered = F.transform(F.slice(F.array_sort(F.array(*reasons)), 1, top), lambda r: r["reason"])
        explained = explained.withColumn("reasons", F.filter(ordered, lambda r: r["contribution"] != 0))
        explained = explained.withColumn("probability", F.col(full))
        return explained.drop(*[c for c in explained.columns if c.startswith("__onecart_")])

    def save(self, path: str) -> None:
        """Writes the model to a new or old folder at `path`, local or in an object store."""
        spark = SparkSession.active()
        self.classifier.write().overwrite().save(f"{path}/classifier")
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("classifier", "slots")}
        text = json.dumps({**plain, "slots": [asdict(s) for s in self.slots]})
        spark.createDataFrame([(text,)], "value STRING").coalesce(1).write.mode("overwrite").text(f"{path}/intent")

    @staticmethod
    def load(path: str) -> "IntentModel":
        """The model that `save` wrote to `path`."""
        row = SparkSession.active().read.text(f"{path}/intent").first()
        if row is None:
            raise UsageError(f"no intent model in {path}")
        plain = json.loads(row[0])
        plain["slots"] = tuple(Slot(**s) for s in plain["slots"])
        return IntentModel(classifier=_LOADERS[plain["model"]].load(f"{path}/classifier"), **plain)

    def _with_probability(self, df: DataFrame, name: str, typical: str | None = None) -> DataFrame:
        scored = with_log_odds(df.withColumn(VECTOR, vector(self.slots, typical)), self.classifier, name)
        p = 1 / (1 + F.exp(-(F.lit(self.slope) * F.col(name) + F.lit(self.intercept))))
        return scored.withColumn(name, p).drop(VECTOR)


def with_log_odds(df: DataFrame, classifier: Any, name: str) -> DataFrame:
    """Adds the column `name`: the classifier's log-odds of VECTOR, uncalibrated, within -14 to 14."""
    names = {"featuresCol": VECTOR, "probabilityCol": _CHANCES, "rawPredictionCol": "", "predictionCol": ""}
    copy = classifier.copy({classifier.getParam(k): v for k, v in names.items()})
    scored: DataFrame = copy.transform(df).withColumn(name, _log_odds(vector_to_array(F.col(_CHANCES))[1]))
    return scored.drop(_CHANCES)


def _log_odds(p: Column) -> Column:
    """log(p / (1 - p)), with p kept a millionth away from 0 and 1."""
    kept = F.least(F.greatest(p, F.lit(1e-6)), F.lit(1 - 1e-6))
    return F.log(kept / (1 - kept))
