"""The first half of job `unify`: who is who, written with its evidence, its history and the model that found it."""

import json
from datetime import datetime, timezone

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Identity
from onecart.context import Context
from onecart.contracts import contract
from onecart.frames import break_lineage, literal_map
from onecart.identity import blocking, fields, ids, linking, model, stitch, update
from onecart.identity.linking import Learned, Resolution
from onecart.lake import Lake

_LINKS, _EDGES, _CAPPED = "gold.identity_links", "gold.identity_edges", "gold.identity_shared_keys"


def write_links(ctx: Context, records: DataFrame) -> tuple[DataFrame, str]:
    """Writes gold.identity_links, identity_edges, identity_history, identity_shared_keys, and where it is trained anew
    identity_model and identity_terms. Returns the links and what the run should say.

    `records`: of `records.build_records`. The first run, and one in which more than `identity.retrain_share` of the
    records are new or changed, trains and links everything; any other keeps the model and links the groups that the
    change reaches. Kill it anywhere: until the links are written the next run sees the same change, and what they are
    found from (shared keys) is written where no kill can part the two.
    """
    lake, settings = ctx.lake, ctx.settings.identity
    own = fields.prepare(records.where("record_id = representative"), settings.purpose)
    says = [c for c in own.columns if c != "record_id"]
    prepared = own.withColumn("digest", _digest(says, settings)).transform(break_lineage)
    count = fields.require_unique(prepared)
    learned = load(lake)
    if learned is None or not lake.exists(_LINKS):
        return _write_all(ctx, prepared, records, count)
    previous = lake.read(_LINKS)
    change = update.change(prepared, previous.where("digest IS NOT NULL"), count)
    if change.share > settings.retrain_share or set(says) - {"digest"} != _columns(learned):
        return _write_all(ctx, prepared, records, count)
    if change.share == 0 and change.gone.isEmpty():  # then no group can differ; there may be more or fewer tickets
        _replace_links(lake, records, previous, previous)
        # A run that was killed after the links may have left these out.
        lake.replace(_CAPPED, _named(_capped(prepared, learned, settings), learned))
        return lake.read(_LINKS), "no record says anything new"
    return _write_change(ctx, prepared, records, change, previous, learned)


def _digest(columns: list[str], settings: Identity) -> Column:
    """A hash of what a record says and of what it is judged by: with other settings or columns all records change.
    Nulls count (xxhash64 alone skips them, so that a value might move from one column to the next unseen)."""
    judged = settings.model_dump(mode="json", exclude={"retrain_share", "stitch_days", "max_pairs"})
    return F.xxhash64(
        F.lit(json.dumps([columns, judged], sort_keys=True)), *(F.coalesce(c, F.lit("")) for c in columns)
    )


def write_stitches(ctx: Context, interactions: DataFrame, records: DataFrame, links: DataFrame) -> None:
    """Writes gold.identity_stitches: from when to when an anonymous cookie or device was whose."""
    says = F.struct(F.coalesce("email", "surname", "phone").isNotNull().cast("int"), "record_id")
    accounts = records.where("account_id IS NOT NULL").join(
        links.select("record_id", "customer_id"), "record_id", how="inner"
    )
    accounts = accounts.groupBy("account_id").agg(F.max_by("customer_id", says).alias("customer_id"))
    found = stitch.stretches(interactions, days=ctx.settings.identity.stitch_days)
    ctx.lake.replace("gold.identity_stitches", found.join(accounts, "account_id", how="inner"))


def load(lake: Lake) -> Learned | None:
    """The model in use, None before the first run."""
    if not lake.exists("gold.identity_model"):
        return None
    row = lake.read("gold.identity_model").first()
    return Learned(model.LinkModel.from_json(row["parameters"]), lake.read("gold.identity_terms")) if row else None


def _columns(learned: Learned) -> set[str]:
    return set(learned.model.columns) - {"record_id", "digest"}


def _write_all(ctx: Context, prepared: DataFrame, records: DataFrame, count: int) -> tuple[DataFrame, str]:
    lake, settings = ctx.lake, ctx.settings.identity
    learned, scored = linking.learn(prepared, settings, count)
    found = linking.resolved(prepared, scored, settings, learned)
    row = (ctx.run_id, count, learned.model.threshold, learned.model.to_json())
    lake.replace("gold.identity_model", ctx.spark.createDataFrame([row], contract("gold.identity_model").schema))
    none = ctx.spark.createDataFrame([], contract("gold.identity_terms").schema)
    lake.replace("gold.identity_terms", learned.terms if learned.terms is not None else none)
    lake.replace(_CAPPED, _named(_capped(prepared, learned, settings), learned))
    previous = lake.read(_LINKS) if lake.exists(_LINKS) else None
    links = _identified(ctx, found, prepared, previous)
    lake.replace(_EDGES, found.pairs)
    lake.replace(_LINKS, _everybody(records, links))
    return lake.read(_LINKS), f"trained on {count:,} records, threshold {learned.model.threshold:+.1f} bits"


def _write_change(
    ctx: Context, prepared: DataFrame, records: DataFrame, change: update.Change, previous: DataFrame, learned: Learned
) -> tuple[DataFrame, str]:
    lake, settings = ctx.lake, ctx.settings.identity
    names = {rule.name: i for i, rule in enumerate(learned.model.rules)}
    capped = _capped(prepared, learned, settings).transform(break_lineage)
    before = lake.read(_CAPPED).withColumn("rule", _number(names)).where("rule IS NOT NULL")
    found = update.update(prepared, change, previous, capped, before, learned, settings)
    reached = found.members.select("record_id").unionByName(change.gone).distinct().transform(break_lineage)
    was = previous.join(reached, "record_id", how="left_semi").transform(break_lineage)
    links = _identified(ctx, found, prepared, was).transform(break_lineage)
    components = was.where("component IS NOT NULL").select("component").distinct()
    old_pairs = lake.read(_EDGES).join(components, "component", how="left_semi").select("record_a", "record_b")
    lake.upsert_and_delete(_EDGES, found.pairs, old_pairs)
    untouched = previous.join(reached, "record_id", how="left_anti")
    _replace_links(lake, records, links.unionByName(untouched), previous)
    # Last: a run that is killed before must still see which keys have crossed their cap.
    lake.replace(_CAPPED, _named(capped, learned))
    return lake.read(_LINKS), f"{reached.count():,} records linked anew"


def _identified(ctx: Context, found: Resolution, prepared: DataFrame, previous: DataFrame | None) -> DataFrame:
    """The records of `found` under stable customer ids; adds what became of the others to gold.identity_history."""
    lake, name = ctx.lake, "gold.identity_history"
    # A run that is killed before the links are written finds its change again, and must not tell it twice: the rows that
    # begin where the links still are take its place.
    state = lake.state(_LINKS)
    told = F.col("links_before") == state
    history = lake.read(name).where(~F.coalesce(told, F.lit(False))) if lake.exists(name) else None
    at = datetime.now(timezone.utc)
    before = previous.where("digest IS NOT NULL") if previous is not None else None
    named, events = ids.assign(found.members, before, run_id=ctx.run_id, at=at, history=history)
    events = events.withColumn("links_before", F.lit(state)).transform(break_lineage)  # reads the table that it writes
    lake.replace_where(name, events, f"links_before = '{state}'")
    said = found.members.select("record_id", "probability", "rule", "component")
    return said.join(named, "record_id", how="inner").join(
        prepared.select("record_id", "digest"), "record_id", how="inner"
    )


def _replace_links(lake: Lake, records: DataFrame, links: DataFrame, previous: DataFrame) -> None:
    """Writes the links that differ from the `previous` ones, and deletes those of records that are no more."""
    everybody, said = _everybody(records, links), ("customer_id", "probability", "rule", "component", "digest")
    same = previous.select("record_id", *(F.col(c).alias(f"old_{c}") for c in said))
    differs = " OR ".join(f"NOT ({c} <=> old_{c})" for c in said)
    moved = everybody.join(same, "record_id", how="left").where(differs).select(*everybody.columns)
    left = previous.join(records.select("record_id"), "record_id", how="left_anti").select("record_id")
    lake.upsert_and_delete(_LINKS, moved, left)


def _everybody(records: DataFrame, links: DataFrame) -> DataFrame:
    """Links of all records: one that has a stand-in takes the stand-in's (and no digest of its own)."""
    theirs = links.where("digest IS NOT NULL").withColumnRenamed("record_id", "representative")
    own = F.when(F.col("record_id") == F.col("representative"), F.col("digest")).alias("digest")
    joined = records.select("record_id", "representative").join(theirs, "representative", how="inner")
    return joined.select("record_id", "customer_id", "probability", "rule", "component", own)


def _capped(prepared: DataFrame, learned: Learned, settings: Identity) -> DataFrame:
    blocks = blocking.blocks(prepared, list(learned.model.rules), settings)
    return blocks.where("capped OR star IS NOT NULL").select("rule", "key_hash", "records", "star")


def _named(capped: DataFrame, learned: Learned) -> DataFrame:
    rules = learned.model.rules
    at = F.col("rule") + 1
    return capped.withColumns(
        {
            "identifies": F.element_at(F.array(*[F.lit(r.identifies) for r in rules]).cast("array<boolean>"), at),
            "rule": F.element_at(F.array(*[F.lit(r.name) for r in rules]).cast("array<string>"), at),
        }
    )


def _number(names: dict[str, int]) -> Column:
    return literal_map(names)[F.col("rule")] if names else F.lit(None).cast("int")
