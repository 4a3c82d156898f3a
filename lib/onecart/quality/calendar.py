"""silver.calendar: days, weekdays and public holidays, from the `holidays` package."""

from datetime import date, timedelta

from pyspark.sql import functions as F

from onecart.context import Context
from onecart.contracts import contract


def write_calendar(ctx: Context) -> None:
    """From the first order to a year after the last, for the country of the forecast settings."""
    orders = ctx.lake.read_if_exists("silver.orders")
    row = orders.agg(F.to_date(F.min("order_ts")), F.to_date(F.max("order_ts"))).first()
    if row is None or row[0] is None:
        return
    first, last = row
    rows = calendar(first, last + timedelta(days=365), ctx.settings.forecast.holidays_country)
    ctx.lake.replace("silver.calendar", ctx.spark.createDataFrame(rows, contract("silver.calendar").schema))


def calendar(first: date, last: date, country: str) -> list[tuple[date, str, int, str | None]]:
    """(day, country, weekday 1 Monday .. 7 Sunday, holiday's name or None) for each day from `first` to `last`."""
    import holidays

    named = holidays.country_holidays(country, years=range(first.year, last.year + 1))
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    return [(d, country, d.isoweekday(), named.get(d)) for d in days]
