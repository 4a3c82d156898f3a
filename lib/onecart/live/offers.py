"""Lists of offers that follow the visit: the nightly model as it is, told of what its customers just did."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.lake import contract
from onecart.lake.customers import with_customer
from onecart.recommend.events import interactions, purchases
from onecart.recommend.offer import MODEL, TABLE, Kept, age_of, newest, offers
from onecart.recommend.pairs import settled
from onecart.recommend.parameters import parameters
from onecart.recommend.recommender import Recommender

_LOOKS = ("product_view", "add_to_cart", "purchase")


@dataclass
class Offerer:
    """The model that offers come from, read again when the nightly job has made another."""

    kept: Kept | None = None

    def now(self, ctx: Context) -> Kept | None:
        """The newest model that can be told of news; None: there is none yet."""
        found = newest(ctx, self.kept)
        if found is not self.kept:
            frames = {name: frame.persist() for name, frame in found.model.frames.items()} if found else {}
            for frame in self.kept.model.frames.values() if self.kept else ():
                frame.unpersist()
            self.kept = found and Kept(
                Recommender(found.model.model, found.model.params, frames, found.model.notes), found.version
            )
        return self.kept if self.kept and self.kept.model.updatable else None


def refresh(ctx: Context, offerer: Offerer, batch: DataFrame) -> int:
    """Gives the customers of `batch` (rows of silver.interactions) who agreed to profiling new rows in gold.recommendations,
    by the model and all they did since it was made. One commit; the same batch again writes the same. Returns how many
    customers."""
    made = offerer.now(ctx)
    if made is None:
        return 0
    since = date.fromisoformat(made.model.notes["as_of"])
    agreed = (
        ctx.lake.read("gold.customer_profile")
        .where("consent_profiling")
        .select(
            F.col("customer_id").alias("user_id"),
            "consent_profiling",
            age_of("date_of_birth", ctx.as_of()).alias("age"),
        )
    )
    links, stitches = ctx.lake.read("gold.identity_links"), ctx.lake.read_if_exists("gold.identity_stitches")
    fresh = batch.where(F.col("event_type").isin(*_LOOKS) & (F.col("event_ts") >= F.lit(since)))
    active = with_customer(fresh, links, stitches, at="event_ts").select(F.col("customer_id").alias("user_id"))
    customers = settled(agreed.join(active.distinct(), on="user_id", how="left_semi"))
    if customers.isEmpty():
        return 0
    conf = ctx.settings.recommend
    did = interactions(
        ctx.lake.read("silver.orders").where(F.col("order_ts") >= F.lit(since)),
        ctx.lake.read("silver.interactions").where(F.col("event_ts") >= F.lit(since)),
        links,
        stitches,
        values={str(kind): value for kind, value in conf.event_values.items()},
        sku_pattern=conf.sku_pattern,
    )
    did = settled(did.join(customers.select("user_id"), on="user_id", how="left_semi"))
    if did.isEmpty():
        return 0
    told = made.model.for_users(customers).updated(did, seen=purchases(did))
    general = Recommender("popularity", parameters("popularity", {}), told.frames)
    rows = offers(Kept(told, made.version), Kept(general, f"{MODEL}.popularity@"), customers, ctx)
    _exchange(ctx, settled(rows), customers)
    return customers.count()


def _exchange(ctx: Context, rows: DataFrame, customers: DataFrame) -> None:
    """`rows` in the place of all rows of `customers` in gold.recommendations, in one commit."""
    key = ["customer_id", "rank"]
    mine = customers.select(F.col("user_id").alias("customer_id"))
    old = ctx.lake.read(TABLE).join(mine, on="customer_id", how="left_semi")
    gone = old.join(rows.select(*key), on=key, how="left_anti").withColumn("gone", F.lit(True))
    new = contract(TABLE).conform(rows).withColumn("gone", F.lit(False)).unionByName(gone)
    ctx.lake.merge(
        TABLE,
        new,
        lambda merge: (
            merge.whenMatchedDelete("new.gone").whenMatchedUpdateAll().whenNotMatchedInsertAll("NOT new.gone")
        ),
    )
