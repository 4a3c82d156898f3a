"""The same rows and seed give the same model and ids, however the rows lie: see the fixture `spread`. Trees of intent have
their test beside them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

pytestmark = pytest.mark.heavy
Spread = Callable[..., Any]


def all_same(found: list[Any]) -> Any:
    assert len(found) == 3
    assert found[0]
    assert found[1] == found[0]
    assert found[2] == found[0]
    return found[0]


def test_records_are_linked_alike_under_the_same_ids(spark: Any, spread: Spread) -> None:
    from onecart.identity import link
    from onecart.samples.persons import generate

    records = generate(spark, 150, "noisy", seed=3).records.localCheckpoint()
    columns = ("record_id", "customer_id", "rule", "probability")

    def linked(rows: Any) -> list[tuple[Any, ...]]:
        found = link(rows).select(*columns).orderBy("record_id").collect()
        return [(*r[:3], round(r[3], 6)) for r in found]

    links = all_same([linked(rows) for rows in spread(records)])
    assert len({customer for _, customer, *_ in links}) < len(links)


@pytest.mark.parametrize("model", ["blend", "als", "user_knn", "content"])
def test_customers_are_offered_the_same_products(model: str, spark: Any, spread: Spread) -> None:
    from onecart import recommend

    start = datetime(2024, 1, 1)
    bought = [
        (f"u{u}", f"i{(u * u + 7 * n) % 23}", 1.0 + n % 2, start + timedelta(days=(5 * u + 3 * n) % 60))
        for u in range(60)
        for n in range(3 + u % 6)
    ]
    rows = spark.createDataFrame(bought, "user_id STRING, item_id STRING, value DOUBLE, ts TIMESTAMP")
    words = ("red", "blue", "mug", "bag", "lamp", "small")
    about = [(f"i{n}", f"{words[n % 6]} {words[n // 6 % 6]} thing", f"c{n % 4}") for n in range(25)]
    products = spark.createDataFrame(about, "item_id STRING, text STRING, category STRING")
    more: dict[str, Any] = {"products": products} if model in ("blend", "content") else {}
    more |= {"rank": 4, "iterations": 3} if model in ("blend", "als") else {}

    def offered(rows: Any) -> list[tuple[Any, ...]]:
        lists = recommend.fit(rows, model, **more).recommend(None, 5).orderBy("user_id", "rank").collect()
        return [(r["user_id"], r["rank"], r["item_id"], round(r["score"], 4)) for r in lists]

    all_same([offered(rows) for rows in spread(rows)])


@pytest.mark.parametrize("models", [("ets", "theta"), ("gbt",), ("extra_trees", "regression")])
def test_forecasts_are_the_same(models: tuple[str, ...], spark: Any, spread: Spread) -> None:
    from onecart import forecast

    first = date(2024, 1, 1)
    values = [
        (f"s{s}", first + timedelta(days=d), float((d * (s + 3)) % 7 + (d // 7) % (s + 2) + s))
        for s in range(6)
        for d in range(90)
    ]
    series = spark.createDataFrame(values, "unique_id STRING, ds DATE, y DOUBLE")

    def forecasts(rows: Any) -> list[tuple[Any, ...]]:
        made = forecast.forecast(rows, 7, "D", models=models).forecast.orderBy("unique_id", "model", "ds").collect()
        return [(r["unique_id"], r["model"], r["ds"], r["chosen"], round(r["yhat"], 6)) for r in made]

    all_same([forecasts(rows) for rows in spread(series)])


def test_what_nodes_of_products_are_told_is_the_same_to_the_last_digit(spark: Any, spread: Spread) -> None:
    """Trees over all series bin it: a mean that differs in the last bit makes other trees."""
    from onecart.forecast.inputs.exogenous import known_ahead

    day, skus = date(2024, 1, 1), [f"s{n:02}" for n in range(40)]
    series = spark.createDataFrame([(s, day, 1.0) for s in skus], "unique_id STRING, ds DATE, y DOUBLE")
    tree = spark.createDataFrame([(s, f"c{n % 3}") for n, s in enumerate(skus)], "unique_id STRING, category STRING")
    told = [(s, day + timedelta(days=d), 1 / (3 + n + d)) for n, s in enumerate(skus) for d in range(5)]
    part = spark.createDataFrame(told, "unique_id STRING, ds DATE, sentiment DOUBLE")

    def known(rows: Any) -> list[tuple[Any, ...]]:
        found = known_ahead(series, [rows], tree, ["category"], as_of=day, horizon=5).orderBy("unique_id", "ds")
        return [tuple(r) for r in found.collect()]

    all_same([known(rows) for rows in spread(part)])


@pytest.mark.nlp
def test_reviews_are_judged_alike(spark: Any, spread: Spread) -> None:
    from onecart.voice import train_sentiment

    good, bad = ("great", "lovely", "perfect", "superb", "excellent"), ("awful", "broken", "horrible", "useless", "bad")
    things = ("mug", "lamp", "clock", "box", "tray", "bag", "hat", "pen")
    texts = [(f"a {w} {t}, no {n}", int(w in good)) for w, t, n in product(good + bad, things, ("loss", "gain"))]
    reviews = spark.createDataFrame(texts, "text STRING, label INT")

    def judged(rows: Any) -> tuple[Any, ...]:
        model = train_sentiment(rows, min_rows=20, seed=7)
        scored = model.score(reviews.coalesce(1)).orderBy("text").select("text", "sentiment", "confidence").collect()
        figures = {name: round(value, 6) for name, value in model.metrics.items()}
        return [(r[0], r[1], round(r[2], 5)) for r in scored], figures

    all_same([judged(rows) for rows in spread(reviews)])
