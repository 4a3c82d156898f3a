"""Judges again what was set aside, after a mapping, a rule or the records themselves were corrected.

All records of the files concerned go the whole way again: an order's other lines, and which of equal lines one is, belong to a
file. Merges on keys make that harmless: what silver has stays as it is, and a second replay changes nothing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.contracts import contract
from onecart.errors import NothingToDo, UsageError
from onecart.frames import break_lineage
from onecart.governance import suppression
from onecart.quality.account import Account, Cleaned, result_of
from onecart.quality.job import clean_lines, drop_lines, set_aside
from onecart.quality.judge import OPEN, REPAIRED
from onecart.quality.parse import require_mapping
from onecart.quality.quarantine.corrections import corrections
from onecart.quality.quarantine.look import with_status
from onecart.quality.shop_rules.own_rules import require_rules

_log = logging.getLogger(__name__)
TABLE = "ops.quarantine"


@dataclass(frozen=True)
class Correction:
    """A record as it should have been, in the place of a row of ops.quarantine."""

    quarantine_id: str
    payload: str


def replay(ctx: Context, feed: str | None = None, rule: str | None = None, given: Sequence[Correction] = ()) -> Result:
    """Open rows of a feed and a rule (None: of all), with the corrections `given`. rows_in: of their files; rows_out: new or
    changed in silver; rows_quarantined: still set aside. UsageError: a correction is for no row."""
    require_rules(ctx.spark, ctx.settings.quality)
    if given:
        correct(ctx, given)
    waiting = open_rows(ctx, feed, rule)
    feeds = [r["source"] for r in waiting.select("source").distinct().orderBy("source").collect()]
    if not feeds:
        raise NothingToDo("no open rows in ops.quarantine" + (" of that feed or rule" if feed or rule else ""))
    suppressions = suppression.current(ctx.lake, ctx.settings.privacy)
    before = waiting.count()
    cleaned: dict[str, Cleaned] = {}
    for name in feeds:
        if name not in ctx.settings.sources:
            _log.warning("  %-16s is no feed of the settings any more: its rows wait", name)
            continue
        cleaned[name] = _again(ctx, name, waiting, suppressions)
    set_aside(ctx, cleaned)
    for name, one in cleaned.items():
        if one.stopped:
            _log.warning("  %-16s waits: %s", name, one.stopped)
            continue
        if one.left is not None:
            drop_lines(ctx, name, one.left)
        _settle(ctx, name, waiting.where(F.col("source") == name), one.bad)
    left = open_rows(ctx, feed, rule).count()
    return result_of((one.account for one in cleaned.values()), f"{before - left:,} of {before:,} rows repaired")


def open_rows(ctx: Context, feed: str | None, rule: str | None) -> DataFrame:
    """Rows of ops.quarantine that can be judged again: open, and not about erased persons."""
    rows = ctx.lake.read_if_exists(TABLE).transform(with_status)
    wanted = (F.col("status") == OPEN) & F.col("payload").isNotNull()
    for column, value in (("source", feed), ("rule", rule)):
        wanted = wanted & (F.col(column) == value) if value else wanted
    return rows.where(wanted)


def correct(ctx: Context, given: Sequence[Correction]) -> None:
    """Notes the corrected records in ops.quarantine. Those that are as received, or were given before, change nothing."""
    frame = ctx.spark.createDataFrame(
        [(c.quarantine_id, c.payload) for c in given], "quarantine_id string, new_payload string"
    )
    rows = ctx.lake.read_if_exists(TABLE)
    unknown = frame.join(rows.where("payload IS NOT NULL"), "quarantine_id", how="left_anti").first()
    if unknown is not None:
        raise UsageError(f"there is no row '{unknown[0]}' in ops.quarantine that could be corrected")
    place = ("source", "source_file", "line_no", "record_no")
    placed = rows.join(frame, "quarantine_id", how="inner")
    twice = placed.groupBy(*place).agg(F.count_distinct("new_payload").alias("n")).where("n > 1").first()
    if twice is not None:
        raise UsageError(f"{twice['source_file']}, line {twice['line_no']} is corrected in two ways; give one")
    new = placed.where(F.col("new_payload") != F.coalesce("corrected", "payload"))
    changes = {"corrected": "new.new_payload", "status": f"'{OPEN}'"}
    ctx.lake.merge(
        TABLE,
        new.select("quarantine_id", "new_payload").transform(break_lineage),
        lambda merge: merge.whenMatchedUpdate(set=dict(changes)),
    )


def _again(ctx: Context, name: str, waiting: DataFrame, suppressions: suppression.Suppressions | None) -> Cleaned:
    source = ctx.settings.sources[name]
    require_mapping(name, source, contract(source.into))
    files = waiting.where(F.col("source") == name).select("source_file").distinct()
    lines = ctx.lake.read(f"bronze.{name}").join(files, "source_file", how="left_semi").transform(break_lineage)
    records = lines.count()
    if records == 0:
        return Cleaned(Account(), stopped="bronze has the files of these rows no longer")
    return clean_lines(ctx, name, lines, records, suppressions, corrections(ctx.lake, name))


def _settle(ctx: Context, name: str, was_open: DataFrame, bad: DataFrame | None) -> None:
    """Marks the feed's rows that were open and are bad no more as repaired. Their history stays."""
    done = was_open.select("quarantine_id")
    if bad is not None:
        done = done.join(bad.select("quarantine_id"), "quarantine_id", how="left_anti")
    now = datetime.now(timezone.utc)
    marks = done.select("quarantine_id", F.lit(now).alias("now"), F.lit(ctx.run_id).alias("run"))
    changes = {"status": f"'{REPAIRED}'", "repaired_ts": "new.now", "repaired_run": "new.run"}
    ctx.lake.merge(TABLE, marks.transform(break_lineage), lambda merge: merge.whenMatchedUpdate(set=dict(changes)))
