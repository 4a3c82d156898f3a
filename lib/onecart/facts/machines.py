"""What a machine is: a visitor whose events in one channel on one day come at a rate, or in a rhythm, that no person has."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import Behaviour

GROUP = ("visitor_id", "channel", "day", "known_day")
_ACCURACY = 1_000  # of percentile_approx


def machines(events: DataFrame, rules: Behaviour) -> DataFrame:
    """[*GROUP]: the groups of events that are a machine's.

    By rate: more than `max_events_per_day`. By pattern, of groups with events in `machine_events` seconds or more: the median pause
    between them is `machine_pause_seconds` at most, or the median difference of the pauses from it is under `machine_rhythm` of it.
    Events of one second count once: a page sends several. So no window holds more than max_events_per_day rows.

    events: GROUP and event_ts.
    """
    counted = events.groupBy(*GROUP).agg(F.count("*").alias("events"))
    by_rate = F.col("events") > rules.max_events_per_day
    many = counted.where(~by_rate & (F.col("events") >= rules.machine_events))
    seconds = events.join(F.broadcast(many.drop("events")), list(GROUP), how="left_semi")
    seconds = seconds.select(*GROUP, F.unix_timestamp("event_ts").alias("second")).distinct()
    pause = F.col("second") - F.lag("second").over(Window.partitionBy(*GROUP).orderBy("second"))
    pauses = seconds.withColumn("pause", pause)
    usual = F.percentile_approx("pause", 0.5, _ACCURACY).over(Window.partitionBy(*GROUP))
    apart = pauses.withColumn("usual", usual).withColumn("apart", F.abs(F.col("pause") - F.col("usual")))
    found = apart.groupBy(*GROUP).agg(
        F.count("*").alias("seconds"),
        F.first("usual").alias("usual"),
        F.percentile_approx("apart", 0.5, _ACCURACY).alias("apart"),
    )
    fast = F.col("usual") <= rules.machine_pause_seconds
    even = F.col("apart") < rules.machine_rhythm * F.col("usual")
    by_pattern = found.where((F.col("seconds") >= rules.machine_events) & (fast | even))
    return counted.where(by_rate).select(*GROUP).unionByName(by_pattern.select(*GROUP))
