"""The second half of job `unify`: from records that are linked to what is known about each customer."""

from datetime import date
from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.contracts import contract
from onecart.contracts.base.table import MONEY
from onecart.contracts.quality import HAPPENED
from onecart.facts import EVENTS, ORDERS
from onecart.facts.owners import Owners
from onecart.frames import begin_of, break_lineage
from onecart.lake import Lake
from onecart.profile import activity, affinity, consent, history, lifetime, rfm, survivorship

_PER_CUSTOMER_ZERO = ("orders", "units", "visits", "tickets", "reviews")


class Facts(NamedTuple):
    """What customers did before as_of, each frame with customer_id, in the order of HAPPENED."""

    events: DataFrame
    lines: DataFrame
    reviews: DataFrame
    tickets: DataFrame


def write_profiles(
    ctx: Context,
    links: DataFrame,
    records: DataFrame,
    contacts: DataFrame,
    products: DataFrame,
) -> tuple[int, str]:
    """Writes gold.customer_profile, profile_provenance, customer_consent, customer_affinity, customer_profile_history
    and the figures of the lifetime models. Returns how many customers have a profile, and what the run should say.

    Facts count if they happened before as_of. Contacts count whenever they changed: silver holds their newest version
    only, and a consent withdrawn yesterday must hold for a profile of last month.
    """
    as_of, conf, lake, zone = ctx.as_of(), ctx.settings.profile, ctx.lake, ctx.settings.shop.time_zone
    # Cut wherever several tables or parts start from one frame: the joins behind it should run once.
    everyone = customers(links, records).transform(break_lineage)
    did = happened(lake, as_of=as_of, zone=zone)
    people = contacts.join(links.select("record_id", "customer_id"), "record_id", how="inner").transform(break_lineage)

    said = survivorship.candidates(people, did.lines)
    survivors = survivorship.survivors(said, conf).transform(break_lineage)
    lake.replace("gold.profile_provenance", survivors.drop("value"))
    lake.replace("gold.customer_consent", consent.consents(everyone, people, ctx.settings.privacy.presumed_consent))
    consents = lake.read("gold.customer_consent")
    baskets = activity.baskets(did.lines).transform(break_lineage)
    bought = activity.purchases(baskets, as_of=as_of, zone=zone).transform(break_lineage)
    model = lifetime.fit(bought, conf, as_of=as_of)
    scored = rfm.with_rfm(lifetime.with_scores(bought, model, as_of=as_of, discount_rate=conf.discount_rate))
    parts = [
        survivorship.attributes(survivors),
        consent.as_columns(consents),
        scored,
        *habits(did, baskets, bought, products, zone),
    ]
    written = lake.replace("gold.customer_profile", profile(everyone, parts, as_of=as_of)).inserted
    note = history.record(lake, lake.read("gold.customer_profile"), as_of=as_of)

    profiled = consents.where("purpose = 'profiling' AND granted").select("customer_id")
    lake.replace(
        "gold.customer_affinity",
        affinity.affinities(
            did.events.join(profiled, "customer_id", how="left_semi"),
            did.lines.join(profiled, "customer_id", how="left_semi"),
            products,
            weights={str(kind): weight for kind, weight in conf.affinity_weights.items()},
            half_life_days=conf.affinity_half_life_days,
            as_of=as_of,
            zone=zone,
        ),
    )
    if model.figures():
        ctx.write_health(model.figures(), "all buyers")
    notes = [f"no lifetime value: {model.why}" if model.why else "", note]
    return written, "".join(f"; {n}" for n in notes if n)


def happened(lake: Lake, *, as_of: date, zone: str) -> Facts:
    """What customers did before `as_of` began in the time zone `zone`."""
    owners, written = Owners.of(lake), {"silver.interactions": EVENTS, "silver.orders": ORDERS}
    frames = []
    for name, time in HAPPENED.items():
        rows = lake.read(written[name]) if name in written else owners.named(lake.read_if_exists(name), name)
        frames.append(rows.where((F.col(time) < begin_of(as_of, zone)) & F.col("customer_id").isNotNull()))
    return Facts(*frames)


def habits(did: Facts, baskets: DataFrame, purchases: DataFrame, products: DataFrame, zone: str) -> list[DataFrame]:
    """Frames of one row per customer_id: visits, preferences, top categories, tickets and reviews."""
    return [
        activity.visits(did.events),
        activity.preferences(activity.touches(did.events, baskets, zone)),
        activity.top_categories(did.lines, products, purchases),
        activity.counted(tickets=did.tickets, reviews=did.reviews),
    ]


def profile(customers: DataFrame, parts: list[DataFrame], *, as_of: date) -> DataFrame:
    """One row per customer, key customer_id: the columns of gold.customer_profile. Each part: one row per customer_id."""
    joined = reduce(lambda left, part: left.join(part, "customer_id", how="left"), parts, customers)
    filled = joined.fillna(dict.fromkeys(_PER_CUSTOMER_ZERO, 0)).withColumns(
        {"revenue": F.coalesce("revenue", F.lit(0).cast(MONEY)), "as_of": F.lit(as_of)}
    )
    return filled.select(contract("gold.customer_profile").schema.fieldNames())


def customers(links: DataFrame, records: DataFrame) -> DataFrame:
    """One row per customer_id with at least one `known` record: `records`, how many are linked."""
    per_customer = links.join(records.select("record_id", "known"), "record_id", how="inner").groupBy("customer_id")
    counted = per_customer.agg(F.count("*").cast("int").alias("records"), F.max("known").alias("known"))
    return counted.where("known").drop("known")
