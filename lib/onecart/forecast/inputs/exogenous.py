"""What other rooms know ahead of a product: what its reviews said of late, and what is planned for it."""

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.forecast.hierarchy.reconciliation import aggregate
from onecart.frames import DIGITS, quoted

_REMEMBERED = 56  # days that a review counts
_EVERY = "*"  # the sku of a plan for all products


def sentiment(scored: DataFrame, reviews: DataFrame, *, horizon: int) -> DataFrame:
    """[unique_id (the sku), ds, sentiment], a row a product and day with reviews to tell of: positive less negative ones of the
    `_REMEMBERED` days that ended `horizon` days before, so that it is known of every day ahead, over their number and two.

    scored: gold.review_sentiment; reviews: silver.reviews.
    """
    sign = F.when(F.col("sentiment") == "positive", 1).when(F.col("sentiment") == "negative", -1).otherwise(0)
    told = scored.where("sku IS NOT NULL").select("review_id", F.col("sku").alias("unique_id"), sign.alias("sign"))
    day = F.to_date("review_ts")
    known = F.sequence(F.date_add(day, horizon), F.date_add(day, horizon + _REMEMBERED - 1))
    days = told.join(reviews.select("review_id", F.explode(known).alias("ds")), on="review_id", how="inner")
    balance = F.sum("sign") / (F.count("*") + F.lit(2))
    return days.groupBy("unique_id", "ds").agg(balance.alias("sentiment"))


def planned(plans: DataFrame, skus: DataFrame) -> DataFrame:
    """[unique_id, ds, a column a kind]: the largest amount of `plans` (silver.plans) of each kind, for `skus`[unique_id]."""
    kinds = [row["kind"] for row in plans.select("kind").distinct().orderBy("kind").collect()]
    rows = plans.select(F.col("sku").alias("unique_id"), F.col("day").alias("ds"), "kind", "amount")
    of_all = rows.where(F.col("unique_id") == _EVERY).drop("unique_id").crossJoin(F.broadcast(skus))
    both = rows.join(skus, on="unique_id", how="left_semi").unionByName(of_all)
    return both.groupBy("unique_id", "ds").pivot("kind", kinds).agg(F.max("amount"))


def known_ahead(
    series: DataFrame, parts: Sequence[DataFrame], tree: DataFrame, levels: Sequence[str], *, as_of: date, horizon: int
) -> DataFrame:
    """[unique_id, ds, the columns of `parts`], a row for each product of `series` and day from the first to the last that is
    forecast, 0 where the parts[unique_id, ds, numbers] have no row; and the means of the products for each node of the tree."""
    first = series.agg(F.min("ds").alias("first"))
    dates = F.sequence("first", F.lit(as_of + timedelta(days=horizon - 1)))
    grid = series.select("unique_id").distinct().crossJoin(first.select(F.explode(dates).alias("ds")))
    names = [name for part in parts for name in part.columns if name not in ("unique_id", "ds")]
    for part in parts:
        grid = grid.join(part, on=["unique_id", "ds"], how="left")
    grid = grid.withColumns({name: F.coalesce(quoted(name), F.lit(0.0)) for name in names})
    found = aggregate(grid.withColumn("y", F.lit(1.0)), tree, levels).withColumnRenamed("y", "products")
    for name in names:
        sums = aggregate(grid.select("unique_id", "ds", quoted(name).alias("y")), tree, levels)
        found = found.join(sums.withColumnRenamed("y", name), on=["unique_id", "ds"], how="inner")
    means = [F.round(quoted(name) / F.col("products"), DIGITS).alias(name) for name in names]
    return found.select("unique_id", "ds", *means)
