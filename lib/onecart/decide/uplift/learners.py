"""Learners of uplift: T-learner, X-learner, class transformation, and the response model they must beat.

T- and X-learner: Künzel, Sekhon, Bickel & Yu, Metalearners for Estimating Heterogeneous Treatment Effects, PNAS (2019). Class
transformation: Jaskowski & Jaroszewicz, Uplift Modeling for Clinical Trial Data (2012), weighted by the propensity where the
arms are not of one size.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from onecart.stats import boosting

# Small trees and few of them: an effect is smaller than the noise around it. Not tuned on any sample.
DEFAULTS: dict[str, Any] = {"n_estimators": 100, "learning_rate": 0.05, "num_leaves": 8}
_MIN_LEAF, _MAX_LEAF, _LEAVES = 5, 200, 50  # a leaf holds a fiftieth of the rows, within these bounds


@dataclass(frozen=True)
class Trees:
    """A booster as text; `likely`: what it predicts is a log-odds, read as a probability."""

    text: str
    likely: bool

    def __call__(self, x: Any) -> Any:
        raw = self._booster.predict(x, raw_score=True)
        return 1 / (1 + np.exp(-raw)) if self.likely else raw

    def parts(self, x: Any) -> Any:
        """[row, number]: the Shapley value of each number, in the units of the raw prediction."""
        return self._booster.predict(x, pred_contrib=True)[:, :-1]

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def __getstate__(self) -> dict[str, Any]:
        return {"text": self.text, "likely": self.likely}


@dataclass(frozen=True)
class Effect:
    """The effect as a weighted sum of trees: sum of weight * trees(x), and `shift`. shares: which trees are weighted by the
    propensity e of a row (1: e, -1: 1 - e, 0: neither)."""

    trees: tuple[Trees, ...]
    weights: tuple[float, ...]
    shares: tuple[int, ...]
    shift: float = 0.0

    def __call__(self, x: Any, e: Any) -> Any:
        """The effect on each row of x, in units of the outcome; `e`: its propensity to be treated."""
        return self.shift + sum(
            w * _share(kind, e) * t(x) for t, w, kind in zip(self.trees, self.weights, self.shares, strict=True)
        )

    def calibrated(self, slope: float, constant: float) -> "Effect":
        """slope * the effect + constant."""
        return replace(self, weights=tuple(slope * w for w in self.weights), shift=slope * self.shift + constant)

    @property
    def additive(self) -> bool:
        """Whether the effect is a sum of what the features add, so that it can be explained."""
        return not any(t.likely for t in self.trees)

    def parts(self, x: Any, e: Any) -> Any:
        """[row, number]: what each number adds to the effect, in units of the outcome (Shapley values)."""
        return sum(
            w * np.reshape(_share(kind, e), (-1, 1)) * t.parts(x)
            for t, w, kind in zip(self.trees, self.weights, self.shares, strict=True)
        )


def _share(kind: int, e: Any) -> Any:
    return {1: e, -1: 1 - np.asarray(e), 0: np.ones_like(np.asarray(e, float))}[kind]


class Rows(Protocol):
    """Rows to learn from, as arrays (`Arrays`) or on Spark (`mllib.SparkRows`): y is the outcome, t 1 of the treated and 0 of the
    controls, e the propensity to be treated. What is said of them is arithmetic on arrays, or on columns."""

    @property
    def y(self) -> Any: ...

    @property
    def t(self) -> Any: ...

    @property
    def e(self) -> Any: ...

    def arm(self, treated: bool) -> "Rows":
        """The treated, or the controls."""
        ...

    def fit(self, y: Any, w: Any = None) -> "Trees":
        """Trees for `y`: probabilities where all are 0 or 1, else means; w: weights."""
        ...

    def fit_mean(self, y: Any) -> "Trees":
        """Trees for the mean of `y`, whatever its values."""
        ...

    def told(self, trees: "Trees") -> Any:
        """What the trees predict of each row."""
        ...


@dataclass(frozen=True)
class Engine:
    """How one tree model is learned: LightGBM with `params`, named as in its scikit-learn interface."""

    params: dict[str, Any]
    seed: int

    def fit(self, x: Any, y: Any, w: Any = None) -> Trees:
        """Trees for `y`: probabilities where all are 0 or 1, else means."""
        likely = bool(np.isin(y, (0.0, 1.0)).all())
        return self._fit(x, y, w, likely)

    def fit_mean(self, x: Any, y: Any, w: Any = None) -> Trees:
        """Trees for the mean of `y`, whatever its values."""
        return self._fit(x, y, w, False)

    def _fit(self, x: Any, y: Any, w: Any, likely: bool) -> Trees:
        leaf = int(np.clip(len(y) // _LEAVES, _MIN_LEAF, _MAX_LEAF))
        params = {**DEFAULTS, "min_child_samples": leaf, **self.params}
        how = boosting.same_every_time(params, "binary" if likely else "regression", self.seed)
        text, _ = boosting.trained(how, x, np.asarray(y, float), np.ones(len(y)) if w is None else np.asarray(w, float))
        return Trees(text, likely)


@dataclass(frozen=True)
class Arrays:
    """Rows in memory. x[row, number]; t as numbers."""

    engine: Engine
    x: Any
    y: Any
    t: Any
    e: Any

    def where(self, mask: Any) -> "Arrays":
        return Arrays(self.engine, self.x[mask], self.y[mask], self.t[mask], self.e[mask])

    def arm(self, treated: bool) -> "Arrays":
        return self.where(self.t == treated)

    def fit(self, y: Any, w: Any = None) -> Trees:
        return self.engine.fit(self.x, y, w)

    def fit_mean(self, y: Any) -> Trees:
        return self.engine.fit_mean(self.x, y)

    def told(self, trees: Trees) -> Any:
        return trees(self.x)


def t_learner(rows: Rows) -> Effect:
    """The outcome's model of the treated less that of the controls."""
    treated, controls = rows.arm(True), rows.arm(False)
    return Effect((treated.fit(treated.y), controls.fit(controls.y)), (1.0, -1.0), (0, 0))


def x_learner(rows: Rows) -> Effect:
    """Each arm's outcome less what the other arm's model expects of it, learned in each arm; the controls' effect counts as
    much as the propensity, the treated's as much as the rest."""
    treated, controls = rows.arm(True), rows.arm(False)
    of_treated, of_controls = treated.fit(treated.y), controls.fit(controls.y)
    effects = (
        controls.fit_mean(controls.told(of_treated) - controls.y),
        treated.fit_mean(treated.y - treated.told(of_controls)),
    )
    return Effect(effects, (1.0, 1.0), (1, -1))


def class_transformation(rows: Rows) -> Effect:
    """One model of "treated and 1, or a control and 0": twice its probability less 1 is the effect. The outcome is 0 or 1."""
    y, t, e = rows.y, rows.t, rows.e
    z, w = t * y + (1 - t) * (1 - y), (t / e + (1 - t) / (1 - e)) / 2
    return Effect((rows.fit(z, w),), (2.0,), (0,), -1.0)


def response(rows: Rows) -> Effect:
    """No uplift: the outcome to be expected, treated or not, which most mailing lists are sorted by."""
    return Effect((rows.fit(rows.y),), (1.0,), (0,))


LEARNERS: dict[str, Callable[[Rows], Effect]] = {
    "x": x_learner,
    "t": t_learner,
    "class_transformation": class_transformation,
}
