"""Which pairs of records are worth comparing: keys that identify, and blocking rules chosen from the data."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import Identity
from onecart.errors import DataError

_SAMPLE_FROM = 50_000  # records from which on the number of pairs is forecast on every 8th key value
_ALONE = 1.0  # pairs per record that a part may make on its own; then rules of it and another part add nothing


@dataclass(frozen=True)
class Rule:
    """Records with the same `key` (one or two SQL expressions over a prepared record; null: none) make pairs.

    `fields` are those the key is made of. `identifies`: the key names one person, and `trust` is the probability that
    two records with it are one where nothing else can tell, and the most that the model may find: a judgement, not an
    estimate. `chance`: how often two strangers share the key in data of this kind, where EM starts.
    """

    name: str
    key: tuple[str, ...]
    fields: tuple[str, ...]
    identifies: bool = False
    trust: float = 0.0
    chance: float = 1e-6


# In the order in which a pair that several find is attributed to one: the most trusted first.
IDENTIFIERS = tuple(
    Rule(name, (name,), (name,), identifies=True, trust=trust)
    for name, trust in {
        "account_id": 0.999,
        "card_id": 0.995,
        "national_id": 0.999,
        "email": 0.99,
        "phone": 0.97,
        "handle": 0.97,
        "device_id": 0.95,
        "cookie_id": 0.95,
    }.items()
)

# Parts of a person that survive most slips; a blocking rule is one of them or two together.
_PARTS: dict[str, tuple[str, tuple[str, ...], float]] = {
    "given": ("soundex(given_name)", ("given_name",), 0.02),
    "surname": ("soundex(surname)", ("surname",), 0.01),
    # Day and month in ascending order: the same whichever was written first.
    "birth": (
        "concat(left(date_of_birth, 4), least(substr(date_of_birth, 5, 2), substr(date_of_birth, 7, 2)), "
        "greatest(substr(date_of_birth, 5, 2), substr(date_of_birth, 7, 2)))",
        ("date_of_birth",),
        5e-5,
    ),
    "postcode": ("postcode", ("postcode",), 1e-3),
    "city": ("left(city, 6)", ("city",), 0.02),
    "street": ("left(street, 10)", ("street",), 1e-4),
    "phone": ("right(phone, 6)", ("phone",), 1e-6),
    "email": ("substring_index(email, '@', 1)", ("email",), 1e-5),
    "national": ("left(national_id, 5)", ("national_id",), 1e-5),
}
# Either way round. `least` skips nulls, the key must not.
_NAMES = (
    "IF(given_name IS NULL OR surname IS NULL, NULL, "
    "least(soundex(given_name), soundex(surname)) || greatest(soundex(given_name), soundex(surname)))"
)


def candidates(columns: list[str]) -> list[Rule]:
    """Every rule that the columns allow: identifiers, then the parts alone and in twos."""
    present = set(columns)
    parts = {name: part for name, part in _PARTS.items() if set(part[1]) <= present}
    rules = [rule for rule in IDENTIFIERS if rule.name in present]
    rules += [Rule(name, (key,), fields, chance=chance) for name, (key, fields, chance) in parts.items()]
    names = sorted(parts, key=list(_PARTS).index)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            (key_1, fields_1, chance_1), (key_2, fields_2, chance_2) = parts[one], parts[other]
            key = (_NAMES,) if (one, other) == ("given", "surname") else (key_1, key_2)
            rules.append(Rule(f"{one}+{other}", key, fields_1 + fields_2, chance=chance_1 * chance_2))
    return rules


def keyed(prepared: DataFrame, rules: list[Rule]) -> DataFrame:
    """One row per record and rule it has a key of: record_id, rule (position in `rules`), key.

    Keys are 64-bit hashes: half the data to shuffle, and no personal value in it. Two values that meet by chance (one
    pair of records in 10^19) are compared, and then found to differ.
    """
    # Rules share their parts, so each part is computed once, before the rules.
    at = {part: f"part_{i}" for i, part in enumerate(dict.fromkeys(part for rule in rules for part in rule.key))}
    parts = [F.expr(f"IF(({part}) IS NULL, NULL, xxhash64({part}))").alias(name) for part, name in at.items()]
    each = [
        F.struct(F.lit(i).alias("rule"), _key(*(at[p] for p in rule.key)).alias("key")) for i, rule in enumerate(rules)
    ]
    found = F.inline(F.array(*each).cast("array<struct<rule: int, key: bigint>>"))
    return prepared.select("record_id", *parts).select("record_id", found).where("key IS NOT NULL")


def _key(part: str, other: str | None = None) -> Column:
    if other is None:
        return F.col(part)
    return F.when(F.col(part).isNotNull() & F.col(other).isNotNull(), F.xxhash64(part, other))


def forecast(prepared: DataFrame, rules: list[Rule], settings: Identity, records: int) -> dict[int, tuple[int, int]]:
    """Rule -> (pairs it would make, key values on too many records to block by). One row a rule is collected."""
    every = 8 if records >= _SAMPLE_FROM else 1
    keys = keyed(prepared, rules)
    if every > 1:
        keys = keys.where(F.pmod("key", F.lit(every)) == 0)
    blocks = keys.groupBy("rule", "key").agg(F.count("*").alias("n"))
    fits = F.col("n") <= settings.max_block
    per_rule = blocks.groupBy("rule").agg(
        F.sum(F.when(fits, F.col("n") * (F.col("n") - 1) / 2).otherwise(0)).cast("long").alias("pairs"),
        F.count_if(~fits).alias("oversize"),
    )
    return {row["rule"]: (row["pairs"] * every, row["oversize"] * every) for row in per_rule.collect()}


def choose(prepared: DataFrame, settings: Identity, records: int) -> list[Rule]:
    """The identifiers, and the blocking rules with the fewest pairs until `settings.pairs_per_record` are reached.

    Pairs are forecast before any is made. DataError: the identifiers alone make more pairs than `settings.max_pairs`.
    """
    rules = candidates(prepared.columns)
    pairs = forecast(prepared, rules, settings, records)
    chosen = [i for i, rule in enumerate(rules) if rule.identifies]
    total = sum(pairs.get(i, (0, 0))[0] for i in chosen)
    _check_limit(total, settings)
    budget = min(settings.max_pairs, total + settings.pairs_per_record * records)
    others = sorted((i for i in pairs if i not in chosen and pairs[i][0]), key=lambda i: pairs[i][0])
    # Every good rule finds the true pairs, about as many as the most specific one makes; they are spent only once.
    common = pairs[others[0]][0] if others else 0
    alone = {
        rules[i].fields[0]
        for i in others
        if len(rules[i].fields) == 1 and pairs[i][0] - common <= _ALONE * records and total + pairs[i][0] <= budget
    }
    for i in others:
        needed = len(rules[i].fields) == 1 or not alone & set(rules[i].fields)
        if needed and total + pairs[i][0] - common <= budget:
            chosen.append(i)
            total += pairs[i][0] - common
    return [rules[i] for i in sorted(chosen, key=lambda i: (not rules[i].identifies, pairs.get(i, (0, 0))[0]))]


def _check_limit(pairs: int, settings: Identity) -> None:
    if pairs > settings.max_pairs:
        raise DataError(
            f"linking would compare {pairs:,} pairs of records, the limit identity.max_pairs is "
            f"{settings.max_pairs:,}; lower identity.max_block or identity.pairs_per_record, or raise the limit"
        )


def cap(rule: Rule, settings: Identity) -> int:
    """Records that one key value may be on."""
    return settings.caps.get(rule.name, settings.max_records_per_key) if rule.identifies else settings.max_block


def hash_of(record_id: str) -> Column:
    """What stands for a record where pairs are made: numbers join and sort several times as fast as ids."""
    return F.xxhash64(record_id)


def blocks(prepared: DataFrame, rules: list[Rule], settings: Identity) -> DataFrame:
    """One row per rule and key on several records: rule, key_hash, records, capped (on more than may make pairs), star
    (the record that all its pairs go to; null: all make pairs with all, or none does)."""
    counted = (
        keyed(prepared, rules)
        .groupBy("rule", F.col("key").alias("key_hash"))
        .agg(F.count("*").alias("records"), F.min_by("record_id", hash_of("record_id")).alias("first"))
        .where("records > 1")
        .withColumn("capped", F.col("records") > _cap_of(rules, settings))
    )
    star = F.when(~F.col("capped") & (F.col("records") > settings.max_block), F.col("first"))
    return counted.withColumn("star", star).drop("first")


def pairs(prepared: DataFrame, rules: list[Rule], settings: Identity, capped: DataFrame | None = None) -> DataFrame:
    """One row per pair to compare, key (hash_a, hash_b), of `hash_of`, hash_a < hash_b: `found_by`, a bit for each rule.

    A key value on more records than its cap makes no pairs. A key that identifies and is on more than
    `settings.max_block` records makes a star around the first of them by hash instead of all pairs. Where `prepared` is
    a part of all records, `capped`[rule, key_hash, star] says which those are (of `blocks`); the star's record may then
    be missing from `prepared`.
    """
    keys = keyed(prepared, rules).withColumn("record", hash_of("record_id")).drop("record_id")
    if capped is not None:
        star = F.when(F.col("star").isNotNull(), hash_of("star")).alias("star")
        special = capped.select("rule", F.col("key_hash").alias("key"), star, F.lit(True).alias("special"))
        keys = keys.join(special, ["rule", "key"], how="left")
        stars = keys.where("record > star").selectExpr("rule", "star AS hash_a", "record AS hash_b")
        keys = keys.where("special IS NULL")
    # Most keys are on one record only: they are dropped before lists are made. The key comes first, because Spark sorts
    # by the first column in linear time.
    counted = keys.withColumn("n", F.count("*").over(Window.partitionBy("key", "rule")))
    several = counted.where((F.col("n") > 1) & (F.col("n") <= _cap_of(rules, settings)))
    together = several.groupBy("key", "rule").agg(F.array_sort(F.collect_list("record")).alias("records"))
    first = together.select("rule", "records", F.posexplode("records").alias("i", "hash_a"))
    around_first = (F.size("records") > settings.max_block) & (F.col("i") > 0)
    rest = F.when(around_first, F.array().cast("array<bigint>")).otherwise(
        F.expr("slice(records, i + 2, size(records))")
    )
    each = first.select("rule", "hash_a", F.explode(rest).alias("hash_b"))
    each = each if capped is None else each.unionByName(stars)
    return each.groupBy("hash_a", "hash_b").agg(F.bit_or(F.expr("shiftleft(1L, rule)")).alias("found_by"))


def _cap_of(rules: list[Rule], settings: Identity) -> Column:
    return F.element_at(F.array(*[F.lit(cap(rule, settings)) for rule in rules]).cast("array<int>"), F.col("rule") + 1)
