"""Writes gold.customer_events and gold.customer_orders, the facts that every room behind reads."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.facts.owners import Owners
from onecart.facts.visits import with_session
from onecart.frames import break_lineage
from onecart.lake import Lake, contract

EVENTS, ORDERS = "gold.customer_events", "gold.customer_orders"
_CHANGING = ("record_id", "customer_id", "session_id")  # all else of a fact stays as it came


def write_facts(ctx: Context) -> None:
    """Brings both tables up to silver, gold.identity_links and gold.identity_stitches as they are now.

    Rows are written where they are new, or have another owner or visit than before (also because the rules of visits in
    the settings changed), and deleted where silver has them no longer. Kill it anywhere and run it again.
    """
    lake, owners = ctx.lake, Owners.of(ctx.lake)
    events = owners.named(lake.read_if_exists("silver.interactions"), "silver.interactions")
    _update(lake, EVENTS, events.transform(with_session, ctx.settings.behaviour))
    _update(lake, ORDERS, owners.named(lake.read_if_exists("silver.orders"), "silver.orders"))


def _update(lake: Lake, name: str, facts: DataFrame) -> None:
    names, key = contract(name).schema.fieldNames(), contract(name).key[0]
    facts = facts.select(*names)
    if not lake.exists(name):
        lake.replace(name, facts)
        return
    changing = [c for c in _CHANGING if c in names]
    before = lake.read(name).select(key, *[F.col(c).alias(f"old_{c}") for c in changing], F.lit(True).alias("was"))
    both = facts.withColumn("is", F.lit(True)).join(before, key, how="full")
    differs = F.col("is").isNull() | F.col("was").isNull()
    for c in changing:
        differs = differs | ~F.col(c).eqNullSafe(F.col(f"old_{c}"))
    changed = both.where(differs).select(*names, "is").transform(break_lineage)
    if not changed.isEmpty():
        lake.exchange(name, changed.where("is").drop("is"), changed.where(F.col("is").isNull()))
