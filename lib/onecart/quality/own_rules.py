"""The shop's own rules (quality.rules): checked before a row is read, then judged in one pass with the built-in ones."""

import re
from collections.abc import Iterator
from typing import Any

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.config import Quality, RowRule
from onecart.contracts import CONTRACTS, Table, contract
from onecart.errors import UsageError, nearest
from onecart.quality.rules import Rule, rules

_SILVER = "silver."
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
    """UsageError unless each rule is for a silver table, has a name that no built-in rule has, and its check is an expression
    over the table's columns that is true or false, by the row alone. No Spark job: Spark only analyses them."""
    tables = [name.removeprefix(_SILVER) for name in CONTRACTS if name.startswith(_SILVER)]
    for name, given in quality.rules.items():
        if name not in tables:
            raise UsageError(f"quality.rules: there is no table silver.{name}{nearest(name, tables)}")
        table = contract(f"{_SILVER}{name}")
        taken = {str(rule.name) for rule in rules(table, table.schema.fieldNames(), quality)}
        empty = spark.createDataFrame([], table.schema)
        for rule in given:
            where = f"quality.rules.{name}: the rule '{rule.name}'"
            if rule.name in taken:
                raise UsageError(f"{where} is called like a built-in one of {table.name}; give it another name")
            _require_check(empty, rule, f"{where} of {table.name}")


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
        if kind == "Cast" and part.foldable() and part.eval(None) is None and part.child().eval(None) is not None:
            raise UsageError(f"{said} takes {part.child().sql()} for a {part.dataType().simpleString()}")


def _parts(expression: Any) -> Iterator[Any]:
    yield expression
    children = expression.children()
    for i in range(children.size()):
        yield from _parts(children.apply(i))


def _first(error: Exception) -> str:
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    return re.sub(r"^\[[A-Z_.]+\]\s*", "", text)[:200]
