"""Writes gold.customer_events and gold.customer_orders, the facts that every room behind reads."""

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.contracts import contract
from onecart.errors import OneCartError
from onecart.facts.owners import Owners
from onecart.facts.sessionization import with_session
from onecart.facts.shop import in_shop_currency
from onecart.frames import break_lineage, day_of
from onecart.lake import Lake

EVENTS, ORDERS = "gold.customer_events", "gold.customer_orders"


def write_facts(ctx: Context) -> None:
    """Brings both tables up to silver, gold.identity_links and gold.identity_stitches as they are now.

    Rows are written where they are new or differ: have another owner, or another visit (also because the rules of visits
    in the settings changed), or cost another sum in the shop's currency. They are deleted where silver has them no longer. Kill it anywhere and run it again.
    """
    lake, owners, shop = ctx.lake, Owners.of(ctx.lake), ctx.settings.shop
    events, orders = (
        owners.named(lake.read_if_exists(name), name).transform(in_shop_currency, shop)
        for name in ("silver.interactions", "silver.orders")
    )
    _update(lake, EVENTS, events.transform(with_session, ctx.settings.behaviour, shop))
    _update(lake, ORDERS, orders)


def require_current(ctx: Context) -> None:
    """OneCartError where the day to decide for is later than the facts reach: `clean` has run again, `unify` has not."""
    if ctx.settings.as_of is not None or ctx.lake.is_empty("silver.orders"):
        return
    row = ctx.lake.read(ORDERS).agg(day_of(F.max("order_ts"), ctx.settings.shop.time_zone)).first()
    last = row[0] if row else None
    if last is None or last + timedelta(days=1) < ctx.as_of():
        raise OneCartError(
            f"{ORDERS} ends on {last or 'no day'}, and silver.orders a day before {ctx.as_of()}: what happened since has no "
            "customer yet. Run `onecart run unify` first, or decide for an earlier day with --set as_of=..."
        )


def _update(lake: Lake, name: str, facts: DataFrame) -> None:
    names, key = contract(name).schema.fieldNames(), contract(name).key[0]
    facts = facts.select(*names)
    if not lake.exists(name):
        lake.replace(name, facts)
        return
    now = facts.select(*names, F.struct(*names).alias("now"))
    before = lake.read(name).select(key, F.struct(*names).alias("before"))
    both = now.join(before, key, how="full").where(~F.col("now").eqNullSafe(F.col("before")))
    changed = both.select(*names, F.when(F.col("now").isNotNull(), True).alias("is")).transform(break_lineage)
    if not changed.isEmpty():
        lake.upsert_and_delete(name, changed.where("is").drop("is"), changed.where(F.col("is").isNull()))
