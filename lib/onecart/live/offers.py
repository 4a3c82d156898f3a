"""Lists of offers that follow the visit: the nightly model as it is, told of what its customers just did."""

from dataclasses import dataclass, replace
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.contracts.quality import HAPPENED
from onecart.facts.owners import Owners
from onecart.frames import begin_of, break_lineage
from onecart.recommend.events import purchases
from onecart.recommend.serving.offers import TABLE, Kept, allowed, customers_of, happened, newest, offers

_LOOKS = ("product_view", "add_to_cart", "purchase")


@dataclass
class Offerer:
    """The model that offers come from, read again when the nightly job has made another."""

    kept: Kept | None = None

    def now(self, ctx: Context) -> Kept | None:
        """The newest model that can be told of news; None: there is none yet."""
        found = newest(ctx, self.kept)
        if found is not self.kept:
            for frame in self.kept.model.frames.values() if self.kept else ():
                frame.unpersist()
            if found:
                frames = {name: frame.persist() for name, frame in found.model.frames.items()}
                found = replace(found, model=replace(found.model, frames=frames))
            self.kept = found
        return self.kept if self.kept and self.kept.model.updatable else None


def refresh(ctx: Context, offerer: Offerer, batch: DataFrame) -> int:
    """Gives the customers of `batch` (rows of silver.interactions) who agreed to profiling new rows in gold.recommendations,
    by the model and all they did since it was made. One commit; the same batch again writes the same. Returns how many
    customers."""
    made = offerer.now(ctx)
    if made is None:
        return 0
    begin = begin_of(date.fromisoformat(made.model.notes["as_of"]), ctx.settings.shop.time_zone)
    fresh = batch.where(F.col("event_type").isin(*_LOOKS) & (F.col("event_ts") >= begin))
    owners = Owners.of(ctx.lake)
    active = owners.named(fresh, "silver.interactions").select(F.col("customer_id").alias("user_id")).distinct()
    agreed = customers_of(ctx).where("consent_profiling")
    customers = break_lineage(agreed.join(active, on="user_id", how="left_semi"))
    if customers.isEmpty():
        return 0
    nightly = made.model.for_users(customers)
    had = nightly.hidden()  # what they had bought by then
    # What came since the nightly facts were written is in silver alone.
    orders, events = (
        owners.named(ctx.lake.read_if_exists(name).where(F.col(HAPPENED[name]) >= begin), name)
        for name in ("silver.orders", "silver.interactions")
    )
    did = happened(ctx.settings, orders, events, had=had)
    did = break_lineage(did.join(customers.select("user_id"), on="user_id", how="left_semi"))
    if did.isEmpty():
        return 0
    told = replace(made, model=nightly.updated(did, seen=purchases(did)))
    products = ctx.lake.read_if_exists("silver.products")
    goods = allowed(told.model.frames["items"], products, ctx.settings.recommend)
    mine = customers.select(F.col("user_id").alias("customer_id"))
    before = ctx.lake.read(TABLE).join(mine, on="customer_id", how="left_semi")
    ctx.lake.upsert_and_delete(TABLE, break_lineage(offers(told, customers, goods, ctx)), before)
    return customers.count()
