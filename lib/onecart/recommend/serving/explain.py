"""Why an item is offered: what the user has that is most like it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from onecart.recommend.interactions import Frames


def with_because(lists: DataFrame, frames: Frames, n: int) -> DataFrame:
    """Adds `because` to `lists`[user_id, item, ...]: at most `n` item ids of the user's history, those with the largest
    similarity * weight to the item, by the item neighbours of `frames`, else by the content neighbours; null where nothing
    of the history is near.
    """
    ids = frames["items"].select("item", "item_id").toPandas()
    names: dict[int, Any] = dict(zip(ids["item"], ids["item_id"].tolist(), strict=True))
    kind = f"array<{frames['items'].schema['item_id'].dataType.simpleString()}>"

    def nearest(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.Series]:
        for columns in batches:
            yield pd.Series([_named(names, n, *row) for row in zip(*columns, strict=True)], dtype=object)

    udf = pandas_udf(nearest, kind)  # type: ignore[call-overload]
    with_near, parts = lists, list[str]()
    for part in ("item_knn", "content"):  # what people have together says more than what things are
        if f"{part}_items" in frames:
            near = frames[f"{part}_items"].select("item", F.col("vector").alias(part))
            with_near = with_near.join(F.broadcast(near), on="item", how="left")
            parts.append(part)
    has = frames["item_knn_users"].select("user_id", F.col("vector").alias("has"))
    both = with_near.join(has, on="user_id", how="left")
    arrays = [F.col(f"{side}.{half}") for side in ("has", *parts) for half in ("index", "value")]
    return both.withColumn("because", udf(*arrays)).drop("has", *parts)


def _named(names: dict[int, Any], n: int, has: Any, weight: Any, *near: Any) -> list[Any] | None:
    """near: the items and similarities of one kind of neighbours after the other."""
    for items, similarity in zip(near[::2], near[1::2], strict=True):
        if items is None or has is None:
            continue
        common, a, b = np.intersect1d(items, has, assume_unique=True, return_indices=True)
        if len(common):
            best = np.argsort(-(similarity[a] * weight[b]), kind="stable")[:n]
            return [names[item] for item in common[best]]
    return None
