"""The job `measure`: gold.sessions, silver.orders and footfall -> gold.conversion_daily."""

from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.measure.conversion import conversion_daily

NO_CURRENCY = "XXX"  # as ISO 4217 says it: of a shop without orders


def run(ctx: Context) -> Result:
    """Replaces gold.conversion_daily. Revenue is in the currency of most order lines; other currencies are left out."""
    ctx.require_rows("gold.sessions", "silver.orders")
    sessions, orders = (ctx.lake.read_if_exists(name) for name in ("gold.sessions", "silver.orders"))
    main = orders.groupBy("currency").count().orderBy(F.desc("count"), "currency").first()
    currency = main["currency"] if main else NO_CURRENCY
    footfall = ctx.lake.read_if_exists("silver.footfall")
    rows = conversion_daily(sessions, orders, footfall, currency=currency)
    written = ctx.lake.replace("gold.conversion_daily", rows)
    known = ctx.lake.read("gold.conversion_daily").where("channel IN ('online', 'store') AND visitors > 0")
    sums = known.groupBy("channel").agg(F.sum("buyers"), F.sum("visitors"), F.count("*")).orderBy("channel").collect()
    found = [f"{channel} conversion {b / v:.1%} over {days} days" for channel, b, v, days in sums]
    return Result(
        rows_in=sessions.count(), rows_out=written.inserted, headline=", ".join(found) or "no visitors counted"
    )
