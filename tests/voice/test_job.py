"""The job `voice` on a lake of a few reviews."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from chispa import assert_df_equality

from onecart.privacy.rows import rows_about
from onecart.privacy.subject import Subject
from onecart.voice import job as listen

pytestmark = [pytest.mark.nlp, pytest.mark.job]

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
    ctx = context(as_of=date(2011, 12, 10), voice={"min_rows": 20, "params": {"languages": ["en"]}})
    result = listen.run(ctx)
    scored = lake.read("gold.review_sentiment").toPandas().set_index("review_id")
    assert len(scored) == result.rows_in == 56
    assert result.rows_out > 56  # and the mentions of aspects
    right = {
        f"r{i}": "positive" if r["rating"] == 5 else "negative" for i, r in enumerate(reviews()) if r["rating"] != 3
    }
    assert scored.loc[list(right), "sentiment"].to_dict() == right
    assert (scored["split"] == "unlabelled").sum() == 7
    assert scored["split"]["r0"] == scored["split"]["r55"]  # the same text
    assert scored["sentiment"]["r54"] is None
    assert set(scored["model_version"]) == {"voice.sentiment@testrun"}
    n = (scored["split"] == "test").sum()
    assert result.headline.startswith(f"accuracy 1.00 on {n} held-out reviews (TF-IDF baseline 1.00); ")
    health = [
        (model, f"{model}@testrun", "holdout", metric, 1.0, date(2011, 12, 10))
        for model in ("voice.baseline", "voice.sentiment")
        for metric in ("accuracy", "macro_f1")
    ]
    found = lake.read("gold.model_health").where("dataset = 'holdout' AND metric <> 'ece'")
    assert_df_equality(found, spark.createDataFrame(health, found.schema), ignore_row_order=True, ignore_nullable=True)


def spoken(**columns: Any) -> dict[str, Any]:
    when = {"review_ts": datetime(2011, 12, 5), "sku": "s1", "rating": 1}
    return {**when, **columns}


def test_aspects_issues_quotes_and_intents_go_without_a_model_and_an_erased_customer_s_words_can_be_found(
    context: Callable[..., Any], fill: Callable[..., None], lake: Any, rows_of: Any
) -> None:
    early = {"review_ts": datetime(2011, 11, 1), "rating": 5, "sku": "s2"}
    said = [spoken(review_id=f"n{i}", text="a great handle, a great price", **early) for i in range(40)]
    said += [
        spoken(review_id="r1", record_id="account:1", text="The handle is awful, says Jane. Mail me: jane@x.example"),
        spoken(review_id="r2", record_id="account:2", text="The handle broke at once!"),
        *(spoken(review_id=f"r{i}", text="What an awful handle this is", sku=None) for i in range(3, 9)),
        spoken(review_id="late", text="The handle is awful", review_ts=datetime(2012, 1, 1)),
    ]
    fill("silver.reviews", said)
    fill("silver.products", rows_of("silver.products", {"sku": "s1", "category": "mugs"}, {"sku": "s2"}))
    contact = {"record_id": "account:1", "given_name": "Jane", "surname": "Doe"}
    fill("silver.contacts", rows_of("silver.contacts", contact))
    tickets = [{"ticket_id": "t1", "text": "Where is my parcel?"}, {"ticket_id": "t2", "text": None}]
    fill("silver.tickets", rows_of("silver.tickets", *[{"subject": None, **t} for t in tickets]))
    result = listen.run(context(as_of=date(2011, 12, 10), voice={"tagged_terms": 5}))  # too few texts to learn any from
    assert result.headline.startswith("no model: train_sentiment: ")
    assert not lake.exists("gold.review_sentiment")
    assert "mentions of aspects in 49 reviews; 1 emerging issues; 2 tickets by rules" in result.headline

    mentions = lake.read("gold.review_aspects")
    row = mentions.where("review_id = 'r1'").first()
    assert (row.aspect, row.polarity, row.record_id) == ("quality", "negative", "account:1")
    assert row.evidence == "The handle is awful"
    issues = {(r.scope, r.item, r.aspect): r for r in lake.read("gold.product_issues").where("emerging").collect()}
    shop = issues["shop", "all", "quality"]
    assert (shop.negative, shop.reviews, shop.week, shop.owner) == (8, 8, date(2011, 12, 5), "product and supplier")
    assert shop.sales_effect_reason == "not about one product"
    quotes = lake.read("gold.issue_quotes").where("scope = 'shop'").orderBy("place").collect()
    assert {r.quote for r in quotes} == {
        "The handle is awful",
        "The handle broke at once",
        "What an awful handle this is",
    }
    assert lake.read("gold.ticket_intent").where("ticket_id = 't1'").first().intent == "delivery"
    health = {r.metric: r.value for r in lake.read("gold.model_health").where("model = 'voice.aspects'").collect()}
    assert health == {"agreement": 1.0, "n": 49.0, "reviews_with_aspects": 49.0}

    ctx = context()
    jane = Subject(("c",), ("account:1",), {"review": ("r1",)}, (("email", "jane@x.example"),))
    for table, rows in (("gold.review_aspects", 1), ("gold.issue_quotes", 3), ("gold.product_issues", 0)):
        about = rows_about(lake, table, jane, ctx.settings)
        assert about.count() >= min(rows, 1), table
        assert about.count() <= rows, table


def test_a_shop_without_reviews_and_tickets_writes_nothing(context: Callable[..., Any], lake: Any) -> None:
    result = listen.run(context(as_of=date(2011, 12, 10)))
    assert result.rows_in == 0
    assert result.headline == "no reviews and no tickets"
    assert lake.names() == []
