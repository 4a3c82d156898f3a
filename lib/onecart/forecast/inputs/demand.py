"""From order lines to daily demand: what is counted, and on which days nobody could buy."""

from datetime import date, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.frames import DIGITS

_LARGE = 0.99  # share of a product's lines that are no larger than its usual large line
_OPEN = 0.5  # share of a weekday's days with sales, from which a day without is an exception


def wanted_lines(orders: DataFrame, *, as_of: date, returned_days: int, bulk_times: float) -> DataFrame:
    """[unique_id (the sku), ds, units]: the lines of `orders`[order_line_id, sku, buyer, quantity, order_ts], which are of goods,
    before `as_of` that were demand, a row each.

    A return takes nothing off, as what comes back was wanted, and can be sold again; but a line of which all comes back within
    `returned_days` was an error or a trial, and is left out, see `_with_returned_whole`. A line of more than `bulk_times` the 99 %
    line of its product is a single buyer's bulk order, and counts as so many units.
    """
    past = orders.where(F.to_date("order_ts") < F.lit(as_of)).withColumn("quantity", F.col("quantity").cast("double"))
    kept = past.transform(_with_returned_whole, days=returned_days).where("quantity > 0 AND NOT returned_whole")
    cap = F.percentile_approx("quantity", _LARGE).over(Window.partitionBy("sku")) * bulk_times
    units = F.least("quantity", cap)
    return kept.select(F.col("sku").alias("unique_id"), F.to_date("order_ts").alias("ds"), units.alias("units"))


def _with_returned_whole(lines: DataFrame, *, days: int) -> DataFrame:
    """`lines` with `returned_whole`: whether all of a line came back within `days`.

    A return of as many of the product takes the newest line of its buyer that no other return has taken; lines whose buyer is
    null are taken by returns whose buyer is null. So lines and returns of one kind pair up as brackets do: a line opens the
    depth that it reaches, and the next return at that depth closes it; a return with nothing open closes nothing. Sorting is
    all it takes, however often a product is sold.
    """
    kind = Window.partitionBy("sku", F.abs("quantity"), "buyer")
    in_time = kind.orderBy("order_ts", F.col("quantity") < 0, "order_line_id")
    so_far = in_time.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    lead = F.sum(F.signum("quantity")).over(so_far)  # lines less returns; below 0: returns of what was never sold
    depth = (
        F.col("lead") - F.least(F.lit(0.0), F.min("lead").over(so_far)) + F.when(F.col("quantity") < 0, 1).otherwise(0)
    )
    at_depth = Window.partitionBy("sku", F.abs("quantity"), "buyer", "depth").orderBy(
        "order_ts", F.col("quantity") < 0, "order_line_id"
    )
    closed_by = F.lead(F.when(F.col("quantity") < 0, F.col("order_ts"))).over(at_depth)
    soon = F.coalesce(closed_by <= F.col("order_ts") + F.expr(f"INTERVAL {days} DAYS"), F.lit(False))
    deep = lines.withColumn("lead", lead).withColumn("depth", depth)
    return deep.withColumn("returned_whole", soon).drop("lead", "depth")


def daily_units(lines: DataFrame) -> DataFrame:
    """Units of `lines`[unique_id, ds, units] a product and day. Key unique_id, ds; y in units."""
    return lines.groupBy("unique_id", "ds").agg(F.round(F.sum("units"), DIGITS).alias("y"))


def best_sellers(series: DataFrame, *, as_of: date, top: int | None) -> DataFrame:
    """The series of the `top` products by units in the 365 days before `as_of`; None: of all that sold in them."""
    recent = series.where(F.col("ds") >= F.lit(as_of - timedelta(days=365)))
    units = recent.groupBy("unique_id").agg(F.round(F.sum("y"), DIGITS).alias("units")).where("units > 0")
    chosen = units if top is None else units.orderBy(F.desc("units"), "unique_id").limit(top)
    return series.join(chosen.select("unique_id"), "unique_id", how="left_semi")


def closed_days(days: DataFrame, *, as_of: date) -> DataFrame:
    """[ds]: days before `as_of` without any of `days`[ds], on weekdays that usually have some: holidays, a failed feed. On
    the others, as Sundays of a shop that is closed then, nothing sold is what to expect."""
    spoken = days.select("ds").distinct()
    span = spoken.agg(F.min("ds").alias("first"), F.lit(as_of).alias("end"))
    every = span.select(F.explode(F.sequence("first", F.date_sub("end", 1))).alias("ds"))
    told = every.join(spoken.withColumn("open", F.lit(1)), on="ds", how="left")
    share = F.avg(F.coalesce("open", F.lit(0))).over(Window.partitionBy(F.dayofweek("ds")))
    return told.withColumn("share", share).where(F.col("open").isNull() & (F.col("share") >= _OPEN)).select("ds")


def told(series: DataFrame, closed: DataFrame) -> DataFrame:
    """`series` with a null on each of `closed`[ds] since its first day: what would have been bought then is not known."""
    since = series.groupBy("unique_id").agg(F.min("ds").alias("first"))
    shut = F.broadcast(closed).join(since, F.col("ds") > F.col("first"), how="inner")
    return series.unionByName(shut.select("unique_id", "ds", F.lit(None).cast("double").alias("y")))
