"""LightGBM in one worker of Spark, for tables that fit there: a pass over the rows in the place of some hundred jobs of MLlib."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import OneCartError, UsageError, nearest

NUMBERS = 20_000_000  # rows x numbers a row that go to one worker: 160 MB there, 20 million take a minute or two
NAMES = (
    *("n_estimators", "learning_rate", "num_leaves", "max_depth", "min_child_samples", "min_child_weight", "subsample"),
    *("subsample_freq", "colsample_bytree", "reg_alpha", "reg_lambda", "min_split_gain", "max_bin", "path_smooth"),
)
_PATIENCE = 30  # rounds without a lower loss on the validation rows after which it stops
_SCHEMA = "text STRING, rounds INT, error STRING"


def checked(params: dict[str, Any]) -> dict[str, Any]:
    """`params`, named as LightGBM's scikit-learn interface has them. UsageError: a wrong name, or no number."""
    for name, value in params.items():
        if name not in NAMES:
            raise UsageError(f"the model 'lightgbm' has no parameter '{name}'{nearest(name, NAMES)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"the model 'lightgbm': {name}={value!r} is no number")
    return params


def boosted(
    fit: DataFrame,
    validation: DataFrame | None,
    params: dict[str, Any],
    *,
    columns: tuple[str, str, str, Column],
    seed: int,
) -> tuple[str, int]:
    """(the booster as LightGBM's text, its trees), learned from `fit`; it stops where the log loss of `validation` rises.

    columns: names of the vector, of the 0/1 label and of the weight, and the column that rows are put in order by. One core,
    so that the same rows give the same trees wherever they are. OneCartError: LightGBM refuses.
    """
    vector, label, weight, place = columns
    parts = fit.withColumn("held", F.lit(False))
    if validation is not None:
        parts = parts.unionByName(validation.withColumn("held", F.lit(True)))
    x = vector_to_array(F.col(vector)).alias("x")
    rows = parts.select(x, F.col(label).alias("y"), F.col(weight).alias("w"), "held", place.alias("place"))
    settings = {**params, "objective": "binary", "metric": "binary_logloss", "seed": seed % 2**31, "num_threads": 1}
    settings |= {"deterministic": True, "force_row_wise": True, "verbose": -1}
    found = rows.coalesce(1).mapInPandas(_learns(settings), _SCHEMA).first()
    if found is None or found["error"]:
        raise OneCartError(f"LightGBM failed: {found['error'] if found else 'there are no rows'}")
    return found["text"], found["rounds"]


def _learns(settings: dict[str, Any]) -> Any:
    def learn(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        columns = [
            (np.array(b["x"].tolist()), *(b[c].to_numpy() for c in ("y", "w", "held", "place")))
            for b in batches
            if len(b)
        ]
        x, y, w, held, place = (np.concatenate(values) for values in zip(*columns, strict=True))
        order = np.argsort(place, kind="stable")  # of equal places the rows are equal too
        try:
            text, rounds = _trained(settings, x[order], y[order], w[order], held[order].astype(bool))
            yield pd.DataFrame({"text": [text], "rounds": [rounds], "error": [None]})
        except Exception as e:
            yield pd.DataFrame({"text": [None], "rounds": [0], "error": [str(e).splitlines()[0][:300]]})

    return learn


def _trained(settings: dict[str, Any], x: Any, y: Any, w: Any, held: Any) -> tuple[str, int]:
    import lightgbm

    rounds = int(settings["n_estimators"])
    how = {name: value for name, value in settings.items() if name != "n_estimators"}
    data = lightgbm.Dataset(x[~held], y[~held], weight=w[~held], params=how)
    stops: dict[str, Any] = {}
    if held.any():
        stops["valid_sets"] = [lightgbm.Dataset(x[held], y[held], weight=w[held], reference=data, params=how)]
        stops["callbacks"] = [lightgbm.early_stopping(_PATIENCE, verbose=False)]
    booster = lightgbm.train(how, data, rounds, **stops)
    kept = booster.best_iteration if held.any() and booster.best_iteration > 0 else booster.num_trees()
    return booster.model_to_string(num_iteration=kept), kept
