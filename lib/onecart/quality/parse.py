"""Raw lines -> the columns of a silver table, as the `channels` settings map them."""

import json
import logging
import re
from collections.abc import Callable
from functools import reduce

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import Source
from onecart.contracts import Table, contract
from onecart.errors import UsageError, nearest
from onecart.frames import quoted
from onecart.lake.records import JSON_VALUES
from onecart.quality.exact import INEXACT, UNREADABLE, as_texts, cast_exactly, tried, unread_decimal, with_decimals
from onecart.quality.fill_down import filled_down
from onecart.quality.normalise import MADE, normalise
from onecart.records import header as headers
from onecart.records.delimited import fields

_log = logging.getLogger(__name__)
WHERE = ("source_file", "line_no", "record_no", "element", "payload", "ingested_ts", "gone")  # where a row came from
# What a mapping may say of a message as `__record_key`, `__headers`, `__sent_ts`.
_MESSAGE = {"record_key": "string", "headers": "map<string, string>", "sent_ts": "timestamp", "gone": "boolean"}
# Bronze's columns beside a record's fields, which may be called `payload` or `line_no`, too.
_OWN = {c: f"__{c}" for c in dict.fromkeys((*WHERE, *_MESSAGE, "problem", "reason")) if c != "element"}
_KEPT, _ELEMENT, _BROKEN = tuple(_OWN.values()), "__element", "__broken"
_PERMISSIVE = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _BROKEN}
_SPACED = ("event_id", "review_id", "ticket_id")  # ids that each feed counts for itself
_REASONS = {
    "malformed": "the record is not what the feed's schema says",
    "tombstone": "a message without a value; which row it takes back is not known",
    "encoding": "bytes that are not {encoding}; set channels.{name}.encoding to what the file is written in",
}


def parse(lines: DataFrame, name: str, source: Source, table: Table) -> DataFrame:
    """One row a record (an element of it, where the source explodes), none lost: the table's columns, cast to its types (ids of
    events, reviews and tickets as `<id_space>:<id>`), `element` (0-based), `set_aside` (rule and reason; null: the record
    and its file can be read, and are what the schema says), `unfit` (likewise; null: every value
    fits its column exactly), and where the row came from.
    """
    lacking = {c: F.lit(None).cast(kind) for c, kind in _MESSAGE.items() if c not in lines.columns}
    lines = lines.withColumns({**lacking, "reason": _reason(F.col("problem"), name, source)}).withColumnsRenamed(_OWN)
    lines = lines.withColumn("readable", F.when(F.col(_OWN["problem"]).isNull(), F.col(_OWN["payload"])))
    if source.format == "json":
        records = _parse_json(lines, name, source)
    else:
        record = _typed_record if source.is_typed else _csv_record
        records, fit = _by_header(lines, name, source, table, lambda header: record(header, name, source))
        if not fit:  # all is set aside, and nothing can be said of a record that lacks what the mapping asks for
            nothing = dict.fromkeys(source.columns, "cast(null as string)")
            source = source.model_copy(update={"columns": nothing, "fill_down": None, "explode": None})
    if source.fill_down:
        unread = F.col(_OWN["payload"]).isNull() | F.coalesce(_OWN["problem"], _BROKEN).isNotNull()
        place = [_OWN["line_no"], _OWN["record_no"]]
        records = filled_down(records, name, source.fill_down, unread, _OWN["source_file"], place)
    return _mapped(_exploded(records, source.explode), name, source, table)


def _exploded(records: DataFrame, array: str | None) -> DataFrame:
    """One row an element of the array, as `line`, where there is one; a record with none is a row, too."""
    if not array:
        return records.withColumn(_ELEMENT, F.lit(0))
    columns = [quoted(c) for c in records.columns if c != array]
    elements = records.select(*columns, F.posexplode_outer(quoted(array)).alias(_ELEMENT, "line"))
    return elements.withColumn(_ELEMENT, F.coalesce(_ELEMENT, F.lit(0)))


def silver_rows(lines: DataFrame, name: str, source: Source, home: str | None) -> DataFrame:
    """Bronze lines as `clean` reads them, before the rules: parsed and in normal form. home: the shop's country."""
    table = contract(source.into)
    return parse(lines, name, source, table).transform(normalise, table, home)


def header_columns(header: str, source: Source) -> list[str]:
    """Column names of a CSV header: words of any script in lower case, joined by `_`, then the source's `rename`. Each
    once: the second `price` is `price_2`."""
    record, delimiter = headers.layout(header.lstrip("\ufeff"), source.delimiter)
    return headers.unique(fields(record, delimiter), source.rename)


def _reason(problem: Column, name: str, source: Source) -> Column:
    reasons = {rule: said.format(name=name, encoding=source.encoding) for rule, said in _REASONS.items()}
    return F.coalesce(*[F.when(problem == rule, said) for rule, said in reasons.items()], problem)


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
    record = F.from_json("readable", read, _PERMISSIVE)
    records = lines.withColumn("record", record)
    if read == schema:
        return records.select(*_KEPT, "record.*")
    declared = [f for f in schema.fields if f.name != _BROKEN]
    broken = F.when(unread_decimal(F.col("record"), schema), F.col("readable"))
    return records.select(
        *_KEPT,
        *[with_decimals(F.col("record").getField(f.name), f.dataType).alias(f.name) for f in declared],
        F.coalesce(F.col("record").getField(_BROKEN), broken).alias(_BROKEN),
    )


def _typed_record(header: str, name: str, source: Source) -> Column:
    """By the types of its file or table, which `header` holds, unless the feed of files has a schema of its own."""
    schema = json_schema(source, name) if source.schema_ and source.path else T.StructType.fromJson(json.loads(header))
    return F.from_json("readable", schema.add(_BROKEN, T.StringType()), {**_PERMISSIVE, **JSON_VALUES})


def _csv_record(header: str, name: str, source: Source) -> Column:
    schema = ", ".join(f"`{c}` STRING" for c in [*header_columns(header, source), _BROKEN])
    delimiter = headers.layout(header, source.delimiter)[1]
    return F.from_csv("readable", schema, {**_PERMISSIVE, "sep": delimiter, "escape": '"'})


def _by_header(
    lines: DataFrame, name: str, source: Source, table: Table, record: Callable[[str], Column]
) -> tuple[DataFrame, bool]:
    """The records of files with headers, read as `record` says for each, and whether a file of them fits the mapping. A column
    that none of them has is null text."""
    headers_there = [
        row[0] for row in lines.select("header").distinct().toLocalIterator()
    ]  # as many as the feed has layouts
    if not headers_there:
        raise UsageError(f"channels.{name}: no lines to parse")
    layouts, fit = list[DataFrame](), False
    for header in headers_there:
        of_header = lines.where(F.col("header") == header).withColumn("record", record(header))
        records, lacking = _fitted(of_header.select(*_KEPT, "record.*"), name, source, table)
        layouts.append(records)
        fit = fit or not lacking
    try:
        records = reduce(lambda some, more: some.unionByName(more, allowMissingColumns=True), layouts)
    except AnalysisException as e:
        raise UsageError(
            f"channels.{name}: its files have columns of one name but other types: {_sql_reason(e)}"
        ) from e
    lacking = [f.name for f in records.schema.fields if isinstance(f.dataType, T.NullType)]
    return records.withColumns({column: quoted(column).cast("string") for column in lacking}), fit


def _fitted(records: DataFrame, name: str, source: Source, table: Table) -> tuple[DataFrame, list[str]]:
    """The records of one header, and the columns it lacks that the mapping asks for. They are null, and the records have the
    problem `header`: their file is set aside, other files go on."""
    fill = source.fill_down
    asked = [*source.columns.values(), *(f"`{c}`" for c in (fill.fields if fill else ()))]
    known, lacking = records.columns[len(_KEPT) :], list[str]()
    while True:
        try:
            _exploded(records, source.explode).select(*[F.expr(e) for e in asked])
            break
        except AnalysisException as e:
            wanted = re.search(r"`([^`]+)` cannot be resolved", str(e))
            if wanted is None or wanted.group(1) in lacking:
                break  # it is the mapping that is wrong, as `_mapped` says
            lacking.append(wanted.group(1))
            records = records.withColumn(lacking[-1], F.lit(None))
    if not lacking:
        return records, lacking
    named = ", ".join(f"'{column}'" for column in lacking)
    close = nearest(lacking[0], [c for c in known if c != _BROKEN])
    reason = f"the header of the file does not fit {table.name}: it lacks {named}{close}"
    _log.warning("channels.%s: %s; mend the file, or map its header with channels.%s.rename", name, reason, name)
    problem, said = F.col(_OWN["problem"]), F.col(_OWN["reason"])
    set_aside = {
        _OWN["reason"]: F.when(problem.isNull(), reason).otherwise(said),
        _OWN["problem"]: F.coalesce(problem, F.lit("header")),
    }
    return records.withColumns(set_aside), lacking


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
    raw, mapped, unfit = [], [], []
    for field in (f for f in table.schema.fields if f.name in source.columns):
        column, expression = field.name, source.columns[field.name]
        try:
            value = F.expr(expression)
            found = records.select(value, value.cast(field.dataType)).schema[0].dataType
        except Exception as e:
            raise UsageError(f"channels.{name}.columns.{column}: {expression!r} does not fit: {_sql_reason(e)}") from e
        raw.append(tried(records, value).alias(f"raw_{column}"))
        value, problem = cast_exactly(F.col(f"raw_{column}.value"), found, field.dataType)
        failed = F.when(F.col(f"raw_{column}").isNull(), UNREADABLE)
        problem = failed if problem is None else F.coalesce(failed, problem)
        if column in _SPACED and column in table.key:  # null stays null
            value = F.concat(F.lit(f"{source.id_space or name}:"), value)
        mapped.append(value.alias(column))
        unfit.append(_unfit(column, field.dataType.simpleString(), problem))
    problem = F.struct(F.col(_OWN["problem"]).alias("rule"), F.col(_OWN["reason"]).alias("reason"))
    malformed = F.struct(F.lit("malformed").alias("rule"), F.lit(_REASONS["malformed"]).alias("reason"))
    set_aside = F.when(F.col(_OWN["problem"]).isNotNull(), problem).when(F.col(_BROKEN).isNotNull(), malformed)
    where = [F.col(f"__{c}").alias(c) for c in WHERE]
    none = F.lit(None).cast("struct<rule: string, reason: string>")
    # The expressions first, so that each is computed once.
    return records.select(*raw, set_aside.alias("set_aside"), *where).select(
        *mapped, "set_aside", F.coalesce(*unfit, none).alias("unfit"), *WHERE
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
