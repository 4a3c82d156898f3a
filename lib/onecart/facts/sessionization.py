"""What a visit is: a visitor's events in one channel, cut by silence, midnight and campaign."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import Behaviour, Shop
from onecart.facts.machines import GROUP, machines
from onecart.facts.shop import is_online
from onecart.frames import day_of

VISITOR = ("visitor_id", "channel", "session_key")


def session_id(first_event: str = "first_event") -> Column:
    """The id of the visit that began with the event whose id is in the column `first_event`: the same in every run."""
    return F.concat_ws(":", "channel", first_event).alias("session_id")


def with_visitor(df: DataFrame, *, visit: str = "coalesce(session_key, event_id)") -> DataFrame:
    """Adds visitor_id: the customer, else the record, else `session:` and the value of the SQL expression `visit`."""
    unknown = F.concat(F.lit("session:"), F.expr(visit))
    return df.withColumn("visitor_id", F.coalesce("customer_id", "record_id", unknown))


def with_session(events: DataFrame, rules: Behaviour, shop: Shop) -> DataFrame:
    """Adds session_id, the online visit that an event is of; null for the events of other channels and of machines. No row
    is added or lost.

    What a visit is, see `with_visit`; what a machine is, see `machines`: it is judged by what one visitor does in one channel on
    one day and arrives on one day. So no window has to hold more than `max_events_per_day` of a visitor and
    day; and as a verdict needs nothing that arrives later, features of a day never change by it.

    events: silver.interactions with customer_id.
    """
    online = F.coalesce(is_online(shop), F.lit(False))
    dated = events.transform(with_visitor).transform(with_days, "event_ts", shop)
    found = machines(dated.where(online), rules).withColumn("machine", F.lit(True))
    told = dated.join(F.broadcast(found), list(GROUP), how="left")
    # What is of no visit stands alone, so that no window holds it; one pass over all is cheaper than a union of parts.
    told = told.withColumn("alone", F.when(~online | F.col("machine"), F.col("event_id")))
    by = (*VISITOR, "alone")
    order = Window.partitionBy(*visit_keys(rules, by)).orderBy("event_ts", "event_id")
    first = F.last(F.when(F.col("begins"), F.col("event_id")), ignorenulls=True).over(
        order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    cut = told.transform(with_visit, rules, shop, by=by).withColumn("first_event", first)
    visit = F.when(F.col("alone").isNull(), session_id()).alias("session_id")
    return cut.select(*events.columns, visit)


def with_days(facts: DataFrame, happened: str, shop: Shop) -> DataFrame:
    """Adds day, when a fact happened by the column `happened`, and known_day, the later of that and received_ts."""
    day, received = (day_of(moment, shop.time_zone) for moment in (happened, "received_ts"))
    return facts.withColumns({"day": day, "known_day": F.greatest(day, received)})


def with_visit(
    events: DataFrame, rules: Behaviour, shop: Shop, *, by: Sequence[str] = VISITOR, until: str = "event_ts"
) -> DataFrame:
    """Adds `begins` (the event begins a visit) and `visit`, a number; the columns of `visit_keys(rules, by)` and `visit`
    name a visit.

    A visit ends as in Google Analytics' classic rules: when nothing happens for more than session_gap_minutes, at
    the shop's midnight, and when an event names another campaign than the visit's events before it did (one that names
    none changes nothing). A channel's new session_key ends it too; the events of one key stay together when two devices of a
    visitor take turns.

    events: the columns `by`, event_ts, event_id (breaks ties) and campaign. until: when what began at event_ts ended; a
    moment for an event, later for a row that holds several.
    """
    events = events.transform(with_local_day, rules, shop)
    order = Window.partitionBy(*visit_keys(rules, by)).orderBy("event_ts", "event_id")
    earlier = order.rowsBetween(Window.unboundedPreceding, -1)
    silent = F.max(until).over(earlier) + F.expr(f"INTERVAL {rules.session_gap_minutes} MINUTES") < F.col("event_ts")
    cut = events.withColumn("begins", F.coalesce(silent, F.lit(True)))
    if rules.cut_at_campaign:
        cut = cut.withColumn("stretch", F.sum(F.col("begins").cast("int")).over(order))
        named = F.when(F.col("campaign").isNotNull(), F.struct("stretch", "campaign"))
        cut = cut.withColumn("told", F.last(named, ignorenulls=True).over(earlier))
        other = (F.col("told.stretch") == F.col("stretch")) & (F.col("told.campaign") != F.col("campaign"))
        cut = cut.withColumn("begins", F.col("begins") | F.coalesce(other, F.lit(False))).drop("stretch", "told")
    return cut.withColumn("visit", F.sum(F.col("begins").cast("int")).over(order))


def with_local_day(events: DataFrame, rules: Behaviour, shop: Shop) -> DataFrame:
    """Adds `local_day` where midnight ends a visit. As a part of the key it also keeps windows short."""
    if not rules.cut_at_midnight:
        return events
    return events.withColumn("local_day", day_of("event_ts", shop.time_zone))


def visit_keys(rules: Behaviour, by: Sequence[str] = VISITOR) -> list[str]:
    """The columns within which events are cut into visits."""
    return [*by, *(["local_day"] if rules.cut_at_midnight else [])]
