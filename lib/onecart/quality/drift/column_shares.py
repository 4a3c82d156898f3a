"""ops.feed_columns: how much of each feed's columns is null beside its past, how often its rules are broken, and the fields that
nobody maps.

A feed that renames a field breaks no rule: the column becomes null, and all events anonymous.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import Source
from onecart.context import Context
from onecart.contracts import contract
from onecart.quality.parse import json_schema
from onecart.stats.proportions import wilson

_log = logging.getLogger(__name__)
TABLE = "ops.feed_columns"
COLUMN, FIELD, RULE = "column", "unmapped field", "rule"
_PAST_RUNS = 5  # that a run is compared with: what stays changed is the usual thing after so many
_MOST_FIELDS = (
    50  # unmapped fields of a feed that are told, of those in 1 % of its records: rarer ones may be somebody's ids
)
_RECORDS, _UNMAPPED = "records read", "records with an unmapped field"
_READ = "set_aside IS NULL AND payload IS NOT NULL"


@dataclass(frozen=True)
class Count:
    """Of `rows` of a feed (its records, for a field), so many: rows where the column is null or that break the rule, records
    with the field."""

    source: str
    kind: str
    column: str
    rows: int
    hits: int


def aggregates(name: str, source: Source) -> list[Column]:
    """What `counts` asks of judged rows, to be computed in one pass with whatever else is counted."""
    read = F.expr(_READ)
    nulls = [F.count_if(read & F.col(c).isNull()).alias(f"null {c}") for c in source.columns]
    first = read & (F.col("element") == 0)
    unmapped = F.size(_unmapped_fields(name, source)) > 0
    return [
        F.count_if(read).alias(_READ),
        F.count_if(first).alias(_RECORDS),
        F.count_if(first & unmapped).alias(_UNMAPPED),
        *nulls,
    ]


def counts(judged: DataFrame, name: str, source: Source, counted: Mapping[str, int]) -> list[Count]:
    """The counts of one feed. counted: what `aggregates` came to. A feed with unmapped fields costs a Spark job more."""
    rows, records = counted[_READ], counted[_RECORDS]
    if not rows:
        return []
    found = [Count(name, COLUMN, c, rows, counted[f"null {c}"]) for c in source.columns]
    if counted[_UNMAPPED]:
        fields = judged.where(f"{_READ} AND element = 0").select(
            F.explode(_unmapped_fields(name, source)).alias("field")
        )
        most = (
            fields.groupBy("field")
            .count()
            .where(F.col("count") * 100 >= records)
            .orderBy(F.desc("count"), "field")
            .limit(_MOST_FIELDS)
        )
        found += [Count(name, FIELD, r["field"][:200], records, r["count"]) for r in most.collect()]
    return found


def _unmapped_fields(name: str, source: Source) -> Column:
    """Top-level fields of a JSON record that the feed's schema does not name."""
    if source.format != "json":
        return F.array().cast("array<string>")
    known = json_schema(source, name).names
    return F.array_except(F.json_object_keys("payload"), F.array(*map(F.lit, known)))


def record(ctx: Context, found: Iterable[Count]) -> None:
    """Adds this run's rows to ops.feed_columns, and warns where a column is null, or a rule is broken, much more often than in
    the last runs, or a field is new.

    More often: the intervals of both shares (Wilson, 99.9 %) are further apart than quality.max_null_rise. The first run
    of a feed has no past to differ from.
    """
    found = list(found)
    if not found:
        return
    before = _past(ctx)
    fed: dict[str, int] = {}  # feed -> rows of its last runs
    for (source, _, _), (past_rows, _) in before.items():
        fed[source] = max(past_rows, fed.get(source, 0))
    now, rows = datetime.now(timezone.utc), []
    for c in found:
        # A rule that nothing broke left no row.
        unseen = fed.get(c.source, 0) if c.kind == RULE else 0
        rows_before, hits_before = before.get((c.source, c.kind, c.column), (unseen, 0))
        if c.kind == FIELD:
            alarm = c.source in fed and not rows_before
        else:
            rise = wilson(c.hits, c.rows)[0] - wilson(hits_before, rows_before)[1]
            alarm = rise > ctx.settings.quality.max_null_rise
        share, past = c.hits / c.rows, hits_before / rows_before if rows_before else None
        rows.append((ctx.run_id, now, c.source, c.kind, c.column, c.rows, c.hits, share, past, alarm))
        if alarm:
            _log.warning("  %-16s %s", c.source, _sentence(c, past))
    frame = ctx.spark.createDataFrame(rows, contract(TABLE).schema)
    ctx.lake.append_once(TABLE, frame, app_id=f"{ctx.run_id}.columns", version=0)


def _sentence(c: Count, past: float | None) -> str:
    if c.kind == FIELD:
        return f"records have a new field '{c.column}' that channels.{c.source}.schema does not name ({c.hits:,} of {c.rows:,})"
    if c.kind == RULE:
        return f"{c.hits / c.rows:.1%} of {c.rows:,} rows break the rule '{c.column}', {past or 0:.1%} before"
    return (
        f"{c.column} is null in {c.hits / c.rows:.0%} of {c.rows:,} rows, {past or 0:.0%} before: has its field in the feed "
        f"another name now? See channels.{c.source}.columns.{c.column}"
    )


def _past(ctx: Context) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(source, kind, column) -> rows and hits of the last runs in which the feed brought something."""
    if not ctx.lake.exists(TABLE):
        return {}
    newest = Window.partitionBy("source").orderBy(F.desc("run_ts"))
    told = ctx.lake.read(TABLE).withColumn("nth", F.dense_rank().over(newest)).where(F.col("nth") <= _PAST_RUNS)
    sums = told.groupBy("source", "kind", "column").agg(F.sum("rows").alias("rows"), F.sum("hits").alias("hits"))
    return {(r["source"], r["kind"], r["column"]): (r["rows"], r["hits"]) for r in sums.collect()}
