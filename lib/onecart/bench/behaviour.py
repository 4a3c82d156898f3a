"""Sessionising and features at a number of events, each in a process of its own:
`python -m onecart.bench.behaviour DATA OUT` reads the generated tables below DATA and writes its results below OUT.
"""

import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.behaviour.features import Sources, as_of_dates, features
from onecart.behaviour.session_metrics import online_sessions
from onecart.bench import runs
from onecart.config import Behaviour, Shop
from onecart.contracts import contract
from onecart.facts.sessionization import with_session
from onecart.samples.seeded_random import Dice, with_sql

AS_OF = date(2011, 12, 1)
CUTOFFS = 4  # as in the settings of intent: five days to have features of
_DAYS = 600
_SHOP = Shop(channels={"web": "online", "app": "app", "store": "store"})
_VISIT = 8  # events a visit
_VISITS = 12  # visits a visitor, on average; a few have many
_MACHINE = 0.02  # of the events are one machine's, on one day
TABLE: tuple[tuple[str, str], ...] = (
    ("events", "{:,}"),
    ("visits", "{:,}"),
    ("feature_rows", "{:,}"),
    ("start_s", "{:.1f}"),
    ("sessions_s", "{:.1f}"),
    ("features_s", "{:.1f}"),
    ("peak_gib", "{:.2f}"),
)


def measure(spark: SparkSession, sizes: Sequence[int], seed: int) -> Iterator[dict[str, Any]]:
    """One row per size, as soon as it is known: the columns of TABLE.

    start_s: its session; sessions_s: events on disk, cut into visits, to gold.sessions on disk; features_s: these and
    orders on disk to features of five days on disk; peak_gib: resident memory of its processes. This session idles
    meanwhile.
    """
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="onecart-bench-") as folder:
            events(spark, size, seed).write.parquet(f"{folder}/data/events")
            orders(spark, size, seed).write.parquet(f"{folder}/data/orders")
            data, out = f"{folder}/data", f"{folder}/out"
            stats = runs.in_own_process("onecart.bench.behaviour", data, out, what="sessions and features")
            yield {"events": size, "seed": seed, **stats}


def events(spark: SparkSession, n: int, seed: int) -> DataFrame:
    """`n` rows like silver.interactions with customer_id, of visits over _DAYS days before AS_OF; 1 % arrive up to nine
    days late, and _MACHINE of them are one machine's. Seeded."""
    dice = Dice(seed)
    kinds = "array('page_view', 'search', 'product_view', 'product_view', 'add_to_cart', 'product_view', 'checkout', 'purchase')"
    rows = with_sql(spark.range(n), visit=f"id div {_VISIT}", pos=f"int(id % {_VISIT})")
    rows = with_sql(rows, machine=f"id < {int(n * _MACHINE)}", customer=_customer(dice, n, "visit"))
    start = f"timestamp'{AS_OF}' - make_dt_interval(0, 0, 0, {_DAYS * 86400} * {dice.u('start', 'visit')})"
    day = f"timestamp'{AS_OF}' - INTERVAL '30' DAY + make_dt_interval(0, 0, 0, id % 80000)"
    rows = with_sql(rows, event_ts=f"IF(machine, {day}, {start} + make_dt_interval(0, 0, 0, 37 * pos))")
    late = f"IF({dice.chance(0.01, 'late', 'id')}, {dice.below(9 * 86400, 'by', 'id')}, 2)"
    return with_sql(
        rows,
        event_id="string(id)",
        customer_id="IF(machine, 'machine', concat('c', customer))",
        received_ts=f"event_ts + make_dt_interval(0, 0, 0, {late})",
        channel=f"IF({dice.chance(0.7, 'channel', 'visit')}, 'web', 'app')",
        event_type=f"element_at({kinds}, pos + 1)",
        session_key="IF(machine, 'm', string(visit))",
        sku=f"IF(pos IN (0, 1, 6), NULL, concat('s', {dice.below(5000, 'sku', 'id')}))",
        query=f"IF(pos = 1, concat('q', {dice.below(900, 'query', 'id')}), NULL)",
        campaign=f"IF({dice.chance(0.25, 'campaign', 'visit')}, concat('k', {dice.below(9, 'which', 'visit')}), NULL)",
        device_type="IF(id % 2 = 0, 'mobile', 'desktop')",
        record_id="string(NULL)",
    ).drop("id", "visit", "pos", "machine", "customer")


def orders(spark: SparkSession, n: int, seed: int) -> DataFrame:
    """Rows like silver.orders with customer_id, one for 16 events, of the customers of `events`. Seeded."""
    dice = Dice(seed)
    rows = with_sql(spark.range(n // 16), order="id div 4")
    ago = f"make_dt_interval(0, 0, 0, {_DAYS * 86400} * {dice.u('placed', 'order')})"
    return with_sql(
        rows,
        customer_id=f"concat('c', {_customer(dice, n, 'order')})",
        order_id="string(order)",
        order_line_id="string(id)",
        order_ts=f"timestamp'{AS_OF}' - {ago}",
        received_ts="timestamp(NULL)",
        channel=f"element_at(array('web', 'app', 'store'), 1 + {dice.below(3, 'shop', 'order')})",
        quantity=f"IF({dice.chance(0.03, 'return', 'id')}, -1, 1)",
        unit_price=f"decimal(1 + {dice.below(20, 'price', 'id')})",
        amount="decimal(5)",
        sku=f"concat('s', {dice.below(5000, 'ware', 'id')})",
        currency="'GBP'",
        country="'United Kingdom'",
    ).drop("id", "order")


def _customer(dice: Dice, n: int, key: str) -> str:
    """Whose it is, of the visitors that `n` events are of: a few have many."""
    visitors = max(1, n // (_VISIT * _VISITS))
    return f"int({visitors} * pow({dice.u('visitor', key)}, 2))"


def main(argv: list[str]) -> int:
    """Makes sessions and features from the tables below `argv[0]`; leaves them and stats.json below `argv[1]`."""
    data, out = argv

    def figures(made: tuple[SparkSession, dict[str, float]]) -> dict[str, Any]:
        spark, seconds = made
        rows = {"visits": "sessions", "feature_rows": "features"}
        return {**seconds, **{name: spark.read.parquet(f"{out}/{table}").count() for name, table in rows.items()}}

    return runs.write_stats(out, lambda: _made(data, out), figures)


def _made(data: str, out: str) -> tuple[SparkSession, dict[str, float]]:
    from onecart import spark as sparks

    clock = [time.monotonic()]
    spark = sparks.session()
    clock.append(time.monotonic())
    seen, bought = (spark.read.parquet(f"{data}/{name}") for name in ("events", "orders"))
    seen.transform(with_session, Behaviour(), _SHOP).write.parquet(f"{out}/facts")
    facts = spark.read.parquet(f"{out}/facts")
    online_sessions(facts).write.parquet(f"{out}/sessions")
    clock.append(time.monotonic())
    names = ("silver.tickets", "silver.products", "silver.weather", "silver.calendar")
    empty = [spark.createDataFrame([], contract(name).schema) for name in names]
    tickets = empty[0].withColumn("customer_id", F.lit(None).cast("string"))
    days = as_of_dates(AS_OF, horizon_days=30, cutoffs=CUTOFFS)
    sources = Sources(bought, facts, tickets, *empty[1:])
    features(sources, days, Behaviour(), _SHOP).write.parquet(f"{out}/features")
    clock.append(time.monotonic())
    seconds = [round(b - a, 2) for a, b in itertools.pairwise(clock)]
    return spark, dict(zip(("start_s", "sessions_s", "features_s"), seconds, strict=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
