"""How well records were linked, against a truth; and which pairs a person should look at."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import break_lineage, library_function

# Probabilities of good models crowd near 1, so the curve looks closer there.
THRESHOLDS = (*(i / 100 for i in range(100)), 0.995, 0.999, 0.9999, 0.99999)
_CERTAIN = 1e-12  # a probability nearer to 0 or 1 than this counts as this near


@dataclass(frozen=True)
class Evaluation:
    """Figures of `evaluate`. Shares are 0 to 1; a share of nothing (no pair linked, no true pair) is 1: no error made."""

    records: int  # scored: their one true customer is known
    records_shared: int  # left out: several true customers
    customers: int  # found among the scored records
    true_customers: int
    pairs: int  # of scored records in one found customer
    true_pairs: int
    correct_pairs: int
    pair_precision: float
    pair_recall: float
    pair_f1: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float
    cluster_precision: float
    cluster_recall: float
    cluster_f1: float
    blocking_recall: float | None  # None: no `pairs` given
    id_churn: float | None  # None: no `previous` given
    curve: DataFrame | None  # one row per threshold: threshold, pairs, correct_pairs, precision, recall, f1

    def to_dict(self) -> dict[str, Any]:
        """The figures without the curve."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "curve"}

    def best_threshold(self) -> float:
        """The smallest threshold of the curve with the highest pairwise F1."""
        row = None if self.curve is None else self.curve.orderBy(F.desc("f1"), "threshold").first()
        if row is None:
            raise UsageError("there is no threshold curve; give `pairs` to identity.evaluate")
        return float(row["threshold"])

    def __str__(self) -> str:
        lines = [f"{self.records:,} records of {self.true_customers:,} customers, found as {self.customers:,}"]
        for name in ("pair", "bcubed", "cluster"):
            figures = [f"{what} {getattr(self, f'{name}_{what}'):.4f}" for what in ("precision", "recall", "f1")]
            lines.append(f"{name:<8} {'  '.join(figures)}")
        if self.blocking_recall is not None:
            lines.append(f"blocking recall {self.blocking_recall:.4f}")
        if self.id_churn is not None:
            lines.append(f"id churn {self.id_churn:.4f}")
        return "\n".join(lines)


@library_function()
def evaluate(
    links: DataFrame,
    truth: DataFrame,
    *,
    pairs: DataFrame | None = None,
    previous: DataFrame | None = None,
) -> Evaluation:
    """Measures `links` (record_id, customer_id; key record_id) against `truth` (record_id, customer_id).

    Truth rows without a customer_id are ignored. A record with several true customers (a shared cookie) is left out,
    neither right nor wrong: where it glues its owners together, their own records show it. A record of the truth that
    is not in `links` counts as a customer of its own; records of `links` without a truth are not scored.

    pair_*: over pairs of records, counted from the cells (found customer, true customer) and never enumerated.
    bcubed_*: mean over records (Bagga & Baldwin 1998). cluster_*: customers found exactly, single records included.
    `pairs` (record_a, record_b, probability; in any order, repeated: the highest counts; null: 0) are the candidates
    that were compared: blocking_recall is the share of true pairs among them, and `curve` shows precision (of the
    candidates at or above each threshold), recall (of all true pairs) and F1.
    `previous` (record_id, customer_id): id_churn is the share of the records in both whose customer_id changed.

    UsageError: missing columns, a record_id null or twice in `links` or `previous`, no record to score.
    """
    links = _keyed(links, "links")
    owners = _owners(truth)
    scored = owners.where("shared = false").select("record_id", "customer_id").transform(break_lineage)
    cells = scored.transform(_cells, links=links)
    shared = owners.where("shared").count()
    totals = _totals(cells)
    if not totals["linked"]:
        raise UsageError(
            "nothing to score: links has none of the truth's records with one known customer; check that both use the "
            f"same record_id (truth with one customer: {int(totals['records'] or 0):,} records, with several: {shared:,})"
        )
    true_pairs, found, correct = (int(totals[k]) for k in ("true_pairs", "pairs", "correct_pairs"))
    by_threshold = None if pairs is None else _by_threshold(pairs, scored).transform(break_lineage)
    bcubed = (totals["bcubed_precision"] / totals["records"], totals["bcubed_recall"] / totals["records"])
    return Evaluation(
        records=int(totals["records"]),
        records_shared=shared,
        customers=int(totals["customers"]),
        true_customers=int(totals["true_customers"]),
        pairs=found,
        true_pairs=true_pairs,
        correct_pairs=correct,
        **_named("pair", *_rates(correct, found, true_pairs)),
        **_named("bcubed", *bcubed),
        **_named("cluster", *_rates(totals["exact"], totals["customers"], totals["true_customers"])),
        blocking_recall=None if by_threshold is None else _blocking_recall(by_threshold, true_pairs),
        id_churn=None if previous is None else _churn(links, _keyed(previous, "previous")),
        curve=None if by_threshold is None else _curve(by_threshold, true_pairs),
    )


@library_function()
def review_sample(edges: DataFrame, n: int, seed: int, threshold: float = 0.5) -> DataFrame:
    """The `n` pairs whose check by a person says most: those nearest to the decision, spread over patterns.

    edges: record_a, record_b, probability and, where there are any, rules and evidence (as in gold.identity_edges);
    all columns are kept. Adds `review_rank` (1: look here first) and `distance` (bits of evidence between the pair and
    the decision at `threshold`). Pairs with the same rules and levels of evidence look alike to a reader: the k-th of
    them waits as if it were log2(k) bits further away. Equal pairs are ordered by a hash of their ids and the seed.

    UsageError: missing columns, n below 1, a threshold that is no probability.
    """
    _need(edges, "edges", ("record_a", "record_b", "probability"))
    if n < 1:
        raise UsageError(f"a review sample needs n of at least 1; found {n}")
    if not 0 < threshold < 1:
        raise UsageError(f"threshold is a probability between 0 and 1; found {threshold}")
    limited = F.least(F.greatest(F.col("probability"), F.lit(_CERTAIN)), F.lit(1 - _CERTAIN))
    bits = F.log2(limited / (1 - limited))
    levels = F.expr("array_join(transform(evidence, e -> concat(e.field, '=', e.level)), ' ')")
    parts: list[Column | str] = [
        *(["rules"] if "rules" in edges.columns else []),
        *([levels] if "evidence" in edges.columns else []),
    ]
    pattern = F.concat_ws("|", *parts) if parts else F.lit("")
    tie = F.xxhash64(F.least("record_a", "record_b"), F.greatest("record_a", "record_b"), F.lit(seed))
    known = edges.where("probability IS NOT NULL").withColumns(
        {"distance": F.abs(bits - F.log2(F.lit(threshold / (1 - threshold)))), "_pattern": pattern, "_tie": tie}
    )
    nth = F.row_number().over(Window.partitionBy("_pattern").orderBy("distance", "_tie", "record_a", "record_b"))
    order = ["_wait", "_tie", "record_a", "record_b"]
    chosen = known.withColumn("_wait", F.col("distance") + F.log2(nth)).orderBy(*order).limit(n)
    rank = F.row_number().over(Window.orderBy(*order))  # of n rows only
    return chosen.withColumn("review_rank", rank).drop("_pattern", "_tie", "_wait")


def _need(df: DataFrame, name: str, columns: Sequence[str]) -> None:
    missing = [c for c in columns if c not in df.columns]
    if missing:
        raise UsageError(f"{name} needs the columns {', '.join(columns)}; found {', '.join(df.columns)}")


def _keyed(links: DataFrame, name: str) -> DataFrame:
    """record_id and customer_id as texts, once it is sure that record_id is a key."""
    _need(links, name, ("record_id", "customer_id"))
    texts = links.select(F.col("record_id").cast("string"), F.col("customer_id").cast("string"))
    counts = texts.groupBy("record_id").agg(F.count("*").alias("rows"))
    wrong = counts.where("record_id IS NULL OR rows > 1").orderBy("record_id").first()
    if wrong is not None and wrong["record_id"] is None:
        raise UsageError(f"record_id is null in {wrong['rows']:,} rows of {name}")
    if wrong is not None:
        raise UsageError(f"record_id '{wrong['record_id']}' is in {wrong['rows']:,} rows of {name}; keep one")
    return texts


def _owners(truth: DataFrame) -> DataFrame:
    """One row per record with a true customer: customer_id, and whether it has several (`shared`)."""
    _need(truth, "truth", ("record_id", "customer_id"))
    texts = truth.select(F.col("record_id").cast("string"), F.col("customer_id").cast("string"))
    known = texts.where("record_id IS NOT NULL AND customer_id IS NOT NULL").groupBy("record_id")
    several = F.min("customer_id") != F.max("customer_id")
    return known.agg(F.min("customer_id").alias("customer_id"), several.alias("shared"))


def _cells(scored: DataFrame, *, links: DataFrame) -> DataFrame:
    """One row per found and true customer that have records in common: n, of_found and of_true (their sizes)."""
    found = links.select("record_id", F.col("customer_id").alias("found"), F.lit(1).alias("linked"))
    # The found customer of a record that nobody linked is the record itself, told apart from customer ids by `alone`.
    alone = F.col("found").isNull().alias("alone")
    named = scored.join(found, "record_id", how="left").select(
        "customer_id", alone, F.coalesce("found", "record_id").alias("found"), "linked"
    )
    cells = named.groupBy("alone", "found", "customer_id").agg(
        F.count("*").cast("double").alias("n"), F.count("linked").alias("linked")
    )
    of_found, of_true = Window.partitionBy("alone", "found"), Window.partitionBy("customer_id")
    return cells.withColumns({"of_found": F.sum("n").over(of_found), "of_true": F.sum("n").over(of_true)})


def _totals(cells: DataFrame) -> dict[str, Any]:
    """Sums over the cells. A customer of k cells gives each of them 1/k, n/size or the like, so that no join is needed."""
    pairs = "sum(n * (n - 1)) / 2"
    row = cells.selectExpr(
        "sum(n) AS records",
        "sum(linked) AS linked",
        "round(sum(n / of_found)) AS customers",
        "round(sum(n / of_true)) AS true_customers",
        f"{pairs} AS correct_pairs",
        "sum(n * (of_found - 1)) / 2 AS pairs",
        "sum(n * (of_true - 1)) / 2 AS true_pairs",
        "sum(n * n / of_found) AS bcubed_precision",
        "sum(n * n / of_true) AS bcubed_recall",
        "count_if(n = of_found AND n = of_true) AS exact",
    ).first()
    return row.asDict() if row is not None else {}


def _rates(correct: float, found: float, true: float) -> tuple[float, float]:
    """Precision and recall."""
    return correct / found if found else 1.0, correct / true if true else 1.0


def _named(name: str, precision: float, recall: float) -> dict[str, float]:
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {f"{name}_precision": precision, f"{name}_recall": recall, f"{name}_f1": f1}


def _by_threshold(pairs: DataFrame, scored: DataFrame) -> DataFrame:
    """One row per threshold that is the highest some candidate pair reaches: pairs, correct_pairs."""
    _need(pairs, "pairs", ("record_a", "record_b", "probability"))
    ends = (F.col("record_a").cast("string"), F.col("record_b").cast("string"))
    once = (
        pairs.select(F.least(*ends).alias("a"), F.greatest(*ends).alias("b"), "probability")
        .where("a < b")
        .groupBy("a", "b")
        .agg(F.coalesce(F.max("probability"), F.lit(0.0)).alias("probability"))
    )
    left = scored.select(F.col("record_id").alias("a"), F.col("customer_id").alias("of_a"))
    right = scored.select(F.col("record_id").alias("b"), F.col("customer_id").alias("of_b"))
    both = once.join(left, "a", how="inner").join(right, "b", how="inner")
    reached = F.array_max(F.filter(_grid(), lambda t: t <= F.col("probability")))
    return both.groupBy(reached.alias("threshold")).agg(
        F.count("*").alias("pairs"), F.count_if(F.col("of_a") == F.col("of_b")).alias("correct_pairs")
    )


def _grid() -> Column:
    """THRESHOLDS as an array; from one text, as a hundred literals slow every step of planning."""
    return F.split(F.lit(" ".join(map(str, THRESHOLDS))), " ").cast("array<double>")


def _blocking_recall(by_threshold: DataFrame, true_pairs: int) -> float:
    row = by_threshold.agg(F.sum("correct_pairs")).first()
    return ((row[0] if row else 0) or 0) / true_pairs if true_pairs else 1.0


def _curve(by_threshold: DataFrame, true_pairs: int) -> DataFrame:
    """One row per threshold of THRESHOLDS, key `threshold`, over the candidates at or above it."""
    grid = by_threshold.sparkSession.range(1).select(F.explode(_grid()).alias("threshold"))
    upwards = Window.orderBy(F.desc("threshold"))  # over THRESHOLDS: a hundred rows
    sums = {c: F.coalesce(F.sum(c).over(upwards), F.lit(0)) for c in ("pairs", "correct_pairs")}
    summed = grid.join(by_threshold, "threshold", how="left").withColumns(sums)
    precision = F.when(F.col("pairs") > 0, F.col("correct_pairs") / F.col("pairs")).otherwise(1.0)
    recall = F.col("correct_pairs") / true_pairs if true_pairs else F.lit(1.0)
    rated = summed.withColumns({"precision": precision, "recall": recall})
    both = F.col("precision") + F.col("recall")
    f1 = F.when(both > 0, 2 * F.col("precision") * F.col("recall") / both).otherwise(0.0)
    return rated.withColumn("f1", f1).select("threshold", "pairs", "correct_pairs", "precision", "recall", "f1")


def _churn(links: DataFrame, previous: DataFrame) -> float:
    before = previous.withColumnRenamed("customer_id", "before")
    changed = F.count_if(~F.col("customer_id").eqNullSafe(F.col("before")))
    row = links.join(before, "record_id", how="inner").agg(F.count("*"), changed).first()
    return row[1] / row[0] if row and row[0] else 0.0
