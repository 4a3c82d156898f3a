"""The job `stream`: topics, databases and files -> bronze -> silver -> live scores and offers, batch after batch.

A batch is read by `ingest` and cleaned by `clean`, as they are: so a stream and a backfill of the same records give the same
tables, whatever is read by which. A portion goes into bronze in one commit under a transaction's id, rows go into silver by merges
on their keys: a batch that was killed and comes again doubles nothing. Nothing is kept but what those jobs keep: ops.deliveries
tells what bronze has, ops.runs how far it was cleaned. No checkpoint can be lost.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from onecart.channels import job as ingest
from onecart.config import Settings
from onecart.context import Context, Result
from onecart.errors import NothingToDo, OneCartError, UsageError, nearest
from onecart.live.job import LiveScores
from onecart.quality import job as clean
from onecart.quality.account import Account, Cleaned, told, total
from onecart.quality.drift import column_shares
from onecart.quality.drift.column_shares import Count

_log = logging.getLogger(__name__)
_EVENTS = "silver.interactions"
_WATCHED_S = 3600  # of so long a time the shares of null columns are told together: a batch alone says too little


@dataclass
class Total:
    """What all batches of a run came to."""

    batches: int = 0
    cleaned: dict[str, Cleaned] = field(default_factory=dict)
    shares: list[Count] = field(default_factory=list)  # of the batches since they were last told
    told: int = 0  # how often
    since: float = field(default_factory=time.monotonic)

    def add(self, cleaned: dict[str, Cleaned], shares: Sequence[Count]) -> None:
        self.batches += 1
        for name, feed in cleaned.items():
            before = self.cleaned.get(name, Cleaned(Account())).account
            self.cleaned[name] = Cleaned(total([before, feed.account]), stopped=feed.stopped)
        self.shares = _summed([*self.shares, *shares])


def wait(seconds: float) -> bool:
    """Whether the run goes on after these seconds: stopped by the keyboard meanwhile, it ends well."""
    try:
        time.sleep(max(0.0, seconds))
    except KeyboardInterrupt:
        return False
    return True


def run(ctx: Context, wait: Callable[[float], bool] = wait) -> Result:
    """Brings what is new in the feeds `stream.feeds` into silver, and into live scores and offers, every `stream.every_seconds`
    until it is stopped by the keyboard (or `wait`, called between batches with the seconds left, says so), or once.

    rows_in, rows_out: rows cleaned, as `clean` counts them. A batch that fails in a run that goes on (a broker that is down, another
    job that writes the same table) is told and tried again; in a run of one batch it is the run's error. DataError after all is
    written: too many rows of a feed are bad, or a feed was stopped.
    """
    ctx = replace(ctx, settings=_in_motion(ctx.settings))
    every, done, marks, wrong = ctx.settings.stream.every_seconds, Total(), clean.last_marks(ctx), ""
    scores: LiveScores | None = None
    while True:
        began = time.monotonic()
        try:
            failed = _read(ctx)
            cleaned, shares = clean.clean_feeds(ctx, marks)
            marks = clean.marks_now(ctx)
            done.add(cleaned, shares)
            scores = _scored(ctx, scores, cleaned)
            if failed:
                raise failed
            wrong = ""
        except OneCartError as e:
            for name in (
                ctx.settings.sources
            ):  # what was read and is not in silver is not noted as read, should the run end here
                clean.hold(ctx, name, marks.get(name))
            if every is None:
                _tell_shares(ctx, done)
                raise
            if str(e) != wrong:  # once, not with every batch
                _log.error("%s; the stream goes on", e)
            wrong = str(e)
        if time.monotonic() - done.since > _WATCHED_S:
            _tell_shares(ctx, done)
        if every is None or not wait(every - (time.monotonic() - began)):
            break
    _tell_shares(ctx, done)
    result = told(done.cleaned, ctx.settings.quality.max_quarantine_share)
    live = f"; {scores.headline()}" if scores else ""
    return replace(result, headline=f"{done.batches} batches: {result.headline}{live}")


def _in_motion(settings: Settings) -> Settings:
    """The settings with the feeds of the stream alone. UsageError: there is no such feed."""
    for name in settings.stream.feeds:
        if name not in settings.sources:
            raise UsageError(f"stream.feeds: no feed '{name}' in channels{nearest(name, settings.sources)}")
    wanted = settings.stream.feeds or settings.sources
    return settings.model_copy(update={"channels": {n: s for n, s in settings.sources.items() if n in wanted}})


def _read(ctx: Context) -> OneCartError | None:
    """Into bronze; the error of feeds that cannot be read, when the others are."""
    try:
        ingest.run(ctx)
    except OneCartError as e:
        return e
    return None


def _scored(ctx: Context, scores: LiveScores | None, cleaned: dict[str, Cleaned]) -> LiveScores | None:
    """Scores and offers that follow the batch. None: there is no event yet, or no model that could score."""
    sources = ctx.settings.sources
    if not any(feed.account.out for name, feed in cleaned.items() if sources[name].into == _EVENTS):
        return scores
    try:
        scores = scores or LiveScores(ctx)
    except NothingToDo:
        return None
    scores.take()
    return scores


def _tell_shares(ctx: Context, done: Total) -> None:
    column_shares.record(replace(ctx, run_id=f"{ctx.run_id}.{done.told}"), done.shares)
    done.shares, done.told, done.since = [], done.told + 1, time.monotonic()


def _summed(counts: Sequence[Count]) -> list[Count]:
    def key(c: Count) -> tuple[str, str, str]:
        return c.source, c.kind, c.column

    groups = [list(some) for _, some in groupby(sorted(counts, key=key), key)]
    return [replace(g[0], rows=sum(c.rows for c in g), hits=sum(c.hits for c in g)) for g in groups]
