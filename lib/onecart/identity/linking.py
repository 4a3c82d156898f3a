"""Deterministic identity: records that share a key are one customer."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import Identity, Settings
from onecart.errors import UsageError
from onecart.identity.components import connected_components
from onecart.identity.keys import with_keys


def link(records: DataFrame, settings: Identity | None = None) -> DataFrame:
    """One row per record, key `record_id`: the customer it belongs to.

    `records`: record_id (unique, of any simple type) and any of account_id, card_id, email, phone, handle, device_id,
    cookie_id, given_name, surname, date_of_birth, postcode, street; other columns are ignored. Two records that hold
    the same normalised value of a key (identity/keys.py) are linked, and links chain. A value on more than
    `settings.max_records_per_key` records is shared (a family's phone, `none@shop.com`) and links nobody.

    Adds customer_id ('c_' and 16 hex digits, from the smallest record_id of the customer), probability (the trust of
    the record's strongest key, a judgement and not an estimate; 1 where nothing links it), rule (the keys that link
    the record, as in `email+phone`; `alone`: none does).
    UsageError: no record_id, no usable key column, a null or repeated record_id.
    """
    settings = settings or Settings().identity
    keyed = with_keys(records).localCheckpoint()  # the caller's plan may be long, and four steps below start here
    _check_unique(keyed)
    shared = (
        keyed.transform(_holders).where(F.col("holders").between(2, settings.max_records_per_key)).localCheckpoint()
    )
    edges = shared.select(
        F.col("record_id").alias("a"), F.col("first_holder").alias("b")
    )  # a star per value, not all pairs
    components = connected_components(edges).withColumnRenamed("node", "record_id")
    rules = shared.groupBy("record_id").agg(
        F.array_join(F.array_sort(F.collect_set("rule")), "+").alias("rule"), F.max("trust").alias("probability")
    )
    linked = keyed.join(components, "record_id", how="left").join(rules, "record_id", how="left")
    digest = F.sha2(F.coalesce("component", "record_id"), 256)
    return linked.select(
        F.col("record_id").cast(records.schema["record_id"].dataType).alias("record_id"),
        F.concat(F.lit("c_"), F.substring(digest, 1, 16)).alias("customer_id"),
        F.coalesce("probability", F.lit(1.0)).alias("probability"),
        F.coalesce("rule", F.lit("alone")).alias("rule"),
    )


def capped_keys(records: DataFrame, settings: Identity | None = None) -> DataFrame:
    """One row per rule with values on too many records to link: `key_values`, and the `records` that hold them."""
    settings = settings or Settings().identity
    values = with_keys(records).transform(_exploded).groupBy("rule", "value").agg(F.count("*").alias("holders"))
    capped = values.where(F.col("holders") > settings.max_records_per_key)
    return capped.groupBy("rule").agg(F.count("*").alias("key_values"), F.sum("holders").alias("records"))


def _exploded(keyed: DataFrame) -> DataFrame:
    return keyed.select("record_id", F.inline("keys"))


def _holders(keyed: DataFrame) -> DataFrame:
    """One row per record and key it has: rule, trust, `holders` (records with that value), the smallest of them."""
    same_value = Window.partitionBy("rule", "value")
    return keyed.transform(_exploded).select(
        "record_id",
        "rule",
        "trust",
        F.count("*").over(same_value).alias("holders"),
        F.min("record_id").over(same_value).alias("first_holder"),
    )


def _check_unique(keyed: DataFrame) -> None:
    counts = keyed.groupBy("record_id").agg(F.count("*").alias("rows"))
    wrong = counts.where("record_id IS NULL OR rows > 1").orderBy("record_id").first()
    if wrong is None:
        return
    if wrong["record_id"] is None:
        raise UsageError(f"record_id is null in {wrong['rows']:,} records; every record needs an id of its own")
    raise UsageError(f"record_id '{wrong['record_id']}' is on {wrong['rows']:,} records; keep one row per record_id")
