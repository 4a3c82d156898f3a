"""A model as a whole: what matters, in which direction (from a few hundred rows of its training part), and how good."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.intent.explanation.explain import Explainer
from onecart.intent.explanation.reasons import by_column
from onecart.intent.training.encoding import VECTOR, EncodedFeature
from onecart.intent.training.split import PART
from onecart.stats.calibration import Curve

ROWS = 500
_POINTS = 10


def sampled(ready: DataFrame) -> Any:
    """[row, number]: up to ROWS vectors of the fitted rows, chosen by their hash. They are looked at and not kept."""
    x = vector_to_array(F.col(VECTOR)).alias("x")
    rows = ready.where(F.col(PART) == "fit").select(x).orderBy(F.xxhash64("x")).limit(ROWS).collect()
    return np.array([r["x"] for r in rows], dtype=float)


def importances(explainer: Explainer, slots: Sequence[EncodedFeature], x: Any) -> dict[str, float]:
    """Column -> its share of the mean |Shapley value|, largest first."""
    columns = list(dict.fromkeys(s.column for s in slots))
    weights = np.abs(by_column(explainer.parts(x), slots, columns)).mean(axis=0)
    total = weights.sum() or 1.0
    return {columns[i]: float(weights[i] / total) for i in np.argsort(-weights, kind="stable")}


def partial(
    explainer: Explainer, curve: Curve, slots: Sequence[EncodedFeature], x: Any, columns: Sequence[str]
) -> dict[str, list[tuple[Any, float]]]:
    """Column -> points (value, mean probability of the rows of x if all had this value), by tenths of a number and by
    frequent word (Friedman, Greedy Function Approximation, 2001)."""
    found: dict[str, list[tuple[Any, float]]] = {}
    for column in columns:
        own = [i for i, s in enumerate(slots) if s.column == column]
        values = [i for i in own if slots[i].kind == "value"]
        settings: list[tuple[Any, dict[int, float]]]
        if values:
            grid = np.unique(np.quantile(x[:, values[0]], np.linspace(0, 1, _POINTS + 1)))
            settings = [(float(v), {values[0]: v}) for v in grid]
        else:
            settings = [(slots[i].level, {i: 1.0}) for i in own if slots[i].kind == "level"][:_POINTS]
        for value, given in settings:
            changed = x.copy()
            changed[:, own] = 0.0
            for i, v in given.items():
                changed[:, i] = v
            p = 1 / (1 + np.exp(-curve(explainer.odds(changed))))
            found.setdefault(column, []).append((value, float(p.mean())))
    return found


def points(model: Any) -> list[tuple[str, str, int, str, float]]:
    """The pictures of an IntentModel as rows (view, feature, position, x, value) of gold.model_overview."""
    found = [("importance", c, i, c, share) for i, (c, share) in enumerate(model.importances.items())]
    for column, curve in model.partial.items():
        found += [("partial", column, i, _label(x), p) for i, (x, p) in enumerate(curve)]
    for view in ("predicted", "rate", "gain"):
        found += [(view, "", i, str(i + 1), tenth[view]) for i, tenth in enumerate(model.gains)]
    return found


def _label(x: Any) -> str:
    return f"{x:.4g}" if isinstance(x, float) else "none" if x is None else str(x)
