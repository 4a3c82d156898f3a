"""Which of several records' values a customer's profile shows, and why that one."""

from collections.abc import Callable
from typing import get_args

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import Attribute, Profile

ATTRIBUTES: tuple[str, ...] = get_args(Attribute)
_FOUND = ("record_id", "source", "updated_ts", "value")


def candidates(contacts: DataFrame, orders: DataFrame) -> DataFrame:
    """One row per customer_id, attribute and record_id that has a value for it: source, updated_ts, value (a string).

    `contacts`: silver.contacts with customer_id; `orders`: silver.orders with customer_id, whose country is a candidate
    too, as source `order`.
    """
    pairs = F.array(
        *[F.struct(F.lit(name).alias("attribute"), F.col(name).cast("string").alias("value")) for name in ATTRIBUTES]
    )
    said = contacts.select("customer_id", "record_id", "source", "updated_ts", F.inline(pairs))
    places = orders.groupBy("customer_id", "record_id", F.col("country").alias("value")).agg(
        F.max("order_ts").alias("updated_ts")
    )
    sent = places.withColumns({"attribute": F.lit("country"), "source": F.lit("order")})
    return said.unionByName(sent).where("value IS NOT NULL")


def survivors(candidates: DataFrame, settings: Profile) -> DataFrame:
    """One row per customer_id and attribute: the candidate that survives (record_id, source, updated_ts, value), the
    `rule` that decided, and `candidates`, how many distinct other values it won against.

    The attribute's rules are applied in order, each to the ties of those before it; the last tie goes to the smaller
    record_id. Values are one value if they differ in case or outer spaces only.

    `trusted`: the source earlier in `settings.source_trust`. `recent`: the newer record. `frequent`: the value on more
    records. `longest`: the longer text. `rule` is the first at which the winner is ahead of the best other value;
    `only` where there is none; `record_id` where all rules tie.
    """
    alike = [F.col("customer_id"), F.col("attribute"), F.lower(F.trim("value")).alias("alike")]
    keyed = candidates.withColumns(_keys(settings))
    best = F.min(F.struct(_order(settings, without="frequent").alias("order"), *_FOUND, "trusted", "recent", "longest"))
    values = keyed.groupBy(*alike).agg(best.alias("best"), (-F.count("*")).alias("frequent"))
    ranked = values.select("customer_id", "attribute", "alike", "best.*", "frequent").withColumn(
        "order", _order(settings)
    )
    rivals = Window.partitionBy("customer_id", "attribute")
    first = rivals.orderBy("order", "record_id", "alike")
    placed = ranked.withColumns(
        {
            "place": F.row_number().over(first),
            "next": F.lead("order").over(first),
            "candidates": (F.count("*").over(rivals) - 1).cast("int"),
        }
    )
    winners = placed.where("place = 1").withColumn("rule", _deciding(settings))
    return winners.select("customer_id", "attribute", *_FOUND, "rule", "candidates")


def attributes(survivors: DataFrame) -> DataFrame:
    """Survivors -> one row per customer_id with a column for each of ATTRIBUTES."""
    value = {name: F.max(F.when(F.col("attribute") == name, F.col("value"))) for name in ATTRIBUTES}
    value["date_of_birth"] = value["date_of_birth"].cast("date")
    return survivors.groupBy("customer_id").agg(*[column.alias(name) for name, column in value.items()])


def _keys(settings: Profile) -> dict[str, Column]:
    """A number for each rule, the smaller the better."""
    trust = [F.when(F.col("source") == s, F.lit(i)) for i, s in enumerate(settings.source_trust)]
    return {
        "trusted": F.coalesce(*trust, F.lit(len(settings.source_trust))).cast("long"),
        "recent": -F.unix_micros("updated_ts"),
        "longest": -F.length(F.trim("value")).cast("long"),
    }


def _order(settings: Profile, without: str = "") -> Column:
    """The attribute's rules as an array of numbers: arrays compare element by element."""
    return _by_attribute(
        settings, lambda rules: F.array(*[F.col(r).cast("long") for r in rules if r != without], F.lit(0).cast("long"))
    )


def _deciding(settings: Profile) -> Column:
    def named(rules: tuple[str, ...]) -> Column:
        ahead = [F.when(F.col("order")[i] != F.col("next")[i], F.lit(rule)) for i, rule in enumerate(rules)]
        return F.coalesce(*ahead, F.lit("record_id"))

    return F.when(F.col("next").isNull(), "only").otherwise(_by_attribute(settings, named))


def _by_attribute(settings: Profile, of: Callable[[tuple[str, ...]], Column]) -> Column:
    rules = settings.survivorship
    return F.coalesce(*[F.when(F.col("attribute") == name, of(rules[name])) for name in rules])
