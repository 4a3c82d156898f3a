"""Job `unify`: who is who across channels, and one profile per customer."""

from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.identity import capped_keys
from onecart.identity.records import build_records, link_records, seen_keys
from onecart.lake import contract
from onecart.lake.contract import MONEY
from onecart.profile import activity, survivorship

_FACTS = {  # in the order of `seen_keys`: table -> when its rows happened
    "silver.interactions": "event_ts",
    "silver.orders": "order_ts",
    "silver.reviews": "review_ts",
    "silver.tickets": "opened_ts",
}
_PER_CUSTOMER_ZERO = ("orders", "units", "visits", "tickets", "reviews")


def run(ctx: Context) -> Result:
    """Writes gold.identity_links (every record) and gold.customer_profile (every customer).

    A customer is one whose records hold at least a contact, an account, a card or an order. Records that hold none of
    these (a cookie, an app installation, a social handle or a ticket that nothing links to a customer) are visitors:
    they have a link and no profile.
    """
    as_of = ctx.as_of()
    contacts, products = ctx.lake.read_if_exists("silver.contacts"), ctx.lake.read_if_exists("silver.products")
    facts = {name: ctx.lake.read_if_exists(name) for name in _FACTS}
    # Cut here, several steps start from each of these: the scan of all events behind them should happen once.
    seen = seen_keys(*facts.values()).localCheckpoint()
    records = build_records(contacts, seen).localCheckpoint()
    linked = ctx.lake.replace("gold.identity_links", link_records(records, ctx.settings.identity)).inserted
    links = ctx.lake.read("gold.identity_links")
    profile = build_profile(links, records, contacts, products, facts, as_of=as_of)
    written = ctx.lake.replace("gold.customer_profile", profile).inserted
    capped = capped_keys(records.where("record_id = stand_in"), ctx.settings.identity)
    return Result(rows_in=linked, rows_out=written, headline=_headline(written, linked, capped))


def build_profile(
    links: DataFrame,
    records: DataFrame,
    contacts: DataFrame,
    products: DataFrame,
    facts: dict[str, DataFrame],
    *,
    as_of: date,
) -> DataFrame:
    """One row per customer, key customer_id: the columns of gold.customer_profile.

    Facts count if they happened before `as_of`. Contacts count whenever they changed: silver holds their newest
    version only, and a consent withdrawn yesterday must hold for a profile of last month.
    """
    to_customer = links.select("record_id", "customer_id")
    people = contacts.join(to_customer, "record_id", how="inner")
    events, lines, reviews, tickets = (
        facts[name].where(F.col(time) < F.lit(as_of)).join(to_customer, "record_id", how="inner")
        for name, time in _FACTS.items()
    )
    baskets = activity.baskets(lines)
    parts = [
        survivorship.survivors(people),
        survivorship.newest_country(people, lines),
        activity.purchases(baskets, as_of=as_of),
        activity.visits(events),
        activity.preferences(activity.touches(events, baskets)),
        activity.top_categories(lines, products),
        activity.counted(tickets, "tickets"),
        activity.counted(reviews, "reviews"),
    ]
    joined = reduce(lambda left, part: left.join(part, "customer_id", how="left"), parts, customers(links, records))
    never_asked = dict.fromkeys(survivorship.CONSENTS, False)
    filled = joined.fillna({**dict.fromkeys(_PER_CUSTOMER_ZERO, 0), **never_asked}).withColumns(
        {"revenue": F.coalesce("revenue", F.lit(0).cast(MONEY)), "as_of": F.lit(as_of)}
    )
    return filled.select(contract("gold.customer_profile").schema.fieldNames())


def customers(links: DataFrame, records: DataFrame) -> DataFrame:
    """One row per customer_id with at least one `known` record: `records`, how many are linked."""
    per_customer = links.join(records.select("record_id", "known"), "record_id", how="inner").groupBy("customer_id")
    counted = per_customer.agg(F.count("*").cast("int").alias("records"), F.max("known").alias("known"))
    return counted.where("known").drop("known")


def _headline(customers: int, records: int, capped: DataFrame) -> str:
    shared = capped.agg(F.sum("key_values")).first()
    figure = f"{customers:,} customers from {records:,} records"
    return f"{figure}; {shared[0]:,} shared keys link nobody" if shared and shared[0] else figure
