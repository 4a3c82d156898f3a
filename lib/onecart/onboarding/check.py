"""Tries a mapping on all rows: ingest and the rules of `clean` on a scratch lake that is removed again."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from onecart.channels import job as ingest
from onecart.config import Settings
from onecart.connect import open_session
from onecart.context import Context
from onecart.contracts import contract
from onecart.errors import OneCartError
from onecart.governance.masking import masked
from onecart.lake import Lake
from onecart.quality.judge import count, judge
from onecart.quality.parse import require_mapping
from onecart.quality.versions import NEWEST

_EXAMPLES = 3  # rows shown for a rule


@dataclass(frozen=True)
class Aside:
    """Rows that break one rule. `examples`: file, line and record of a few, what reaches a person masked."""

    rule: str
    reason: str
    rows: int
    examples: list[str]


@dataclass(frozen=True)
class Checked:
    """What would become of one feed's rows. `nulls`: the share of good rows in which a mapped column is null."""

    feed: str
    table: str
    rows: int = 0
    good: int = 0
    duplicates: int = 0
    aside: list[Aside] = field(default_factory=list)
    nulls: dict[str, float] = field(default_factory=dict)
    error: str = ""


def check(settings: Settings, spark: SparkSession | None = None) -> list[Checked]:
    """Every feed of the settings, all its rows, on a session of its own unless one is given. Nothing is left behind."""
    with _scratch(settings) as tried:
        spark = spark or open_session(tried)
        ctx = Context(spark, Lake(spark, tried.lake.root), tried, "check")
        ingest.run(ctx)
        return [checked(ctx, name) for name in tried.sources]


@contextmanager
def _scratch(settings: Settings) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="onecart-init-", ignore_cleanup_errors=True) as folder:
        lake = settings.lake.model_copy(update={"root": str(Path(folder) / "lake"), "catalog": None})
        # The files are taken as they lie here now, those that were put here a second ago, too.
        channels = {n: source.model_copy(update={"settle_seconds": 0}) for n, source in settings.sources.items()}
        yield settings.model_copy(update={"lake": lake, "landing": settings.landing_root, "channels": channels})


def checked(ctx: Context, name: str) -> Checked:
    """What would become of the rows of one feed, which bronze has."""
    source = ctx.settings.sources[name]
    try:
        require_mapping(name, source, contract(source.into))
        judged = judge(ctx.lake.read(f"bronze.{name}"), name, source, contract(source.into), ctx)
        judged.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            return _account(judged, name, source.into, list(source.columns), ctx.settings.quality.late_hours)
        finally:
            judged.unpersist()
    except (OneCartError, PySparkException) as e:  # of one feed: the others are tried all the same
        return Checked(name, source.into, error=str(e).partition("\n")[0])


def _account(judged: DataFrame, name: str, table: str, columns: list[str], late_hours: int) -> Checked:
    good = F.col("fate") == NEWEST
    counts = count(judged, late_hours, *[F.count_if(good & F.col(c).isNull()).alias(f"null {c}") for c in columns])
    by_rule = Window.partitionBy("rule")
    first = F.row_number().over(by_rule.orderBy("source_file", "line_no", "element"))
    bad = judged.where("rule IS NOT NULL").select(
        "rule", "reason", "source_file", "line_no", F.substring("payload", 1, 1000).alias("payload"),
        first.alias("place"), F.count("*").over(by_rule).alias("rows"),
    )  # fmt: skip
    rules: dict[str, Aside] = {}
    for row in bad.where(F.col("place") <= _EXAMPLES).orderBy(F.desc("rows"), "rule", "place").toLocalIterator():
        aside = rules.setdefault(row.rule, Aside(row.rule, row.reason, row["rows"], []))
        aside.examples.append(f"{row.source_file}, line {row.line_no}: {masked(row.payload or '')}")
    nulls = {c: counts[f"null {c}"] / counts["unique"] for c in columns if counts[f"null {c}"]}
    again = counts["twice"] + counts["superseded"]
    return Checked(name, table, counts["n"], counts["unique"], again, list(rules.values()), nulls)


def as_text(found: list[Checked]) -> str:
    width = max(len(one.feed) for one in found)
    lines = []
    for one in found:
        if one.error:
            lines.append(f"{one.feed:<{width}}  {one.error}")
            continue
        bad = sum(a.rows for a in one.aside)
        lines.append(
            f"{one.feed:<{width}}  {one.rows:,} rows -> {one.table}: {one.good:,} good, {bad:,} would be set aside, "
            f"{one.duplicates:,} duplicates"
        )
        for aside in one.aside:
            lines.append(f"  {aside.rule} ({aside.rows:,}): {aside.reason}")
            lines += [f"    {example}" for example in aside.examples]
        if one.nulls:
            lines.append("  null: " + ", ".join(f"{column} {share:.1%}" for column, share in one.nulls.items()))
    return "\n".join(lines)


def as_json(found: list[Checked]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found]
