"""gold.attribution: every method beside the others, and beside what control groups prove."""

from datetime import date
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.facts.owners import Owners
from onecart.frames import begin_of
from onecart.governance.consent_filter import Purpose, granted
from onecart.measure.attribution.credit import credits, path_sums
from onecart.measure.attribution.paths import BETWEEN, conversion_paths, touches

_TABLE = "gold.attribution"


def write_attribution(ctx: Context) -> str:
    """Replaces gold.attribution by the months up to as_of. No words."""
    if ctx.lake.is_empty("gold.sessions"):
        return ""
    asked = ctx.settings.measure.attribution
    as_of, zone = ctx.as_of(), ctx.settings.shop.time_zone
    first = _month_before(as_of, asked.months - 1)
    seen = _touches(ctx).where(
        (F.col("ts") < begin_of(as_of, zone))
        & (F.col("ts") >= begin_of(first, zone) - F.expr(f"INTERVAL {asked.lookback_days} DAYS"))
    )
    paths = conversion_paths(seen, lookback_days=asked.lookback_days, zone=zone).where(F.col("month") >= F.lit(first))
    sums = path_sums(paths, by=["month"]).toPandas()
    if sums.empty and not ctx.lake.exists(_TABLE):
        return ""
    rows = with_proof(monthly(sums), _proved(ctx))
    values: list[dict[Any, Any]] = rows.assign(as_of=as_of).to_dict("records")
    ctx.lake.replace(_TABLE, ctx.lake.frame(_TABLE, values))
    return ""


def _touches(ctx: Context) -> DataFrame:
    lake = ctx.lake
    tickets = lake.read_if_exists("silver.tickets")
    if lake.exists("gold.identity_links"):
        tickets = Owners.of(lake).named(tickets, "silver.tickets")
    else:
        tickets = tickets.withColumn("customer_id", F.lit(None).cast("string"))
    sent = "kind = 'campaign' AND decision = 'treated' AND send_ts IS NOT NULL"
    sends = lake.read_if_exists("gold.decision_log").where(sent)
    return touches(lake.read("gold.sessions"), tickets, sends, granted(lake.consents(), Purpose("profiling")))


def _proved(ctx: Context) -> pd.DataFrame:
    """[month, campaign, proved_orders, proved_low, proved_high] of the campaigns whose control groups can be trusted."""
    results = ctx.lake.read_if_exists("gold.experiment_results").where(
        "segment = 'all' AND metric = 'orders' AND trusted"
    )
    brought = {"proved_orders": "incremental", "proved_low": "lo * treated", "proved_high": "hi * treated"}
    columns = [F.expr(of).alias(name) for name, of in brought.items()]
    return results.select(F.trunc("first_day", "month").alias("month"), "campaign", *columns).toPandas()


def with_proof(rows: pd.DataFrame, proved: pd.DataFrame) -> pd.DataFrame:
    """The rows of `monthly` with proved_orders, proved_low and proved_high of their touch's campaign, None without one."""
    names = ["proved_orders", "proved_low", "proved_high"]
    campaign = rows["touch"].str.split(BETWEEN, n=1, regex=False).str[1]
    both = rows.assign(campaign=campaign).merge(proved, on=["month", "campaign"], how="left").drop(columns="campaign")
    return both.assign(**{name: _with_nulls(both[name]) for name in names})


def _with_nulls(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """NaN as None, which Spark takes for null."""
    return pd.Series([None if pd.isna(value) else value for value in values], dtype=object)


def _month_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


def monthly(sums: pd.DataFrame) -> pd.DataFrame:
    """The rows of gold.attribution but as_of, from those of `path_sums` by month. Months in which nothing converted share
    nothing and are left out."""
    found = []
    for month, of_month in sums.groupby("month"):
        shared = credits(of_month)
        distinct = of_month[of_month["method"] == "shapley"].set_index("origin")
        total = float(distinct["converted"].sum())
        if total > 0:
            paths = shared["channel"].map(distinct["weight"])
            found.append(shared.assign(month=month, conversions=total, paths=paths))
    if not found:
        return pd.DataFrame(columns=["month", "method", "touch"])
    rows = pd.concat(found, ignore_index=True).rename(columns={"channel": "touch"})
    rows["channel"] = rows["touch"].str.split(BETWEEN, n=1, regex=False).str[0]
    return rows.assign(removal_effect=_with_nulls(rows["removal_effect"]))
