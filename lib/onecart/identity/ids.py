"""Customer ids that stay: a customer keeps its id from run to run, and what becomes of an id that does not is on record."""

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import break_lineage, library_function

_SPARES = 64  # further ids a record can give its customer, where its first one has been used


def assign(
    clusters: DataFrame,
    previous: DataFrame | None,
    *,
    run_id: str,
    at: datetime,
    history: DataFrame | None = None,
) -> tuple[DataFrame, DataFrame]:
    """Names the clusters of this run by the customer ids of the run before.

    clusters: record_id, cluster; previous: record_id, customer_id (None: the first run); both with key record_id.
    `history`: gold.identity_history so far; ids in it are never given to somebody else.

    1. A cluster asks for the old id that owned most of its records; at a tie for the one with the larger old customer,
       then for the smaller id.
    2. An id that several clusters ask for goes to the one that holds most of its records; at a tie to the cluster with
       the smallest record_id.
    3. A cluster without an id then gets a new one: 'c_' and 16 hex digits of the SHA-256 of its smallest record_id, or,
       if that id has been used, of `record_id|1`, `record_id|2` and so on.

    So a cluster of the same records keeps its id, and so does a customer that only gains or loses records. Record ids
    are compared as text.

    Returns the links, one row per record of `clusters`: record_id, customer_id; and the rows to append to
    gold.identity_history, none for an id whose records all stayed. Its grain is one id, event and successor:
    run_id, changed_ts, customer_id, event, into_customer_id, records. Events:
    new: an id that was not there before (into: itself; records: those it has now);
    merged: all records went to one other id (into), the id is no more;
    split: the records went to several ids, one row each, the id itself among them if it lives on;
    gone: none of its records is there any more (into: itself; records: those it had).
    """
    _need(clusters, "clusters", ("record_id", "cluster"))
    before = _previous(clusters, previous)
    members = clusters.select(F.col("record_id").cast("string").alias("record"), "cluster")
    ids = _ids(members, before, history).transform(break_lineage)  # both results start here
    links = clusters.join(ids, "cluster", how="inner").select("record_id", "customer_id")
    now = links.select(F.col("record_id").cast("string").alias("record"), F.col("customer_id").alias("now"))
    changed = now.join(before, "record", how="full").transform(_changes)
    return links, changed.select(
        F.lit(run_id).alias("run_id"),
        F.lit(at).cast("timestamp").alias("changed_ts"),
        "customer_id",
        "event",
        "into_customer_id",
        "records",
    )


@library_function()
def trace(history: DataFrame, customer_id: str) -> list[str]:
    """The ids that `customer_id` is today, sorted: itself while it lives, its successors after a merge or a split, none
    once all its records are gone. An id the history does not know has never changed.

    history: gold.identity_history. Reads a few rows for each step of the way.
    """
    _need(history, "history", ("changed_ts", "customer_id", "event", "into_customer_id"))
    today: set[str] = set()
    ahead: list[tuple[str, datetime | None]] = [(customer_id, None)]
    known = set(ahead)
    while ahead:
        steps = _next_steps(history, [one for one, _ in ahead])
        arrived, ahead = ahead, []
        for one, since in arrived:
            later = [step for step in steps.get(one, []) if since is None or step[0] > since]
            if not later:
                today.add(one)
                continue
            at = min(step[0] for step in later)
            for when, successor in later:
                if when == at and successor is not None and (successor, at) not in known:
                    known.add((successor, at))
                    ahead.append((successor, at))
    return sorted(today)


def _next_steps(history: DataFrame, ids: Sequence[str]) -> dict[str, list[tuple[datetime, str | None]]]:
    """For each id: when it changed into what."""
    rows = history.where(F.col("customer_id").isin(list(ids)) & (F.col("event") != "new"))
    successor = F.when(F.col("event") != "gone", F.col("into_customer_id"))
    steps: dict[str, list[tuple[datetime, str | None]]] = {}
    for row in rows.select("customer_id", "changed_ts", successor).collect():
        steps.setdefault(row[0], []).append((row[1], row[2]))
    return steps


def _need(df: DataFrame, name: str, columns: Sequence[str]) -> None:
    if missing := [c for c in columns if c not in df.columns]:
        raise UsageError(f"{name} needs the column {', '.join(missing)}; found {', '.join(df.columns)}")


def _previous(clusters: DataFrame, previous: DataFrame | None) -> DataFrame:
    """record, old: the id each record had."""
    if previous is None:
        return clusters.sparkSession.createDataFrame([], "record string, old string")
    _need(previous, "previous", ("record_id", "customer_id"))
    return previous.select(F.col("record_id").cast("string").alias("record"), F.col("customer_id").alias("old"))


def _ids(members: DataFrame, before: DataFrame, history: DataFrame | None) -> DataFrame:
    """One row per cluster: its customer_id."""
    owned = (
        members.join(before.withColumn("size", _count_per("old")), "record", how="left")
        .groupBy("cluster", "old", "size")
        .agg(F.count("*").alias("n"), F.min("record").alias("first"))
    )
    best = F.struct((-F.col("n")).alias("most"), (-F.col("size")).alias("larger"), "old")
    asked = (
        owned.groupBy("cluster")
        .agg(F.min("first").alias("first"), F.min(F.when(F.col("old").isNotNull(), best)).alias("best"))
        .select("cluster", "first", "best.old", "best.most")
    )
    claim = F.struct("most", "first", "cluster")
    # Clusters that ask for nothing are a group each, not one huge group.
    rivals = Window.partitionBy("old", F.when(F.col("old").isNull(), F.col("cluster")))
    wins = F.col("old").isNotNull() & (F.min(claim).over(rivals) == claim)
    named = asked.select("cluster", "first", F.when(wins, F.col("old")).alias("customer_id"))
    used = before.select("old") if history is None else before.select("old").union(history.select("customer_id"))
    fresh = named.where("customer_id IS NULL").transform(_fresh_ids, used=used.distinct())
    return named.where("customer_id IS NOT NULL").select("cluster", "customer_id").unionByName(fresh)


def _fresh_ids(clusters: DataFrame, *, used: DataFrame) -> DataFrame:
    """A new id for each cluster, of its first record: the first of the record's ids that nobody has or had."""
    taken = used.select(F.col("old").alias("customer_id"), F.lit(True).alias("taken"))
    spares = F.when(F.col("taken"), F.sequence(F.lit(1), F.lit(_SPARES))).otherwise(F.array(F.lit(0)))
    text = F.when(F.col("spare") == 0, F.col("first")).otherwise(F.concat_ws("|", "first", "spare"))
    return (
        clusters.withColumn("customer_id", _id_of(F.col("first")))
        .join(taken, "customer_id", how="left")
        .select("cluster", "first", F.explode(spares).alias("spare"))
        .withColumn("customer_id", _id_of(text))
        .join(taken, "customer_id", how="left_anti")
        .groupBy("cluster")
        .agg(F.min_by("customer_id", "spare").alias("customer_id"))
    )


def _count_per(column: str) -> Column:
    return F.count("*").over(Window.partitionBy(column))


def _id_of(text: Column) -> Column:
    return F.concat(F.lit("c_"), F.substring(F.sha2(text, 256), 1, 16))


def _changes(records: DataFrame) -> DataFrame:
    """`records`: record, old (null: a new record), now (null: gone) -> the rows of history without run and time."""
    moves = records.groupBy("old", "now").agg(F.count("*").alias("n"))
    # Rows without an old id are a group each, as are those without a new one.
    of_old = Window.partitionBy("old", F.when(F.col("old").isNull(), F.col("now")))
    of_now = Window.partitionBy("now", F.when(F.col("now").isNull(), F.col("old")))
    known = moves.withColumns(
        {
            "successors": F.count("now").over(of_old),
            "size": F.sum("n").over(of_now),
            # An id that is kept owned some record of its cluster before.
            "born": ~F.coalesce(F.max(F.col("old") == F.col("now")).over(of_now), F.lit(False)),
            "nth": F.row_number().over(of_now.orderBy("old")),
        }
    )
    merged_or_split = F.when(F.col("successors") == 1, "merged").otherwise("split")
    has_old, has_now = F.col("old").isNotNull(), F.col("now").isNotNull()
    events = F.array(
        F.when(has_old & (F.col("successors") == 0), _event("old", F.lit("gone"), "old", "n")),
        F.when(
            has_old & has_now & ((F.col("successors") > 1) | (F.col("old") != F.col("now"))),
            _event("old", merged_or_split, "now", "n"),
        ),
        F.when(has_now & F.col("born") & (F.col("nth") == 1), _event("now", F.lit("new"), "now", "size")),
    )
    return known.select(F.inline(F.array_compact(events)))


def _event(customer_id: str, event: Column, into: str, records: str) -> Column:
    return F.struct(
        F.col(customer_id).alias("customer_id"),
        event.alias("event"),
        F.col(into).alias("into_customer_id"),
        F.col(records).alias("records"),
    )
