"""Raw lines -> the columns of a silver table, as the `channels` settings map them."""

import re
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import FillDown, Source
from onecart.contracts import Table
from onecart.errors import UsageError, nearest

WHERE = ("source_file", "line_no", "element", "payload", "ingested_ts")  # where a row came from
_KEPT = ("payload", "source_file", "line_no", "ingested_ts")
_BROKEN = "_broken"
_START = "_start"


def parse(lines: DataFrame, name: str, source: Source, table: Table) -> DataFrame:
    """One row a record (an element of it, where the source explodes), none lost: the table's columns, cast to its types
    (null where a value does not fit), `element` (0-based), `malformed` (the record is not what the schema says), and
    where the row came from.
    """
    json = source.format == "json"
    records = _parse_json(lines, name, source) if json else _parse_csv(lines, name, source, table)
    if source.fill_down:
        records = filled_down(records, name, source.fill_down)
    if source.explode:
        columns = [c for c in records.columns if c != source.explode]
        records = records.select(*columns, F.posexplode_outer(source.explode).alias("element", "line"))
        records = records.withColumn("element", F.coalesce("element", F.lit(0)))
    else:
        records = records.withColumn("element", F.lit(0))
    return _mapped(records, name, source, table)


def filled_down(records: DataFrame, name: str, fill: FillDown) -> DataFrame:
    """The same records; a blank key is the key above it in the file, a blank column what the first line of its key says.

    A line that cannot be read may have been the first of the next key: blank keys after it stay blank.
    """
    lacking = [c for c in (fill.key, *fill.columns) if c not in records.columns]
    if lacking:
        known = [c for c in records.columns if c not in (*_KEPT, _BROKEN)]
        raise UsageError(f"channels.{name}.fill_down: the records have no '{lacking[0]}'{nearest(lacking[0], known)}")

    def filled(column: str) -> Column:
        return F.when(F.trim(F.col(column).cast("string")) != "", F.col(column))

    unread = F.col("payload").isNull() | F.col(_BROKEN).isNotNull()
    in_file = Window.partitionBy("source_file").orderBy("line_no")
    above = in_file.rowsBetween(Window.unboundedPreceding, 0)
    starts = F.sum((unread | filled(fill.key).isNotNull()).cast("long")).over(above)  # the nth key of the file
    of_start = Window.partitionBy("source_file", _START).orderBy("line_no")
    of_key = Window.partitionBy("source_file", fill.key).orderBy("line_no")
    named = records.withColumn(_START, starts).withColumn(
        fill.key, F.first(F.when(~unread, filled(fill.key))).over(of_start)
    )
    first = {c: F.coalesce(filled(c), F.first(filled(c)).over(of_key)) for c in fill.columns}
    keyed = F.col(fill.key).isNotNull()
    return named.withColumns({c: F.when(keyed, value).otherwise(F.col(c)) for c, value in first.items()}).drop(_START)


def header_columns(header: str, source: Source) -> list[str]:
    """Column names of a CSV header: lower case, words joined by `_`, then the source's `rename`."""
    renames = {_plain(old): new for old, new in source.rename.items()}
    names = [_plain(h.strip().strip('"')) for h in header.lstrip("\ufeff").split(source.delimiter)]
    return [renames.get(n, n) for n in names]


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _parse_json(lines: DataFrame, name: str, source: Source) -> DataFrame:
    try:
        schema = T._parse_datatype_string(f"{source.schema_}, {_BROKEN} STRING")
    except Exception as e:
        raise UsageError(f"channels.{name}.schema is not a valid Spark schema: {_sql_reason(e)}") from e
    if not isinstance(schema, T.StructType):
        raise UsageError(f"channels.{name}.schema must name fields, as in `id STRING, ts STRING`")
    record = F.from_json("payload", schema, {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _BROKEN})
    return lines.withColumn("record", record).select(*_KEPT, "record.*")


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


def _mapped(records: DataFrame, name: str, source: Source, table: Table) -> DataFrame:
    wanted: Mapping[str, T.DataType] = {f.name: f.dataType for f in table.schema.fields}
    unknown = [c for c in source.columns if c not in wanted]
    if unknown:
        raise UsageError(
            f"channels.{name}.columns: {table.name} has no column '{unknown[0]}'{nearest(unknown[0], wanted)}"
        )
    mapped: list[Column] = []
    for column, expression in source.columns.items():
        try:
            records.select(F.expr(expression))
        except Exception as e:
            raise UsageError(f"channels.{name}.columns.{column}: {expression!r} does not fit: {_sql_reason(e)}") from e
        mapped.append(_tidy(F.expr(expression), wanted[column]).alias(column))
    malformed = F.col(_BROKEN).isNotNull().alias("malformed")
    return records.select(*mapped, malformed, *WHERE)


def _tidy(value: Column, wanted: T.DataType) -> Column:
    """Cast; texts lose outer spaces, and an empty text is no text."""
    if isinstance(wanted, T.StringType):
        return F.nullif(F.trim(value.cast(wanted)), F.lit(""))
    return value.cast(wanted)


def _sql_reason(error: Exception) -> str:
    text = str(error).splitlines()[0]
    return re.sub(r"^\[[A-Z_.]+\]\s*", "", text)[:200]
