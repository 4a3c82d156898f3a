"""Missing values and wrong clocks, mended before the rules are tried. What is made up leaves a flag on its row."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import Missing
from onecart.contracts import Table
from onecart.quality.rules import Rule

CLOCK_SKEW = "clock_skew"
_AHEAD = "clock_ahead"  # column: whether the row's clock was wrong
_HAPPENED = ("event_ts", "order_ts")
_ACCURACY = 10_000  # of percentile_approx: error of a rank, 1 / this


def happened(columns: list[str]) -> str | None:
    """The column with the time of an event or order that also has the time it was received; None: there is none."""
    return next((c for c in _HAPPENED if c in columns and "received_ts" in columns), None)


def with_clock(rows: DataFrame, max_skew_seconds: float) -> DataFrame:
    """Gives what happened later than it was received, by more than `max_skew_seconds`, the time of receipt. A time later than
    the day after the row came in stays for the rules to refuse."""
    time = happened(rows.columns)
    if time is None:
        return rows
    skew = F.col(time).cast("double") - F.col("received_ts").cast("double")
    ahead = (skew > max_skew_seconds) & (F.col(time) <= F.expr("ingested_ts + interval 1 day"))
    marked = rows.withColumn(_AHEAD, F.coalesce(ahead, F.lit(False)))
    return marked.withColumn(time, F.when(F.col(_AHEAD), F.col("received_ts")).otherwise(F.col(time)))


def with_values(rows: DataFrame, table: Table, policies: Mapping[str, Missing], known: DataFrame | None) -> DataFrame:
    """Fills columns as their policies say, and marks where. `known`: the rows that medians and most frequent values are of;
    None: those of `rows`."""
    types = {f.name: f.dataType for f in table.schema.fields}
    for column, policy in policies.items():
        if policy.action in ("default", "impute") and column not in rows.columns:
            rows = rows.withColumn(column, F.lit(None).cast(types[column]))
        if column not in rows.columns:
            continue
        rows = rows.withColumn(_mark(column), F.col(column).isNull())
        if policy.action == "default":
            rows = rows.withColumn(column, F.coalesce(column, F.lit(policy.value).cast(types[column])))
        elif policy.action == "impute":
            typical = typical_values(rows if known is None else known, column, policy.by)
            rows = of_group(rows, typical, policy.by)
            rows = rows.withColumn(column, F.coalesce(column, F.col("typical").cast(types[column]))).drop("typical")
            rows = rows.withColumn(_mark(column), F.col(_mark(column)) & F.col(column).isNotNull())
    return rows


def repair_rules(columns: list[str], policies: Mapping[str, Missing]) -> list[Rule]:
    """The rules by which repairs are told: a flag each, or a row set aside. columns: those that the feed maps."""
    found = []
    if happened(columns):
        found.append(Rule(CLOCK_SKEW, "later than it was received: the time of receipt", F.col(_AHEAD), "warn"))
    for column, policy in policies.items():
        marked = F.col(_mark(column))
        if policy.action == "default":
            found.append(Rule(f"default_{column}", f"{column} was missing: {policy.value}", marked, "warn"))
        elif policy.action == "impute":
            of = f"of its {', '.join(policy.by)}" if policy.by else "of all rows"
            found.append(Rule(f"imputed_{column}", f"{column} was missing: the usual one {of}", marked, "warn"))
        elif column in columns and policy.action == "flag":
            found.append(Rule(f"missing_{column}", f"{column} is missing", marked, "warn"))
        elif column in columns:
            found.append(Rule(f"no_{column}", f"{column} is missing", marked))
    return found


def _mark(column: str) -> str:
    return f"missed_{column}"


def typical_values(known: DataFrame, column: str, by: tuple[str, ...]) -> DataFrame:
    """[*by, typical]: the median of a column of numbers in each group, else its most frequent value (of two, the later one)."""
    given = known.where(F.col(column).isNotNull())
    if isinstance(known.schema[column].dataType, T.NumericType):
        return given.groupBy(*by).agg(median(F.col(column)).alias("typical"))
    counted = given.groupBy(*by, column).count()
    return counted.groupBy(*by).agg(F.max(F.struct("count", column))[column].alias("typical"))


def median(values: Column) -> Column:
    """The lower median of a group, without holding its values."""
    return F.percentile_approx(values, 0.5, _ACCURACY)


def of_group(rows: DataFrame, groups: DataFrame, by: tuple[str, ...]) -> DataFrame:
    """`rows` with the columns of `groups` (one row for each value of `by`; one row, where there is no `by`); null, where a row's
    group is not there."""
    named = groups.withColumnsRenamed({c: f"group_{c}" for c in by})
    same = [F.col(c) == F.col(f"group_{c}") for c in by] or [F.lit(True)]
    return rows.join(named, same, how="left").drop(*[f"group_{c}" for c in by])
