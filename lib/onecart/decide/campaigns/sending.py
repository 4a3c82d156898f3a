"""When a customer may be contacted: outside quiet hours on the customer's own clock."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Contacts, Shop
from onecart.facts.countries import code_of, names_of

_HOURS = 24


def with_send_ts(customers: DataFrame, *, as_of: date, contacts: Contacts, shop: Shop) -> DataFrame:
    """Adds `send_ts`: the first hour from the customer's preferred one on, on the day `as_of`, that is no quiet one in any
    time zone of the customer's country; null: each of them is quiet somewhere.

    customers: country (any name of it), preferred_hour (on the shop's clock; null: contacts.send_hour). A country that is not
    known is taken to have the shop's clock.
    """
    spark = customers.sparkSession
    begin = datetime.combine(as_of, time(), ZoneInfo(shop.time_zone))
    theirs = F.broadcast(spark.createDataFrame(_countries(begin, contacts.quiet_hours)))
    shops = delays(begin, [shop.time_zone], contacts.quiet_hours)
    after = F.coalesce("_delays", F.array(*[F.lit(hours) for hours in shops]))
    wanted = F.coalesce("preferred_hour", F.lit(contacts.send_hour))
    hours = F.element_at(after, wanted + 1)
    start = F.lit(int(begin.timestamp()))
    joined = customers.join(theirs, F.lower(F.trim("country")) == F.col("_country"), how="left")
    send: Column = F.when(hours >= 0, F.timestamp_seconds(start + hours * 3600))
    return joined.withColumn("send_ts", send).drop("_country", "_delays")


def delays(begin: datetime, zones: Sequence[str], quiet: tuple[int, int]) -> list[int]:
    """For each hour after `begin` from which a contact is wanted: the first from it on that is quiet in none of the zones,
    within a day; -1: there is none."""
    clocks = [ZoneInfo(name) for name in zones]
    start = begin.astimezone(ZoneInfo("UTC"))
    moments = [start + timedelta(hours=n) for n in range(2 * _HOURS)]
    good = [not any(is_quiet(moment.astimezone(clock).time(), quiet) for clock in clocks) for moment in moments]
    return [next((n for n in range(hour, hour + _HOURS) if good[n]), -1) for hour in range(_HOURS)]


def is_quiet(clock: time, quiet: tuple[int, int]) -> bool:
    """Whether the clock shows a quiet moment. quiet: from one hour on up to, not including, another, over midnight if the
    second is smaller."""
    first, last = quiet
    if first == last:
        return False
    return first <= clock.hour < last if first < last else clock.hour >= first or clock.hour < last


def _countries(begin: datetime, quiet: tuple[int, int]) -> pd.DataFrame:
    found = {code: delays(begin, zones, quiet) for code, zones in zones_of_countries().items()}
    rows = [(name, found[code]) for code in found for name in names_of(code) if code_of(name) == code]
    return pd.DataFrame(rows, columns=["_country", "_delays"])


@cache
def zones_of_countries() -> dict[str, tuple[str, ...]]:
    """ISO 3166 code -> its time zones."""
    import pytz

    return {str(code): tuple(zones) for code, zones in pytz.country_timezones.items()}
