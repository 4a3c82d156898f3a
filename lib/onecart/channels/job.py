"""Job `ingest`: files, topics of Kafka and tables of databases, record by record, into `bronze.<feed>`.

What bronze has is in its ledger, ops.deliveries; bronze itself has the last word. Each commit takes a portion of a feed (all its
new files, so many messages, the changed rows of a table), so that a killed run leaves it in whole or not at all; two runs at
once read each portion once. A file that has changed is read again, and its records take the place of those it had. A record
about an erased person (ops.suppressions) keeps its place in bronze without its payload, and becomes empty in a landing file
below the lake.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from pyspark.sql import functions as F

from onecart.channels import database, files, kafka
from onecart.channels.failures import told
from onecart.channels.landing import LandingFile, settled
from onecart.channels.ledger import Known, Ledger, Portion
from onecart.config import Source
from onecart.context import Context, Result
from onecart.errors import OneCartError
from onecart.frames import break_lineage, side_by_side, sql_literal
from onecart.governance import suppression
from onecart.lake import Conflict

_log = logging.getLogger(__name__)
_TRIES = 5


@dataclass(frozen=True)
class Account:
    """What became of one feed: records read, rows written, files read; `error`: why it stopped, None: it did not."""

    records: int = 0
    rows: int = 0
    files: int = 0
    error: OneCartError | None = None


def run(ctx: Context) -> Result:
    """Reads what is new in every feed. rows_in: records; rows_out: rows written. OneCartError: a feed cannot be read; the others
    are in bronze."""
    feeds = ctx.settings.sources
    found = {name: files.files_of(ctx, source) for name, source in feeds.items() if source.path}
    require_files(ctx, [name for name, those in found.items() if not those])
    suppressions, ledger = suppression.current(ctx.lake, ctx.settings.privacy), Ledger(ctx.lake)

    def one(name: str) -> Account:
        try:
            return ingest_feed(ctx, name, ledger, suppressions, found.get(name))
        except OneCartError as e:
            return Account(error=e)

    accounts = side_by_side(one, feeds)
    ledger.save(ctx.run_id)
    errors = [account.error for account in accounts if account.error]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise OneCartError("; ".join(map(str, errors)))
    rows_in, rows_out, files_read = (sum(getattr(a, f) for a in accounts) for f in ("records", "rows", "files"))
    if rows_in != rows_out:
        raise OneCartError(f"ingest read {rows_in:,} records but wrote {rows_out:,}; run it again")
    return Result(rows_in=rows_in, rows_out=rows_out, headline=f"{files_read} new files of {len(feeds)} feeds")


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
    ctx: Context,
    name: str,
    ledger: Ledger,
    suppressions: suppression.Suppressions | None = None,
    found: list[LandingFile] | None = None,
) -> Account:
    """One feed; `found`: its files. Where another run writes it meanwhile, looks again at what is left to read."""
    source, total = ctx.settings.sources[name], Account()
    ready = settled(ctx.spark, found, source) if found else []
    for _ in range(_TRIES):
        known = ledger.known(name)
        at = known.version
        try:
            with _explained(name, source):
                for portion in _portions(ctx, name, ready, known, suppressions):
                    rows = _commit(ctx, name, portion, at)
                    at += portion.records is not None
                    counted = portion.counted()
                    ledger.note(name, at, portion.deliveries(counted))
                    records = sum(n for n, _ in counted.values())
                    total = Account(total.records + records, total.rows + rows, total.files + portion.files)
                    if ctx.lake.version(f"bronze.{name}") != at:
                        raise Conflict(f"another job wrote bronze.{name} meanwhile")
                return total
        except Conflict:
            _log.info("  %-16s another run wrote bronze.%s meanwhile: looks again what is left to read", name, name)
    raise OneCartError(f"other runs of ingest keep writing bronze.{name}; run it again when they are done")


def _explained(name: str, source: Source) -> AbstractContextManager[None]:
    """What goes wrong with a broker or a database, in a sentence."""
    if source.kafka:
        return told(name, kafka.SENTENCES, kafka.secrets_of(source.kafka).values())
    if source.jdbc:
        return told(name, database.SENTENCES, database.secrets_of(source.jdbc).values())
    return nullcontext()


def _portions(
    ctx: Context,
    name: str,
    ready: list[LandingFile],
    known: Known,
    suppressions: suppression.Suppressions | None,
) -> Iterator[Portion]:
    source = ctx.settings.sources[name]
    if source.kafka:
        return kafka.portions(ctx, name, known, suppressions)
    if source.jdbc:
        return database.portions(ctx, name, known, suppressions)
    return files.portions(ctx, name, ready, known, suppressions)


def _commit(ctx: Context, name: str, portion: Portion, version: int) -> int:
    """Writes the portion onto `version` of the feed's bronze; how many rows. Conflict: another run has written since this one
    looked at what bronze has, and this one wrote nothing."""
    if portion.records is None:
        return 0
    table, rows = f"bronze.{name}", portion.records.withColumn("ingested_ts", F.current_timestamp())
    # Two runs that looked at one version write one transaction, and Delta drops the second.
    app_id = f"ingest.{name}.{'changed' if portion.replaced else 'new'}"
    if portion.replaced:
        forget_quarantine(ctx, name, portion.replaced)
        listed = ", ".join(map(sql_literal, portion.replaced))
        written = ctx.lake.replace_where(table, rows, f"source_file IN ({listed})", app_id=app_id, version=version + 1)
    else:
        written = ctx.lake.append_once(table, rows, app_id=app_id, version=version + 1)
    if written.source is None:
        raise Conflict(f"another run of ingest wrote {table} meanwhile")
    return written.inserted


def forget_quarantine(ctx: Context, name: str, files: Sequence[str]) -> None:
    """Takes what was set aside of these files out of ops.quarantine: they have changed and are judged again."""
    if ctx.lake.exists("ops.quarantine"):
        aside = (
            ctx.lake.read("ops.quarantine").where(F.col("source") == name).where(F.col("source_file").isin(list(files)))
        )
        ctx.lake.merge(
            "ops.quarantine",
            aside.select("quarantine_id").transform(break_lineage),
            lambda merge: merge.whenMatchedDelete(),
        )
