"""Job `unify`: who is who across channels, and one profile per customer."""

from onecart.context import Context, Result
from onecart.contracts.quality import HAPPENED
from onecart.facts import write_facts
from onecart.frames import break_lineage
from onecart.identity.records import build_records, seen_keys
from onecart.identity.resolution import write_links, write_stitches
from onecart.profile.build import write_profiles


def run(ctx: Context) -> Result:
    """Writes gold.identity_links (every record), the facts (`write_facts`) and, for every customer, what
    `write_profiles` says.

    A customer is one whose records hold at least a contact, an account, a card or an order. Records that hold none of
    these (a cookie, an app installation, a social handle or a ticket that nothing links to a customer) are visitors:
    they have a link and no profile.
    """
    ctx.require_rows("silver.contacts", *HAPPENED)
    contacts, products = ctx.lake.read_if_exists("silver.contacts"), ctx.lake.read_if_exists("silver.products")
    facts = {name: ctx.lake.read_if_exists(name) for name in HAPPENED}
    # Cut here, several steps start from each of these: the scan of all events behind them should happen once.
    seen = seen_keys(*facts.values()).transform(break_lineage)
    records = build_records(contacts, seen).transform(break_lineage)
    links, learned = write_links(ctx, records)
    write_stitches(ctx, facts["silver.interactions"], records, links)
    write_facts(ctx)
    written, note = write_profiles(ctx, links, records, contacts, products)
    shared = ctx.lake.read("gold.identity_shared_keys").where("identifies AND star IS NULL").count()
    linked = links.count()
    figures = [f"{written:,} customers from {linked:,} records", learned]
    figures += [f"{shared:,} shared keys link nobody"] if shared else []
    return Result(rows_in=linked, rows_out=written, headline="; ".join(figures) + note)
