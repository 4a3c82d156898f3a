"""Job `unify`: who is who across channels, and one profile per customer."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.identity import capped_keys
from onecart.identity.records import build_records, link_records, seen_keys
from onecart.profile.build import FACTS, write_profiles


def run(ctx: Context) -> Result:
    """Writes gold.identity_links (every record) and, for every customer, what `write_profiles` says.

    A customer is one whose records hold at least a contact, an account, a card or an order. Records that hold none of
    these (a cookie, an app installation, a social handle or a ticket that nothing links to a customer) are visitors:
    they have a link and no profile.
    """
    contacts, products = ctx.lake.read_if_exists("silver.contacts"), ctx.lake.read_if_exists("silver.products")
    facts = {name: ctx.lake.read_if_exists(name) for name in FACTS}
    # Cut here, several steps start from each of these: the scan of all events behind them should happen once.
    seen = seen_keys(*facts.values()).localCheckpoint()
    records = build_records(contacts, seen).localCheckpoint()
    linked = ctx.lake.replace("gold.identity_links", link_records(records, ctx.settings.identity)).inserted
    links = ctx.lake.read("gold.identity_links")
    written, note = write_profiles(ctx, links, records, contacts, products, facts)
    capped = capped_keys(records.where("record_id = stand_in"), ctx.settings.identity)
    return Result(rows_in=linked, rows_out=written, headline=_headline(written, linked, capped) + note)


def _headline(customers: int, records: int, capped: DataFrame) -> str:
    shared = capped.agg(F.sum("key_values")).first()
    figure = f"{customers:,} customers from {records:,} records"
    return f"{figure}; {shared[0]:,} shared keys link nobody" if shared and shared[0] else figure
