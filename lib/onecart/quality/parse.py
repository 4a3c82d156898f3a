"""Raw lines -> the columns of a silver table, as the `channels` settings map them."""

import re

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import Source
from onecart.contracts import Table
from onecart.errors import UsageError, nearest
from onecart.quality.exact import INEXACT, UNREADABLE, as_texts, cast_exactly, unread_decimal, with_decimals
from onecart.quality.normalise import MADE

WHERE = ("source_file", "line_no", "element", "payload", "ingested_ts")  # where a row came from
_KEPT = ("payload", "source_file", "line_no", "ingested_ts")
_BROKEN = "_broken"


def parse(lines: DataFrame, name: str, source: Source, table: Table) -> DataFrame:
    """One row a record (an element of it, where the source explodes), none lost: the table's columns, cast to its types,
    `element` (0-based), `malformed` (the record is not what the schema says), `unfit` (rule and reason; null: every value
    fits its column exactly), and where the row came from.
    """
    json = source.format == "json"
    records = _parse_json(lines, name, source) if json else _parse_csv(lines, name, source, table)
    if source.explode:
        columns = [c for c in records.columns if c != source.explode]
        records = records.select(*columns, F.posexplode_outer(source.explode).alias("element", "line"))
        records = records.withColumn("element", F.coalesce("element", F.lit(0)))
    else:
        records = records.withColumn("element", F.lit(0))
    return _mapped(records, name, source, table)


def header_columns(header: str, source: Source) -> list[str]:
    """Column names of a CSV header: lower case, words joined by `_`, then the source's `rename`."""
    renames = {_plain(old): new for old, new in source.rename.items()}
    names = [_plain(h.strip().strip('"')) for h in header.lstrip("\ufeff").split(source.delimiter)]
    return [renames.get(n, n) for n in names]


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def json_schema(source: Source, name: str) -> T.StructType:
    """What the feed's schema says of a record. UsageError: nothing that Spark understands."""
    try:
        schema = T._parse_datatype_string(source.schema_)
    except Exception as e:
        raise UsageError(f"channels.{name}.schema is not a valid Spark schema: {_sql_reason(e)}") from e
    if not isinstance(schema, T.StructType):
        raise UsageError(f"channels.{name}.schema must name fields, as in `id STRING, ts STRING`")
    return schema


def _parse_json(lines: DataFrame, name: str, source: Source) -> DataFrame:
    schema = T.StructType([*json_schema(source, name).fields, T.StructField(_BROKEN, T.StringType())])
    read = as_texts(schema)
    assert isinstance(read, T.StructType)
    record = F.from_json("payload", read, {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _BROKEN})
    records = lines.withColumn("record", record)
    if read == schema:
        return records.select(*_KEPT, "record.*")
    fields = [f for f in schema.fields if f.name != _BROKEN]
    broken = F.when(unread_decimal(F.col("record"), schema), F.col("payload"))
    return records.select(
        *_KEPT,
        *[with_decimals(F.col("record").getField(f.name), f.dataType).alias(f.name) for f in fields],
        F.coalesce(F.col("record").getField(_BROKEN), broken).alias(_BROKEN),
    )


def _parse_csv(lines: DataFrame, name: str, source: Source, table: Table) -> DataFrame:
    layouts = [row[0] for row in lines.select("header").distinct().toLocalIterator()]  # as many as the feed has layouts
    parsed = None
    for header in layouts:
        columns = header_columns(header, source)
        schema = ", ".join(f"`{c}` STRING" for c in [*columns, _BROKEN])
        options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _BROKEN, "sep": source.delimiter, "escape": '"'}
        one = lines.where(F.col("header") == header).withColumn("record", F.from_csv("payload", schema, options))
        one = _mapped_check(one.select(*_KEPT, "record.*"), name, source, table, header)
        parsed = one if parsed is None else parsed.unionByName(one, allowMissingColumns=True)
    if parsed is None:
        raise UsageError(f"channels.{name}: no lines to parse")
    return parsed


def _mapped_check(records: DataFrame, name: str, source: Source, table: Table, header: str) -> DataFrame:
    """Fails on a header that lacks a column the mapping needs, before anything is written."""
    try:
        records.select(*[F.expr(e) for e in source.columns.values()])
    except Exception as e:
        known = [c for c in records.columns if c not in (*_KEPT, _BROKEN)]
        wanted = re.search(r"`(\w+)` cannot be resolved", str(e))
        lacking = f"the column '{wanted.group(1)}'{nearest(wanted.group(1), known)}" if wanted else _sql_reason(e)
        raise UsageError(
            f"channels.{name}: a file of {source.path} has the header {header.strip()!r}, which does not fit {table.name}: "
            f"it lacks {lacking}. Map its header with channels.{name}.rename"
        ) from e
    return records


def require_mapping(name: str, source: Source, table: Table) -> None:
    """UsageError unless the feed maps all that the table must have, and nothing that it has not."""
    wanted = {c.name: c for c in table.columns}
    unknown = [c for c in source.columns if c not in wanted]
    if unknown:
        raise UsageError(
            f"channels.{name}.columns: {table.name} has no column '{unknown[0]}'{nearest(unknown[0], wanted)}"
        )
    lacking = [c for c in table.columns if not c.nullable and c.name not in (*source.columns, *MADE)]
    if lacking:
        column = lacking[0]
        raise UsageError(
            f"channels.{name}.columns lacks '{column.name}' ({column.comment}), which {table.name} cannot do without: "
            "say which expression over the record gives it"
        )


def _mapped(records: DataFrame, name: str, source: Source, table: Table) -> DataFrame:
    require_mapping(name, source, table)
    raw, mapped, unfit = [], [], []
    for field in (f for f in table.schema.fields if f.name in source.columns):
        column, expression = field.name, source.columns[field.name]
        try:
            found = records.select(F.expr(expression).alias(column)).schema[column].dataType
            records.select(F.expr(expression).cast(field.dataType))
        except Exception as e:
            raise UsageError(f"channels.{name}.columns.{column}: {expression!r} does not fit: {_sql_reason(e)}") from e
        raw.append(F.expr(expression).alias(f"raw_{column}"))
        value, problem = cast_exactly(F.col(f"raw_{column}"), found, field.dataType)
        mapped.append(value.alias(column))
        if problem is not None:
            unfit.append(_unfit(column, field.dataType.simpleString(), problem))
    malformed = F.col(_BROKEN).isNotNull().alias("malformed")
    none = F.lit(None).cast("struct<rule: string, reason: string>")
    # The expressions first, so that each is computed once.
    return records.select(*raw, malformed, *WHERE).select(
        *mapped, "malformed", F.coalesce(*unfit, none).alias("unfit"), *WHERE
    )


def _unfit(column: str, kind: str, problem: Column) -> Column:
    """The rule and the reason why a value does not fit its column; null where it does."""
    said = {UNREADABLE: f"{column} is not a {kind}", INEXACT: f"{column} is more than a {kind} keeps"}
    rules = [
        F.when(problem == what, F.struct(F.lit(f"{what}_{column}").alias("rule"), F.lit(why).alias("reason")))
        for what, why in said.items()
    ]
    return F.coalesce(*rules)


def _sql_reason(error: Exception) -> str:
    text = str(error).splitlines()[0]
    return re.sub(r"^\[[A-Z_.]+\]\s*", "", text)[:200]
