"""Job `clean`: new bronze rows -> silver, and what breaks a rule -> ops.quarantine. In = out + quarantined + duplicates
+ superseded + suppressed + dropped: rows about erased persons (ops.suppressions) leave a note in ops.quarantine, without their
payload; rules of the shop's own may drop rows.

Incremental: reads only what came into bronze since the last run that came to its end, whatever it thought of the rows (its row
in ops.runs names the versions). A bronze table that is another one now, or has lost the versions to go on from, is read
whole. Writes are merges on keys, so that nothing comes of reading a row again.
"""

from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.contracts import contract
from onecart.contracts.channels import PLACE
from onecart.errors import OneCartError
from onecart.frames import break_lineage, side_by_side
from onecart.governance import suppression
from onecart.lake import purge
from onecart.lake.commits import is_lost
from onecart.quality.account import Account, Cleaned, told
from onecart.quality.calendar import write_calendar
from onecart.quality.drift import column_shares
from onecart.quality.drift.column_shares import RULE, Count
from onecart.quality.judge import count, judge, quarantined, shop_rules, versions_of
from onecart.quality.parse import require_mapping
from onecart.quality.quarantine.corrections import as_corrected, corrections, with_original
from onecart.quality.rules import SUPPRESSED, Rule
from onecart.quality.shop_rules.own_rules import require_rules
from onecart.quality.versions import NEWEST, Versions

CLEANERS = ("clean", "stream")  # the jobs that bring bronze into silver
Mark = tuple[int, str | None]  # version and id of a table; no id: a run from before they were noted


def run(ctx: Context) -> Result:
    """Cleans every feed. DataError (exit code 3) after all is written if a feed's bad share is above the limit, or a feed was
    stopped."""
    cleaned, shares = clean_feeds(ctx, last_marks(ctx))
    column_shares.record(ctx, shares)
    write_calendar(ctx)
    return told(cleaned, ctx.settings.quality.max_quarantine_share)


def clean_feeds(ctx: Context, marks: Mapping[str, Mark]) -> tuple[dict[str, Cleaned], list[Count]]:
    """What came into the bronze tables after `marks`, into silver and ops.quarantine: what became of each feed, and how much of
    its columns was null. How far bronze was read stands in the lake's `reads` and `ids`."""
    suppressions = suppression.current(ctx.lake, ctx.settings.privacy)
    require_rules(ctx.spark, ctx.settings.quality)
    targets: dict[str, list[str]] = {}
    for name, source in ctx.settings.sources.items():
        require_mapping(name, source, contract(source.into))
        targets.setdefault(source.into, []).append(name)

    def clean_target(names: list[str]) -> dict[str, Cleaned]:
        return {n: clean_feed(ctx, n, marks.get(n), suppressions) for n in names}

    cleaned: dict[str, Cleaned] = {}
    for part in side_by_side(clean_target, targets.values()):  # feeds of one table wait for each other, as merges must
        cleaned |= part
    for name, feed in cleaned.items():
        if feed.stopped:
            hold(ctx, name, marks.get(name))
    broken = set_aside(ctx, cleaned)
    for name, feed in cleaned.items():
        if feed.left is not None:
            drop_lines(ctx, name, feed.left)
    for table in filter(ctx.lake.exists, targets):
        ctx.lake.identity(table)  # noted, so that the next run knows whether it goes on with the same table
    return cleaned, [*(c for feed in cleaned.values() for c in feed.shares), *broken]


def hold(ctx: Context, name: str, mark: Mark | None) -> None:
    """Notes for the next run that it has to begin the feed where this one did."""
    table = f"bronze.{name}"
    for noted, was in ((ctx.lake.reads, mark and mark[0]), (ctx.lake.ids, mark and mark[1])):
        noted.pop(table, None)
        if was is not None:
            noted[table] = was  # type: ignore[assignment]


def last_marks(ctx: Context) -> dict[str, Mark]:
    """Feed -> how far its bronze table has been read by the last run of `clean` or `stream` that read it and came to its end.
    Feeds whose silver table is gone, or another one now, are to be read from the start."""
    runs = ctx.lake.read_if_exists("ops.runs").where(
        f"job IN {CLEANERS} AND (status = 'done' OR input_ids IS NOT NULL)"
    )
    feeds = runs.select("*", F.explode("inputs").alias("table", "version")).where("table LIKE 'bronze.%'")
    ended = F.col("started_ts").cast("double") + F.col("seconds")
    last = feeds.groupBy("table").agg(F.max_by(F.struct("version", "input_ids"), ended).alias("last"))
    read = {r["table"]: (r["last"]["version"], r["last"]["input_ids"] or {}) for r in last.collect()}
    marks: dict[str, Mark] = {}
    for name, source in ctx.settings.sources.items():
        if f"bronze.{name}" not in read:
            continue
        version, ids = read[f"bronze.{name}"]
        if ctx.lake.exists(source.into) and ids.get(source.into) in (None, ctx.lake.identity(source.into)):
            marks[name] = version, ids.get(f"bronze.{name}")
    return marks


def marks_now(ctx: Context) -> dict[str, Mark]:
    """Feed -> how far this run has read its bronze table, after `clean_feeds`."""
    reads, ids = ctx.lake.reads, ctx.lake.ids
    return {n: (reads[t], ids.get(t)) for n in ctx.settings.sources if (t := f"bronze.{n}") in reads}


def waiting(ctx: Context, name: str, mark: Mark | None) -> tuple[DataFrame, int]:
    """The rows of bronze.`name` to clean, those after `mark`, and how many they are."""
    table = f"bronze.{name}"
    if mark is not None:
        try:
            lines = ctx.lake.added_since(table, *mark)
            return lines, 0 if (ctx.lake.reads[table], ctx.lake.ids[table]) == mark else lines.count()
        except Exception as e:
            if not is_lost(e):
                raise
    return ctx.lake.added_since(table, None), ctx.lake.count(table)


def clean_feed(ctx: Context, name: str, mark: Mark | None, suppressions: suppression.Suppressions | None) -> Cleaned:
    """What came into one feed's bronze after `mark`. Where that is all of it, records that were corrected are read so."""
    lines, records = waiting(ctx, name, mark)
    if records == 0:
        return Cleaned(Account())
    given = corrections(ctx.lake, name) if mark is None and not ctx.lake.is_empty("ops.quarantine") else None
    return clean_lines(ctx, name, lines, records, suppressions, given)


def clean_lines(
    ctx: Context,
    name: str,
    lines: DataFrame,
    records: int,
    suppressions: suppression.Suppressions | None,
    corrected: DataFrame | None = None,
) -> Cleaned:
    """Bronze lines of one feed, `records` of them: parse, normalise, judge, deduplicate, merge; then checks that every row is
    accounted for. corrected: see `corrections`; None: there are none."""
    source = ctx.settings.sources[name]
    table = contract(source.into)
    if corrected is not None:
        lines = as_corrected(lines, corrected, suppressions, source.csv_delimiter)
    judged = judge(lines, name, source, table, ctx, suppressions)
    judged.persist(StorageLevel.MEMORY_AND_DISK)
    shop = shop_rules(table, source, ctx.settings.quality)
    try:
        more = [
            *column_shares.aggregates(name, source),
            *(F.count_if(_breaks(r)).alias(f"rule {r.name}") for r in shop),
        ]
        counted = count(judged, ctx.settings.quality.late_hours, *more)
        shares = column_shares.counts(judged, name, source, counted)
        shares += [Count(name, RULE, str(r.name), counted["n"], n) for r in shop if (n := counted[f"rule {r.name}"])]
        if reason := _failed(judged, shop, counted):
            return Cleaned(Account(), shares=shares, stopped=reason)
        newest, is_gone = judged.where(F.col("fate") == NEWEST), F.coalesce("gone", F.lit(False))
        good = newest.where(~is_gone).select(*[c for c in table.schema.fieldNames() if c in judged.columns])
        versions = versions_of(table, source)
        kept = ctx.lake.upsert(table.name, good, update_if=versions.changes, values=versions.values)
        out = kept.inserted + kept.updated
        merged = counted["unique"] if kept.source is None else kept.source
        older = min(merged - out, older_than_silver(ctx, good, versions)) if merged > out else 0
        if counted["gone"]:
            take_out(ctx, newest.where(is_gone), versions)
        bad = (
            counted["n"]
            - counted["unique"]
            - counted["gone"]
            - counted["twice"]
            - counted["superseded"]
            - counted["dropped"]
        )
        told = quarantined(judged, name, table)
        told = told if corrected is None else with_original(told, corrected)
        aside = break_lineage(told) if bad else None
        suppressed = judged.where((F.col("rule") == SUPPRESSED) & F.col("payload").isNotNull())
        lines_of = suppressed.select(*PLACE).distinct()
        left = break_lineage(lines_of) if counted["left"] else None
    finally:
        judged.unpersist()
    account = Account(
        counted["n"],
        out + counted["gone"],
        bad - counted["suppressed"],
        counted["twice"] + merged - out - older,
        counted["superseded"] + older,
        counted["suppressed"],
        counted["dropped"],
        counted["late"],
    )
    # Spark counted what came in; Delta counted what it merged: two witnesses.
    if counted["records"] != records or account.rows_in != account.accounted:
        raise OneCartError(f"clean lost rows of {name}: {records:,} records, {counted['records']:,} parsed, {account}")
    return Cleaned(account, aside, left, shares)


def _breaks(rule: Rule) -> Column:
    return F.array_contains("flags", rule.name) if rule.severity == "warn" else F.col("rule") == rule.name


def _failed(judged: DataFrame, shop: Sequence[Rule], counted: Mapping[str, int]) -> str:
    """Which rule that must never be broken is, by how many rows, and where the first stands; empty: none."""
    rule = next((r for r in shop if r.severity == "fail" and counted[f"rule {r.name}"]), None)
    if rule is None:
        return ""
    first = judged.where(_breaks(rule)).select(F.min(F.struct("source_file", "line_no"))).first()
    assert first is not None
    place = f"{first[0]['source_file']}, line {first[0]['line_no']}"
    return f"{counted[f'rule {rule.name}']:,} rows break the rule '{rule.name}' ({rule.reason}), first {place}"


def take_out(ctx: Context, gone: DataFrame, versions: Versions) -> None:
    """Rows that are gone from their database leave silver, unless it has a later version of them."""
    table = versions.table
    last = gone.select(*dict.fromkeys([*table.key, *versions.times])).transform(break_lineage)
    ctx.lake.merge(table.name, last, lambda merge: merge.whenMatchedDelete(versions.later))


def older_than_silver(ctx: Context, good: DataFrame, versions: Versions) -> int:
    """How many rows of `good` say something else than silver does after they were merged: it has later versions."""
    table = versions.table
    new, old = table.conform(good).alias("new"), ctx.lake.read(table.name).alias("old")
    return new.join(old, F.expr(table.same_row), how="inner").where(versions.differs).count()


def set_aside(ctx: Context, cleaned: Mapping[str, Cleaned]) -> list[Count]:
    """Writes ops.quarantine for all feeds in one commit; returns how often each built-in rule was broken. A row that is there
    already is told anew, as it is judged now."""
    bad = [feed.bad for feed in cleaned.values() if feed.bad is not None]
    if not bad:
        return []
    counted = sum(feed.account.quarantined + feed.account.suppressed for feed in cleaned.values())
    rows = reduce(DataFrame.unionByName, bad)
    written = ctx.lake.upsert("ops.quarantine", rows)
    if written.source not in (None, counted):
        raise OneCartError(f"clean lost rows: {counted:,} broke a rule, {written.source:,} went to ops.quarantine")
    told = {(c.source, c.column) for feed in cleaned.values() for c in feed.shares if c.kind == RULE}
    return [
        Count(r["source"], RULE, r["rule"], cleaned[r["source"]].account.rows_in, r["count"])
        for r in rows.groupBy("source", "rule").count().collect()
        if (r["source"], r["rule"]) not in told
    ]


def drop_lines(ctx: Context, name: str, lines: DataFrame) -> None:
    """Takes records (source_file, line_no, record_no) of suppressed rows out of bronze for good: what `ingest` could not tell by the line
    alone."""
    table = f"bronze.{name}"
    with purge.erasing(ctx.spark):
        before = ctx.lake.version(table)
        purge.remove_rows(ctx.lake, table, lines)
        purge.purge(ctx.lake, table, before)
