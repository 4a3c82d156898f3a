"""Who is who: records of one person, by identifiers and by everything else they say."""

from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Identity, Settings
from onecart.identity import blocking, clusters, compare, fields, model


@dataclass(frozen=True)
class Resolution:
    """What linking found. `members`: record_id, cluster, probability, rule, component; `pairs`: the pairs within
    components with their evidence; `capped`: identifiers on too many records; `model`, `terms`: what was learned."""

    members: DataFrame
    pairs: DataFrame
    capped: DataFrame
    model: model.LinkModel
    terms: DataFrame | None
    scored: DataFrame


def link(records: DataFrame, settings: Identity | None = None) -> DataFrame:
    """One row per record, key `record_id`: the customer it belongs to."""
    found = resolve(records, settings)
    digest = F.concat(F.lit("c_"), F.substring(F.sha2("cluster", 256), 1, 16))
    return found.members.select(
        F.col("record_id").cast(records.schema["record_id"].dataType).alias("record_id"),
        digest.alias("customer_id"),
        "probability",
        "rule",
    )


def resolve(records: DataFrame, settings: Identity | None = None) -> Resolution:
    settings = settings or Settings().identity
    prepared = fields.prepare(records).localCheckpoint()  # the caller's plan may be long, and every step starts here
    count = fields.require_unique(prepared)
    free = prepared.where(f"coalesce({fields.CONSENT}, true)") if fields.CONSENT in prepared.columns else prepared
    rules = blocking.choose(free, settings, count)
    columns = tuple(f for f in compare.COMPARED if f in free.columns)
    terms = model.terms(free).localCheckpoint() if set(model.TERMS) & set(columns) else None
    collision = model.collisions(terms) if terms is not None else {}
    shared = model.with_shares(free, terms, count) if terms is not None else free
    pairs = blocking.pairs(free, rules, settings)
    compared = compare.compare(compare.with_sides(pairs, shared, columns), model.usable(free.columns)).localCheckpoint()
    counts = model.pattern_counts(compared, len(rules)).collect()
    trained = model.fit(counts, rules, free.columns, collision, count)
    scored = model.with_weight(compared, trained).withColumn("barred", F.lit(None).cast("string"))
    members, inside = clusters.solve(scored, free, settings, trained.threshold)
    return Resolution(_with_rule(prepared, members, inside, rules), inside, blocking.capped(free, rules, settings), trained, terms, scored)


def _with_rule(prepared: DataFrame, members: DataFrame, pairs: DataFrame, rules: list[blocking.Rule]) -> DataFrame:
    identifiers = [(i, r) for i, r in enumerate(rules) if r.identifies]
    names = F.array(*[F.when(F.expr(f"found_by & {1 << i}L != 0"), F.lit(r.name)) for i, r in identifiers])
    shared = F.array_compact(names) if identifiers else F.array().cast("array<string>")
    said = F.when(F.size(shared) > 0, shared).otherwise(F.array(F.lit("model")))
    linked = pairs.where("accepted").withColumn("rules", said)
    each = linked.select(F.explode(F.array("record_a", "record_b")).alias("record_id"), "rules", "probability")
    per_record = each.groupBy("record_id").agg(
        F.array_join(F.array_sort(F.array_distinct(F.flatten(F.collect_set("rules")))), "+").alias("rule"),
        F.max("probability").alias("probability"),
    )
    out = prepared.select("record_id").join(members, "record_id", how="left").join(per_record, "record_id", how="left")
    return out.select(
        "record_id",
        F.coalesce("cluster", "record_id").alias("cluster"),
        F.coalesce("probability", F.lit(1.0)).alias("probability"),
        F.coalesce("rule", F.lit("alone")).alias("rule"),
        "component",
    )
