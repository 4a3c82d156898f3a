"""Job `ingest`: every landing file, record by record, into `bronze.<feed>`.

The bronze table is its own ledger: a file that is in it is read again only if it has changed since, and its records then
take the place of those it had. One commit takes all new files of a feed, so a killed run leaves a feed read whole or not at
all; two runs at once read each file once. A record about an erased person (ops.suppressions) keeps its place in bronze
without its payload, and becomes empty in a landing file below the lake.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.channels.landing import LandingFile, list_files, settled, unread
from onecart.config import Source
from onecart.context import Context, Result
from onecart.contracts.channels import PLACE
from onecart.errors import OneCartError
from onecart.frames import break_lineage, side_by_side, sql_literal
from onecart.governance import suppression
from onecart.lake import Conflict
from onecart.lake.files import qualified, relative
from onecart.lake.records import blank_records, blank_rows, read_records, read_rows

_log = logging.getLogger(__name__)
_TRIES = 5


@dataclass(frozen=True)
class Account:
    """What became of one feed's files: records read, rows written, files read."""

    records: int = 0
    rows: int = 0
    files: int = 0


def run(ctx: Context) -> Result:
    """Reads the new and the changed files of every feed. rows_in: records; rows_out: rows written."""
    found = {name: files_of(ctx, source) for name, source in ctx.settings.sources.items()}
    require_files(ctx, [name for name, files in found.items() if not files])
    suppressions = suppression.current(ctx.lake, ctx.settings.privacy)
    accounts = side_by_side(lambda feed: ingest_feed(ctx, feed[0], feed[1], suppressions), found.items())
    rows_in, rows_out, files_read = (sum(getattr(a, f) for a in accounts) for f in ("records", "rows", "files"))
    if rows_in != rows_out:
        raise OneCartError(f"ingest read {rows_in:,} records but wrote {rows_out:,}; run it again")
    return Result(rows_in=rows_in, rows_out=rows_out, headline=f"{files_read} new files of {len(found)} feeds")


def files_of(ctx: Context, source: Source) -> list[LandingFile]:
    """The landing files of one feed."""
    root = ctx.settings.landing_root
    below, whole = list_files(ctx.spark, f"{root}/{source.path}"), qualified(ctx.spark, root)
    return [file for file in below if source.takes(relative(file.path, whole))]


def require_files(ctx: Context, missing: Sequence[str]) -> None:
    """OneCartError: there never was a file of one of these feeds. Files that are only gone now are a warning."""
    places = {n: f"{ctx.settings.landing_root}/{ctx.settings.sources[n].path} (channels.{n})" for n in missing}
    never = []
    for name, place in places.items():
        if ctx.lake.exists(f"bronze.{name}") and not ctx.lake.read(f"bronze.{name}").isEmpty():
            _log.warning("no files in %s now; bronze keeps what it has", place)
        else:
            never.append(place)
    if never:
        raise OneCartError(
            f"no files in {', '.join(never)}; put the feed there, grow a sample world with `onecart samples grow`, "
            "or switch a feed off with --set channels.NAME=null"
        )


def ingest_feed(
    ctx: Context, name: str, files: list[LandingFile], suppressions: suppression.Suppressions | None = None
) -> Account:
    """One feed. Where another run writes it meanwhile, looks again at what is left to read."""
    ready = settled(ctx.spark, files, ctx.settings.sources[name])
    for _ in range(_TRIES):
        try:
            return _ingested(ctx, name, ready, suppressions)
        except Conflict:
            _log.info("  %-16s another run wrote bronze.%s meanwhile: looks again what is left to read", name, name)
    raise OneCartError(f"other runs of ingest keep writing bronze.{name}; run it again when they are done")


def _ingested(
    ctx: Context, name: str, files: list[LandingFile], suppressions: suppression.Suppressions | None
) -> Account:
    """Conflict: another run has written since this one looked at what bronze has, and this one wrote nothing."""
    table, source = f"bronze.{name}", ctx.settings.sources[name]
    ctx.lake.create(table)
    snapshot = ctx.lake.version(table)
    ledger = ctx.lake.read(table, snapshot).select("source_file", "file_state").distinct()
    root = qualified(ctx.spark, ctx.settings.landing_root)
    new, changed = unread(files, dict(ledger.toLocalIterator()), source, root)
    total = Account()
    for some, again in ((changed, True), (new, False)):
        if not some:
            continue
        counter, paths = ctx.spark.sparkContext.accumulator(0), [file.path for file in some]
        if source.format == "parquet":
            records = read_rows(ctx.spark, paths, root)
            counter.add(records.count())
        else:
            records = read_records(ctx.spark, paths, root, source.reader, counter)
        if suppressions:
            records, some = without_erased(ctx, name, records, some, suppressions)
        records = with_states(ctx, records, some, source, root)
        # Two runs that looked at one snapshot write one version, and Delta drops the second.
        app_id = f"ingest.{name}.{'changed' if again else 'new'}"
        if again:
            names = [relative(file.path, root) for file in some]
            forget_quarantine(ctx, name, names)
            listed = ", ".join(map(sql_literal, names))
            written = ctx.lake.replace_where(
                table, records, f"source_file IN ({listed})", app_id=app_id, version=snapshot + 1
            )
        else:
            written = ctx.lake.append_once(table, records, app_id=app_id, version=snapshot + 1)
        if written.source is None:
            raise Conflict(f"another run of ingest wrote {table} meanwhile")
        total = Account(total.records + counter.value, total.rows + written.inserted, total.files + len(some))
    return total


def with_states(ctx: Context, records: DataFrame, files: Sequence[LandingFile], source: Source, root: str) -> DataFrame:
    """Adds file_state, of the files as they were listed, and ingested_ts."""
    states = [(relative(file.path, root), file.state(source)) for file in files]
    known = ctx.spark.createDataFrame(states, "source_file string, file_state string")
    return records.join(F.broadcast(known), "source_file", how="left").withColumn("ingested_ts", F.current_timestamp())


def without_erased(
    ctx: Context, name: str, records: DataFrame, files: list[LandingFile], suppressions: suppression.Suppressions
) -> tuple[DataFrame, list[LandingFile]]:
    """The records, those about erased persons without their payload, and the files as they are then. In landing files below
    the lake, where nothing of an erased person may lie, the records become empty. Before bronze has the file: after a kill in
    between it is read again."""
    source, root = ctx.settings.sources[name], ctx.settings.landing_root
    records = break_lineage(records)
    delimiter = source.delimiter if source.format == "csv" else None
    gone = suppression.refused(records, suppressions, delimiter).transform(break_lineage)
    left = records.join(gone, list(PLACE), how="left_anti").select(gone.columns).unionByName(gone)
    places = _by_file(gone) if root.startswith(f"{ctx.lake.root}/") else {}
    if not places:
        return left, files
    whole = qualified(ctx.spark, root)
    paths = {relative(file.path, whole): file.path for file in files}
    for file in sorted(places):
        scratch = f"{ctx.lake.root}/privacy/work/ingest-{name}"
        if source.format == "parquet":
            blank_rows(ctx.spark, paths[file], scratch, places={line for line, _ in places[file]})
        else:
            blank_records(ctx.spark, paths[file], scratch, source.reader, places=places[file])
    now = {file.path: file for file in files_of(ctx, source)}
    return left, [now.get(file.path, file) for file in files]


def _by_file(records: DataFrame) -> dict[str, set[tuple[int, int]]]:
    """source_file -> the places (line_no, record_no) of its records."""
    places: dict[str, set[tuple[int, int]]] = {}
    for row in records.select(*PLACE).toLocalIterator():
        places.setdefault(row["source_file"], set()).add((row["line_no"], row["record_no"] or 0))
    return places


def forget_quarantine(ctx: Context, name: str, files: Sequence[str]) -> None:
    """Takes what was set aside of these files out of ops.quarantine: they have changed and are judged again."""
    if ctx.lake.exists("ops.quarantine"):
        aside = ctx.lake.read("ops.quarantine").where(F.col("source") == name).where(F.col("source_file").isin(files))
        ctx.lake.merge(
            "ops.quarantine",
            aside.select("quarantine_id").transform(break_lineage),
            lambda merge: merge.whenMatchedDelete(),
        )
