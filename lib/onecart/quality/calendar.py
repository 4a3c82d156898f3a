"""silver.calendar: days, weekdays and public holidays, from the `holidays` package."""

from datetime import date, timedelta

from pyspark.sql import functions as F

from onecart.context import Context
from onecart.contracts import contract
from onecart.frames import day_of


def write_calendar(ctx: Context) -> None:
    """From the first order to a year after the last, with the holidays of the shop's country; nothing where it is not set."""
    shop, orders = ctx.settings.shop, ctx.lake.read_if_exists("silver.orders")
    row = orders.agg(*[day_of(end("order_ts"), shop.time_zone) for end in (F.min, F.max)]).first()
    if row is None or row[0] is None or shop.country is None:
        return
    first, last = row
    rows = calendar(first, last + timedelta(days=365), shop.country)
    ctx.lake.replace("silver.calendar", ctx.spark.createDataFrame(rows, contract("silver.calendar").schema))


def calendar(first: date, last: date, country: str) -> list[tuple[date, str, int, str | None]]:
    """(day, country, weekday 1 Monday .. 7 Sunday, holiday's name or None) for each day from `first` to `last`."""
    import holidays

    named = holidays.country_holidays(country, years=range(first.year, last.year + 1))
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    return [(d, country, d.isoweekday(), named.get(d)) for d in days]
