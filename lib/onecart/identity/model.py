"""The trained linkage model: blocking rules, weights of every agreement level, and the score of a pair in bits."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.identity.blocking import Rule
from onecart.identity.compare import COMPARISONS, DIFFERENT, Comparison, digit, digits
from onecart.identity.em import Estimates, Usual, estimate

TERMS = ("given_name", "surname")  # fields whose agreement says more the rarer the value is
_DOUBTFUL_BITS = 2.0  # odds of four to one
_HOUSEHOLD = {"street", "phone", "email"}  # what families share
_HOME = {*_HOUSEHOLD, "postcode", "city"}  # and neighbours
_MOST_BITS = 40.0
_COMMON_PERSONS = 100_000  # a small frame is judged as a sample of at least so many people
_DUPLICATES = 0.6  # expected pairs per record, where EM starts


@dataclass(frozen=True)
class LinkModel:
    """What `train` learned. Weights are log2(m / u), bits; `prior[r]` is log2 odds of a match among rule r's pairs;
    `weights[r][f][l]`; `collision[field]`: how often two strangers share the field's value by chance; `threshold`:
    the bits from which on a pair is taken for one person; `columns`: those of the prepared records."""

    rules: tuple[Rule, ...]
    fields: tuple[str, ...]
    prior: list[float]
    weights: list[list[list[float]]]
    collision: dict[str, float]
    records: int
    columns: tuple[str, ...]
    threshold: float = 0.0

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        return tuple(c for c in COMPARISONS if c.name in self.fields)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "LinkModel":
        found: dict[str, Any] = json.loads(text)
        rules = tuple(Rule(**{**r, "key": tuple(r["key"]), "fields": tuple(r["fields"])}) for r in found.pop("rules"))
        fields, columns = tuple(found.pop("fields")), tuple(found.pop("columns"))
        return cls(rules=rules, fields=fields, columns=columns, **found)


def usable(columns: list[str]) -> tuple[Comparison, ...]:
    """The comparisons for which the records have a column."""
    return tuple(c for c in COMPARISONS if set(c.fields) & set(columns))


def first_rule() -> Column:
    """The rule that a pair is attributed to: of those that found it, the most trusted, then the most specific."""
    return F.expr("CAST(log2(found_by & -found_by) AS INT)")


def pattern_counts(compared: DataFrame) -> DataFrame:
    """One row per set of rules that found a pair and pattern: found_by, pattern, pairs. As many rows as patterns occur:
    thousands, whatever the number of pairs."""
    return compared.groupBy("found_by", "pattern").agg(F.count("*").alias("pairs"))


def per_rule(patterns: pd.DataFrame, rules: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of `pattern_counts`, for each rule and pattern: rule, pattern, pairs of the rule's blocks with that pattern, and
    the same with each pair split evenly among the rules that found it."""
    found_by, pattern, pairs = (patterns[c].to_numpy() for c in ("found_by", "pattern", "pairs"))
    by = (found_by[:, None] >> np.arange(rules)) & 1 == 1
    row, rule = np.nonzero(by)
    part = pairs / np.maximum(by.sum(1), 1)
    cell, at = np.unique(np.stack([rule, pattern[row]]), axis=1, return_inverse=True)
    at = at.reshape(-1)
    return cell[0], cell[1], np.bincount(at, pairs[row], cell.shape[1]), np.bincount(at, part[row], cell.shape[1])


def untrained(rules: list[Rule], columns: list[str], collision: dict[str, float], records: int) -> LinkModel:
    """The model before it has seen a pair."""
    return LinkModel(tuple(rules), tuple(c.name for c in usable(columns)), [], [], collision, records, tuple(columns))


def fit(patterns: pd.DataFrame, untrained: LinkModel) -> LinkModel:
    """Trains on counts: `patterns` is the frame of `pattern_counts`."""
    rules, comparisons = untrained.rules, untrained.comparisons
    share = np.array([_prior_share(rule, untrained.records) for rule in rules])
    own = np.array([[bool(set(c.fields) & set(r.fields)) for c in comparisons] for r in rules], bool)
    rule, pattern, pairs, once = per_rule(patterns, len(rules))
    found = estimate(
        digits(pattern, comparisons),
        rule,
        pairs,
        once,
        share,
        own.reshape(len(rules), len(comparisons)),
        [Usual(np.array([0.0, *c.m]), np.array([0.0, *c.u]), c.shared, c.name in TERMS) for c in comparisons],
        np.array([r.identifies or bool(set(r.fields) & _HOUSEHOLD) for r in rules], bool),
        np.array([r.trust if r.identifies else 1.0 for r in rules]),
    )
    prior = [float(x) for x in np.log2(found.match_share / (1 - found.match_share))]
    return replace(untrained, prior=prior, weights=_bits(found, len(rules)))


def histogram(scored: DataFrame) -> DataFrame:
    """Pairs and expected matches by weight, in tenths of a bit between -20 and 20: a bar holds the pairs from its weight on, so that a
    threshold at a bar links all that it counts."""
    bounded = F.greatest(F.least("weight", F.lit(20.0)), F.lit(-20.0))
    weight = (F.floor(bounded * 10) / 10).alias("weight")
    return scored.groupBy(weight).agg(F.count("*").alias("pairs"), F.sum("probability").alias("matches"))


def bits(probability: float) -> float:
    """log2 of the odds."""
    return float(np.log2(probability / (1 - probability)))


def _bits(found: Estimates, rules: int) -> list[list[list[float]]]:
    weights = [np.log2(m / u) for m, u in zip(found.m, found.u, strict=True)]
    return [[[round(float(x), 4) for x in field[r]] for field in weights] for r in range(rules)]


def _prior_share(rule: Rule, records: int) -> float:
    if rule.identifies:
        return rule.trust
    odds = _DUPLICATES / (max(records, _COMMON_PERSONS) * rule.chance)
    return min(0.95, odds / (1 + odds))


def collisions(terms: DataFrame) -> dict[str, float]:
    """Of `terms`[field, value, share]: how often two records share a value by chance."""
    rows = terms.groupBy("field").agg(F.sum(F.col("share") * F.col("share")).alias("chance")).collect()
    return {row["field"]: float(row["chance"]) for row in rows}


def terms(prepared: DataFrame) -> DataFrame:
    """One row per field of TERMS and value on several records: field, value_hash, share of the records with one. No
    names in clear: a rare one would give its owner away."""
    each = [
        F.struct(F.lit(f).alias("field"), F.xxhash64(f).alias("value_hash"), F.col(f).isNotNull().alias("has"))
        for f in TERMS
        if f in prepared.columns
    ]
    said = prepared.select(F.inline(F.array(*each))).where("has")
    counts = said.groupBy("field", "value_hash").agg(F.count("*").alias("n"))
    total = counts.groupBy("field").agg(F.sum("n").alias("total"))
    shares = counts.join(F.broadcast(total), "field", how="inner").where("n > 1")
    return shares.select("field", "value_hash", (F.col("n") / F.col("total")).alias("share"))


def with_shares(prepared: DataFrame, terms: DataFrame, records: int) -> DataFrame:
    """Adds share_<field> for the fields of TERMS: how common the record's value is."""
    out = prepared
    for field in (f for f in TERMS if f in prepared.columns):
        mine = terms.where(F.col("field") == field).select("value_hash", F.col("share").alias(f"share_{field}"))
        hashed = out.withColumn("value_hash", F.xxhash64(field))
        share = F.when(F.col(field).isNotNull(), F.coalesce(f"share_{field}", F.lit(1.0 / max(records, 2))))
        out = hashed.join(mine, "value_hash", how="left").drop("value_hash").withColumn(f"share_{field}", share)
    return out


def with_weight(compared: DataFrame, model: LinkModel) -> DataFrame:
    """Adds `rule` (position in model.rules), `weight` (bits: log2 of the posterior odds of a match), `probability`, and
    `cannot_link`: why the two must not be one whatever the weight, else null."""
    ruled = compared.withColumn("rule", first_rule())
    silent = F.expr(" AND ".join([f"{digit(model.comparisons, name)} = 0" for name in model.fields]) or "true")
    prior = F.when(silent, _by_rule([_trusted(r, p) for r, p in zip(model.rules, model.prior, strict=True)]))
    total = prior.otherwise(_by_rule(model.prior))
    for name in model.fields:
        total = total + field_weight(model, name)
    weight = F.greatest(F.least(total, F.lit(_MOST_BITS)), F.lit(-_MOST_BITS))
    return ruled.withColumn("weight", weight).withColumns(
        {"probability": 1 / (1 + F.pow(F.lit(2.0), -F.col("weight"))), "cannot_link": _cannot_link(model)}
    )


def _cannot_link(model: LinkModel) -> Column:
    """Cannot-link: parents and children agree on all but this. Evidence beyond doubt is let through, where the records
    show that both slips happen to one person."""
    given, birth = (
        F.expr(f"{digit(model.comparisons, name)} = {DIFFERENT}") for name in ("given_name", "date_of_birth")
    )
    doubtful = F.col("weight") < _DOUBTFUL_BITS
    return F.when(doubtful & given & birth, "birth dates and given names disagree").when(
        doubtful & given & F.col("two_cards"), "two cards, and given names disagree"
    )


def field_weight(model: LinkModel, name: str) -> Column:
    """Bits that the comparison `name` adds for a pair with `rule`, `pattern` and the shares of the first record."""
    at, size = model.fields.index(name), len(model.comparisons[model.fields.index(name)].levels)
    table = _array([x for rule in model.weights for x in rule[at]])
    level = F.expr(digit(model.comparisons, name))
    usual = F.element_at(table, (F.col("rule") * size + level + 1).cast("int"))
    if name not in model.collision:
        return usual
    # Strangers that meet by an address or an identifier are families, among whom a rare surname says nothing.
    by_chance = [not r.identifies and (name == "given_name" or not set(r.fields) & _HOME) for r in model.rules]
    rarity = F.log2(F.lit(model.collision[name]) / F.col(f"share_{name}"))
    bounded = F.greatest(F.least(rarity, F.lit(8.0)), F.lit(-4.0))
    applies = (level == size - 1) & (_by_rule([float(b) for b in by_chance]) > 0)
    return usual + F.when(applies, bounded).otherwise(0.0)


def evidence(pairs: DataFrame, model: LinkModel) -> Column:
    """What speaks for and against each pair: array of (field, level, weight), `prior` first; the weights sum to
    `weight` (but for its bounds)."""
    prior = F.col("weight") - sum((field_weight(model, name) for name in model.fields), F.lit(0.0))
    names = F.element_at(_texts([r.name for r in model.rules]), F.col("rule") + 1)
    said = [F.struct(F.lit("prior").alias("field"), names.alias("level"), F.round(prior, 2).alias("weight"))]
    for c in model.comparisons:
        level = F.expr(digit(model.comparisons, c.name))
        name = F.element_at(_texts(list(c.levels)), (level + 1).cast("int"))
        one = F.struct(
            F.lit(c.name).alias("field"), name.alias("level"), F.round(field_weight(model, c.name), 2).alias("weight")
        )
        said.append(F.when(level > 0, one))
    return F.array_compact(F.array(*said))


def choose_threshold(histogram: list[Any]) -> float:
    """The bits from which on linking has the highest expected F1, by the model's own probabilities.

    `histogram`: rows (weight in bits, pairs, expected matches among them). Truth is not needed because the weights are
    calibrated per blocking rule; after Lipton, Elkan & Naryanaswamy (2014), Optimal Thresholding of Classifiers to
    Maximize F1 Measure. Between -2 and 6 bits: outside, a mistake in the estimates would cost too much.
    """
    rows = sorted(((float(w), float(n), float(p)) for w, n, p in histogram), reverse=True)
    total = sum(p for _, _, p in rows)
    best, threshold, taken, right = 0.0, 0.0, 0.0, 0.0
    for weight, pairs, matches in rows:
        taken, right = taken + pairs, right + matches
        expected = 2 * right / (taken + total) if taken + total else 0.0
        if expected > best and -2.0 <= weight <= 6.0:
            best, threshold = expected, weight
    return threshold


def _trusted(rule: Rule, prior: float) -> float:
    return bits(rule.trust) if rule.identifies else prior


def _by_rule(values: list[float]) -> Column:
    return F.element_at(_array(values), F.col("rule") + 1)


def _texts(values: list[str]) -> Column:
    return F.split(F.lit("|".join(values)), r"\|")


def _array(values: list[float]) -> Column:
    """A constant array; as one text, because hundreds of literals slow every step of planning."""
    return F.split(F.lit(" ".join(map(str, values))), " ").cast("array<double>")
