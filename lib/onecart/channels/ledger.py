"""What of each feed bronze has: ops.deliveries, brought up to date from bronze itself where a killed run left it behind.

To know what is new costs what the ledger has of a feed, not a look at all rows of bronze.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.lake import Lake
from onecart.lake.records import Counted

TABLE = "ops.deliveries"
_FEED = "*"  # the row that says up to which version of bronze a feed's rows tell


@dataclass(frozen=True)
class Delivery:
    """A file, a partition of a topic or a table of a database, as bronze has it: see the contract of ops.deliveries."""

    name: str
    state: str | None = None
    last_line: int = -1
    records: int = 0


@dataclass(frozen=True)
class Portion:
    """What one commit brings into a feed's bronze. `records`: rows of bronze without ingested_ts; None: nothing is new.
    `deliveries`: what the ledger says then, after `counted`: what was read, once the records are written. `replaced`: files
    whose records these take the place of."""

    records: DataFrame | None
    deliveries: Callable[[Counted], Sequence[Delivery]]
    counted: Callable[[], Counted] = dict
    replaced: tuple[str, ...] = ()
    files: int = 0


@dataclass(frozen=True)
class Known:
    """What bronze has of a feed at one version of it, by the deliveries' names."""

    version: int = -1
    table_id: str = ""
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)


class Ledger:
    """The deliveries of all feeds, read once; `note` what was read since, and `save` it."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._feeds: dict[str, Known] = {}
        self._noted: dict[str, dict[str, Delivery]] = {}
        rows: dict[str, dict[str, Delivery]] = {}
        noted = lake.read_if_exists(TABLE)
        newest = F.max_by(F.struct(*noted.columns), "noted_ts").alias("newest")
        for (row,) in noted.groupBy("source", "delivery").agg(newest).select("newest").toLocalIterator():
            delivery = Delivery(row["delivery"], row["state"], row["last_line"], row["records"])
            rows.setdefault(row["source"], {})[delivery.name] = delivery
            if delivery.name == _FEED:
                self._feeds[row["source"]] = Known(row["bronze_version"], row["bronze_id"])
        for feed, known in self._feeds.items():
            rows[feed].pop(_FEED)
            self._feeds[feed] = replace(known, deliveries=rows[feed])

    def known(self, feed: str) -> Known:
        """What bronze has of the feed now."""
        table = f"bronze.{feed}"
        is_new = self._lake.create(table)
        version, table_id = self._lake.version(table), self._lake.identity(table)
        known = self._feeds.get(feed, Known())
        if (known.version, known.table_id) != (version, table_id):
            before = known.deliveries if known.table_id == table_id else {}
            observed = [] if is_new and version == 0 else _observed(self._lake, table, version)
            merged = {d.name: _newer(before.get(d.name), d) for d in observed}
            known = Known(version, table_id, {**before, **merged})
            self._feeds[feed] = known
            self._noted.setdefault(feed, {}).update(merged)
        return known

    def note(self, feed: str, version: int, deliveries: Iterable[Delivery]) -> None:
        """The feed's bronze has these, too, as of `version`."""
        known, new = self._feeds[feed], {d.name: d for d in deliveries}
        self._feeds[feed] = replace(known, version=version, deliveries={**known.deliveries, **new})
        self._noted.setdefault(feed, {}).update(new)

    def save(self, run_id: str) -> None:
        """Adds what was noted, for all feeds at once. That of a run beside this one may be newer: then bronze is looked at again."""
        now = datetime.now(timezone.utc)
        rows = [
            {
                **{
                    "source": feed,
                    "delivery": d.name,
                    "state": d.state,
                    "last_line": d.last_line,
                    "records": d.records,
                },
                **{"bronze_version": self._feeds[feed].version, "bronze_id": self._feeds[feed].table_id},
                "noted_ts": now,
            }
            for feed, noted in self._noted.items()
            for d in (*noted.values(), Delivery(_FEED))
        ]
        if rows:
            self._lake.append_once(TABLE, self._lake.frame(TABLE, rows), app_id=f"ingest.{run_id}", version=0)


def _observed(lake: Lake, table: str, version: int) -> list[Delivery]:
    """What the rows of bronze themselves tell."""
    told = lake.read(table, version).groupBy("source_file")
    rows = told.agg(F.max("file_state").alias("state"), F.max("line_no").alias("last"), F.count("*").alias("n"))
    return [Delivery(r["source_file"], r["state"], r["last"], r["n"]) for r in rows.toLocalIterator()]


def _newer(noted: Delivery | None, observed: Delivery) -> Delivery:
    """Rows that were erased since are no longer observed, but were read."""
    if noted is None or noted.state is None or observed.state is None:
        return observed
    return replace(observed, last_line=max(noted.last_line, observed.last_line))
