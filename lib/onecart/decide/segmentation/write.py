"""Writes gold.segments, and what is worth knowing of it: gold.segment_summary and gold.segment_movements."""

import logging
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Settings
from onecart.context import Context
from onecart.contracts import contract
from onecart.decide.decision_log import Part
from onecart.decide.segmentation.learned import Learned, learn, sample_of, with_learned
from onecart.decide.segmentation.rules import segments

_log = logging.getLogger(__name__)
_KINDS = {"rule": "segment", "learned": "learned_segment"}


def write_segments(ctx: Context) -> Part:
    """Replaces gold.segments and adds the day's summary and movements.

    Intent scores and features are read of those only who agreed to profiling: nobody else's segment is made from them.
    """
    as_of, how = ctx.as_of(), ctx.settings.decide
    agreed = ctx.lake.for_purpose("profiling")
    today = F.col("as_of") == F.lit(as_of)
    profile = ctx.lake.read("gold.customer_profile")
    rows = segments(profile, agreed.read_if_exists("gold.intent_scores").where(today), how.segments)
    learned = None
    if how.learned_segments.method != "off":
        columns = how.learned_segments.features
        features = agreed.read_if_exists("gold.customer_features").where(today).select("customer_id", *columns)
        learned, found = learn(sample_of(features, how.learned_segments), how.learned_segments, ctx.settings.seed)
        _log.info("%s", found)
        rows = rows.join(features.withColumn("profiled", F.lit(True)), "customer_id", how="left")
    rows = with_learned(rows, learned).select(*contract("gold.segments").schema.fieldNames()[:-2], "learned_segment")
    before = ctx.lake.read("gold.segments") if ctx.lake.exists("gold.segments") else None
    ctx.lake.replace("gold.segments", rows.withColumn("as_of", F.lit(as_of)))
    now = ctx.lake.read("gold.segments")
    summary = summary_of(now, profile, ctx.settings, learned)
    days = ctx.lake.frame("gold.segment_summary", [{**row, "as_of": as_of} for row in summary])
    ctx.lake.replace_where("gold.segment_summary", days, f"as_of = '{as_of}'")
    moved = _moved(ctx, before, now)
    by_rule = [row for row in summary if row["kind"] == "rule"]
    words = [f"{sum(r['customers'] for r in by_rule):,} customers in {len(by_rule)} segments"]
    if how.learned_segments.method != "off":
        words.append(f"{len(learned.names) if learned else 'none'} learned")
    return Part(", ".join([*words, *([f"{moved:,} moved"] if moved is not None else [])]))


def summary_of(now: DataFrame, profile: DataFrame, settings: Settings, learned: Learned | None) -> list[dict[str, Any]]:
    """The rows of gold.segment_summary but as_of, largest first. now: gold.segments; profile: gold.customer_profile."""
    parts = F.array(*[F.struct(F.lit(kind).alias("kind"), F.col(c).alias("segment")) for kind, c in _KINDS.items()])
    facts = profile.select("customer_id", "orders", "revenue", "currency", "lifetime_value_12m")
    each = (
        now.select("customer_id", F.inline(parts)).where("segment IS NOT NULL").join(facts, "customer_id", how="inner")
    )
    sums = each.groupBy("kind", "segment", "currency").agg(
        F.count("*").alias("customers"),
        F.count_if(F.col("orders") > 0).alias("buyers"),
        F.coalesce(F.sum("revenue"), F.lit(0)).alias("revenue"),
        F.sum("lifetime_value_12m").cast("double").alias("value"),
        F.count("lifetime_value_12m").alias("valued"),
    )
    rows = sums.collect()  # segments x currencies
    spent: Counter[str] = Counter()
    for row in rows:
        if row["kind"] == "rule" and row["currency"]:
            spent[row["currency"]] += row["buyers"]
    currency = settings.shop.currency or (max(spent, key=lambda c: (spent[c], c)) if spent else None)
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        groups[row["kind"], row["segment"]].append(row)
    totals = Counter({kind: sum(r["customers"] for r in rows if r["kind"] == kind) for kind in _KINDS})
    meaning = {("rule", rule.name): rule.meaning or None for rule in settings.decide.segments}
    if learned:
        meaning |= {("learned", n): t or None for n, t in zip(learned.names, learned.traits, strict=True)}
    found = []
    for (kind, segment), some in groups.items():
        counted = [r for r in some if r["currency"] == currency]
        valued = sum(r["valued"] for r in counted)
        customers = sum(r["customers"] for r in some)
        found.append(
            {
                "kind": kind,
                "segment": segment,
                "meaning": meaning.get((kind, segment)),
                "customers": customers,
                "share": customers / totals[kind],
                "buyers": sum(r["buyers"] for r in some),
                "revenue": sum((Decimal(r["revenue"]) for r in counted), Decimal(0)),
                "value_12m": sum(r["value"] or 0.0 for r in counted) / valued if valued else None,
                "currency": currency,
            }
        )
    return sorted(found, key=lambda r: (r["kind"], -r["customers"], r["segment"]))


def movements(before: DataFrame, now: DataFrame) -> DataFrame:
    """One row per kind, segment before and segment now: customers. Both frames are of gold.segments."""
    pairs = before.select("customer_id", *[F.col(c).alias(f"from_{c}") for c in _KINDS.values()]).join(
        now.select("customer_id", *_KINDS.values()), "customer_id", how="full"
    )
    parts = F.array(
        *[
            F.struct(F.lit(k).alias("kind"), F.col(f"from_{c}").alias("from_segment"), F.col(c).alias("to_segment"))
            for k, c in _KINDS.items()
        ]
    )
    counted = pairs.select(F.inline(parts)).groupBy("kind", "from_segment", "to_segment")
    return counted.agg(F.count("*").alias("customers")).where("from_segment IS NOT NULL OR to_segment IS NOT NULL")


def _moved(ctx: Context, before: DataFrame | None, now: DataFrame) -> int | None:
    """Writes the movements since the run before, and gives back how many moved; None: there was no run for an earlier day."""
    as_of, last = ctx.as_of(), before.select("as_of").first() if before else None
    if before is None or last is None or last[0] >= as_of:
        return None
    rows: list[Any] = [
        (r[0], r[1], r[2], r[3], last[0], as_of) for r in movements(before, now).collect()
    ]  # segments x segments
    table = contract("gold.segment_movements").schema
    ctx.lake.replace_where("gold.segment_movements", ctx.spark.createDataFrame(rows, table), f"as_of = '{as_of}'")
    return sum(int(n) for kind, old, new, n, *_ in rows if kind == "rule" and old and new and old != new)
