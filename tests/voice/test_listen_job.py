"""The job `voice` on a lake of a few reviews."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from chispa import assert_df_equality

from onecart.voice import listen

pytestmark = pytest.mark.nlp

WORDS = {5: ("great", "lovely", "superb", "perfect"), 1: ("awful", "broken", "horrible", "useless"), 3: ("so-so",)}


def reviews() -> list[dict[str, Any]]:
    texts = [
        (stars, f"{word} {thing}, really {word}")
        for stars, words in WORDS.items()
        for word in words
        for thing in "abcdef"
    ]
    texts += [(3, "--"), (5, "great a, really great")]  # one without a word, one said twice
    return [
        {
            "review_id": f"r{i}",
            "review_ts": datetime(2011, 12, 1),
            "sku": f"s{i % 3}",
            "rating": stars,
            "text": text,
        }
        for i, (stars, text) in enumerate(texts)
    ]


def test_all_reviews_are_scored_and_the_model_is_measured_beside_its_baseline(
    context: Callable[..., Any], fill: Callable[..., None], lake: Any, spark: Any
) -> None:
    fill("silver.reviews", reviews())
    ctx = context(as_of=date(2011, 12, 10), voice={"min_rows": 20, "epochs": 5, "dimensions": 20})
    result = listen.run(ctx)
    scored = lake.read("gold.review_sentiment").toPandas().set_index("review_id")
    assert len(scored) == result.rows_in == result.rows_out == 56
    right = {
        f"r{i}": "positive" if r["rating"] == 5 else "negative" for i, r in enumerate(reviews()) if r["rating"] != 3
    }
    assert scored.loc[list(right), "sentiment"].to_dict() == right
    assert (scored["split"] == "unlabelled").sum() == 7
    assert scored["split"]["r0"] == scored["split"]["r55"]  # the same text
    assert scored["sentiment"]["r54"] is None
    assert set(scored["model_version"]) == {"voice.sentiment@testrun"}
    n = (scored["split"] == "test").sum()
    assert result.headline == f"accuracy 1.00 on {n} held-out reviews (TF-IDF baseline 1.00)"
    health = [
        (model, f"{model}@testrun", "holdout", metric, 1.0, date(2011, 12, 10))
        for model in ("voice.baseline", "voice.sentiment")
        for metric in ("accuracy", "macro_f1")
    ]
    found = lake.read("gold.model_health")
    assert_df_equality(found, spark.createDataFrame(health, found.schema), ignore_row_order=True, ignore_nullable=True)


def test_too_few_reviews_train_no_model_and_write_nothing(
    context: Callable[..., Any], fill: Callable[..., None], lake: Any
) -> None:
    fill("silver.reviews", reviews())
    result = listen.run(context(as_of=date(2011, 12, 10)))
    assert (result.rows_in, result.rows_out) == (56, 0)
    assert result.headline == "no model: train_sentiment: 49 labelled rows with text; min_rows is 200"
    assert not lake.exists("gold.review_sentiment")
