"""The simulated world on a hand-made shop: a dozen customers, no download."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.config import Settings, load
from onecart.contracts import contract
from onecart.samples import load as samples
from onecart.samples import world as world_module
from onecart.samples.orders import choose, span
from onecart.samples.seeded_random import Dice
from onecart.samples.visits import visits
from onecart.samples.world import grow

pytestmark = pytest.mark.slow
FIRST = datetime(2010, 3, 1, 9, 30)
SCHEMA = """line_no LONG, invoice STRING, stock_code STRING, description STRING, quantity INT, invoice_date TIMESTAMP,
    price DECIMAL(12,3), customer_id STRING, country STRING"""
REVIEWS = pd.DataFrame(
    [("1", f"1_{i}", "phone", f"sentence {i}", float(i - 4)) for i in range(1, 5)],
    columns=["review_id", "sentence_id", "product", "text", "rating_mean"],
)


class World(NamedTuple):
    settings: Settings
    counts: dict[str, int]
    lines: dict[str, list[str]]  # feed -> its files' lines, without headers
    headers: dict[str, set[str]]


def shop() -> list[tuple[Any, ...]]:
    """12 customers with 5 invoices of 3 lines, a return each, 9 invoices of nobody, one line twice, one empty text."""
    rows: list[tuple[Any, ...]] = []

    def add(invoice: str, sku: str, text: str | None, qty: int, price: str, who: str | None, day: int) -> None:
        when = FIRST + timedelta(days=day)
        rows.append((len(rows), invoice, sku, text, qty, when, Decimal(price), who, "United Kingdom"))

    for c in range(12):
        who = f"true-{c:02}"
        for i in range(5):
            for j in range(3):
                sku = f"{85000 + (c + i + j) % 7}A"
                add(f"{500000 + 10 * c + i}", sku, f'RED "MUG", {sku}', 1 + j, "2.55", who, 9 * i + c)
        add(f"C{500000 + 10 * c + 9}", "85000A", 'RED "MUG", 85000A', -1, "2.55", who, 50 + c)
    for g in range(9):
        add(f"{600000 + g}", "POST", None, 1, "18.00", None, 7 * g)
    rows.append((len(rows), *rows[0][1:]))
    return rows


def settled(root: Path, **changes: Any) -> Settings:
    tree = load("local")[0].model_dump(by_alias=True)
    tree["lake"] = {"root": str(root)}
    tree["samples"] = {"visits_per_order": 3, **changes}
    return Settings.model_validate(tree)


def on_disk(settings: Settings, counts: dict[str, int]) -> World:
    lines, headers = {}, {}
    for name, source in settings.sources.items():
        files = [f.read_text().split("\n") for f in sorted(Path(settings.landing_root, source.path).glob("part-*"))]
        csv = source.format == "csv"
        lines[name] = [line for file in files for line in file[csv:] if line]
        headers[name] = {file[0] for file in files if csv}
    return World(settings, counts, lines, headers)


@pytest.fixture(scope="module")
def clean(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Nothing planted."""
    none = {f"{kind}_rate": 0.0 for kind in ("duplicate", "malformed", "absurd", "late")}
    settings = settled(tmp_path_factory.mktemp("clean"), **none)
    invoices = spark_session.createDataFrame(shop(), SCHEMA)
    return on_disk(settings, grow(spark_session, settings, invoices=invoices, reviews=REVIEWS))


DIRTY = {"duplicate_rate": 0.1, "malformed_rate": 0.1, "absurd_rate": 0.1, "late_rate": 0.1}


@pytest.fixture(scope="module")
def dirty(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A tenth of everything planted, from files that stand in for the downloads."""
    root = tmp_path_factory.mktemp("dirty")
    spark_session.createDataFrame(shop(), SCHEMA).write.parquet(str(root / "invoices.parquet"))
    settings = settled(root / "lake", **DIRTY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "online_retail_parquet", lambda: root / "invoices.parquet")
        patch.setattr(samples, "amazon_reviews", lambda: REVIEWS)
        yield on_disk(settings, grow(spark_session, settings))


def read(spark: SparkSession, world: World, name: str) -> DataFrame:
    """The columns that the settings make of the feed's lines, and `bad`: the line does not fit the feed's schema."""
    source = world.settings.sources[name]
    df = spark.createDataFrame([(line,) for line in world.lines[name]], "value STRING")
    if source.format == "json":
        record = F.from_json("value", f"{source.schema_}, bad STRING", {"columnNameOfCorruptRecord": "bad"})
    else:
        (header,) = world.headers[name]
        plain = {re.sub("[^a-z0-9]+", "_", old.lower()).strip("_"): new for old, new in source.rename.items()}
        names = [re.sub("[^a-z0-9]+", "_", h.lower()).strip("_") for h in header.split(source.delimiter)]
        schema = ", ".join(f"{plain.get(n, n)} STRING" for n in names)
        options = {"columnNameOfCorruptRecord": "bad", "sep": source.delimiter, "escape": '"'}
        record = F.from_csv("value", f"{schema}, bad STRING", options)
    rows = df.select(record.alias("r")).select("r.*")
    if source.explode:
        rows = rows.withColumn("line", F.explode_outer(source.explode))
    return rows.selectExpr(*[f"{sql} AS {c}" for c, sql in source.columns.items()], "bad")


def test_every_store_counts_more_people_than_receipts(spark: SparkSession, clean: World) -> None:
    doors = {(r.store_id, r.day): int(r.visitors) for r in read(spark, clean, "store_footfall").collect()}
    assert {store for store, _ in doors} <= {"S1", "S2", "S3"}
    sold = read(spark, clean, "store_receipts").where("quantity > 0").selectExpr("order_id", "date(order_ts) AS day")
    receipts = Counter(r.day for r in sold.distinct().collect())
    people: Counter[Any] = Counter()
    for (_, day), n in doors.items():
        people[day] += n
    assert set(people) == set(receipts)
    assert all(2 * n <= people[day] <= 6 * n for day, n in receipts.items())


def test_each_real_line_lies_in_one_channel_once(spark: SparkSession, clean: World) -> None:
    columns = ["order_id", "sku", "description", "quantity", "unit_price", "order_ts"]
    found: Counter[tuple[Any, ...]] = Counter()
    for name in ("web_orders", "app_orders", "store_receipts"):
        rows = read(spark, clean, name).selectExpr(*columns).collect()
        assert rows, f"{name} is empty"
        found.update((r[0], r[1], r[2] or None, int(r[3]), Decimal(r[4]), r[5]) for r in rows)
    assert found == Counter((r[1], r[2], r[3], r[4], r[6], r[5]) for r in shop())


@pytest.mark.parametrize("name", load("local")[0].sources)
def test_a_clean_feed_fits_the_settings(spark: SparkSession, clean: World, name: str) -> None:
    source = clean.settings.sources[name]
    needed = [f for f in contract(source.into).schema if not f.nullable and f.name in source.columns]
    rows = read(spark, clean, name)
    lacking = [F.count_if(F.col(f.name).cast(f.dataType).isNull()).alias(f.name) for f in needed]
    found = rows.agg(F.count("*").alias("n"), F.count("bad").alias("bad"), *lacking).first().asDict()
    assert found.pop("n") >= clean.counts[name] > 0
    assert not any(found.values()), found


def test_headers_are_as_messy_as_a_till_writes_them(clean: World) -> None:
    (header,) = clean.headers["store_receipts"]
    assert header.startswith(" Receipt No. ;Date/Time;Till #;Item Code;")


def test_the_landing_zone_names_no_true_customer(dirty: World) -> None:
    assert not [line for lines in dirty.lines.values() for line in lines if "true-" in line]


def test_the_truth_knows_who_is_behind_every_record(spark: SparkSession, clean: World) -> None:
    truth = spark.read.parquet(f"{clean.settings.lake.root}/truth/records")
    named = [name for name, source in clean.settings.sources.items() if "record_id" in source.columns]
    seen = [read(spark, clean, name).select(F.lit(name).alias("feed"), "record_id") for name in named]
    unknown = (
        reduce(DataFrame.unionByName, seen).where("record_id IS NOT NULL").join(truth, "record_id", how="left_anti")
    )
    assert unknown.collect() == []
    crm = truth.where("source = 'crm'").select("customer_id").distinct().collect()
    assert 0 < len(crm) <= 12
    assert {r[0] for r in crm} <= {f"true-{c:02}" for c in range(12)}


def test_every_online_sale_ends_a_visit(spark: SparkSession, clean: World) -> None:
    bought, sold = [], []
    for channel in ("web", "app"):
        events = read(spark, clean, f"{channel}_events")
        assert events.where(f"event_ts < '{FIRST:%Y-%m-%d}' OR event_ts > '2010-05-03'").count() == 0
        bought += events.where("event_type = 'purchase'").select("order_id", "event_ts").collect()
        sold += read(spark, clean, f"{channel}_orders").where("quantity > 0").select("order_id", "order_ts").collect()
    assert {tuple(r) for r in bought} == {tuple(r) for r in sold}
    assert len(bought) == len(set(bought))


def test_visits_without_an_order_are_as_many_in_the_last_weeks_as_before(spark: SparkSession) -> None:
    """Two orders of strangers a day for 98 days: before each, visits of the three weeks before it."""
    placed = [(f"{i}", None, FIRST + timedelta(hours=12 * i), "web", []) for i in range(196)]
    goods = "ARRAY<STRUCT<sku: STRING, title: STRING, price: DECIMAL(12,3), qty: INT>>"
    orders = spark.createDataFrame(
        placed, f"invoice STRING, customer_id STRING, placed TIMESTAMP, channel STRING, products {goods}"
    )
    people = "customer_id STRING, neighbour STRING, first_ts TIMESTAMP, first_online TIMESTAMP"
    orders, settings = orders.withColumn("sale", F.lit(True)), load("local")[0].samples
    wares = f"from_json('[]', '{goods}')"
    made = visits(orders, spark.createDataFrame([], people), wares, Dice(7), settings, span(orders))
    weeks = made.where("n > 0").groupBy(F.expr(f"int(datediff(start, '{FIRST:%Y-%m-%d}') div 7)").alias("week")).count()
    found = {row["week"]: row["count"] for row in weeks.collect()}
    usual = 14 * settings.visits_per_order
    assert set(found) == set(range(14))
    assert all(0.7 * usual < n < 1.3 * usual for n in found.values()), found


def test_every_sentence_is_reviewed_once_by_a_buyer_of_the_product(spark: SparkSession, clean: World) -> None:
    reviews = read(spark, clean, "reviews").collect()
    assert sorted(r["text"] for r in reviews) == [f"sentence {i}" for i in range(1, 5)]
    assert {r["text"]: r["rating"] for r in reviews} == {f"sentence {i}": "2233"[i - 1] for i in range(1, 5)}
    bought = {
        (r["account_id"] or r["device_id"], r["sku"])
        for name in ("web_orders", "app_orders")
        for r in read(spark, clean, name).withColumn("device_id", F.lit(None)).collect()
    }
    assert sum((r["account_id"], r["sku"]) in bought for r in reviews) >= len(reviews) - 1  # one may be logged out


def test_planted_dirt_is_what_the_counts_say(spark: SparkSession, dirty: World) -> None:
    for name in dirty.lines:
        assert len(dirty.lines[name]) == dirty.counts[name], name
    events = read(spark, dirty, "web_events")
    odd_time = "event_ts NOT BETWEEN '2000-01-01' AND '2050-01-01'"
    found = events.agg(
        F.count_if(F.expr("bad IS NOT NULL OR event_ts IS NULL")).alias("malformed"),
        F.count_if(F.expr(f"{odd_time} OR quantity >= 10000000")).alias("absurd"),
    ).first()
    twice = Counter(dirty.lines["web_events"])
    assert found["malformed"] == dirty.counts["web_events.malformed"] > 0
    assert found["absurd"] == dirty.counts["web_events.absurd"] > 0
    assert sum(n - 1 for n in twice.values()) == dirty.counts["web_events.duplicate"] > 0
    late = events.where("event_ts + INTERVAL 24 HOURS < received_ts AND event_ts > '2000-01-01'").dropDuplicates()
    assert late.where("quantity IS NULL OR quantity < 10000000").count() == dirty.counts["web_events.late"] > 0


def test_the_same_seed_grows_the_same_lines_from_the_same_invoices_in_any_order(
    spark: SparkSession, dirty: World
) -> None:
    invoices = spark.createDataFrame(shop()[::-1], SCHEMA).repartition(3)
    world = world_module._World(spark, invoices, REVIEWS, Dice(dirty.settings.seed), dirty.settings.samples)
    feeds = dict(world.feeds())
    for name in ("web_events", "store_receipts", "crm_customers"):
        again = [row[0] for row in feeds[name].frame.select("value").collect()]
        assert sorted(again) == sorted(dirty.lines[name]), name
    world.forget()


def test_a_world_that_is_there_is_not_grown_again(spark: SparkSession, dirty: World) -> None:
    def written() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in Path(dirty.settings.landing_root).rglob("*")}

    before = written()
    assert grow(spark, dirty.settings) == dirty.counts
    assert written() == before


def test_a_smaller_world_has_that_many_customers(spark: SparkSession) -> None:
    lines, share = choose(spark.createDataFrame(shop(), SCHEMA), Dice(1), 3)
    assert lines.where("customer_id IS NOT NULL").select("customer_id").distinct().count() == 3
    assert share == 0.25
