"""Learned segments: as many as are there, named by their traits, the same wherever rows lie."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from onecart.config.sections.decide.segments import LearnedSegments
from onecart.decide.segmentation.learned import learn, sample_of, with_learned

HOW = LearnedSegments(features=("orders_365d", "average_basket", "store_share"))


def customers(n: int = 300) -> pd.DataFrame:
    """A third buys often and little, a third seldom and much, a third in stores."""
    draw = np.random.default_rng(3)
    kind = np.arange(n) % 3
    return pd.DataFrame(
        {
            "orders_365d": np.choose(kind, [30, 3, 8]) + draw.integers(0, 3, n),
            "average_basket": np.choose(kind, [10, 200, 40]) + draw.normal(0, 4, n),
            "store_share": np.clip(np.choose(kind, [0.1, 0.1, 0.9]) + draw.normal(0, 0.05, n), 0, 1),
        }
    )


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_as_many_segments_as_there_are_named_by_what_sets_them_apart(method: str) -> None:
    frame = customers()
    learned, words = learn(frame, HOW.model_copy(update={"method": method}), 7)
    assert learned is not None
    names = learned.segment_of(frame)
    assert [len(set(names[i::3])) for i in range(3)] == [1, 1, 1]
    assert len(set(names)) == 3
    assert "many orders" in names[0]
    assert "large baskets" in names[1]
    assert "buy in store" in names[2]
    assert words.startswith("3 learned segments (silhouette 0.")
    assert learned.traits[learned.names.index(names[2])].startswith("store_share +")


def test_an_absurd_value_and_missing_ones_make_no_segment_of_their_own() -> None:
    frame = customers()
    frame.loc[0, "average_basket"] = 1e9
    frame.loc[3, "store_share"] = np.nan
    learned, _ = learn(frame, HOW, 7)
    assert learned is not None
    assert len(learned.names) == 3
    assert learned.segment_of(frame)[0] == learned.segment_of(frame)[6]


def test_where_nothing_is_stable_nothing_is_learned() -> None:
    noise = pd.DataFrame(np.random.default_rng(5).normal(size=(400, 3)), columns=[*HOW.features])
    learned, words = learn(noise, HOW, 7)
    assert learned is None
    assert "found again at 0." in words
    assert learn(customers(30), HOW, 7) == (None, "30 customers with consent are too few to learn segments from")
    same = customers().assign(orders_365d=1, average_basket=2.0)
    assert learn(same, HOW, 7)[1] == "fewer than two features differ, so no segments are learned"


def test_the_same_customers_get_the_same_segments_wherever_they_lie(spark: Any, spread: Any) -> None:
    frame = customers().assign(customer_id=[f"c{i}" for i in range(300)])
    found = []
    for rows in spread(spark.createDataFrame(frame)):
        learned, _ = learn(sample_of(rows, HOW), HOW, 7)
        from pyspark.sql import functions as F

        marked = with_learned(rows.withColumn("profiled", F.col("customer_id") != "c5"), learned)
        found.append(sorted((r["customer_id"], r["learned_segment"] or "") for r in marked.collect()))
    assert found[0] == found[1] == found[2]
    assert dict(found[0])["c5"] == ""
    assert len({segment for _, segment in found[0]}) == 4
