"""The shop's own rules (quality.rules): checked before a row is read, then judged in one pass with the built-in ones."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import Missing, Quality, RowRule
from onecart.contracts import CONTRACTS, Table, contract
from onecart.errors import UsageError, nearest
from onecart.quality.rules import Rule, rules

_SILVER = "silver."
_TABLES = tuple(name.removeprefix(_SILVER) for name in CONTRACTS if name.startswith(_SILVER))
# Expressions whose value is another one tomorrow: a row would be good or bad by when it was read.
_CLOCK = ("CurrentDate", "CurrentTimestamp", "LocalTimestamp", "Now")
_ELSEWHERE = ("Exists", "ListQuery", "ScalarSubquery")


def own_rules(table: Table, quality: Quality) -> list[Rule]:
    """The rules of quality.rules for a table. A row breaks one whose check is false; null, as in SQL's CHECK, breaks none."""
    return [
        Rule(rule.name, rule.reason, ~F.coalesce(F.expr(rule.check), F.lit(True)), rule.severity)
        for rule in quality.own_rules(table.name)
    ]


def with_all_columns(rows: DataFrame, table: Table) -> DataFrame:
    """`rows` with the columns of `table` that their feed does not map as nulls, for rules to ask for."""
    lacking = {f.name: F.lit(None).cast(f.dataType) for f in table.schema.fields if f.name not in rows.columns}
    return rows.withColumns(lacking)


def require_rules(spark: SparkSession, quality: Quality) -> None:
    """UsageError unless every rule, policy and anomaly of the settings is for a silver table and for columns it has, has a name
    that no built-in rule has, and each check is an expression that is true or false by the row alone. No Spark job: Spark
    only analyses them."""
    for key, given in (("rules", quality.rules), ("missing", quality.missing), ("anomalies", quality.anomalies)):
        for name in given:
            if name not in _TABLES:
                raise UsageError(f"quality.{key}: there is no table silver.{name}{nearest(name, _TABLES)}")
    for name in _TABLES:
        table, where = contract(f"{_SILVER}{name}"), f"quality.rules.{name}: the rule"
        own, anomalies = quality.own_rules(table.name), quality.anomalies_of(table.name)
        policies = quality.missing_of(table.name)
        if not (own or anomalies or policies):
            continue
        taken = {str(rule.name) for rule in rules(table, table.schema.fieldNames(), quality)}
        for given_name in (*(rule.name for rule in own), *(a.name for a in anomalies)):
            if given_name in taken:
                raise UsageError(f"{where} '{given_name}' is called like a built-in one of {table.name}; rename it")
        empty = spark.createDataFrame([], table.schema)
        for rule in own:
            _require_check(empty, rule, f"{where} '{rule.name}' of {table.name}")
        for column, policy in policies.items():
            _require_policy(empty, column, policy, f"quality.missing.{name}.{column}: {table.name}")
        for a in anomalies:
            _require_columns(empty, (a.value, *a.by), f"quality.anomalies.{name}: '{a.name}': {table.name}")
            if not isinstance(empty.schema[a.value].dataType, T.NumericType):
                raise UsageError(f"quality.anomalies.{name}: '{a.name}': {a.value} of {table.name} holds no numbers")


def _require_columns(empty: DataFrame, columns: Sequence[str], where: str) -> None:
    for column in columns:
        if column not in empty.columns:
            raise UsageError(f"{where} has no column '{column}'{nearest(column, empty.columns)}")


def _require_policy(empty: DataFrame, column: str, policy: Missing, where: str) -> None:
    _require_columns(empty, (column, *policy.by), where)
    if policy.action in ("default", "impute") and isinstance(empty.schema[column].dataType, T.ArrayType | T.MapType):
        raise UsageError(f"{where}: nothing can be filled into {column}, which holds several values")
    if policy.action == "default":
        value = F.lit(policy.value).cast(empty.schema[column].dataType)
        if wrong := _unfit(empty.select(value)._jdf.queryExecution().analyzed()):
            raise UsageError(f"{where}: the default {wrong[0]} is no {wrong[1]}")


def _require_check(empty: DataFrame, rule: RowRule, where: str) -> None:
    said = f'{where}: the check "{rule.check[:200]}"'
    try:
        kind = empty.select(F.expr(rule.check)).schema[0].dataType.simpleString()
        if kind != "boolean":
            raise UsageError(f"{said} must be true or false, and is {kind}")
        plan: Any = empty.where(F.expr(rule.check))._jdf.queryExecution().analyzed()
    except ParseException as e:
        raise UsageError(f"{said} is no SQL expression: {_first(e)}") from e
    except AnalysisException as e:
        if unknown := re.search(r"name `([^`]+)` cannot be resolved", str(e)):
            named = unknown.group(1)
            raise UsageError(f"{said} names a column '{named}' that is not there{nearest(named, empty.columns)}") from e
        raise UsageError(f"{said} does not fit: {_first(e)}") from e
    for part in _parts(plan.expressions().apply(0)):
        kind = part.getClass().getSimpleName()
        if kind in _CLOCK or not part.deterministic():
            raise UsageError(f"{said} says something else from run to run; compare with ingested_ts or received_ts")
        if kind in _ELSEWHERE:
            raise UsageError(f"{said} looks at other tables; a rule sees one row")
    if wrong := _unfit(plan):
        raise UsageError(f"{said} takes {wrong[0]} for a {wrong[1]}")


def _unfit(plan: Any) -> tuple[str, str] | None:
    """A literal of a plan's first expression, and the type that it is cast to and is none of; None: there is no such."""
    for part in _parts(plan.expressions().apply(0)):
        literal = part.getClass().getSimpleName() == "Cast" and part.foldable()
        if literal and part.eval(None) is None and part.child().eval(None) is not None:
            return part.child().sql(), part.dataType().simpleString()
    return None


def _parts(expression: Any) -> Iterator[Any]:
    yield expression
    children = expression.children()
    for i in range(children.size()):
        yield from _parts(children.apply(i))


def _first(error: Exception) -> str:
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    return re.sub(r"^\[[A-Z_.]+\]\s*", "", text)[:200]
