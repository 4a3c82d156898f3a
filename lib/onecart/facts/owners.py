"""Whose a fact is: the one way from a record of silver to a customer of gold."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.contracts.quality import HAPPENED
from onecart.lake import Lake


@dataclass(frozen=True)
class Owners:
    """Who is who, as gold.identity_links and gold.identity_stitches say."""

    links: DataFrame
    stitches: DataFrame

    @classmethod
    def of(cls, lake: Lake) -> "Owners":
        """As the lake knows them now."""
        return cls(lake.read("gold.identity_links"), lake.read_if_exists("gold.identity_stitches"))

    def named(self, rows: DataFrame, table: str) -> DataFrame:
        """`rows` of the silver table `table`, one of HAPPENED, with customer_id, see `with_customer`."""
        return with_customer(rows, self.links, self.stitches, at=HAPPENED[table])


def with_customer(facts: DataFrame, links: DataFrame, stitches: DataFrame, *, at: str) -> DataFrame:
    """`facts` with customer_id, null where nobody is known. No row is added or lost.

    at: the column that says when a fact happened. A cookie or device with stitches is a customer's in those stretches of
    time and nobody's outside of them (then the customer_id is its own record's, a visitor's); any other record is its
    link's customer always.
    """
    span = F.struct("from_ts", "until_ts", F.col("customer_id").alias("owner")).alias("span")
    both = links.select("record_id", "customer_id").unionByName(
        stitches.select("record_id", span), allowMissingColumns=True
    )
    # Grouped, they lie as the join with the facts wants them.
    known = both.groupBy("record_id").agg(
        F.max("customer_id").alias("customer_id"), F.collect_list("span").alias("spans")
    )
    now = F.col(at)
    found = F.filter("spans", lambda s: (now >= s["from_ts"]) & (s["until_ts"].isNull() | (now < s["until_ts"])))
    visitor = F.concat(F.lit("v_"), F.substring(F.sha2("of", 256), 1, 16))
    in_time = F.coalesce(F.get(found, F.lit(0))["owner"], visitor)
    owner = F.when(F.size("spans") > 0, in_time).otherwise(F.col("customer_id"))
    # Facts of no record have keys of their own, or one task would get them all.
    of = F.coalesce("record_id", F.concat(F.lit("nobody at "), F.col(at).cast("string")))
    named = facts.withColumn("of", of).join(known.withColumnRenamed("record_id", "of"), "of", how="left")
    return named.select(*facts.columns, owner.alias("customer_id"))
