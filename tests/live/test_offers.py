"""Offers that follow the visit."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from pyspark.sql import functions as F

NIGHT, NOW = date(2024, 3, 1), datetime(2024, 3, 1, 9, 30)
HAD = [("ann", "1"), ("ann", "2"), ("bob", "1"), ("bob", "3"), ("cat", "4"), ("cat", "5"), ("dan", "4"), ("dan", "5")]


def look(who: str, sku: str, kind: str = "product_view", ts: datetime = NOW) -> dict[str, Any]:
    ids = {"event_id": f"{who}{sku}{kind}", "record_id": f"account:{who}", "channel": "web"}
    return {**ids, "event_ts": ts, "event_type": kind, "sku": sku}


@pytest.fixture
def shop(fill: Callable[..., None], lake: Any, spark: Any, context: Callable[..., Any], rows_of: Any) -> Any:
    from onecart import recommend

    people = sorted({who for who, _ in HAD})
    fill(
        "gold.identity_links",
        rows_of("gold.identity_links", *[{"record_id": f"account:{who}", "customer_id": who} for who in people]),
    )
    fill(
        "gold.customer_profile",
        rows_of("gold.customer_profile", *[{"customer_id": who, "consent_profiling": who != "dan"} for who in people]),
    )
    fill(
        "silver.orders",
        rows_of(
            "silver.orders",
            {
                "order_line_id": "1",
                "order_id": "1",
                "order_ts": NOW,
                "record_id": "account:bob",
                "sku": "2",
                "quantity": 1,
            },
        ),
    )
    had = spark.createDataFrame(HAD, "user_id string, item_id string")
    model = recommend.fit(had, weights={"item_knn": 0.5, "als": 0.5}, rank=2, iterations=3, blocks=1)
    model.notes["as_of"] = str(NIGHT)
    model.save(f"{lake.root}/models/recommend.blend/night")
    fill(
        "gold.recommendations",
        rows_of(
            "gold.recommendations",
            *[
                {
                    "customer_id": who,
                    "rank": rank,
                    "sku": f"{rank}",
                    "as_of": NIGHT,
                    "model_version": "recommend.blend@night",
                }
                for who in people
                for rank in (1, 2, 3)
            ],
        ),
    )
    fill("silver.interactions", [look("ann", "4"), look("dan", "1"), look("cat", "9", ts=datetime(2024, 2, 1))])
    return context(as_of=NIGHT, recommend={"k": 2}, shop={"goods": None})


def test_a_look_changes_the_offers_of_whoever_looked(shop: Any) -> None:
    from onecart.live.offers import Offerer, refresh

    lake, offerer = shop.lake, Offerer()
    before = {(r["customer_id"], r["rank"]): r["sku"] for r in lake.read("gold.recommendations").collect()}
    assert (
        refresh(shop, offerer, lake.read("silver.interactions")) == 1
    )  # dan did not agree, cat looked before the night
    rows = lake.read("gold.recommendations").collect()
    found = {(r["customer_id"], r["rank"]): r["sku"] for r in rows}
    assert {key: sku for key, sku in found.items() if key[0] != "ann"} == {
        key: sku for key, sku in before.items() if key[0] != "ann"
    }
    mine = sorted((r for r in rows if r["customer_id"] == "ann"), key=lambda r: r["rank"])
    assert [r["rank"] for r in mine] == [1, 2]  # k is 2 now: the third row of the night is gone
    assert {r["sku"] for r in mine} <= {"3", "4", "5"}
    assert "5" in {r["sku"] for r in mine}  # those who have 4 have it
    assert {r["model_version"] for r in mine} == {"recommend.blend@night"}

    kept = offerer.kept
    assert refresh(shop, offerer, lake.read("silver.interactions")) == 1
    assert offerer.kept is kept  # read once
    again = {(r["customer_id"], r["rank"]): r["sku"] for r in lake.read("gold.recommendations").collect()}
    assert again == found


def batch_of(event: dict[str, Any]) -> tuple[list[tuple[Any, ...]], Any]:
    from onecart.contracts import contract

    schema = contract("silver.interactions").schema
    return [tuple(event.get(f) for f in schema.fieldNames())], schema


def test_what_was_just_bought_is_offered_no_more(shop: Any, spark: Any) -> None:
    from onecart.live.offers import Offerer, refresh

    bought = {**look("bob", "", "purchase"), "sku": None}
    assert refresh(shop, Offerer(), spark.createDataFrame(*batch_of(bought))) == 1
    mine = {r["sku"] for r in shop.lake.read("gold.recommendations").where("customer_id = 'bob'").collect()}
    assert mine == {"4", "5"}


def test_a_product_bought_again_counts_as_a_repeat(shop: Any, spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from onecart.live import offers

    seen: list[Any] = []
    monkeypatch.setattr(offers, "purchases", lambda did: seen.append(did.collect()) or did.where("bought"))
    again = {
        "order_line_id": "2",
        "order_id": "2",
        "order_ts": NOW,
        "record_id": "account:bob",
        "sku": "3",
        "quantity": 1,
    }
    row = shop.lake.read("silver.orders").withColumns({k: F.lit(v).alias(k) for k, v in again.items()})
    shop.lake.upsert("silver.orders", row)
    assert (
        offers.refresh(
            shop, offers.Offerer(), spark.createDataFrame(*batch_of({**look("bob", "3", "purchase"), "sku": None}))
        )
        == 1
    )
    values = {r["item_id"]: r["value"] for r in seen[0] if r["bought"]}
    assert values == {"2": 1.0, "3": 1.5}  # bob had 3 before the night


def test_without_a_model_nothing_is_offered(shop: Any) -> None:
    from onecart.live.offers import Offerer, refresh

    shop.lake.delta("gold.recommendations").update(set={"model_version": "'recommend.popularity@night'"})
    assert refresh(shop, Offerer(), shop.lake.read("silver.interactions")) == 0
