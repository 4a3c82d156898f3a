"""The history of profiles (SCD2): what a customer's profile said from one day to another."""

from datetime import date

from delta.tables import DeltaMergeBuilder
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.contracts import contract
from onecart.lake import Lake

TABLE = "gold.customer_profile_history"
_FRAME = ("customer_id", "valid_from", "valid_to", "is_current", "change", "into_customer_id", "hash")
TRACKED: tuple[str, ...] = tuple(n for n in contract(TABLE).schema.fieldNames() if n not in _FRAME)


def as_of(lake: Lake, day: date) -> DataFrame:
    """The profiles as they were on `day`: one row per customer known then, key customer_id, the columns of
    gold.customer_profile_history. Empty before the first run of `unify`; between two runs, what the earlier one saw."""
    return lake.read(TABLE).where(
        (F.col("valid_from") <= F.lit(day)) & (F.col("valid_to").isNull() | (F.col("valid_to") > F.lit(day)))
    )


def record(lake: Lake, profile: DataFrame, *, as_of: date) -> str:
    """Brings the history up to `profile` (gold.customer_profile of `as_of`) in one commit. Returns a note, mostly ''.

    The same run twice changes nothing; another run of the same day corrects that day's rows. A run for a day before
    the newest in the history leaves it as it is, and the note says so: what was believed then is on record already.
    """
    history = lake.read_if_exists(TABLE)
    newest = history.agg(F.greatest(F.max("valid_from"), F.max("valid_to"))).first()
    if newest and newest[0] and newest[0] > as_of:
        return f"history kept: it reaches {newest[0]} already"
    merged = None
    if lake.exists("gold.identity_history"):
        told = lake.read("gold.identity_history").where("event LIKE 'merge%' AND into_customer_id IS NOT NULL")
        merged = told.groupBy("customer_id").agg(F.max("into_customer_id").alias("into_customer_id"))
    lake.merge(TABLE, changes(history, profile, merged, as_of=as_of), _clauses)
    return ""


def changes(history: DataFrame, profile: DataFrame, merged: DataFrame | None, *, as_of: date) -> DataFrame:
    """One row per row of the history to insert, close, correct or delete, key customer_id and valid_from: `action` and
    the columns of the history.

    A customer new in `profile` gets a row from `as_of` on; one with another hash has the current row closed and a new
    one opened; one not there any more has it closed with change `merged` (`merged` names where to: customer_id,
    into_customer_id) or `gone`. A current row that began on `as_of` is corrected, or deleted, instead of closed.
    """
    now = profile.select("customer_id", F.struct(*TRACKED).alias("now")).withColumn(
        "now_hash", F.sha2(F.to_json("now"), 256)
    )
    current = history.where("is_current").select(
        "customer_id", "valid_from", "change", "hash", F.struct(*TRACKED).alias("old")
    )
    both = current.join(now, "customer_id", how="full")
    if merged is None:
        both = both.withColumn("into_customer_id", F.lit(None).cast("string"))
    else:
        both = both.join(merged, "customer_id", how="left")
    was, still = F.col("hash").isNotNull(), F.col("now_hash").isNotNull()
    today = F.col("valid_from") == F.lit(as_of)
    opened = _row("insert", F.lit(as_of), None, F.when(was, "changed").otherwise("new"), "now", "now_hash")
    corrected = _row("correct", F.col("valid_from"), None, F.col("change"), "now", "now_hash")
    ended = F.when(still, F.col("change")).when(F.col("into_customer_id").isNull(), "gone").otherwise("merged")
    closed = _row("close", F.col("valid_from"), as_of, ended, "old", "hash")
    deleted = _row("delete", F.col("valid_from"), None, F.col("change"), "old", "hash")
    actions = (
        F.when(~was, F.array(opened))
        .when(still & today, F.array(corrected))
        .when(still, F.array(closed, opened))
        .when(today, F.array(deleted))
        .otherwise(F.array(closed))
    )
    different = both.where(~F.col("hash").eqNullSafe(F.col("now_hash")))
    gone_into = F.when(~still, F.col("into_customer_id")).alias("into_customer_id")
    return different.select("customer_id", gone_into, F.inline(actions)).select(
        "customer_id", "valid_from", "valid_to", "is_current", "change", "into_customer_id", "hash", "action", "said.*"
    )


def _row(action: str, valid_from: Column, valid_to: date | None, change: Column, said: str, hashed: str) -> Column:
    return F.struct(
        F.lit(action).alias("action"),
        valid_from.alias("valid_from"),
        F.lit(valid_to).cast("date").alias("valid_to"),
        F.lit(valid_to is None).alias("is_current"),
        change.alias("change"),
        F.col(hashed).alias("hash"),
        F.col(said).alias("said"),
    )


def _clauses(merge: DeltaMergeBuilder) -> DeltaMergeBuilder:
    closing = ("valid_to", "is_current", "change", "into_customer_id")
    return (
        merge.whenMatchedDelete("new.action = 'delete'")
        .whenMatchedUpdate("new.action = 'close'", {name: f"new.{name}" for name in closing})
        .whenMatchedUpdate("new.action = 'correct'", {name: f"new.{name}" for name in ("hash", *TRACKED)})
        .whenNotMatchedInsert("new.action = 'insert'", {name: f"new.{name}" for name in (*_FRAME, *TRACKED)})
    )
