"""The job on a tiny lake."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import functions as F

from onecart.errors import OneCartError
from onecart.facts import write_facts
from onecart.recommend import events
from onecart.recommend import job as serve
from onecart.recommend.models.blend import PARTS
from onecart.recommend.serving import offers
from onecart.recommend.split import refuse_leakage

pytestmark = pytest.mark.job

AS_OF = date(2024, 3, 1)
OLD, NEW, FUTURE = datetime(2024, 1, 5), datetime(2024, 2, 20), datetime(2024, 3, 1)
SMALL = {"als": {"rank": 2, "iterations": 2, "blocks": 1, "alpha": 10.0, "reg": 0.4}}
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
    ctx = context(as_of=AS_OF, recommend={"k": 2, "models": SMALL})
    write_facts(ctx)
    return ctx


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
    assert set(health["model"]) == {f"recommend.{m}" for m in (*PARTS, "blend") if m != "content"}  # without products
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


def with_recommend(shop: Any, **settings: Any) -> Any:
    conf = shop.settings.recommend.model_copy(update=settings)
    return replace(shop, settings=shop.settings.model_copy(update={"recommend": conf}))


def test_offers_keep_to_margin_category_stock_and_age(shop: Any, fill: Callable[..., None], lake: Any) -> None:
    product = {
        "currency": "GBP",
        "updated_ts": OLD,
        "list_price": Decimal(10),
        "unit_cost": Decimal(2),
        "category": "bag",
    }
    about = {
        "10001": {"category": "mug"},
        "10002": {"stock_on_hand": 0},
        "10004": {"min_age": 18},
        "10005": {"description": "nobody has bought it yet"},
        "10006": {"unit_cost": Decimal(9)},
    }
    fill("silver.products", [{**product, "sku": f"1000{n}", **about.get(f"1000{n}", {})} for n in range(1, 8)])
    for who, day in {"ann": date(2010, 5, 5), "bob": date(1980, 5, 5)}.items():
        lake.delta("gold.customer_profile").update(f"customer_id = '{who}'", {"date_of_birth": f"date'{day}'"})
    serve.run(with_recommend(shop, k=3, min_margin=0.5, per_category=1))
    offers = lake.read("gold.recommendations").toPandas().sort_values(["customer_id", "rank"])
    lists = {who: rows["sku"].tolist() for who, rows in offers.groupby("customer_id")}
    assert not {"10002", "10006"} & {sku for skus in lists.values() for sku in skus}
    assert lists["ann"] == ["10005"]  # 15 years old; all but this one is bought, of thin margin, sold out or for adults
    assert len(lists["bob"]) == 1  # all that bob has not bought are bags
    assert "10004" not in lists["eve"]  # who did not tell her age


def test_who_may_be_offered_what(spark: Any) -> None:
    people = spark.createDataFrame([("a", 15), ("b", 17), ("c", 30), ("d", -1)], "user_id string, age int")
    goods = spark.createDataFrame([("milk", 0), ("beer", 16), ("gin", 18)], "item_id string, min_age int")
    found = {
        row["user_id"]: {item["item_id"] for item in items.collect()}
        for some, items in offers.by_age(people, goods)
        for row in some.collect()
    }
    assert found == {"a": {"milk"}, "d": {"milk"}, "b": {"milk", "beer"}, "c": {"milk", "beer", "gin"}}
    born = [date(2008, 3, 2), date(2008, 3, 1), None, date(2024, 3, 1), date(2024, 3, 2), date(2030, 1, 1)]
    ages = spark.createDataFrame([(day,) for day in born], "born date")
    # Whoever is born in the future has told no age, and is offered what is for all.
    assert [row[0] for row in ages.select(offers.age_of("born", AS_OF)).collect()] == [15, 16, -1, 0, -1, -1]


def test_a_repeated_purchase_counts_more(spark: Any, shop: Any) -> None:
    rows = events.interactions(
        shop.lake.read("gold.customer_orders"),
        shop.lake.read("gold.customer_events"),
        values={"purchase": 1.0, "repeat": 1.5},
        before=AS_OF,
    )
    mine = rows.where("user_id = 'ann' AND item_id = '10001'").orderBy("ts").collect()
    assert [(r["value"], r["bought"], r["ts"]) for r in mine] == [(1.0, True, OLD), (1.5, True, NEW)]

    # Told of the days since alone, it knows by what they had.
    since = events.interactions(
        shop.lake.read("gold.customer_orders").where(F.col("order_ts") >= NEW),
        shop.lake.read("gold.customer_events"),
        values={"purchase": 1.0, "repeat": 1.5},
        had=spark.createDataFrame([("ann", "10001"), ("bob", "10003")], "user_id string, item_id string"),
    )
    bought = {(r["user_id"], r["item_id"]): r["value"] for r in since.where("bought").collect()}
    assert (bought["ann", "10001"], bought["ann", "10003"], bought["bob", "10004"]) == (1.5, 1.0, 1.0)


def test_a_young_model_is_kept_and_only_those_with_news_get_new_lists(
    shop: Any, fill: Callable[..., None], lake: Any, context: Callable[..., Any]
) -> None:
    kept = {"k": 2, "models": SMALL, "retrain_days": 7}
    serve.run(with_recommend(shop, retrain_days=7))
    line = lake.read("silver.orders").where("order_line_id = '6'")  # of bob
    news = {"order_line_id": F.lit("99"), "order_ts": F.lit(datetime(2024, 3, 2)), "sku": F.lit("10002")}
    lake.upsert("silver.orders", line.withColumns(news))
    write_facts(shop)
    lake.delta("gold.customer_profile").update("customer_id = 'ann'", {"consent_profiling": "false"})
    result = serve.run(replace(context(as_of=date(2024, 3, 4), recommend=kept), run_id="second"))
    assert result.headline == "2 of 4 customers anew by recommend.blend@testrun"
    table = lake.read("gold.recommendations").toPandas().sort_values(["customer_id", "rank"])
    rows = dict(iter(table.groupby("customer_id")))
    assert {who: len(mine) for who, mine in rows.items()} == {"ann": 2, "bob": 1, "eve": 2, "idle": 2}
    assert set(rows["ann"]["model_version"]) == {"recommend.popularity@second"}
    assert set(rows["bob"]["model_version"]) == {"recommend.blend@testrun"}
    assert rows["bob"]["sku"].tolist() == ["10007"]  # has everything else, 10002 since the second run
    assert set(rows["bob"]["as_of"]) == set(rows["ann"]["as_of"]) == {date(2024, 3, 4)}
    assert set(rows["eve"]["as_of"]) == {AS_OF}

    for as_of, changed in (
        (date(2024, 3, 8), {}),
        (date(2024, 3, 4), {"models": {**SMALL, "als": {**SMALL["als"], "alpha": 9.0}}}),
    ):  # too old; made by other settings
        later = context(as_of=as_of, recommend={**kept, **changed})
        assert offers.kept(later, later.settings.recommend.model_dump()) is None
