"""The job `live`: silver.interactions as a stream -> gold.live_visits, gold.live_scores, rows of gold.recommendations."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.behaviour.live import as_sessions, still_open, update
from onecart.context import Context, Result
from onecart.facts.owners import Owners
from onecart.facts.sessionization import session_id
from onecart.frames import break_lineage
from onecart.intent.registry import Champion
from onecart.live.model import current, scored
from onecart.live.offers import Offerer, refresh
from onecart.live.stream import follow

VISITS, SCORES = "gold.live_visits", "gold.live_scores"


@dataclass
class Tally:
    """What a run has done so far: events read, scores written, customers who got new offers."""

    events: int = 0
    scored: int = 0
    offered: int = 0


def run(ctx: Context) -> Result:
    """Scores each online visit, and offers its customer anew, whenever events of it come in: those that are there now, and
    with live.every_seconds those that come until the job is stopped.

    A visit that is over keeps its last score. An event that comes after its visit was closed makes a row of its own;
    the nightly gold.sessions is the word on what a visit was. The first batch of a stream replaces gold.live_scores.
    """
    scores = LiveScores(ctx)
    scores.take(every_seconds=ctx.settings.live.every_seconds)
    return Result(rows_in=scores.tally.events, rows_out=scores.tally.scored, headline=scores.headline())


class LiveScores:
    """The model of visits at work: `take` what came into silver.interactions since the last time, then say the `headline`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx, self._offerer, self.tally = ctx, Offerer(), Tally()
        self._scorer, self._note = current(ctx)

    def take(self, *, every_seconds: float | None = None) -> None:
        """Scores and offers for what is there now and, with `every_seconds`, for what comes until the job is stopped."""
        scorer = self._scorer
        if scorer is None:
            return

        def apply(batch: DataFrame, number: int, stream: str) -> None:
            self.tally.offered += refresh(self._ctx, self._offerer, batch)
            advance(self._ctx, scorer, batch, number, stream, self.tally)

        if follow(self._ctx.lake, "silver.interactions", "live", apply, every_seconds=every_seconds):
            self._note += "; began anew: silver.interactions has lost the versions it would have gone on from"

    def headline(self) -> str:
        if self._scorer is None:
            return f"no visit scored{self._note}"
        going = self._ctx.lake.read_if_exists(VISITS).count()
        offered = f", {self.tally.offered:,} lists of offers anew" if self.tally.offered else ""
        return f"{self.tally.scored:,} visits scored, {going:,} under way{offered}{self._note}"


def advance(ctx: Context, scorer: Champion, batch: DataFrame, number: int, stream: str, tally: Tally) -> None:
    """Brings both tables up to date by one batch (rows of silver.interactions). The same batch again changes nothing.

    The scores are written first and the visits, with the batch's number, second: after a kill between the two the batch
    finds the visits as they were, and writes the same scores again.
    """
    rules, lake = ctx.settings.behaviour, ctx.lake
    before = lake.read_if_exists(VISITS).where(F.col("stream") == stream)
    counted = before.select("batch").first()  # all rows are of one batch
    if counted is not None and counted["batch"] >= number:
        return
    visits = update(before, Owners.of(lake).named(batch, "silver.interactions"), rules, ctx.settings.shop)
    visits = visits.withColumn("session_id", session_id()).transform(break_lineage)
    newest = visits.agg(F.max("ended_ts")).first()
    if newest is None or newest[0] is None:
        return
    changed = visits.join(before.select("session_id", "events"), ["session_id", "events"], how="left_anti")
    scores = scored(changed.transform(as_sessions), scorer, reasons=ctx.settings.intent.reasons)
    if number == 0:
        tally.scored += lake.replace(SCORES, scores).inserted
    else:
        # An earlier event has joined a visit to another, or given it another first event.
        gone = before.join(visits, "session_id", how="left_anti")
        written = lake.upsert_and_delete(SCORES, scores, gone)
        tally.scored += written.inserted + written.updated
    left = visits.where(still_open(newest[0], rules))
    lake.replace(VISITS, left.withColumns({"stream": F.lit(stream), "batch": F.lit(number).cast("long")}))
    tally.events += batch.count()
