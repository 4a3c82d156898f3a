"""The job on a tiny lake."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from onecart.errors import OneCartError
from onecart.recommend import events, serve
from onecart.recommend.parameters import PARTS
from onecart.recommend.split import refuse_leakage

AS_OF = date(2024, 3, 1)
OLD, NEW, FUTURE = datetime(2024, 1, 5), datetime(2024, 2, 20), datetime(2024, 3, 1)
LINES = [  # customer, sku, time, quantity
    *[("ann", "10001", OLD, 1), ("ann", "10002", OLD, 1), ("ann", "10003", NEW, 1), ("ann", "10001", NEW, 1)],
    *[("bob", "10001", OLD, 1), ("bob", "10003", OLD, 1), ("bob", "10004", NEW, 1), ("bob", "POST", NEW, 1)],
    *[
        ("eve", "10001", OLD, 2),
        ("bob", "10006", OLD, 1),
        ("ann", "10007", OLD, 1),
        ("eve", "10001", NEW, -1),
        ("eve", "10005", FUTURE, 1),
    ],
]


@pytest.fixture
def shop(fill: Callable[..., None], context: Callable[..., Any]) -> Any:
    orders = [
        {
            **{
                "order_line_id": str(n),
                "order_id": str(n),
                "order_ts": ts,
                "channel": "web",
                "record_id": f"account:{who}",
            },
            **{
                "sku": sku,
                "quantity": q,
                "unit_price": Decimal(1),
                "amount": Decimal(q),
                "currency": "GBP",
                "is_return": q < 0,
            },
        }
        for n, (who, sku, ts, q) in enumerate(LINES)
    ]
    view = {
        "event_id": "v",
        "event_ts": OLD,
        "channel": "web",
        "event_type": "product_view",
        "record_id": "cookie:ann",
        "sku": "10003",
    }
    people = ("ann", "bob", "eve", "idle")
    links = [(f"account:{who}", who) for who in people] + [("cookie:ann", "ann")]
    counts = dict.fromkeys(("records", "orders", "units", "visits", "tickets", "reviews"), 0)
    profile = {**counts, "revenue": Decimal(0), "consent_email": False, "consent_sms": False, "as_of": AS_OF}
    fill("silver.orders", orders)
    fill("silver.interactions", [view])
    fill(
        "gold.identity_links",
        [{"record_id": r, "customer_id": c, "probability": 1.0, "rule": "alone"} for r, c in links],
    )
    fill(
        "gold.customer_profile", [{**profile, "customer_id": who, "consent_profiling": who != "eve"} for who in people]
    )
    return context(as_of=AS_OF, recommend={"k": 2, "rank": 2, "iterations": 2, "blocks": 1})


def test_job_offers_everybody_products_and_measures_the_models(shop: Any) -> None:
    result = serve.run(shop)
    offers = [
        r.asDict() for r in shop.lake.read("gold.recommendations").orderBy("customer_id", "rank").toLocalIterator()
    ]
    assert [(r["customer_id"], r["rank"]) for r in offers] == [
        (who, rank) for who in ("ann", "bob", "eve", "idle") for rank in (1, 2)
    ]
    offered = {who: {r["sku"] for r in offers if r["customer_id"] == who} for who in ("ann", "bob", "eve")}
    assert offered["ann"] == {"10004", "10006"}
    assert not any(r["sku"] in ("POST", "10005") for r in offers)
    assert {r["tier"] for r in offers if r["customer_id"] in ("eve", "idle")} == {"popularity"}
    assert {r["model_version"] for r in offers if r["customer_id"] == "eve"} == {"recommend.popularity@testrun"}
    assert {r["tier"] for r in offers if r["customer_id"] == "ann"} <= {"als", "ease", "item_knn", "popularity"}

    assert {r["because"] and r["because"][0] for r in offers if r["customer_id"] == "ann"} <= {
        "10001",
        "10002",
        "10003",
        "10007",
    }
    assert all(r["because"] is None for r in offers if r["customer_id"] in ("eve", "idle"))

    health = shop.lake.read("gold.model_health").select("model", "metric", "value").toPandas()
    assert set(health["model"]) == {f"recommend.{m}" for m in (*PARTS, "blend")}
    assert set(health["metric"]) >= {
        "map",
        "ndcg",
        "precision",
        "recall",
        "hit_rate",
        "coverage",
        "novelty",
        "diversity",
        "popularity_share",
        "ndcg_low",
        "ndcg_high",
    }
    over = health[health["metric"].str.startswith("ndcg_over_popularity")]
    assert {*over["model"]} == {"recommend.blend"}
    assert len(over) == 3
    ndcg = health[health["metric"] == "ndcg"].set_index("model")["value"]
    assert (
        result.headline
        == f"nDCG@2 blend {ndcg['recommend.blend']:.3f}, als {ndcg['recommend.als']:.3f}, popularity {ndcg['recommend.popularity']:.3f}"
    )
    assert (result.rows_in, result.rows_out) == (11, 8)


def test_segments_are_of_those_who_agreed(spark: Any) -> None:
    people = [("ann", True, "France"), ("bob", True, None), ("eve", False, "France"), ("idle", None, "Malta")]
    profiles = spark.createDataFrame(people, "customer_id string, consent_profiling boolean, country string")
    found = serve.segments(profiles, {"country": "country", "name": "length(customer_id)"})
    assert found is not None
    assert sorted((r.user_id, r.group) for r in found.toLocalIterator()) == [
        ("ann", "country.France"),
        ("ann", "name.3"),
        ("bob", "name.3"),
    ]
    assert serve.segments(profiles, {}) is None


def test_split_holds_out_what_was_never_bought_before(spark: Any) -> None:
    schema = "user_id string, item_id string, ts timestamp, bought boolean"
    rows = [
        ("a", "x", OLD, True),
        ("a", "y", OLD, False),
        ("a", "x", NEW, True),
        ("a", "y", NEW, True),
        ("a", "z", NEW, False),
    ]
    train, held_out = events.split(spark.createDataFrame(rows, schema), date(2024, 2, 1))
    assert [(r.user_id, r.item_id) for r in held_out.toLocalIterator()] == [("a", "y")]
    assert {r.item_id for r in train.toLocalIterator()} == {"x", "y"}


def test_training_rows_after_the_cut_are_refused(spark: Any) -> None:
    rows = spark.createDataFrame([(datetime(2024, 2, 1),), (OLD,)], "ts timestamp")
    with pytest.raises(OneCartError, match="1 training rows are of 2024-02-01 or later"):
        refuse_leakage(rows, date(2024, 2, 1))


def test_offers_keep_to_margin_and_category_with_a_model_that_no_blend_holds(
    shop: Any, fill: Callable[..., None]
) -> None:
    product = {
        "currency": "GBP",
        "updated_ts": OLD,
        "list_price": Decimal(10),
        "unit_cost": Decimal(2),
        "category": "bag",
    }
    dear = {"10006": {"unit_cost": Decimal(9)}, "10001": {"category": "mug"}}
    fill("silver.products", [{**product, "sku": f"1000{n}", **dear.get(f"1000{n}", {})} for n in range(1, 8)])
    conf = shop.settings.recommend.model_copy(update={"model": "user_knn", "min_margin": 0.5, "per_category": 1})
    ctx = replace(shop, settings=shop.settings.model_copy(update={"recommend": conf}))
    serve.run(ctx)
    offers = shop.lake.read("gold.recommendations").toPandas()
    assert "10006" not in set(offers["sku"])
    ann = offers[offers["customer_id"] == "ann"].sort_values("rank")
    assert ann["sku"].tolist() == ["10004"]
    health = shop.lake.read("gold.model_health").where("metric = 'ndcg_over_popularity'")
    assert [r.model for r in health.toLocalIterator()] == ["recommend.user_knn"]
