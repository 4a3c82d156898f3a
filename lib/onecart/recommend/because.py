"""Why an item is offered: what the user has that is most like it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from onecart.recommend.models import Frames


def with_because(lists: DataFrame, frames: Frames, n: int) -> DataFrame:
    """Adds `because` to `lists`[user_id, item, ...]: at most `n` item ids of the user's history, those with the largest
    similarity * weight to the item, by the item neighbours of `frames`, of a new item the content neighbours; null where
    nothing of the history is near.
    """
    ids = frames["items"].select("item", "item_id").toPandas()
    names: dict[int, Any] = dict(zip(ids["item"], ids["item_id"].tolist(), strict=True))
    kind = f"array<{frames['items'].schema['item_id'].dataType.simpleString()}>"

    def nearest(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.Series]:
        for columns in batches:
            yield pd.Series([_named(names, n, *row) for row in zip(*columns, strict=True)], dtype=object)

    udf = pandas_udf(nearest, kind)  # type: ignore[call-overload]
    near = frames["item_knn_items"].select("item", F.col("vector").alias("near"))
    if "content_items" in frames:  # a product that nobody has bought is only like others by what it is
        like = frames["content_items"].select("item", F.col("vector").alias("like"))
        near = near.join(like, on="item", how="full").select("item", F.coalesce("near", "like").alias("near"))
    has = frames["item_knn_users"].select("user_id", F.col("vector").alias("has"))
    both = lists.join(F.broadcast(near), on="item", how="left").join(has, on="user_id", how="left")
    arrays = [F.col(f"{side}.{part}") for side in ("near", "has") for part in ("index", "value")]
    return both.withColumn("because", udf(*arrays)).drop("near", "has")


def _named(names: dict[int, Any], n: int, near: Any, similarity: Any, has: Any, weight: Any) -> list[Any] | None:
    if near is None or has is None:
        return None
    items, a, b = np.intersect1d(near, has, assume_unique=True, return_indices=True)
    best = np.argsort(-(similarity[a] * weight[b]), kind="stable")[:n]
    return [names[item] for item in items[best]] if len(items) else None
