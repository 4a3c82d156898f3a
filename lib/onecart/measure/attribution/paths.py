"""The paths of visitors over all channels, each ended by a visit that bought or by silence."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.frames import day_of

BETWEEN = " / "  # channel and campaign of a touch
TOUCH = ("owner", "ts", "id", "channel", "campaign", "purchased")


def touches(sessions: DataFrame, tickets: DataFrame, sends: DataFrame, profiled: DataFrame) -> DataFrame:
    """One row per touch; the columns TOUCH: owner of the path, when, id, channel, campaign (null: none), purchased.

    A visit is a touch; so are a support ticket and a message of a campaign. Visits of customers who did not agree to
    profiling stand alone, each a path of its own, and their tickets and messages are left out: nobody is followed who did
    not agree. Visitors who are no customer are those of one cookie or device, and their paths that end in nothing count.

    sessions: gold.sessions; tickets: silver.tickets with customer_id; sends: the treated of gold.decision_log with send_ts;
    profiled: customer_id of those who agreed, its key.
    """
    agreed = profiled.select("customer_id", F.lit(True).alias("agreed"))
    alone = F.col("customer_id").isNotNull() & F.col("agreed").isNull()
    visits = sessions.join(agreed, "customer_id", how="left").select(
        F.when(alone, F.concat(F.lit("visit:"), "session_id")).otherwise(F.col("visitor_id")).alias("owner"),
        F.col("started_ts").alias("ts"),
        F.col("session_id").alias("id"),
        "channel",
        "campaign",
        "purchased",
    )
    others = [
        _of_customers(tickets, agreed, "opened_ts", "ticket_id", F.lit("support"), "contact_channel"),
        _of_customers(sends, agreed, "send_ts", "decision_id", F.col("channel"), "subject"),
    ]
    for one in others:
        visits = visits.unionByName(one)
    return visits


def _of_customers(rows: DataFrame, agreed: DataFrame, ts: str, key: str, channel: Column, campaign: str) -> DataFrame:
    columns = {"owner": "customer_id", "ts": ts, "id": key, "campaign": campaign}
    named = [F.col(of).alias(name) for name, of in columns.items()]
    known = rows.join(agreed, "customer_id", how="left_semi")
    return known.select(*named, F.coalesce(channel, F.lit("other")).alias("channel"), F.lit(False).alias("purchased"))


def conversion_paths(touches: DataFrame, *, lookback_days: int, zone: str) -> DataFrame:
    """One row per path: month (its first day; of the path's end), path (array of touches), conversions and nulls (1 and 0, or
    0 and 1).

    A path ends with a visit that bought, or when nothing follows for more than `lookback_days`. Of a path that converts
    only the touches of the `lookback_days` before its end may have led there; the earlier ones are a path that
    ended in nothing.
    """
    span = F.expr(f"INTERVAL {lookback_days} DAYS")
    order = Window.partitionBy("owner").orderBy("ts", "id")
    fresh = F.lag("purchased").over(order) | (F.lag("ts").over(order) + span < F.col("ts"))
    numbered = touches.withColumn("begins", F.coalesce(fresh, F.lit(True)).cast("int"))
    numbered = numbered.withColumn("number", F.sum("begins").over(order.rowsBetween(Window.unboundedPreceding, 0)))
    whole = Window.partitionBy("owner", "number")
    bought = numbered.withColumn("ended_ts", F.max(F.when(F.col("purchased"), F.col("ts"))).over(whole))
    led = F.col("ended_ts").isNotNull() & (F.col("ts") + span >= F.col("ended_ts"))
    touch = F.concat_ws(BETWEEN, "channel", "campaign").alias("touch")
    paths = (
        bought.select("owner", "number", led.alias("led"), "ts", F.struct("ts", "id", touch).alias("touched"))
        .groupBy("owner", "number", "led")
        .agg(F.sort_array(F.collect_list("touched"))["touch"].alias("path"), F.max("ts").alias("ended_ts"))
    )
    month = F.trunc(day_of("ended_ts", zone), "month").alias("month")
    conversions = F.col("led").cast("double")
    return paths.select(month, "path", conversions.alias("conversions"), (1 - conversions).alias("nulls"))
