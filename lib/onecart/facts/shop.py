"""What the `shop` settings say about rows: which are goods, in which kind of channel, for how much in the shop's currency."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Shop
from onecart.config.sections.shop import ChannelKind
from onecart.contracts.base.table import MONEY
from onecart.frames import literal_map

_RATE = "decimal(19,10)"  # with which a product of money has 38 digits, all that Spark can hold
_MONEY_COLUMNS = ("unit_price", "amount", "list_price", "unit_cost")


def are_goods(shop: Shop) -> Column:
    """Whether the row's sku is of goods. Silver has SKUs in upper case, so case does not count."""
    return F.col("sku").isNotNull() if shop.goods is None else F.col("sku").rlike(f"(?i){shop.goods}")


def of_kind(shop: Shop, *kinds: ChannelKind) -> Column:
    """Whether the row's channel is of one of `kinds`. A name that shop.channels does not list is online; `stores`, all of
    several together, is a store."""
    named = {**shop.channels, shop.all_stores: "store"}
    if "online" in kinds:
        return ~F.col("channel").isin([name for name, kind in named.items() if kind not in kinds])
    return F.col("channel").isin([name for name, kind in named.items() if kind in kinds])


def is_online(shop: Shop) -> Column:
    """Whether the row's channel is one in which visits are seen."""
    return of_kind(shop, "online", "app")


def in_shop_currency(rows: DataFrame, shop: Shop) -> DataFrame:
    """The rows with their money in the shop's currency, where shop.rates has a rate for the row's; others stay as they are.
    Rows: currency, and money in any of _MONEY_COLUMNS."""
    if not shop.rates:
        return rows
    rates = {currency: F.lit(str(rate)).cast(_RATE) for currency, rate in shop.rates.items()}
    worth = literal_map(rates)[F.col("currency")]
    money = {
        name: F.coalesce((F.col(name) * worth).cast(MONEY), name) for name in _MONEY_COLUMNS if name in rows.columns
    }
    own = F.when(worth.isNotNull(), shop.currency).otherwise(F.col("currency"))
    # One after the other: in one step Spark takes the new currency's name for the old one's.
    return rows.withColumns(money).withColumn("currency", own)


def main_currency(rows: DataFrame, shop: Shop) -> str | None:
    """The shop's currency, else that of most `rows`; None: there are none."""
    if shop.currency:
        return shop.currency
    row = rows.groupBy("currency").count().orderBy(F.desc("count"), "currency").first()
    return row["currency"] if row else None


def at_doors(footfall: DataFrame, shop: Shop) -> DataFrame:
    """[day, channel, footfall]: the people counted on a day in all stores together (silver.footfall), as `shop.all_stores`."""
    days = footfall.groupBy("day").agg(F.sum("visitors").alias("footfall"))
    return days.withColumn("channel", F.lit(shop.all_stores))


def with_totals(rows: DataFrame, shop: Shop, *, online: bool = False) -> DataFrame:
    """The rows of several stores a second time with the channel `shop.all_stores`, as people are counted at doors of all
    stores together; `online`: and those of online channels with the channel `shop.all_online`."""
    totals = F.array()
    if shop.all_stores not in shop.channels:
        totals = F.when(of_kind(shop, "store"), F.array(F.lit(shop.all_stores))).otherwise(totals)
    if online:
        totals = F.when(is_online(shop), F.array(F.lit(shop.all_online))).otherwise(totals)
    elif shop.all_stores in shop.channels:
        return rows
    return rows.withColumn("channel", F.explode(F.array_distinct(F.concat(F.array("channel"), totals))))
