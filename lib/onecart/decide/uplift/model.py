"""A learned uplift model: scores rows, gives reasons, is saved and loaded."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.decide.uplift.encoding import Encoder
from onecart.decide.uplift.evaluation import OfferReport
from onecart.decide.uplift.learners import Effect, Trees
from onecart.decide.uplift.propensity import Overlap
from onecart.errors import UsageError
from onecart.frames import quoted, require_columns

_TOP = 3


@dataclass(frozen=True)
class Offer:
    """What was learned of one offer. cost: of making it, per treated row; constant, trees: the propensity to be treated."""

    effect: Effect
    report: OfferReport
    overlap: Overlap
    curve: dict[str, list[float]]
    cost: float
    constant: float
    trees: Trees | None

    def uplift(self, x: Any) -> Any:
        """Of each row, in units of the outcome."""
        return self.effect(x, self._propensity(x))

    def parts(self, x: Any) -> Any:
        """[row, number]: what each number of the row adds to it."""
        return self.effect.parts(x, self._propensity(x))

    def _propensity(self, x: Any) -> Any:
        return np.full(len(x), self.constant) if self.trees is None else self.trees(x)


@dataclass(frozen=True)
class UpliftModel:
    """What each offer changes in `outcome`, row by row. value: what one unit of the outcome is worth, in the currency of the
    offers' costs. rows: learned from; judged_on: held-out ones that
    the figures are from; engine: lightgbm | mllib. warnings: what the figures cannot show."""

    model: str
    outcome: str
    treatment: str
    control: str
    encoder: Encoder
    offers: dict[str, Offer]
    value: float = 1.0
    rows: int = 0
    judged_on: int = 0
    engine: str = "lightgbm"
    warnings: list[str] = field(default_factory=list)

    @property
    def features(self) -> list[str]:
        """The columns a frame must have to be scored."""
        return self.encoder.columns

    @property
    def skipped(self) -> dict[str, str]:
        """Column -> why it is no feature."""
        return self.encoder.skipped

    @property
    def report(self) -> pd.DataFrame:
        """One row per offer: the fields of `OfferReport`."""
        return pd.DataFrame([asdict(offer.report) for offer in self.offers.values()])

    @property
    def overlap(self) -> pd.DataFrame:
        """One row per offer: the fields of `Overlap`."""
        return pd.DataFrame([{"offer": name, **asdict(offer.overlap)} for name, offer in self.offers.items()])

    @property
    def curves(self) -> dict[str, pd.DataFrame]:
        """Offer -> points of its uplift curve on held-out rows: share of all rows, gain per treated row, chord."""
        return {name: pd.DataFrame(offer.curve) for name, offer in self.offers.items()}

    def score(self, df: DataFrame) -> DataFrame:
        """Adds uplift, in units of the outcome, to a frame of Spark or pandas.

        Of several offers: uplifts (offer -> uplift), best_offer (that of the highest expected profit; null: none earns its
        cost), expected_profit (of the best; 0: no offer), and uplift is that of the best. For the choice an offer without
        heterogeneity has its mean effect for everybody.
        """
        return self._applied(df, self._scored)

    def explain(self, df: DataFrame, top: int = _TOP) -> DataFrame:
        """Adds what `score` adds, and reasons: up to `top` features and what they add to the uplift (Shapley values, in units of
        the outcome), as in "recency: +0.021", the strongest first; of several offers, those of the first.

        UsageError: the model is no sum over features (t and class_transformation of a 0/1 outcome).
        """
        first = next(iter(self.offers.values()))
        if not first.effect.additive:
            raise UsageError(
                f"UpliftModel.explain: of model='{self.model}' and an outcome of 0 and 1 no reasons can be given; take model='x'"
            )
        return self._applied(df, lambda frame: {**self._scored(frame), "reasons": self._reasons(frame, top)})

    def to_json(self) -> str:
        """The model as text."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "UpliftModel":
        """The model that `to_json` wrote."""
        tree = json.loads(text)
        made = {name: _offer(o) for name, o in tree.pop("offers").items()}
        e = tree.pop("encoder")
        levels = {c: tuple(found) for c, found in e["levels"].items()}
        return UpliftModel(**tree, encoder=Encoder(tuple(e["numbers"]), levels, e["skipped"]), offers=made)

    def save(self, path: str | Path) -> None:
        """Writes the model to a file."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    def _scored(self, frame: pd.DataFrame) -> dict[str, Any]:
        x = self.encoder.matrix(frame)
        raw = {name: offer.uplift(x) for name, offer in self.offers.items()}
        if len(raw) == 1:
            return {"uplift": next(iter(raw.values()))}
        names = np.array([*raw])
        used = [
            v if self.offers[n].report.heterogeneous else np.full(len(x), self.offers[n].report.effect)
            for n, v in raw.items()
        ]
        profits = np.array([u * self.value - offer.cost for u, offer in zip(used, self.offers.values(), strict=True)])
        best, at = profits.argmax(axis=0), np.arange(len(x))
        pays = profits[best, at] > 0
        return {
            "uplift": np.array(used)[best, at],
            "uplifts": [dict(zip(names.tolist(), map(float, row), strict=True)) for row in np.array([*raw.values()]).T],
            "best_offer": np.where(pays, names[best], None),
            "expected_profit": np.where(pays, profits[best, at], 0.0),
        }

    def _reasons(self, frame: pd.DataFrame, top: int) -> list[list[str]]:
        offer = next(iter(self.offers.values()))
        parts, columns = offer.parts(self.encoder.matrix(frame)), [c for c, _ in self.encoder.names]
        by = pd.DataFrame(parts).T.groupby(columns).sum().T
        order = np.argsort(-np.abs(by.to_numpy()), axis=1, kind="stable")[:, :top]
        return [[f"{by.columns[c]}: {row[c]:+.4g}" for c in at] for row, at in zip(by.to_numpy(), order, strict=True)]

    def _applied(self, df: DataFrame, work: Any) -> DataFrame:
        require_columns(df, self.features, "UpliftModel.score: the frame", role="feature")
        if isinstance(df, pd.DataFrame):
            return df.assign(**work(df))
        fields = {"uplift": T.DoubleType()}
        if len(self.offers) > 1:
            fields["uplifts"] = T.MapType(T.StringType(), T.DoubleType())  # type: ignore[assignment]
            fields |= {"best_offer": T.StringType(), "expected_profit": T.DoubleType()}  # type: ignore[dict-item]
        if work != self._scored:
            fields["reasons"] = T.ArrayType(T.StringType())  # type: ignore[assignment]
        schema = T.StructType([T.StructField(n, k) for n, k in fields.items()])

        def scored(*columns: pd.Series) -> pd.DataFrame:
            frame = pd.DataFrame(dict(zip(self.features, columns, strict=True)))
            return pd.DataFrame(work(frame), columns=[*fields], index=frame.index)

        found = pandas_udf(scored, schema)(*[_plain(df, c, self.encoder) for c in self.features])  # type: ignore[call-overload]
        new = df.withColumn("__onecart_uplift", found)
        return new.withColumns({n: F.col(f"__onecart_uplift.{n}") for n in fields}).drop("__onecart_uplift")


def _plain(df: DataFrame, column: str, encoder: Encoder) -> Any:
    return quoted(column) if column in encoder.levels else quoted(column).cast("double")


def _offer(tree: dict[str, Any]) -> Offer:
    effect = tree["effect"]
    trees = tuple(Trees(**one) for one in effect["trees"])
    made = Effect(trees, tuple(effect["weights"]), tuple(effect["shares"]), effect["shift"])
    return Offer(
        effect=made,
        report=OfferReport(**tree["report"]),
        overlap=Overlap(**tree["overlap"]),
        curve=tree["curve"],
        cost=tree["cost"],
        constant=tree["constant"],
        trees=Trees(**tree["trees"]) if tree["trees"] else None,
    )
