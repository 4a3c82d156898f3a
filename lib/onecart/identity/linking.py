"""Who is who: records of one person, by identifiers and by everything else they say."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.config import Identity, Settings
from onecart.errors import UsageError
from onecart.frames import break_lineage, library_function, side_by_side
from onecart.identity import blocking, compare, fields, model
from onecart.identity.blocking import Rule
from onecart.identity.clustering import clusters
from onecart.identity.model import LinkModel


@dataclass(frozen=True)
class Learned:
    """What a full run learns and later runs keep: the model, and `terms`, how common names are (None: no names)."""

    model: LinkModel
    terms: DataFrame | None


@dataclass(frozen=True)
class Resolution:
    """What linking found.

    members: one row per record: record_id, cluster (the customer's smallest record_id), probability, rule, component.
    pairs: one row per pair within a component: record_a, record_b, rules, weight, probability, accepted, reason,
    evidence, component. `scored`: every pair that was compared, with weight and probability.
    """

    members: DataFrame
    pairs: DataFrame
    scored: DataFrame
    learned: Learned


@library_function()
def link(records: DataFrame, settings: Identity | None = None) -> DataFrame:
    """One row per record, key `record_id`: the customer it belongs to.

    `records`: record_id (unique, of any simple type) and any of given_name, surname, date_of_birth, street (or
    street_number and address_1), city, postcode, email, phone, national_id, account_id, card_id, handle, device_id,
    cookie_id, also under their usual other names (fields.FIELDS); other columns are ignored. `consent_matching` false:
    the record is linked with nobody.

    Pairs that share an identifier or agree by a blocking rule chosen from the data (blocking.py) are compared field by
    field (compare.py) and weighed by a Fellegi-Sunter model whose weights, prior and threshold come from the records
    themselves (em.py, model.py); customers are grown from the strongest pairs on and stop at contradictions
    (clusters.py). An identifier on more than `settings.max_records_per_key` records is shared and links nobody.

    Adds customer_id ('c_' and 16 hex digits, from the smallest record_id of the customer), probability (that the
    record belongs to the customer: of its strongest pair; 1 where nothing links it), rule (the identifiers that link
    the record, as in `email+phone`; `model`: the other fields do; `alone`: nothing does).
    UsageError: no record_id, no usable column, a null or repeated record_id, a column of lists or structures.
    DataError: more pairs than `settings.max_pairs`.
    """
    if not isinstance(settings, Identity | None):
        raise UsageError(f"identity.link: settings must be an onecart.config.Identity, found {type(settings).__name__}")
    found = resolve(records, settings)
    return found.members.select(
        F.col("record_id").cast(records.schema["record_id"].dataType).alias("record_id"),
        F.concat(F.lit("c_"), F.substring(F.sha2("cluster", 256), 1, 16)).alias("customer_id"),
        "probability",
        "rule",
    )


def resolve(records: DataFrame, settings: Identity | None = None, learned: Learned | None = None) -> Resolution:
    """Links `records` (as `link` takes them); `learned`: by a model trained before, instead of one trained on them."""
    settings = settings or Settings().identity
    # The caller's plan may be long, and every step starts here.
    prepared = fields.prepare(records, settings.purpose).transform(break_lineage)
    count = fields.require_unique(prepared)
    if learned is None:
        learned, scored = learn(prepared, settings, count)
    else:
        scored = scored_pairs(prepared, learned, settings).transform(break_lineage)
    return resolved(prepared, scored, settings, learned)


def learn(prepared: DataFrame, settings: Identity, records: int) -> tuple[Learned, DataFrame]:
    """Blocking rules, weights and threshold from the records, and the pairs they were learned from, with their weights."""
    questions: list[Callable[[], Any]] = [
        lambda: _terms(prepared),
        lambda: blocking.choose(prepared, settings, records),
    ]
    (terms, collision), rules = side_by_side(lambda ask: ask(), questions)  # neither waits for the other
    untrained = Learned(model.untrained(rules, prepared.columns, collision, records), terms)
    compared = _compared_pairs(prepared, untrained, settings).transform(break_lineage)
    trained = model.fit(model.pattern_counts(compared).toPandas(), untrained.model)
    # Weights are long expressions: filters over them would compute them again and again.
    scored = model.with_weight(compared, trained).transform(break_lineage)
    if settings.threshold is not None:
        threshold = model.bits(settings.threshold)
    else:
        threshold = model.choose_threshold(model.histogram(scored).collect())
    return Learned(replace(trained, threshold=threshold), terms), scored


def _terms(prepared: DataFrame) -> tuple[DataFrame | None, dict[str, float]]:
    if not set(model.TERMS) & set(prepared.columns):
        return None, {}
    terms = model.terms(prepared).transform(break_lineage)
    return terms, model.collisions(terms)


def scored_pairs(
    prepared: DataFrame,
    learned: Learned,
    settings: Identity,
    capped: DataFrame | None = None,
    one_of: DataFrame | None = None,
) -> DataFrame:
    """One row per pair of `prepared` that the model's rules find, as of `model.with_weight`.

    capped: as of `blocking.pairs`. one_of: record_id, only pairs with at least one of these records.
    """
    return model.with_weight(_compared_pairs(prepared, learned, settings, capped, one_of), learned.model)


def _compared_pairs(
    prepared: DataFrame,
    learned: Learned,
    settings: Identity,
    capped: DataFrame | None = None,
    one_of: DataFrame | None = None,
) -> DataFrame:
    """The pairs of `scored_pairs`, compared: record_a, record_b, found_by, pattern, shares."""
    known = learned.model
    shared = model.with_shares(prepared, learned.terms, known.records) if learned.terms is not None else None
    pairs = blocking.pairs(prepared, list(known.rules), settings, capped)
    if one_of is not None:
        for end in "ab":
            mine = one_of.select(blocking.hash_of("record_id").alias(f"hash_{end}"), F.lit(True).alias(f"mine_{end}"))
            pairs = pairs.join(mine, f"hash_{end}", how="left")
        pairs = pairs.where("mine_a OR mine_b").drop("mine_a", "mine_b")
    return compare.compare(compare.with_sides(pairs, prepared, shared), known.comparisons)


def resolved(prepared: DataFrame, scored: DataFrame, settings: Identity, learned: Learned) -> Resolution:
    """From scored pairs to customers."""
    members, inside = clusters.solve(scored, prepared, settings, learned.model.threshold)
    pairs = inside.select(
        "record_a",
        "record_b",
        F.array_join(_rules_of(list(learned.model.rules)), "+").alias("rules"),
        "weight",
        "probability",
        "accepted",
        "reason",
        model.evidence(inside, learned.model).alias("evidence"),
        "component",
    )
    return Resolution(_per_record(prepared, members, pairs), pairs, scored, learned)


def _rules_of(rules: list[Rule]) -> Column:
    """The identifiers that a pair shares, else `model`."""
    names = [F.when(F.expr(f"found_by & {1 << i}L != 0"), F.lit(r.name)) for i, r in enumerate(rules) if r.identifies]
    shared = F.array_compact(F.array(*names).cast("array<string>"))
    return F.when(F.size(shared) > 0, shared).otherwise(F.array(F.lit("model")))


def _per_record(prepared: DataFrame, members: DataFrame, pairs: DataFrame) -> DataFrame:
    ends = [
        pairs.where("accepted").select(F.col(f"record_{s}").alias("record_id"), "rules", "probability") for s in "ab"
    ]
    rules = F.array_sort(F.array_distinct(F.split(F.array_join(F.collect_set("rules"), "+"), r"\+")))
    each = reduce(DataFrame.unionByName, ends).groupBy("record_id")
    said = each.agg(F.array_join(rules, "+").alias("rule"), F.max("probability").alias("probability"))
    out = prepared.select("record_id").join(members, "record_id", how="left").join(said, "record_id", how="left")
    return out.select(
        "record_id",
        F.coalesce("cluster", "record_id").alias("cluster"),
        F.coalesce("probability", F.lit(1.0)).alias("probability"),
        F.coalesce("rule", F.lit("alone")).alias("rule"),
        "component",
    )
