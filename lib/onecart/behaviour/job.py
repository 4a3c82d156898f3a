"""The job `behave`: facts and tickets of customers -> gold.sessions, gold.funnel, gold.customer_features."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.behaviour.features import Sources, as_of_dates, features
from onecart.behaviour.funnel import funnel
from onecart.behaviour.session_metrics import online_sessions, store_sessions
from onecart.config import Behaviour, Shop
from onecart.context import Context, Result
from onecart.contracts import contract
from onecart.errors import UsageError
from onecart.facts import EVENTS, ORDERS, require_current
from onecart.facts.owners import Owners
from onecart.facts.shop import is_online
from onecart.lake import Lake

# What features are made from; ops.runs has the versions that a run of `behave` read.
INPUTS = (
    *(EVENTS, ORDERS, "silver.tickets", "silver.products", "silver.weather", "silver.calendar"),
    *("gold.identity_links", "gold.identity_stitches", "gold.customer_profile"),
)
_REQUIRED = (EVENTS, ORDERS)
_log = logging.getLogger(__name__)


def run(ctx: Context) -> Result:
    """Reads INPUTS and silver.footfall; replaces the three tables.

    Features are for customers of gold.customer_profile only, where it is there: a cookie that never said who it is
    gets no row.
    """
    ctx.require_rows(EVENTS, ORDERS)
    require_current(ctx)
    rules, intent, shop = ctx.settings.behaviour, ctx.settings.intent, ctx.settings.shop
    tables = _tables(ctx.lake)
    sources = _sources(tables)
    visits = online_sessions(sources.events).unionByName(store_sessions(sources.orders, rules, shop))
    written = ctx.lake.replace("gold.sessions", visits)
    footfall = ctx.lake.read_if_exists("silver.footfall")
    ctx.lake.replace("gold.funnel", funnel(ctx.lake.read("gold.sessions"), footfall, shop))

    dates = as_of_dates(ctx.as_of(), horizon_days=intent.horizon_days, cutoffs=intent.cutoffs)
    ctx.lake.replace("gold.customer_features", _of_customers(features(sources, dates, rules, shop), tables))

    headline, rows = _account(ctx.lake.read("gold.sessions"), sources, shop)
    return Result(
        rows_in=rows,
        rows_out=written.inserted,
        headline=f"{written.inserted:,} visits{headline}",
    )


def _account(sessions: DataFrame, sources: Sources, shop: Shop) -> tuple[str, int]:
    """What the online visits came to, in words; and how many events and order lines there are. Warns of a channel that
    shop.channels does not list."""
    sums = sessions.where(is_online(shop)).agg(F.count("*"), F.count_if("purchased")).first()
    unlisted = F.min(F.when(~F.col("channel").isin(*shop.channels), F.col("channel")))
    machine = is_online(shop) & F.col("session_id").isNull()
    events = sources.events.agg(F.count("*"), F.count_if(machine), unlisted).first()
    orders = sources.orders.agg(F.count("*"), unlisted).first()
    assert sums is not None  # an aggregate without groups has its one row
    assert events is not None
    assert orders is not None
    for name in sorted({events[2], orders[1]} - {None}):
        _log.warning(
            "the channel '%s' is not listed in shop.channels and is taken for online; say what it is, as in "
            "--set shop.channels.%s=store",
            name,
            name,
        )
    (total, bought), machines = sums, events[1]
    share = f", {bought / total:.1%} of {total:,} online visits bought" if total else ""
    return share + (f", {machines:,} events of machines left out" if machines else ""), events[0] + orders[0]


def features_at(
    lake: Lake,
    dates: Sequence[date],
    versions: Mapping[str, int],
    rules: Behaviour | None = None,
    shop: Shop | None = None,
) -> DataFrame:
    """The rows of gold.customer_features for any `dates`, made again from the tables as they were at `versions`.

    versions: table -> Delta version, as `inputs` of a run in ops.runs; other tables of it are ignored, and a table of
    INPUTS that it does not name was not there. rules, shop: the settings `behaviour` and `shop` of that run (default: the default ones).
    UsageError: no version of the facts. OneCartError: a version is no longer there (upkeep keeps
    lake.retention_hours of them, an erasure none).
    """
    tables = _tables(lake, versions)
    return _of_customers(features(_sources(tables), dates, rules or Behaviour(), shop or Shop()), tables)


def _tables(lake: Lake, versions: Mapping[str, int] | None = None) -> dict[str, DataFrame]:
    """INPUTS as they are, or at `versions`. One that is not there is an empty frame; the profile is left out."""
    found = {}
    for name in INPUTS:
        if versions is None and (name in _REQUIRED or lake.exists(name)):
            found[name] = lake.read(name)
        elif versions is not None and name in versions:
            found[name] = lake.read(name, versions[name])
        elif versions is not None and name in _REQUIRED:
            raise UsageError(f"features need the table {name}, and no version of it is given")
        elif name != "gold.customer_profile":
            found[name] = lake.spark.createDataFrame([], contract(name).schema)
    return found


def _sources(tables: Mapping[str, DataFrame]) -> Sources:
    owners = Owners(tables["gold.identity_links"], tables["gold.identity_stitches"])
    return Sources(
        orders=tables[ORDERS],
        events=tables[EVENTS],
        tickets=owners.named(tables["silver.tickets"], "silver.tickets"),
        products=tables["silver.products"],
        weather=tables["silver.weather"],
        calendar=tables["silver.calendar"],
    )


def _of_customers(rows: DataFrame, tables: Mapping[str, DataFrame]) -> DataFrame:
    profiles = tables.get("gold.customer_profile")
    return rows if profiles is None else rows.join(profiles.select("customer_id"), "customer_id", how="left_semi")
