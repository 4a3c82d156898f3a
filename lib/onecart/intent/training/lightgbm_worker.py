"""LightGBM in one worker of Spark, for tables that fit there: a pass over the rows in the place of some hundred jobs of MLlib."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import OneCartError
from onecart.stats import boosting

_SCHEMA = "text STRING, rounds INT, error STRING"


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
    settings = boosting.same_every_time(params, "binary", seed)
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
            text, rounds = boosting.trained(settings, x[order], y[order], w[order], held[order].astype(bool))
            yield pd.DataFrame({"text": [text], "rounds": [rounds], "error": [None]})
        except Exception as e:
            yield pd.DataFrame({"text": [None], "rounds": [0], "error": [str(e).splitlines()[0][:300]]})

    return learn
