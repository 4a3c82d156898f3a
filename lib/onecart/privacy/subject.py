"""Finds a person in the lake: customer ids, records, and every identifier on them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.config import Settings
from onecart.contracts.base.table import IDENTIFIERS
from onecart.errors import UsageError
from onecart.frames import break_lineage
from onecart.governance.phones import national_digits
from onecart.governance.suppression import SHORTEST, normal
from onecart.lake import Lake
from onecart.privacy.matcher import Matcher
from onecart.quality.parse import silver_rows

_FACTS = ("silver.contacts", "silver.interactions", "silver.orders", "silver.reviews", "silver.tickets")
_OWN = {"order_id": "silver.orders"}  # an order is the one's who placed it, not the one's who writes about it
_REACHES = ("email", "phone", "card", "account", "device", "cookie", "handle")  # what tells whose a stray record is


@dataclass(frozen=True)
class Subject:
    """A person. Values by kind; `sure` are those that stand for nobody else and nothing else, wherever they stand."""

    customers: tuple[str, ...]
    records: tuple[str, ...]
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sure: tuple[tuple[str, str], ...] = ()
    shared: dict[str, int] = field(default_factory=dict)  # kind -> values that other customers have too: left alone
    short: dict[str, int] = field(default_factory=dict)  # kind -> values found in their columns only

    def of(self, kinds: Iterable[str]) -> list[str]:
        """The values of these kinds, customer and record ids included."""
        own = {"customer": self.customers, "record": self.records, **self.values}
        return sorted({value for kind in kinds for value in own.get(kind, ())})

    def matcher(self) -> Matcher:
        return Matcher(self.sure)


def find(
    lake: Lake, settings: Settings, *, identity: str | None = None, email: str | None = None, phone: str | None = None
) -> Subject:
    """The person behind a customer_id or record_id, or else an e-mail or phone number.

    UsageError: nobody or more than one customer is found.
    """
    seen = sightings(lake, settings).transform(break_lineage)
    links = lake.read_if_exists("gold.identity_links").select("record_id", "customer_id")
    start = _records_of(lake, seen, links, identity=identity, email=email, phone=phone)
    customers, records = _closed(lake, links, start)
    known = lake.read_if_exists("gold.customer_profile").select("customer_id")
    others = links.join(_column(lake.spark, customers, "customer_id"), "customer_id", how="left_anti")
    others = seen.join(others.join(known, "customer_id", how="left_semi"), "record_id", how="left_semi")
    mine, shared = _exclusive(seen, others, records)
    records = sorted({*records, *_stray(seen, others, mine)})
    mine, shared = _exclusive(seen, others, records)
    for kind, value in (("email", email), ("phone", phone)):
        if value:
            mine.add((kind, normal(kind, value)))
    sure, short = _sure(lake, seen, mine, customers, records)
    values: dict[str, set[str]] = {}
    for kind, value in mine:
        values.setdefault(kind, set()).add(value)
    return Subject(
        tuple(customers),
        tuple(records),
        {kind: tuple(sorted(found)) for kind, found in sorted(values.items())},
        tuple(sorted(sure)),
        _counted(shared),
        _counted(short),
    )


def sightings(lake: Lake, settings: Settings) -> DataFrame:
    """[record_id, kind, value], distinct: every identifier seen with a record, in silver and in the older versions of
    contacts that bronze has. Names are a kind too: given name and surname, lower case."""
    frames = [_seen(lake.read(name), name) for name in _FACTS if lake.exists(name)]
    for feed, source in settings.sources.items():
        if source.into == "silver.contacts" and lake.exists(f"bronze.{feed}"):
            lines = lake.read(f"bronze.{feed}").where("payload IS NOT NULL")
            if not lines.isEmpty():
                rows = silver_rows(lines, feed, source, settings.shop.country)
                frames.append(_seen(rows, source.into))
    if not frames:
        raise UsageError(f"there is nobody in {lake.root} yet; run `onecart run clean` first")
    return reduce(DataFrame.unionByName, frames).distinct()


def _seen(rows: DataFrame, name: str) -> DataFrame:
    pairs = []
    for column in rows.columns:
        kind = IDENTIFIERS.get(column, ("record",))[0]
        if kind != "record" and _OWN.get(column, name) == name:
            value = F.lower(F.trim(F.col(column))) if kind == "email" else F.trim(F.col(column))
            pairs.append(F.struct(F.lit(kind).alias("kind"), value.alias("value")))
    if {"given_name", "surname"} <= set(rows.columns):
        full = F.lower(F.concat(F.trim(F.col("given_name")), F.lit(" "), F.trim(F.col("surname"))))
        pairs.append(F.struct(F.lit("name").alias("kind"), full.alias("value")))
    found = rows.where("record_id IS NOT NULL").select("record_id", F.inline(F.array(*pairs)))
    return found.where("value IS NOT NULL AND value != ''")


def _records_of(
    lake: Lake, seen: DataFrame, links: DataFrame, *, identity: str | None, email: str | None, phone: str | None
) -> list[str]:
    if identity is not None:
        current = _current(lake, identity)
        linked = links.where((F.col("customer_id") == current) | (F.col("record_id") == identity))
        unlinked = seen.where(F.col("record_id") == identity)
        found = linked.select("record_id").union(unlinked.select("record_id")).distinct()
        records = [row[0] for row in found.collect()]
        if not records:
            raise UsageError(
                f"no customer or record '{identity}' in {lake.root}; give a customer_id or record_id of the table "
                "gold.identity_links, or look for the person with --email or --phone"
            )
        return records
    same = F.lit(False)
    if email:
        same = same | ((F.col("kind") == "email") & (F.col("value") == normal("email", email)))
    if phone:
        same = same | ((F.col("kind") == "phone") & (national_digits(F.col("value")) == normal("phone", phone)))
    found = seen.where(same).select("record_id").distinct()
    owners = (
        found.join(links, "record_id", how="left").select("customer_id").where("customer_id IS NOT NULL").distinct()
    )
    names = sorted(row[0] for row in owners.limit(6).collect())
    if len(names) > 1:
        raise UsageError(
            f"{len(names)} or more customers have this e-mail or phone number: {', '.join(names)}; "
            "look at them with `onecart show profile` and give one customer_id"
        )
    return [row[0] for row in found.collect()]


def _current(lake: Lake, identity: str) -> str:
    """The customer that a former customer_id went into, by gold.identity_history where that is there."""
    steps = _history(lake)
    seen: set[str] = set()
    while identity not in seen and steps is not None:
        seen.add(identity)
        row = steps.where(F.col("customer_id") == identity).first()
        identity = row["into_customer_id"] if row else identity
    return identity


def _history(lake: Lake) -> DataFrame | None:
    if "gold.identity_history" not in lake.names():
        return None
    history = lake.read("gold.identity_history").select("customer_id", "into_customer_id")
    return history.where("into_customer_id IS NOT NULL AND into_customer_id != customer_id")


def _closed(lake: Lake, links: DataFrame, records: list[str]) -> tuple[list[str], list[str]]:
    """The customers of these records with their former ids, and all records of those customers."""
    start = _column(lake.spark, records, "record_id")
    current = {row[0] for row in links.join(start, "record_id").select("customer_id").distinct().collect()}
    linked = links.join(_column(lake.spark, sorted(current), "customer_id"), "customer_id").select("record_id")
    customers, steps = set(current), _history(lake)
    new = current
    while steps is not None and new:
        former = steps.where(F.col("into_customer_id").isin(sorted(new))).select("customer_id").distinct()
        new = {row[0] for row in former.collect()} - customers
        customers |= new
    return sorted(customers), sorted({*records, *(row[0] for row in linked.collect())})


def _exclusive(
    seen: DataFrame, others: DataFrame, records: list[str]
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """((kind, value) on these records and on no other customer's, those on another customer's too)."""
    mine = seen.join(_column(seen.sparkSession, records, "record_id"), "record_id").select("kind", "value").distinct()
    theirs = others.join(mine, ["kind", "value"], how="left_semi").select("kind", "value").distinct()
    shared = {(row[0], row[1]) for row in theirs.collect()}
    return {(row[0], row[1]) for row in mine.collect()} - shared, shared


def _stray(seen: DataFrame, others: DataFrame, mine: set[tuple[str, str]]) -> list[str]:
    """Records of nobody else's that show an identifier of the person, and tickets about the person's orders."""
    reach = [pair for pair in mine if pair[0] in (*_REACHES, "order")]
    frame = seen.sparkSession.createDataFrame(reach, "kind STRING, value STRING")
    found = seen.join(frame, ["kind", "value"], how="left_semi").select("record_id").distinct()
    return [row[0] for row in found.join(others, "record_id", how="left_anti").collect()]


def _sure(
    lake: Lake, seen: DataFrame, mine: set[tuple[str, str]], customers: list[str], records: list[str]
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """(identifiers long enough and found as nothing else's id, product code or product text, the others)."""
    ids = {*mine, *(("customer", c) for c in customers), *(("record", r) for r in records)}
    candidates = {(kind, _last(value) if kind not in ("email", "phone", "name") else value) for kind, value in ids}
    long = {(kind, value) for kind, value in candidates if len(normal(kind, value)) >= SHORTEST}
    frame = _column(lake.spark, sorted({value.lower() for _, value in long}), "value")
    strangers = seen.join(_column(lake.spark, records, "record_id"), "record_id", how="left_anti")
    tail = F.lower(F.element_at(F.split("value", ":"), -1)).alias("value")
    other = strangers.where("kind NOT IN ('email', 'phone', 'name')").select(tail)
    other = other.union(strangers.select(F.lower(F.element_at(F.split("record_id", ":"), -1))))
    products = lake.read_if_exists("silver.products")
    other = other.union(products.select(F.lower("sku")))
    taken = {row[0] for row in frame.join(other, "value", how="left_semi").collect()}
    spoken = products.select(F.lower("description").alias("description")).join(
        F.broadcast(frame.where(F.col("value").contains(" "))), F.expr("contains(description, value)")
    )
    taken |= {row[0] for row in spoken.select("value").distinct().collect()}
    sure = {pair for pair in long if pair[1].lower() not in taken}
    return sure, candidates - sure


def _last(value: str) -> str:
    return value.rsplit(":", 1)[-1]


def _column(spark: SparkSession, values: list[str], name: str) -> DataFrame:
    return spark.createDataFrame([(value,) for value in values], f"{name} STRING")


def _counted(pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for kind, _ in pairs:
        counts[kind] = counts.get(kind, 0) + 1
    return dict(sorted(counts.items()))


def to_json(subject: Subject) -> dict[str, Any]:
    return {
        "customers": subject.customers,
        "records": subject.records,
        "values": subject.values,
        "sure": subject.sure,
        "shared": subject.shared,
        "short": subject.short,
    }


def from_json(data: dict[str, Any]) -> Subject:
    return Subject(
        tuple(data["customers"]),
        tuple(data["records"]),
        {kind: tuple(values) for kind, values in data["values"].items()},
        tuple((kind, value) for kind, value in data["sure"]),
        data["shared"],
        data["short"],
    )
