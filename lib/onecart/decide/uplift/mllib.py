"""Trees of MLlib for tables that no worker holds: forests grown on Spark, kept as LightGBM's text, so that a model is scored,
explained and saved the same way whatever grew it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.functions import array_to_vector
from pyspark.ml.regression import RandomForestRegressor
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from onecart.decide.uplift.learners import Effect, Trees
from onecart.errors import UsageError, nearest
from onecart.stats.trees import Tree, of_mllib

# A forest grows level by level, all its trees at once: some ten Spark jobs, where boosting's hundred rounds would be hundreds.
DEFAULTS: dict[str, Any] = {"numTrees": 40, "maxDepth": 6, "maxBins": 64, "featureSubsetStrategy": "all"}
NAMES = ("numTrees", "maxDepth", "maxBins", "minInstancesPerNode", "featureSubsetStrategy", "subsamplingRate")
_MIN_LEAF, _MAX_LEAF, _LEAVES = 5, 200, 50  # of the rows of an arm, as in `learners`
_BELOW_ALL = -1e300  # what a missing value is to MLlib, which knows none; LightGBM sends missing values left, too
_X, _LABEL, _WEIGHT = "__onecart_vector", "__onecart_label", "__onecart_weight"


def checked(params: dict[str, Any]) -> dict[str, Any]:
    """`params`, named as MLlib's RandomForestRegressor has them. UsageError: a wrong name."""
    for name in params:
        if name not in NAMES:
            raise UsageError(f"the model 'mllib' has no parameter '{name}'{nearest(name, NAMES)}")
    return params


@dataclass(frozen=True)
class Forest:
    """How one forest is grown. rows: of the whole table, which its leaves are sized by."""

    params: dict[str, Any]
    seed: int
    rows: int

    def fit(self, rows: DataFrame, y: Column, w: Column) -> Trees:
        """Trees for the mean of `y`; rows: x, an array of numbers."""
        leaf = int(np.clip(self.rows // 2 // _LEAVES, _MIN_LEAF, _MAX_LEAF))
        how = {**DEFAULTS, "minInstancesPerNode": leaf, **self.params}
        plain = F.transform("x", lambda v: F.when(F.isnan(v) | v.isNull(), F.lit(_BELOW_ALL)).otherwise(v))
        matrix = rows.select(array_to_vector(plain).alias(_X), y.alias(_LABEL), w.alias(_WEIGHT))
        grown = RandomForestRegressor(featuresCol=_X, labelCol=_LABEL, weightCol=_WEIGHT, seed=self.seed, **how).fit(
            matrix
        )
        return Trees(as_text(grown), likely=False)


@dataclass(frozen=True)
class SparkRows:
    """Rows on Spark, as `learners.Rows`. rows: x (array of numbers), y, t and e."""

    forest: Forest
    rows: DataFrame

    @property
    def y(self) -> Column:
        return F.col("y")

    @property
    def t(self) -> Column:
        return F.col("t")

    @property
    def e(self) -> Column:
        return F.col("e")

    def arm(self, treated: bool) -> "SparkRows":
        return SparkRows(self.forest, self.rows.where(F.col("t") == float(treated)))

    def fit(self, y: Column, w: Column | None = None) -> Trees:
        return self.forest.fit(self.rows, y, F.lit(1.0) if w is None else w)

    def fit_mean(self, y: Column) -> Trees:
        return self.fit(y)

    def told(self, trees: Trees) -> Column:
        return column(trees)


def column(score: Trees | Effect) -> Column:
    """What trees or an effect say of each of rows with x and e."""

    @pandas_udf("double")  # type: ignore[call-overload, untyped-decorator]
    def numbers(x: pd.Series, e: pd.Series) -> pd.Series:
        if x.empty:
            return pd.Series([], dtype=float)
        matrix = np.array(x.tolist(), float)
        found = score(matrix) if isinstance(score, Trees) else score(matrix, e.to_numpy(float))
        return pd.Series(found, index=x.index)

    said: Column = numbers("x", "e")
    return said


def as_text(grown: Any) -> str:
    """A fitted forest of MLlib as LightGBM writes its boosters: the sum of the trees, each over their number."""
    n = grown.getNumTrees
    names = [f"Column_{i}" for i in range(grown.numFeatures)]
    head = ["tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0"]
    head += [f"max_feature_idx={len(names) - 1}", "objective=regression", f"feature_names={' '.join(names)}"]
    head += [f"feature_infos={' '.join('[-inf:inf]' for _ in names)}", ""]
    read = [of_mllib(tree.rootNode(), lambda node: float(node.prediction()) / n) for tree in grown._java_obj.trees()]
    trees = [f"Tree={i}\n{_text(tree)}\n" for i, tree in enumerate(read)]
    return "\n".join([*head, *trees, "end of trees", ""])


def _text(tree: Tree) -> str:
    """A node's children are numbers of nodes, or -1 - the number of a leaf; 10: missing values go left."""
    nodes = [i for i, feature in enumerate(tree.feature) if feature >= 0]
    leaves = [i for i, feature in enumerate(tree.feature) if feature < 0]
    place = {at: i for i, at in enumerate(nodes)} | {at: -1 - i for i, at in enumerate(leaves)}
    lines: Iterable[tuple[str, list[Any]]] = (
        ("num_leaves", [len(leaves)]), ("num_cat", [0]),
        ("split_feature", [tree.feature[i] for i in nodes]), ("split_gain", [1] * len(nodes)),
        ("threshold", [tree.threshold[i] for i in nodes]), ("decision_type", [10] * len(nodes)),
        ("left_child", [place[tree.left[i]] for i in nodes]), ("right_child", [place[tree.right[i]] for i in nodes]),
        ("leaf_value", [tree.value[i] for i in leaves]), ("leaf_weight", [int(tree.cover[i]) for i in leaves]),
        ("leaf_count", [int(tree.cover[i]) for i in leaves]), ("internal_value", [tree.value[i] for i in nodes]),
        ("internal_weight", [int(tree.cover[i]) for i in nodes]), ("internal_count", [int(tree.cover[i]) for i in nodes]),
        ("is_linear", [0]), ("shrinkage", [1]),
    )  # fmt: skip
    return "".join(f"{name}={' '.join(map(repr, values))}\n" for name, values in lines)
