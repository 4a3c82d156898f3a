"""The job `behave`: silver events, orders and tickets -> gold.sessions, gold.funnel, gold.customer_features."""

from pyspark.sql import functions as F

from onecart.behaviour.features import as_of_dates, features
from onecart.behaviour.funnel import funnel
from onecart.behaviour.sessions import online_sessions, store_sessions
from onecart.context import Context, Result
from onecart.lake.customers import with_customer


def run(ctx: Context) -> Result:
    """Reads silver.interactions, orders, tickets and gold.identity_links; replaces the three tables.

    Features are for customers of gold.customer_profile only, where it is there: a cookie that never said who it is
    gets no row.
    """
    links = ctx.lake.read("gold.identity_links")
    received = ctx.lake.read_if_exists("silver.interactions"), ctx.lake.read("silver.orders")
    stitches = ctx.lake.read_if_exists("gold.identity_stitches")
    tickets = with_customer(ctx.lake.read_if_exists("silver.tickets"), links, None, at="opened_ts")
    events = with_customer(received[0], links, stitches, at="event_ts")
    orders = with_customer(received[1], links, stitches, at="order_ts")
    gap = ctx.settings.behaviour.session_gap_minutes

    visits = online_sessions(events, gap_minutes=gap).unionByName(store_sessions(orders))
    written = ctx.lake.replace("gold.sessions", visits)
    steps = ctx.lake.read("gold.sessions").transform(funnel)
    ctx.lake.replace("gold.funnel", steps)

    intent = ctx.settings.intent
    dates = as_of_dates(ctx.as_of(), horizon_days=intent.horizon_days, cutoffs=intent.cutoffs)
    rows = features(orders, events, tickets, dates, gap_minutes=gap)
    if ctx.lake.exists("gold.customer_profile"):
        rows = rows.join(ctx.lake.read("gold.customer_profile").select("customer_id"), "customer_id", how="left_semi")
    ctx.lake.replace("gold.customer_features", rows)

    online = steps.where("channel <> 'store'").agg(F.sum("visits"), F.sum("purchase_visits")).first()
    total, bought = (online[0] or 0, online[1] or 0) if online else (0, 0)
    share = f", {bought / total:.1%} of {total:,} online visits bought" if total else ""
    return Result(
        rows_in=sum(table.count() for table in received),
        rows_out=written.inserted,
        headline=f"{written.inserted:,} visits{share}",
    )
