"""Linking again when records arrive, change or leave: only the groups that the change can reach."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Identity
from onecart.frames import break_lineage
from onecart.identity import blocking
from onecart.identity.linking import Learned, Resolution, resolved, scored_pairs


@dataclass(frozen=True)
class Change:
    """What differs from the last run: record ids that are `new` (or say something else now) and `gone`."""

    new: DataFrame
    gone: DataFrame
    share: float  # of the records, new


def change(prepared: DataFrame, previous: DataFrame, records: int) -> Change:
    """`prepared`: record_id, digest, ...; `previous`: record_id, digest of the last run."""
    before = previous.select("record_id", F.col("digest").alias("before"))
    now = prepared.select("record_id", "digest").join(before, "record_id", how="full")
    new = (
        now.where("digest IS NOT NULL AND (before IS NULL OR before <> digest)")
        .select("record_id")
        .transform(break_lineage)
    )
    gone = now.where("digest IS NULL").select("record_id").transform(break_lineage)
    return Change(new, gone, new.count() / max(records, 1))


def update(
    prepared: DataFrame, change: Change, previous: DataFrame, capped: DataFrame, capped_before: DataFrame,
    learned: Learned, settings: Identity,
) -> Resolution:  # fmt: skip
    """The groups of records that `change` can reach, solved anew; the others are as they were.

    previous: record_id, component of the last run. capped, capped_before: rule, key_hash, star of key values on too
    many records, now and then. With one model the result is that of linking all records: a group is solved from the pairs
    within it alone, groups are joined by pairs above the threshold, and such a pair is new only if one of its records
    is, or if a key that brings it together has crossed its cap.
    """
    rules = list(learned.model.rules)
    crossed = _crossed(capped, capped_before)
    keys = blocking.keyed(prepared, rules).withColumnRenamed("key", "key_hash")
    moved = keys.join(F.broadcast(crossed), ["rule", "key_hash"], how="left_semi").select("record_id")
    new = change.new.unionByName(moved).distinct().transform(break_lineage)
    touched = _strong_ends(prepared, keys, new, capped, learned, settings).unionByName(new)
    reached = touched.unionByName(change.gone).distinct()
    components = previous.join(reached, "record_id", how="left_semi").select("component").where("component IS NOT NULL")
    members = previous.join(components.distinct(), "component", how="left_semi").select("record_id")
    affected = prepared.join(members.unionByName(touched).distinct(), "record_id", how="left_semi").transform(
        break_lineage
    )
    scored = scored_pairs(affected, learned, settings, capped).transform(break_lineage)
    return resolved(affected, scored, settings, learned)


def _crossed(now: DataFrame, before: DataFrame) -> DataFrame:
    """Key values that make other pairs than then: rule, key_hash."""
    on = ["rule", "key_hash", "star"]
    now, before = (df.select("rule", "key_hash", F.coalesce("star", F.lit("")).alias("star")) for df in (now, before))
    moved = now.join(before, on, how="left_anti").unionByName(before.join(now, on, how="left_anti"))
    return moved.select("rule", "key_hash").distinct()


def _strong_ends(
    prepared: DataFrame, keys: DataFrame, new: DataFrame, capped: DataFrame, learned: Learned, settings: Identity
) -> DataFrame:
    """Records that a pair above the threshold joins to a new one."""
    theirs = keys.join(new, "record_id", how="left_semi").select("rule", "key_hash").distinct()
    near = keys.join(theirs, ["rule", "key_hash"], how="left_semi").select("record_id").distinct()
    around = prepared.join(near, "record_id", how="left_semi")
    pairs = scored_pairs(around, learned, settings, capped, one_of=new)
    strong = pairs.where((F.col("weight") >= learned.model.threshold) & F.col("cannot_link").isNull())
    return strong.select(F.explode(F.array("record_a", "record_b")).alias("record_id"))
