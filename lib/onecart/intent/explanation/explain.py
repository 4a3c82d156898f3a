"""What a classifier says about a vector and how much each number of it adds: one plain object per kind, for UDFs."""

import base64
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from onecart.intent.explanation.tree_shap import Forest
from onecart.stats.trees import Tree, of_mllib

LIMIT = 1e-6  # a share of 0 or 1, as a few trees may give, is kept so far from it: log-odds stay finite


class Explainer(Protocol):
    """odds: log-odds of each row of x, as on Spark. parts: [row, number] Shapley values, whose sum is odds - expected."""

    @property
    def expected(self) -> float: ...

    def odds(self, x: Any) -> Any: ...

    def parts(self, x: Any) -> Any: ...

    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Additive:
    """Trees whose sum is the log-odds (GBT): exact Shapley values of it."""

    forest: Forest
    width: int

    @property
    def expected(self) -> float:
        return self.forest.expected

    def odds(self, x: Any) -> Any:
        return self.forest.margin(x)

    def parts(self, x: Any) -> Any:
        return self.forest.shap(x, self.width)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "additive", "width": self.width, "forest": self.forest.to_dict()}


@dataclass(frozen=True)
class Averaged:
    """Trees whose mean is the probability (decision tree, random forest): exact Shapley values of the probability,
    stretched to log-odds so that their sum is kept."""

    forest: Forest
    width: int

    @property
    def expected(self) -> float:
        return float(_log_odds(self.forest.expected))

    def odds(self, x: Any) -> Any:
        return _log_odds(self.forest.margin(x))

    def parts(self, x: Any) -> Any:
        found = self.forest.shap(x, self.width)
        return rescaled(found, self.odds(x) - self.expected)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "averaged", "width": self.width, "forest": self.forest.to_dict()}


@dataclass(frozen=True)
class Linear:
    """Logistic regression: a number adds its coefficient x (the number - its mean in training)."""

    coefficients: list[float]
    means: list[float]
    intercept: float

    @property
    def expected(self) -> float:
        return float(self.intercept + np.dot(self.coefficients, self.means))

    def odds(self, x: Any) -> Any:
        return self.intercept + x @ np.array(self.coefficients)

    def parts(self, x: Any) -> Any:
        return (x - np.array(self.means)) * np.array(self.coefficients)

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": "linear",
            "coefficients": self.coefficients,
            "means": self.means,
            "intercept": self.intercept,
        }


@dataclass(frozen=True)
class Boosted:
    """XGBoost: its own path-dependent Shapley values."""

    raw: str  # the booster, base64

    @cached_property
    def _booster(self) -> Any:
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(bytearray(base64.b64decode(self.raw)))
        return booster

    @cached_property
    def _rounds(self) -> tuple[int, int]:
        best = self._booster.attr("best_iteration")
        return (0, int(best) + 1) if best is not None else (0, 0)

    @property
    def rounds(self) -> int:
        """Trees kept; 0: all."""
        return self._rounds[1]

    def _contributions(self, x: Any) -> Any:
        import xgboost

        data = xgboost.DMatrix(np.asarray(x, dtype=np.float32))
        found = self._booster.predict(data, pred_contribs=True, iteration_range=self._rounds)
        return found.astype(float)

    @cached_property
    def expected(self) -> float:
        return float(self._contributions(np.zeros((1, self._booster.num_features())))[0, -1])

    def odds(self, x: Any) -> Any:
        import xgboost

        data = xgboost.DMatrix(np.asarray(x, dtype=np.float32))
        return self._booster.predict(data, output_margin=True, iteration_range=self._rounds).astype(float)

    def parts(self, x: Any) -> Any:
        return self._contributions(x)[:, :-1]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "boosted", "raw": self.raw}

    def __getstate__(self) -> dict[str, Any]:
        return {"raw": self.raw}  # the opened booster stays behind when Spark sends this to its workers


@dataclass(frozen=True)
class LightGbm:
    """LightGBM: its own path-dependent Shapley values, exact."""

    text: str  # the booster, as LightGBM writes it
    rounds: int  # trees

    @cached_property
    def booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def _predicted(self, x: Any, **what: bool) -> Any:
        return np.asarray(self.booster.predict(np.asarray(x, dtype=float), num_threads=1, **what), dtype=float)

    @cached_property
    def expected(self) -> float:
        return float(self._predicted(np.zeros((1, self.booster.num_feature())), pred_contrib=True)[0, -1])

    def odds(self, x: Any) -> Any:
        return self._predicted(x, raw_score=True) if len(x) else np.zeros(0)

    def parts(self, x: Any) -> Any:
        return self._predicted(x, pred_contrib=True)[:, :-1] if len(x) else np.zeros(np.shape(x))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "lightgbm", "text": self.text, "rounds": self.rounds}

    def __getstate__(self) -> dict[str, Any]:
        return {"text": self.text, "rounds": self.rounds}  # as `Boosted`


def whole(explainer: Explainer) -> bool:
    """Whether the explainer is all of the model, so that no classifier of Spark is needed beside it."""
    return isinstance(explainer, Boosted | LightGbm)


def from_dict(plain: dict[str, Any]) -> Explainer:
    kind, rest = plain["kind"], {k: v for k, v in plain.items() if k != "kind"}
    if kind == "linear":
        return Linear(**rest)
    if kind == "boosted":
        return Boosted(**rest)
    if kind == "lightgbm":
        return LightGbm(**rest)
    forest = Forest.from_dict(rest["forest"])
    return Additive(forest, rest["width"]) if kind == "additive" else Averaged(forest, rest["width"])


def rescaled(parts: Any, wanted: Any) -> Any:
    """The rows of `parts`, each stretched to the sum `wanted`; a row that sums to 0 stays."""
    sums = parts.sum(axis=1)
    some = np.abs(sums) > 1e-12
    return parts * np.where(some, wanted / np.where(some, sums, 1.0), 1.0)[:, None]


def explainer(model: str, classifier: Any, *, means: list[float]) -> Explainer:
    """Read once from a fitted classifier. means: of the numbers in training."""
    if model == "xgboost":
        return Boosted(base64.b64encode(bytes(classifier.get_booster().save_raw("json"))).decode())
    if model == "lightgbm":
        return LightGbm(*classifier)
    if model == "logistic":
        return Linear(classifier.coefficients.tolist(), means, float(classifier.intercept))
    return forest_of(model, classifier)


def forest_of(model: str, classifier: Any) -> Additive | Averaged:
    width = int(classifier.numFeatures)
    if model == "decision_tree":
        return Averaged(Forest((of_mllib(classifier._java_obj.rootNode(), _probability),)), width)
    roots, weights = [tree.rootNode() for tree in classifier._java_obj.trees()], classifier.treeWeights
    if model == "random_forest":
        share = 1 / len(roots)
        return Averaged(Forest(tuple(of_mllib(root, lambda node: share * _probability(node)) for root in roots)), width)

    def tree(root: Any, weight: float) -> Tree:
        # MLlib's margin is half the log-odds: Friedman's loss log(1 + exp(-2 y margin)).
        return of_mllib(root, lambda node: 2 * weight * float(node.prediction()))

    return Additive(Forest(tuple(map(tree, roots, weights))), width)


def _probability(node: Any) -> float:
    return float(node.impurityStats().prob(1.0))


def _log_odds(p: Any) -> Any:
    kept = np.clip(p, LIMIT, 1 - LIMIT)
    return np.log(kept / (1 - kept))
