"""Job `clean`: new bronze rows -> silver, and what breaks a rule -> ops.quarantine. In = out + quarantined + duplicates
+ suppressed: rows about erased persons (ops.suppressions) leave a note in ops.quarantine, without their payload.

Incremental: reads only what came into bronze since the last good run (its row in ops.runs names the versions). Writes
are merges on keys, so a killed run is simply run again.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import Source
from onecart.context import Context, Result
from onecart.contracts import Table, contract
from onecart.errors import DataError, OneCartError
from onecart.frames import break_lineage, side_by_side
from onecart.governance import suppression
from onecart.lake import purge
from onecart.quality.calendar import write_calendar
from onecart.quality.normalise import normalise
from onecart.quality.parse import parse
from onecart.quality.rules import SUPPRESSED, rules, with_verdict

_log = logging.getLogger(__name__)
# A newer version of these replaces the older one; of everything else the first arrival stays.
_NEWEST_WINS = {f"silver.{name}": "updated_ts" for name in ("contacts", "products", "plans")}


@dataclass(frozen=True)
class Account:
    """What became of one feed's rows; `late` ones are among `out`."""

    rows_in: int = 0
    out: int = 0
    quarantined: int = 0
    duplicates: int = 0
    suppressed: int = 0
    late: int = 0


@dataclass(frozen=True)
class Cleaned:
    """A feed that is in silver. `bad`: its rows of ops.quarantine, still to be written; `left`: lines of suppressed rows
    (source_file, line_no, record_no) that are to leave bronze after that. None: there are none."""

    account: Account
    bad: DataFrame | None = None
    left: DataFrame | None = None


def run(ctx: Context) -> Result:
    """Cleans every feed. DataError (exit code 3) after all is written if a feed's bad share is above the limit."""
    since, suppressions = last_versions(ctx), suppression.current(ctx.lake, ctx.settings.privacy)
    targets: dict[str, list[str]] = {}
    for name, source in ctx.settings.sources.items():
        targets.setdefault(source.into, []).append(name)

    def clean_target(names: list[str]) -> dict[str, Cleaned]:
        return {n: clean_feed(ctx, n, since.get(f"bronze.{n}"), suppressions) for n in names}

    cleaned: dict[str, Cleaned] = {}
    for part in side_by_side(clean_target, targets.values()):  # feeds of one table wait for each other, as merges must
        cleaned |= part
    set_aside(ctx, cleaned)
    for name, feed in cleaned.items():
        if feed.left is not None:
            drop_lines(ctx, name, feed.left)
    accounts = {name: feed.account for name, feed in cleaned.items()}
    for name, a in accounts.items():
        balance = f"in {a.rows_in:,} = out {a.out:,} + quarantined {a.quarantined:,} + duplicates {a.duplicates:,}"
        balance += f" + suppressed {a.suppressed:,}" if a.suppressed else ""
        _log.info("  %-16s %s", name, balance, extra={"fields": {"feed": name, **asdict(a)}})
    write_calendar(ctx)
    total = Account(
        *(
            sum(getattr(a, f) for a in accounts.values())
            for f in ("rows_in", "out", "quarantined", "duplicates", "suppressed", "late")
        )
    )
    suppressed = f" + {total.suppressed:,} suppressed" if total.suppressed else ""
    headline = f"in {total.rows_in:,} = out + quarantined + duplicates{suppressed}; {total.late:,} late"
    result = Result(total.rows_in, total.out, total.quarantined + total.suppressed, total.duplicates, headline)
    limit = ctx.settings.quality.max_quarantine_share
    bad = [
        f"{n} ({a.quarantined:,} of {a.rows_in:,} rows)"
        for n, a in accounts.items()
        if a.quarantined > limit * a.rows_in
    ]
    if bad:
        error = DataError(
            f"more than {limit:.1%} of the rows are bad in {', '.join(bad)}; nothing is lost: see ops.quarantine for the reasons, "
            "mend the feed, or allow more with --set quality.max_quarantine_share=..."
        )
        error.result = result  # type: ignore[attr-defined]
        raise error
    return result


def last_versions(ctx: Context) -> dict[str, int]:
    """Version of each bronze table that the last good run of `clean` read."""
    done = ctx.lake.read_if_exists("ops.runs").where("job = 'clean' AND status = 'done'")
    row = done.orderBy(F.desc("started_ts")).select("inputs").first()
    return dict(row[0]) if row else {}


def clean_feed(ctx: Context, name: str, since: int | None, suppressions: suppression.Suppressions | None) -> Cleaned:
    """One feed: parse, normalise, judge, deduplicate, merge; then checks that every row is accounted for."""
    source = ctx.settings.sources[name]
    table = contract(source.into)
    lines = ctx.lake.added_since(f"bronze.{name}", since)
    records = lines.count()
    if records == 0:
        return Cleaned(Account())
    judged = judge(lines, name, source, table, ctx, suppressions)
    judged.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        counted = count(judged, ctx.settings.quality.late_hours)
        good = judged.where("rule IS NULL AND nth = 1").select(
            *[c for c in table.schema.fieldNames() if c in judged.columns]
        )
        newer = _NEWEST_WINS.get(table.name)
        kept = ctx.lake.upsert(table.name, good, update_if=f"new.{newer} > old.{newer}" if newer else None)
        bad = counted["n"] - counted["unique"] - counted["twice"]
        aside = break_lineage(quarantined(judged, name, table)) if bad else None
        suppressed = judged.where((F.col("rule") == SUPPRESSED) & F.col("payload").isNotNull())
        lines_of = suppressed.select("source_file", "line_no", "record_no").distinct()
        left = break_lineage(lines_of) if counted["left"] else None
    finally:
        judged.unpersist()
    out = kept.inserted + kept.updated
    merged = counted["unique"] if kept.source is None else kept.source
    twice = counted["twice"] + merged - out
    account = Account(counted["n"], out, bad - counted["suppressed"], twice, counted["suppressed"], counted["late"])
    # Spark counted what came in; Delta counted what it merged: two witnesses.
    accounted = account.out + account.quarantined + account.duplicates + account.suppressed
    if counted["records"] != records or account.rows_in != accounted:
        raise OneCartError(f"clean lost rows of {name}: {records:,} records, {counted['records']:,} parsed, {account}")
    return Cleaned(account, aside, left)


def set_aside(ctx: Context, cleaned: Mapping[str, Cleaned]) -> None:
    """Writes ops.quarantine for all feeds in one commit. A row that is there already is told anew, as it is judged now."""
    bad = [feed.bad for feed in cleaned.values() if feed.bad is not None]
    if not bad:
        return
    counted = sum(feed.account.quarantined + feed.account.suppressed for feed in cleaned.values())
    written = ctx.lake.upsert("ops.quarantine", reduce(DataFrame.unionByName, bad))
    if written.source not in (None, counted):
        raise OneCartError(f"clean lost rows: {counted:,} broke a rule, {written.source:,} went to ops.quarantine")


def count(judged: DataFrame, late_hours: int) -> dict[str, int]:
    """Rows `n`, records, unique, twice, late, suppressed, and `left`: suppressed ones whose line is in bronze."""
    found = judged.agg(
        F.count("*").alias("n"),
        F.count_if(F.col("element") == 0).alias("records"),
        F.count_if(F.expr("rule IS NULL AND nth = 1")).alias("unique"),
        F.count_if(F.expr("rule IS NULL AND nth > 1")).alias("twice"),
        F.count_if(F.expr(f"rule IS NULL AND nth = 1 AND lateness_h > {late_hours}")).alias("late"),
        F.count_if(F.col("rule") == SUPPRESSED).alias("suppressed"),
        F.count_if((F.col("rule") == SUPPRESSED) & F.col("payload").isNotNull()).alias("left"),
    ).first()
    assert found is not None
    return dict(found.asDict())


def drop_lines(ctx: Context, name: str, lines: DataFrame) -> None:
    """Takes records (source_file, line_no, record_no) of suppressed rows out of bronze for good: what `ingest` could not tell by the line
    alone."""
    table = f"bronze.{name}"
    with purge.erasing(ctx.spark):
        before = ctx.lake.version(table)
        purge.remove_rows(ctx.lake, table, lines)
        purge.purge(ctx.lake, table, before)


def judge(
    lines: DataFrame,
    name: str,
    source: Source,
    table: Table,
    ctx: Context,
    suppressions: suppression.Suppressions | None = None,
) -> DataFrame:
    """Bronze lines -> rows of `table` with `rule`, `reason` (null: good) and `nth` (2 and more: the same key again)."""
    rows = parse(lines, name, source, table).transform(normalise, table)
    rows = rows.transform(suppression.with_suppressed, suppressions)
    rows = with_verdict(rows, rules(table, rows.columns, ctx.settings.quality))
    newest = F.col(_NEWEST_WINS[table.name]).desc() if table.name in _NEWEST_WINS else F.lit(0)
    same_key = Window.partitionBy(F.col("rule").isNull(), *table.key).orderBy(
        newest, "ingested_ts", "source_file", "line_no", "record_no", "element"
    )
    good_nth = F.when(F.col("rule").isNull(), F.row_number().over(same_key))
    return rows.withColumns({"nth": good_nth, "lateness_h": lateness_h(rows)})


def lateness_h(rows: DataFrame) -> Column:
    """Hours from when it happened to when it was received; null where the feed does not say."""
    happened = next((c for c in ("event_ts", "order_ts") if c in rows.columns), None)
    if happened is None or "received_ts" not in rows.columns:
        return F.lit(None).cast("double")
    return (F.unix_timestamp("received_ts") - F.unix_timestamp(happened)) / 3600


def quarantined(judged: DataFrame, name: str, table: Table) -> DataFrame:
    """Rows of ops.quarantine."""
    nth = F.nullif("record_no", F.lit(0))  # null, of the first record of a line: left out
    where = F.concat_ws("|", F.lit(table.name), "source_file", "line_no", nth, "element")
    return judged.where("rule IS NOT NULL").select(
        F.sha2(where, 256).substr(1, 32).alias("quarantine_id"),
        F.lit(table.name).alias("target"),
        F.lit(name).alias("source"),
        "rule",
        "reason",
        F.when(F.col("rule") != SUPPRESSED, F.col("payload")).alias("payload"),
        "source_file",
        "line_no",
        "ingested_ts",
    )
