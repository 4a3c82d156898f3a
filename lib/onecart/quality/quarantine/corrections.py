"""Corrected records in the place of those that were received: bronze keeps these, ops.quarantine both."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.contracts.channels import PLACE
from onecart.frames import break_lineage
from onecart.governance import suppression
from onecart.lake import Lake


def corrections(lake: Lake, feed: str) -> DataFrame | None:
    """[source_file, line_no, record_no (0: the first), original, corrected] of a feed's corrected records; None: there are
    none."""
    rows = lake.read("ops.quarantine").where((F.col("source") == feed) & F.col("corrected").isNotNull())
    given = rows.groupBy("source_file", "line_no", F.coalesce("record_no", F.lit(0)).alias("record_no")).agg(
        F.first("payload").alias("original"), F.max("corrected").alias("corrected")
    )
    given = break_lineage(given)
    return None if given.isEmpty() else given


def as_corrected(
    lines: DataFrame, given: DataFrame, suppressions: suppression.Suppressions | None, delimiter: str | None
) -> DataFrame:
    """Bronze lines with the corrected records in their places. One that names an erased person has no payload, as `ingest`
    would have left it; one that bronze has lost stays lost. delimiter: of CSV records; None: they are JSON."""
    joined = _beside(lines, given.drop("original"))
    taken = F.col("corrected").isNotNull() & F.col("payload").isNotNull()
    changed = joined.withColumns(
        {"payload": F.when(taken, F.col("corrected")).otherwise(F.col("payload")), "taken": taken}
    ).withColumn("problem", F.when(~F.col("taken"), F.col("problem")))
    if suppressions is None:
        return changed.select(*lines.columns)
    changed = break_lineage(changed)
    placed = changed.where("taken").select(*lines.columns).withColumn("record_no", F.coalesce("record_no", F.lit(0)))
    gone = break_lineage(suppression.refused(placed, suppressions, delimiter))
    marks = gone.select(*PLACE).withColumn("refused", F.lit(True))
    left = _beside(changed, marks).where("refused IS NULL").select(*lines.columns)
    return left.unionByName(gone)


def with_original(aside: DataFrame, given: DataFrame) -> DataFrame:
    """Rows of ops.quarantine that were judged as corrected, with the records as received beside the corrected ones; of erased
    persons with neither."""
    joined = _beside(aside, given)
    known = F.col("payload").isNotNull()
    payload = F.when(known, F.coalesce("original", "payload"))
    return joined.withColumns({"payload": payload, "corrected": F.when(known, F.col("corrected"))}).select(
        *aside.columns, "corrected"
    )


def _beside(rows: DataFrame, given: DataFrame) -> DataFrame:
    named = given.withColumnsRenamed({c: f"given_{c}" for c in PLACE})
    same = [F.col(c) == F.col(f"given_{c}") for c in ("source_file", "line_no")]
    same.append(F.coalesce("record_no", F.lit(0)) == F.col("given_record_no"))
    return rows.join(named, same, how="left").drop(*[f"given_{c}" for c in PLACE])
