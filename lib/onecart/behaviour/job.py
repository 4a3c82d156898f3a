"""The job `behave`: facts and tickets of customers -> gold.sessions, gold.funnel, gold.customer_features."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.behaviour.features import Sources, as_of_dates, features
from onecart.behaviour.funnel import funnel
from onecart.behaviour.session_metrics import online_sessions, store_sessions
from onecart.config import Behaviour
from onecart.context import Context, Result
from onecart.contracts import contract
from onecart.errors import UsageError
from onecart.facts import EVENTS, ORDERS, require_current
from onecart.facts.owners import Owners
from onecart.facts.sessionization import ONLINE
from onecart.lake import Lake

# What features are made from; ops.runs has the versions that a run of `behave` read.
INPUTS = (
    *(EVENTS, ORDERS, "silver.tickets", "silver.products", "silver.weather", "silver.calendar"),
    *("gold.identity_links", "gold.identity_stitches", "gold.customer_profile"),
)
_REQUIRED = (EVENTS, ORDERS)


def run(ctx: Context) -> Result:
    """Reads INPUTS and silver.footfall; replaces the three tables.

    Features are for customers of gold.customer_profile only, where it is there: a cookie that never said who it is
    gets no row.
    """
    ctx.require_rows(EVENTS, ORDERS)
    require_current(ctx)
    rules, intent = ctx.settings.behaviour, ctx.settings.intent
    tables = _tables(ctx.lake)
    sources = _sources(tables)
    visits = online_sessions(sources.events).unionByName(store_sessions(sources.orders, rules))
    written = ctx.lake.replace("gold.sessions", visits)
    footfall = ctx.lake.read_if_exists("silver.footfall")
    ctx.lake.replace("gold.funnel", funnel(ctx.lake.read("gold.sessions"), footfall))

    dates = as_of_dates(ctx.as_of(), horizon_days=intent.horizon_days, cutoffs=intent.cutoffs)
    ctx.lake.replace("gold.customer_features", _of_customers(features(sources, dates, rules), tables))

    headline, rows = _account(ctx.lake.read("gold.sessions"), sources.events)
    return Result(
        rows_in=rows + sources.orders.count(),
        rows_out=written.inserted,
        headline=f"{written.inserted:,} visits{headline}",
    )


def _account(sessions: DataFrame, events: DataFrame) -> tuple[str, int]:
    """What the online visits came to, in words; and how many events there are."""
    sums = sessions.where("channel <> 'store'").agg(F.count("*"), F.count_if("purchased")).first()
    machine = F.col("channel").isin(*ONLINE) & F.col("session_id").isNull()
    counts = events.agg(F.count("*"), F.count_if(machine)).first()
    assert sums is not None  # an aggregate without groups has its one row
    assert counts is not None
    (total, bought), (rows, machines) = sums, counts
    share = f", {bought / total:.1%} of {total:,} online visits bought" if total else ""
    return share + (f", {machines:,} events of machines left out" if machines else ""), rows


def features_at(
    lake: Lake, dates: Sequence[date], versions: Mapping[str, int], rules: Behaviour | None = None
) -> DataFrame:
    """The rows of gold.customer_features for any `dates`, made again from the tables as they were at `versions`.

    versions: table -> Delta version, as `inputs` of a run in ops.runs; other tables of it are ignored, and a table of
    INPUTS that it does not name was not there. rules: the `behaviour` settings of that run (default: the default ones).
    UsageError: no version of the facts. OneCartError: a version is no longer there (upkeep keeps
    lake.retention_hours of them, an erasure none).
    """
    tables = _tables(lake, versions)
    return _of_customers(features(_sources(tables), dates, rules or Behaviour()), tables)


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
