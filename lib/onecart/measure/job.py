"""The job `measure`: did it work. One function per table."""

import logging

from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.facts.shop import in_shop_currency
from onecart.measure.attribution.table import write_attribution
from onecart.measure.conversion import conversion_daily
from onecart.measure.off_policy.table import write_policy_value

NO_CURRENCY = "XXX"  # as ISO 4217 says it: of a shop without orders
_SHOWN = 5  # currencies, at most
_PARTS = (
    write_attribution,
    write_policy_value,
)  # each says in words what it found, nothing where its inputs are not there
_log = logging.getLogger(__name__)


def run(ctx: Context) -> Result:
    """Replaces gold.conversion_daily. Revenue is in the shop's currency, or that of most order lines; that in other
    currencies, and without a rate, is left out, and warned of."""
    ctx.require_rows("gold.sessions", "silver.orders")
    shop = ctx.settings.shop
    sessions, orders = (ctx.lake.read_if_exists(name) for name in ("gold.sessions", "silver.orders"))
    orders = orders.transform(in_shop_currency, shop)
    lines = orders.groupBy("currency").count().orderBy(F.desc("count"), "currency").limit(_SHOWN).collect()
    currency = shop.currency or (lines[0]["currency"] if lines else NO_CURRENCY)
    if left_out := [row["currency"] for row in lines if row["currency"] != currency]:
        _log.warning(
            "revenue is in %s; that of orders in %s is left out: say what 1 of it is worth with --set shop.rates.%s=...",
            currency,
            ", ".join(left_out),
            left_out[0],
        )
    footfall = ctx.lake.read_if_exists("silver.footfall")
    rows = conversion_daily(sessions, orders, footfall, currency=currency, shop=shop)
    written = ctx.lake.replace("gold.conversion_daily", rows)
    both = F.col("channel").isin(shop.all_online, shop.all_stores)
    known = ctx.lake.read("gold.conversion_daily").where(both & (F.col("visitors") > 0))
    sums = known.groupBy("channel").agg(F.sum("buyers"), F.sum("visitors"), F.count("*")).orderBy("channel").collect()
    found = [f"{channel} conversion {b / v:.1%} over {days} days" for channel, b, v, days in sums]
    parts = [", ".join(found) or "no visitors counted", *[write(ctx) for write in _PARTS]]
    return Result(
        rows_in=sessions.count(), rows_out=written.inserted, headline="; ".join(words for words in parts if words)
    )
