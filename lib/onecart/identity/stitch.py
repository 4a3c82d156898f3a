"""Whose an anonymous cookie or device was, and when."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def stretches(interactions: DataFrame, *, days: int) -> DataFrame:
    """One row per record of an anonymous cookie or device and stretch of time in which one account used it, key
    (record_id, from_ts): account_id, until_ts (not included; null: open).

    `interactions`: silver.interactions. Logins on one cookie or device in order of time fall into turns of one account
    each. The first turn begins `days` before its first login, for who logs in has mostly browsed before. With one turn
    only, it never ends. With two the thing was handed on: the first ends with its last login and the second, from its
    first login on, never ends; what lies between is nobody's. With more turns it is shared: each holds from its first
    to its last login only.
    """
    carrier = F.coalesce("cookie_id", "device_id")
    seen = interactions.where(carrier.isNotNull()).withColumn("carrier", carrier)
    anonymous = seen.where("account_id IS NULL").select("carrier", "record_id").distinct()
    logins = seen.where("account_id IS NOT NULL").select("carrier", "account_id", "event_ts").distinct()
    in_time = Window.partitionBy("carrier").orderBy("event_ts", "account_id")
    other = F.coalesce((F.col("account_id") != F.lag("account_id").over(in_time)).cast("int"), F.lit(0))
    numbered = logins.withColumn("other", other).withColumn("turn", F.sum("other").over(in_time))
    turns = numbered.groupBy("carrier", "turn", "account_id").agg(
        F.min("event_ts").alias("first_ts"), F.max("event_ts").alias("last_ts")
    )
    count = F.count("*").over(Window.partitionBy("carrier"))
    begins = F.when(F.col("turn") == 0, F.col("first_ts") - F.make_interval(days=F.lit(days))).otherwise(
        F.col("first_ts")
    )
    open_ended = (F.col("turns") == 1) | ((F.col("turns") == 2) & (F.col("turn") == 1))
    just_after = F.col("last_ts") + F.expr("INTERVAL 1 MICROSECOND")
    limited = turns.withColumn("turns", count).select(
        "carrier",
        "account_id",
        begins.alias("from_ts"),
        F.when(~open_ended, just_after).alias("until_ts"),
    )
    return limited.join(anonymous, "carrier", how="inner").select("record_id", "from_ts", "until_ts", "account_id")
