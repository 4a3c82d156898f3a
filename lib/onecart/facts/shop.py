"""What the `shop` settings say about the rows of facts: which are goods, in which kind of channel."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from onecart.config import Shop


def are_goods(shop: Shop) -> Column:
    """Whether the row's sku is of goods. Silver has SKUs in upper case, so case does not count."""
    return F.col("sku").isNotNull() if shop.goods is None else F.col("sku").rlike(f"(?i){shop.goods}")
