"""What kind of days lie around an as_of: weather before it, holidays after it."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.contracts.base.features import HOLIDAY_DAYS, WEATHER_DAYS


def weather_before(weather: DataFrame, dates: DataFrame) -> DataFrame:
    """One row per as_of and country: temperature_7d and rain_7d of the days before as_of; what lies in the table beyond
    is a forecast of today's, and not what was known. weather: silver.weather; dates: as_of."""
    before = F.col("day").between(F.date_sub("as_of", WEATHER_DAYS), F.date_sub("as_of", 1))
    seen = weather.join(F.broadcast(dates), before, how="inner").groupBy("as_of", "country")
    return seen.agg(F.avg("temperature_c").alias("temperature_7d"), F.sum("rain_mm").alias("rain_7d"))


def holidays_ahead(calendar: DataFrame, dates: DataFrame) -> DataFrame:
    """One row per as_of that the calendar reaches: holidays_next_28d and days_to_holiday. Public holidays are law long
    before, so a calendar may be looked into. calendar: silver.calendar, of one country; dates: as_of."""
    ahead = F.datediff("day", "as_of")
    holiday = F.when(F.col("holiday").isNotNull(), ahead)
    seen = calendar.join(F.broadcast(dates), ahead >= 0, how="inner").groupBy("as_of")
    return seen.agg(
        F.count_if(holiday < HOLIDAY_DAYS).alias("holidays_next_28d"), F.min(holiday).alias("days_to_holiday")
    )


def with_conditions(rows: DataFrame, weather: DataFrame, calendar: DataFrame, dates: DataFrame) -> DataFrame:
    """`rows`[as_of, country] with the columns of `weather_before` and `holidays_ahead`; `country` goes. Where a row's
    country is null, it is the one that the weather is known of on most days."""
    most = weather.groupBy("country").count().orderBy(F.desc("count"), "country").limit(1)
    home = most.select(F.col("country").alias("home"))
    placed = rows.join(F.broadcast(home), how="left").withColumn("country", F.coalesce("country", "home"))
    with_weather = placed.join(F.broadcast(weather_before(weather, dates)), ["as_of", "country"], how="left")
    return with_weather.join(F.broadcast(holidays_ahead(calendar, dates)), "as_of", how="left").drop("country", "home")
