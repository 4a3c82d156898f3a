"""Learning uplift from tables of any size: what `train` does in memory, with forests of MLlib, on Spark. The learners, the test of
the assignment and the judgement are the same functions; what needs rows side by side sees as many as a worker holds."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.decide.one_worker import in_one_worker
from onecart.decide.uplift import propensity as assignment
from onecart.decide.uplift.encoding import IDENTIFIER, Encoder, encoder
from onecart.decide.uplift.evaluation import Judgement, OfferReport, judged
from onecart.decide.uplift.learners import LEARNERS, Effect, Trees, response
from onecart.decide.uplift.mllib import Forest, SparkRows, column
from onecart.decide.uplift.model import Offer, UpliftModel
from onecart.decide.uplift.question import WHO, Facts, Question, arm_name, check, check_overlap
from onecart.errors import UsageError
from onecart.frames import break_lineage, in_order, is_drawn, quoted
from onecart.stats import boosting

PLACE = "__place"
_MOST_ARMS = 1_000  # above which the column is no treatment


@dataclass(frozen=True)
class _Assigned:
    """Rows with their propensity e, those left out that one arm has not; the rest as in `propensity.Assignment`."""

    rows: DataFrame
    overlap: assignment.Overlap
    constant: float
    trees: Trees | None


def plain(df: DataFrame, q: Question) -> tuple[DataFrame, tuple[str, ...], dict[str, str]]:
    """(The columns that are asked for, and PLACE, which follows from a row's values; the features; column -> why it is none)."""
    kinds = {f.name: f.dataType for f in df.schema.fields}
    skipped = {
        c: "named as an identifier" for c in q.columns if isinstance(kinds[c], T.IntegralType) and IDENTIFIER.search(c)
    }
    skipped |= {
        c: "no number, text or true and false"
        for c in q.columns
        if not isinstance(kinds[c], T.NumericType | T.BooleanType | T.StringType)
    }
    columns = tuple(c for c in q.columns if c not in skipped)
    numeric = {c for c in columns if isinstance(kinds[c], T.NumericType | T.BooleanType)}
    extra = [q.propensity] if isinstance(q.propensity, str) else []
    chosen = [quoted(c).cast("double").alias(c) if c in numeric else quoted(c) for c in columns]
    chosen += [quoted(c).cast("double").alias(c) for c in (q.outcome, *extra)]
    arm = quoted(q.treatment).cast("long") if isinstance(kinds[q.treatment], T.IntegralType) else quoted(q.treatment)
    place = F.xxhash64(*[quoted(c) for c in df.columns if isinstance(kinds[c], T.AtomicType)])
    return df.select(*chosen, arm.alias(q.treatment), place.alias(PLACE)), columns, skipped


def train_on_spark(rows: DataFrame, q: Question, skipped: dict[str, str]) -> UpliftModel:
    """The model, from the rows of `plain`; nothing that grows with them is brought together but samples of a worker's size."""
    found, names = _facts(rows, q)
    check(found, q)
    total = sum(found.arms.values())
    codes = _encoder(rows, q, total)
    if not codes.columns:
        raise UsageError(f"{WHO}: none of the columns can be a feature: {codes.skipped | skipped or 'there are none'}")
    forest, made, warnings, seen = Forest(q.params, q.seed, total), {}, [], 0
    for name in sorted({*found.arms} - {q.control}):
        mine = _matrix(rows, codes, name, names, q, found).persist()
        try:
            who = _assigned(mine, forest, q)
            n = {row["t"]: row["count"] for row in who.rows.groupBy("t").count().collect()}
            check_overlap(name, n.get(1.0, 0), n.get(0.0, 0))
            made[name], judged_on = _learned(name, who, sum(n.values()), forest, q)
        finally:
            mine.unpersist()
        seen += judged_on
        if not who.overlap.random:
            warnings.append(f"offer '{name}': {assignment.CANNOT}")
    encoded = Encoder(codes.numbers, codes.levels, {**codes.skipped, **skipped})
    return UpliftModel(
        q.model, q.outcome, q.treatment, q.control, encoded, made, q.value, total, min(seen, total), "mllib", warnings
    )  # fmt: skip


def _facts(rows: DataFrame, q: Question) -> tuple[Facts, dict[str, list[Any]]]:
    """The facts, and arm -> the values that mean it."""
    y = quoted(q.outcome)
    fine = F.abs(y) < F.lit(float("inf"))
    counted = rows.groupBy(quoted(q.treatment).alias("arm")).agg(
        F.count("*").alias("n"),
        F.count_if(~F.coalesce(fine, F.lit(False))).alias("broken"),
        F.min(F.when(fine, y)).alias("low"),
        F.max(F.when(fine, y)).alias("high"),
        F.coalesce(F.bool_and(F.when(fine, y.isin(0.0, 1.0))), F.lit(True)).alias("binary"),
    )
    found = counted.limit(_MOST_ARMS + 1).collect()
    if len(found) > _MOST_ARMS:
        raise UsageError(f"{WHO}: '{q.treatment}' has more than {_MOST_ARMS:,} values; an arm is one of a few")
    arms: dict[str, int] = {}
    names: dict[str, list[Any]] = {}
    for row in found:
        if row["arm"] is not None:
            name = arm_name(row["arm"])
            arms[name] = arms.get(name, 0) + row["n"]
            names.setdefault(name, []).append(row["arm"])
    nameless = sum(row["n"] for row in found if row["arm"] is None)
    lows, highs = ([row[c] for row in found if row[c] is not None] for c in ("low", "high"))
    ends = (min(lows), max(highs)) if lows else (0.0, 0.0)
    broken, binary = sum(row["broken"] for row in found), all(row["binary"] for row in found)
    return Facts(dict(sorted(arms.items())), nameless, broken, ends[0], ends[1], binary), names


def _encoder(rows: DataFrame, q: Question, total: int) -> Encoder:
    """Which columns are features, and the values of texts that have a number, as read off a sample."""

    def read(frame: pd.DataFrame) -> str:
        return json.dumps(asdict(encoder(frame, q.columns)))

    sample = _sample(rows.select(*map(quoted, q.columns), PLACE), total, len(q.columns))
    tree = json.loads(in_one_worker(sample, read, [PLACE], WHO))
    return Encoder(tuple(tree["numbers"]), {c: tuple(v) for c, v in tree["levels"].items()}, tree["skipped"])


def _sample(rows: DataFrame, total: int, width: int) -> DataFrame:
    """As many of `total` rows as a worker holds with `width` numbers each, drawn by hash."""
    most = boosting.NUMBERS // max(1, width)
    return rows if total <= most else rows.where(is_drawn(most / total, PLACE))


def _matrix(
    rows: DataFrame, codes: Encoder, offer: str, names: dict[str, list[Any]], q: Question, found: Facts
) -> DataFrame:
    """x, y, t, e (null: not known), fold and PLACE of the rows of the offer and of the control group."""

    @pandas_udf("array<double>")  # type: ignore[call-overload, untyped-decorator]
    def numbers(*values: pd.Series) -> pd.Series:
        frame = pd.DataFrame(dict(zip(codes.columns, values, strict=True)))
        return pd.Series([*codes.matrix(frame)], index=frame.index, dtype=object)

    arm = quoted(q.treatment)
    e: Any = quoted(q.propensity) if isinstance(q.propensity, str) else F.lit(q.propensity)
    mine = rows.where(arm.isin(*names[offer], *names[q.control])).select(
        numbers(*map(quoted, codes.columns)).alias("x"),
        quoted(q.outcome).alias("y"),
        arm.isin(*names[offer]).cast("double").alias("t"),
        e.cast("double").alias("e"),
        F.pmod(F.xxhash64(PLACE, F.lit(q.seed)), F.lit(q.folds)).alias("fold"),
        PLACE,
    )
    return in_order(mine, found.arms[offer] + found.arms[q.control], PLACE, "y", "t")


def _held_out(rows: DataFrame, folds: int, score: Callable[[DataFrame], dict[str, Column]]) -> DataFrame:
    """The rows with columns that `score` makes of each fold from what it learns of the others."""
    parts = [rows.where(F.col("fold") == k).withColumns(score(rows.where(F.col("fold") != k))) for k in range(folds)]
    return reduce(DataFrame.unionByName, parts)


def _assigned(rows: DataFrame, forest: Forest, q: Question) -> _Assigned:
    """See `propensity`."""
    total = rows.count()
    if q.propensity is not None:
        if rows.where("e IS NULL OR NOT (e > 0 AND e < 1)").limit(1).count():
            raise UsageError(f"{WHO}: every '{q.propensity}' must be between 0 and 1")
        held = rows.withColumn("held", F.col("e"))
    else:
        held = _held_out(
            rows.withColumn("e", F.lit(0.5)), q.folds, lambda others: {"held": column(_likely(others, forest))}
        )
        held = held.persist()

    make: Callable[[Any, Any], assignment.Assignment] = assignment.tested if q.propensity is None else assignment.known

    def test(frame: pd.DataFrame) -> str:
        found = make((frame["t"] == 1).to_numpy(), frame["held"].to_numpy(float))
        return json.dumps({"overlap": asdict(found.overlap), "constant": found.constant})

    try:
        told = json.loads(
            in_one_worker(_sample(held.select("t", "held", PLACE), total, 2), test, [PLACE, "t", "held"], WHO)
        )
        overlap = assignment.Overlap(**told["overlap"])
        share = total / overlap.rows  # of all rows to those that the worker saw
        overlap = replace(
            overlap, rows=total, trimmed=round(overlap.trimmed * share), effective=overlap.effective * share
        )
        if q.propensity is not None:
            return _Assigned(rows, overlap, told["constant"], None)
        if overlap.random:
            return _Assigned(rows.withColumn("e", F.lit(told["constant"])), overlap, told["constant"], None)
        used = held.where(F.col("held").between(assignment.TRIM, 1 - assignment.TRIM))
        used = used.withColumn("e", F.col("held")).drop("held").transform(break_lineage)
        return _Assigned(used, overlap, told["constant"], _likely(rows, forest))
    finally:
        held.unpersist()


def _likely(rows: DataFrame, forest: Forest) -> Trees:
    return SparkRows(forest, rows).fit(F.col("t"))


def _learned(name: str, who: _Assigned, total: int, forest: Forest, q: Question) -> tuple[Offer, int]:
    """The offer's effect with its judgement, and how many rows judged it."""
    learn = LEARNERS[q.model]

    def scores(others: DataFrame) -> dict[str, Column]:
        rows = SparkRows(forest, others)
        made: dict[str, Effect] = {"score": learn(rows), "plain": response(rows)}
        return {name: column(effect) for name, effect in made.items()}

    cost, observed = q.costs.get(name, 0.0), who.trees is not None

    def judge(frame: pd.DataFrame) -> str:
        y, t, e = (frame[c].to_numpy(float) for c in ("y", "t", "e"))
        both = frame[["score", "plain"]].to_numpy(float).T
        found = judged(name, y, t == 1, e, both, observed, cost / q.value, q.seed)
        return json.dumps({**asdict(found), "rows": len(frame)})

    held = _held_out(who.rows, q.folds, scores).select("y", "t", "e", "score", "plain", PLACE)
    told = json.loads(in_one_worker(_sample(held, total, 5), judge, [PLACE, "y", "t", "score"], WHO))
    rows = told.pop("rows")
    found = Judgement(OfferReport(**told.pop("report")), **told)
    effect = learn(SparkRows(forest, who.rows)).calibrated(found.slope, found.constant)
    return Offer(effect, found.report, who.overlap, found.curve, cost, who.constant, who.trees), rows
