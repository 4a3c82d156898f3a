"""The simulator: grows web, app, store, CRM, social, review and support feeds around real invoices, and the truth."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import reduce
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from onecart.config import Samples, Settings
from onecart.errors import UsageError
from onecart.frames import side_by_side
from onecart.lake.files import hadoop, listed, literal, qualified, relative
from onecart.samples import load, orders, people, visits, voices
from onecart.samples.defects import FATES, Feed, write
from onecart.samples.seeded_random import Dice

_VERSION = 3  # raise it when the same settings grow another world
_CUSTOMERS_PER_FILE = 500


def grow(
    spark: SparkSession,
    settings: Settings,
    *,
    invoices: DataFrame | None = None,
    reviews: pd.DataFrame | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> dict[str, int]:
    """Writes every feed of the `channels` settings below the landing zone, and the truth below `<lake.root>/truth`.

    Returns the lines written per feed (`web_orders`), and how many of them are bad copies planted or late
    (`web_orders.duplicate`, `.malformed`, `.absurd`, `.late`; left out where none). The same seed and samples grow the
    same lines; a world that is already there is left as it is. UsageError where another lies there, or files that are not
    ours: they would be overwritten. `invoices` (columns of `load.online_retail_parquet`) and
    `reviews` (of `load.amazon_reviews`) take the place of the downloaded data; `progress(feed, lines)` is called after
    each feed.

    Truth, for evaluation only: `truth/records`[record_id, customer_id, source] says who is behind each record; a shared
    cookie has a row for each user, strangers have ids of their own, the dummy card has none. `truth/dirt`[feed, kind,
    records] counts the lines.
    """
    files = _Files(spark, settings.landing_root)
    recipe: dict[str, Any] = {"version": _VERSION, "seed": settings.seed, **settings.samples.model_dump()}
    recipe["paths"] = {name: source.path for name, source in settings.sources.items()}
    given = invoices is not None or reviews is not None
    if (counts := files.claim(None if given else recipe)) is not None:
        return counts
    if invoices is None:
        invoices = spark.read.parquet(literal(files.shared(str(load.online_retail_parquet()), settings.lake.root)))
    sentences = load.amazon_reviews() if reviews is None else reviews
    world = _World(spark, invoices, sentences, Dice(settings.seed), settings.samples)
    paths = {name: f"{settings.landing_root}/{source.path}" for name, source in settings.sources.items()}
    try:
        dirt = _write_feeds(world, paths, settings.samples.scale, progress)
        truth = f"{settings.lake.root.rstrip('/')}/truth"
        world.truth().repartition(world.files, "record_id").write.mode("overwrite").parquet(f"{truth}/records")
    finally:
        world.forget()
    rows = [(name, kind, n) for name, kinds in dirt.items() for kind, n in kinds.items()]
    planted = spark.createDataFrame(rows, "feed STRING, kind STRING, records LONG")
    planted.coalesce(1).write.mode("overwrite").parquet(f"{truth}/dirt")
    counts = {name: sum(kinds[fate] for fate in FATES) for name, kinds in dirt.items()}
    counts |= {f"{name}.{kind}": n for name, kind, n in rows if kind != "clean" and n}
    if not given:
        files.write({"recipe": recipe, "counts": counts})
    return counts


def _write_feeds(
    world: "_World", paths: dict[str, str], spread: int, progress: Callable[[str, int], None] | None
) -> dict[str, dict[str, int]]:
    """Feed -> lines by fate, and late ones."""

    def put(named: tuple[str, Feed]) -> tuple[str, dict[str, int]]:
        name, feed = named
        kinds = write(feed, paths[name], world.files, spread)
        if progress:
            progress(name, sum(kinds[fate] for fate in FATES))
        return name, kinds

    return dict(side_by_side(put, (feed for feed in world.feeds() if feed[0] in paths)))


class _World:
    """The frames the feeds are cut from; those used more than once are kept until `forget`."""

    def __init__(
        self, spark: SparkSession, invoices: DataFrame, sentences: pd.DataFrame, dice: Dice, samples: Samples
    ) -> None:
        self.spark, self.sentences, self.dice, self.samples = spark, sentences, dice, samples
        lines, self.share = orders.choose(invoices, dice, samples.customers)
        self.orders = orders.orders(lines, dice, samples).persist()
        self.span = orders.span(self.orders)
        self.files = max(1, self.span.customers // _CUSTOMERS_PER_FILE)
        self.products = orders.products(lines).persist()
        self.people = people.customers(self.orders, dice, self.span).persist()
        self.crm = people.crm_records(self.people, dice, self.span)
        wares = visits.popular(self.products)
        self.visits = visits.visits(self.orders, self.people, wares, dice, samples, self.span).persist()
        self.tickets = voices.tickets(self.orders, self.people, self.span, dice)

    def feeds(self) -> Iterator[tuple[str, Feed]]:
        """(name in the `channels` settings, feed); the biggest first."""
        dice, samples, span = self.dice, self.samples, self.span
        events = visits.events(self.visits, dice, samples)
        yield "web_events", visits.web_events(events, dice, samples)
        yield "app_events", visits.app_events(events, dice, samples)
        yield "store_receipts", orders.store_receipts(self.orders, dice, samples)
        yield "web_orders", orders.web_orders(self.orders, dice, samples)
        yield "app_orders", orders.app_orders(self.orders, dice, samples)
        yield "crm_customers", people.crm_feed(self.crm, dice, samples)
        yield "web_accounts", people.account_feed(self.people, dice, samples)
        yield "store_cards", people.card_feed(self.people, dice, samples)
        yield "social_posts", voices.social_posts(self.people, span, dice, samples)
        said = voices.review_feed(self.spark, self.orders, self.sentences, self.share, span, dice, samples)
        yield "reviews", said
        yield "support_tickets", voices.ticket_feed(self.tickets, span, dice, samples)
        yield "products", orders.product_feed(self.products, dice)
        yield "weather", orders.weather_feed(self.spark, span, dice)
        yield "store_footfall", orders.footfall_feed(self.orders, dice)

    def truth(self) -> DataFrame:
        """record_id, customer_id, source; key (record_id, customer_id)."""

        def records(df: DataFrame, source: str, record: str, customer: str = "customer_id") -> DataFrame:
            columns = f"concat({source}, ':', {record}) AS record_id", f"{customer} AS customer_id"
            return df.selectExpr(*columns, f"{source} AS source")

        kind, visitor = "IF(channel = 'web', 'cookie', 'device')", "IF(channel = 'web', cookie, install)"
        parts = [
            records(self.crm, "'crm'", "customer_no"),
            records(self.people.where("first_online IS NOT NULL"), "'account'", "account_id"),
            records(self.people.where("has_card"), "'card'", "card_no"),
            records(self.spark.range(1), "'card'", f"'{orders.DUMMY_CARD}'", "string(NULL)"),
            records(self.people.where("has_app"), "'device'", "install_id"),
            records(self.people.where("platform IS NOT NULL"), "'social'", "concat(platform, ':', handle)"),
            records(self.tickets, "'ticket'", "key"),
            records(self.visits, kind, visitor, "person"),
        ]
        return reduce(DataFrame.unionByName, parts).distinct()

    def forget(self) -> None:
        for frame in (self.orders, self.products, self.people, self.visits):
            frame.unpersist()


class _Files:
    """The note on which world lies in the landing zone, and the download where Spark can read it, on any file system."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark, self.root = spark, root
        self.fs, self.note = hadoop(self.spark, f"{root.rstrip('/')}/_world.json")

    def claim(self, recipe: dict[str, Any] | None) -> dict[str, int] | None:
        """Notes that a world grows here, so that what a kill leaves is known as ours; gives back the counts of the world of
        this recipe that is whole already. None: a recipe that nobody can repeat."""
        note = self.read()
        if recipe and note and note["recipe"] == recipe and note["counts"] is not None:
            return dict(note["counts"])
        if recipe and note and note["recipe"] not in (recipe, None):
            # Its files may be in bronze already, and a second world would mix with them.
            raise UsageError(
                f"{self.root} holds a world grown with other settings; "
                "give another folder with --lake DIR, or delete that one"
            )
        if strange := self._strange(ours=note is not None):
            raise UsageError(
                f"{self.root} holds files that the simulator did not write, {strange[0]} the first of {len(strange)}, and "
                "would overwrite or mix with; give another folder with --lake DIR, or move them away"
            )
        self.write({"recipe": recipe, "counts": None})
        return None

    def _strange(self, *, ours: bool) -> list[str]:
        """The files here that are not of a world, of which Spark writes `part-...` alone; without a note all are strange."""
        names = [relative(path, qualified(self.spark, self.root)) for path, _ in listed(self.spark, self.root)]
        seen = [name for name in names if not any(part[0] in "_." for part in name.split("/"))]
        return [name for name in seen if not (ours and name.rsplit("/", 1)[-1].startswith("part-"))]

    def read(self) -> Any:
        if not self.fs.exists(self.note):
            return None
        with closing(self.fs.open(self.note)) as stream:
            return json.loads(bytes(stream.readAllBytes()))

    def write(self, content: dict[str, Any]) -> None:
        with closing(self.fs.create(self.note, True)) as stream:
            stream.write(bytearray(json.dumps(content, indent=1), "utf-8"))

    def shared(self, local: str, root: str) -> str:
        """`local` where every executor can read it: itself on one machine, else a copy below `root`."""
        if (self.spark.sparkContext.master or "").startswith("local"):
            return f"file://{local}"
        fs, there = hadoop(self.spark, f"{root.rstrip('/')}/samples/{local.rsplit('/', 1)[-1]}")
        if not fs.exists(there):
            fs.copyFromLocalFile(hadoop(self.spark, f"file://{local}")[1], there)
        return str(there.toString())
