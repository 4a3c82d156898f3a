"""Tables of databases as records: rows that are new or have changed since bronze read them, and rows that are gone."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import accumulate
from math import ceil
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.channels.ledger import Delivery, Known, Portion
from onecart.config import Jdbc, resolve_secret
from onecart.context import Context
from onecart.contracts.channels import PLACE
from onecart.errors import OneCartError, nearest
from onecart.frames import break_lineage, literal_map, quoted
from onecart.governance import suppression
from onecart.lake.records import JSON_VALUES, json_rows

_log = logging.getLogger(__name__)
_FETCH = 10_000  # rows that the database sends at a time
_TIME = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"
_DIGITS = 20
SENTENCES = {
    r"password authentication failed|no pg_hba\.conf entry|no password was provided|role \"[^\"]*\" does not exist": "the "
    "database refuses who reads; see jdbc.user and jdbc.password",
    r"permission denied for (\w+ [^\n]+)": r"the database does not let this user read \1; grant SELECT on it",
    r"(database|relation|column|schema) \"?([^\"\n]+?)\"? does not exist": r"the database has no \1 '\2'; mend jdbc.url, "
    "jdbc.table, jdbc.query, jdbc.watermark, jdbc.key or jdbc.partition_by",
    r"PSQLException: ERROR: (syntax error[^\n]*)": r"the database does not take jdbc.table or jdbc.query: \1",
    r"Connection to (\S+) refused|The connection attempt failed|UnknownHostException": "no database answers; start it, or mend "
    "jdbc.url",
    r"terminating connection|An I/O error occurred|This connection has been closed|the database system is|EOFException": "the "
    "database went away while it was read; nothing was taken: run it again",
}


@dataclass(frozen=True)
class _Watermark:
    """A column by which changed rows are found: how its values stand in bronze (text in their order), and in SQL."""

    column: str
    kind: T.DataType

    @property
    def text(self) -> Column:
        if isinstance(self.kind, T.TimestampType | T.TimestampNTZType):
            return F.date_format(self.column, _TIME)
        if isinstance(self.kind, T.DateType):
            return F.date_format(self.column, "yyyy-MM-dd")
        return F.format_string(f"%0{_DIGITS}d", quoted(self.column))

    def before(self, text: str, overlap: float) -> tuple[str, str]:
        """The value so far before `text`: as text, and as SQL."""
        if isinstance(self.kind, T.DateType):
            day = (date.fromisoformat(text) - timedelta(days=ceil(overlap / 86_400))).isoformat()
            return day, f"DATE '{day}'"
        if isinstance(self.kind, T.TimestampType | T.TimestampNTZType):
            at = (datetime.fromisoformat(text) - timedelta(seconds=overlap)).isoformat(timespec="microseconds")
            zone = isinstance(self.kind, T.TimestampType)
            return at, f"TIMESTAMP WITH TIME ZONE '{at}+00'" if zone else f"TIMESTAMP '{at}'"
        number = max(0, int(text) - ceil(overlap))
        return f"{number:0{_DIGITS}d}", str(number)


def secrets_of(jdbc: Jdbc) -> dict[str, str]:
    """What of the connection is secret."""
    return {"password": resolve_secret(jdbc.password)} if jdbc.password else {}


def portions(ctx: Context, name: str, known: Known, suppressions: suppression.Suppressions | None) -> Iterator[Portion]:
    """The rows that are new, have changed or are gone, as one portion. Rows about erased persons are left out. OneCartError:
    they have no keys, or share one."""
    jdbc = ctx.settings.sources[name].jdbc
    assert jdbc is not None
    table = _Table(ctx.spark, name, jdbc)
    delivery = f"jdbc:{jdbc.table or name}"
    last, compared = known.deliveries.get(delivery, Delivery(delivery)), f"{delivery} compared"
    now = datetime.now(timezone.utc)
    due = last.last_line >= 0 and _is_due(known.deliveries.get(compared), jdbc.compare_keys_hours, now)
    low = None
    if table.watermark and last.state and not due:
        low = table.watermark.before(last.state, jdbc.overlap)
    rows = break_lineage(table.rows(low and low[1]))
    if suppressions:
        placed = rows.withColumns({"source_file": F.lit(delivery), "line_no": F.monotonically_increasing_id()})
        gone = suppression.refused(placed.withColumn("record_no", F.lit(0)), suppressions, None)
        rows = placed.join(break_lineage(gone).select(*PLACE[:2]), list(PLACE[:2]), how="left_anti").select(
            rows.columns
        )
    before = _in_bronze(ctx, name, known.version, low and low[0])
    taken = break_lineage(_changed(rows, before).unionByName(_gone(rows, before)) if due else _changed(rows, before))
    parts = _parts(taken)
    count = sum(part.rows for part in parts)
    if missing := sum(part.gone for part in parts):
        _log.info("  %-16s %s rows are gone from %s", name, f"{missing:,}", delivery)
    state = max(filter(None, (last.state, *(part.state for part in parts))), default=None)
    noted = [Delivery(delivery, state, last.last_line + count, last.records + count)]
    if due or last.last_line < 0:
        noted.append(Delivery(compared, now.isoformat()))
    records = _placed(taken, delivery, last.last_line + 1, parts) if count else None
    yield Portion(records, lambda _: noted, lambda: {delivery: (count, last.last_line + count)})


def _is_due(compared: Delivery | None, hours: float | None, now: datetime) -> bool:
    if hours is None:
        return False
    at = compared.state if compared else None
    return at is None or now - datetime.fromisoformat(at) >= timedelta(hours=hours)


class _Table:
    """A table of a database, or what a query gives, with its columns."""

    def __init__(self, spark: SparkSession, feed: str, jdbc: Jdbc) -> None:
        self._spark, self._jdbc = spark, jdbc
        self._from = f"({jdbc.query.strip().rstrip(';')}) AS queried" if jdbc.query else str(jdbc.table)
        self._schema = self._load(f"SELECT * FROM {self._from}").schema
        asked = {"key": jdbc.key, "watermark": [jdbc.watermark], "partition_by": [jdbc.partition_by]}
        for setting, columns in asked.items():
            for column in filter(None, columns):
                if column not in self._schema.names:
                    close = nearest(column, self._schema.names)
                    raise OneCartError(f"jdbc.{setting}: {jdbc.table or 'the query'} has no column '{column}'{close}")
        self.watermark = _Watermark(jdbc.watermark, self._schema[jdbc.watermark].dataType) if jdbc.watermark else None
        if self.watermark and not isinstance(
            self.watermark.kind, T.TimestampType | T.TimestampNTZType | T.DateType | T.IntegralType
        ):
            kind = self.watermark.kind.simpleString()
            raise OneCartError(
                f"jdbc.watermark '{jdbc.watermark}' is a {kind}; it must be a time, a day or a whole number"
            )

    def rows(self, low: str | None) -> DataFrame:
        """Rows of bronze without places: all, or those whose watermark is not below `low` (SQL), or null."""
        sql = f"SELECT * FROM {self._from}"
        if low is not None and self.watermark:
            column = _sql_name(self.watermark.column)
            sql += f" WHERE {column} >= {low} OR {column} IS NULL"
        read = self._load(sql, **self._ranges(sql))
        key = [quoted(column).alias(column) for column in self._jdbc.key]
        state = self.watermark.text if self.watermark else F.lit(None).cast("string")
        rows = read.select(
            F.struct(*map(quoted, read.columns)).alias("row"),
            F.to_json(F.struct(*key), JSON_VALUES).alias("key"),
            state.alias("state"),
        )
        keyed = F.col("key") if not key else F.when(_no_nulls(self._jdbc.key), F.col("key"))
        return json_rows(
            rows, read.schema.json(), record_key=keyed, file_state=F.col("state"), gone=F.lit(None).cast("boolean")
        )

    def _ranges(self, sql: str) -> dict[str, str]:
        """How several readers share the rows."""
        column, readers = self._jdbc.partition_by, self._jdbc.partitions
        if column is None or readers == 1:
            return {}
        name = _sql_name(column)
        edges = self._load(f"SELECT min({name}) AS low, max({name}) AS high FROM ({sql}) AS ranged").first()
        if edges is None or edges["low"] is None:
            return {}
        low, high = (str(int(e) if not isinstance(e, date) else e) for e in edges)
        return {"partitionColumn": name, "lowerBound": low, "upperBound": high, "numPartitions": str(readers)}

    def _load(self, sql: str, **more: str) -> DataFrame:
        reader = self._spark.read.format("jdbc").option("url", self._jdbc.url).option("driver", "org.postgresql.Driver")
        # Times without a zone stay as they are, whatever the zone of the JVM.
        reader = reader.option("preferTimestampNTZ", True).option("fetchsize", _FETCH).options(**more)
        who = {"user": self._jdbc.user, **secrets_of(self._jdbc)}
        reader = reader.options(**{key: value for key, value in who.items() if value is not None})
        return reader.option("dbtable", f"({sql}) AS onecart").load()


def _no_nulls(columns: tuple[str, ...]) -> Column:
    found = F.lit(True)
    for column in columns:
        found = found & F.col("row").getField(column).isNotNull()
    return found


def _sql_name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _in_bronze(ctx: Context, name: str, version: int, low: str | None) -> DataFrame:
    """What bronze was told last of each row: record_key, old_payload, old_header, old_gone. `low`: only rows whose watermark is
    not below."""
    rows = ctx.lake.read(f"bronze.{name}", version).where("record_key IS NOT NULL")
    if low is not None:
        rows = rows.where(F.col("file_state").isNull() | (F.col("file_state") >= low))
    told = F.struct("payload", "header", F.coalesce("gone", F.lit(False)).alias("gone"))
    newest = rows.groupBy("record_key").agg(F.max_by(told, "line_no").alias("old"))
    return newest.select("record_key", *[F.col(f"old.{c}").alias(f"old_{c}") for c in ("payload", "header", "gone")])


def _changed(rows: DataFrame, before: DataFrame) -> DataFrame:
    is_same = ~F.col("old_gone") & (F.col("payload") == F.col("old_payload"))
    joined = rows.join(before, "record_key", how="left")
    return joined.where(~F.coalesce(is_same, F.lit(False))).select(rows.columns)


def _gone(rows: DataFrame, before: DataFrame) -> DataFrame:
    """Rows that bronze has and the database has not, as they were last."""
    left = before.where(~F.col("old_gone")).join(rows.select("record_key"), "record_key", how="left_anti")
    old = {"payload": F.col("old_payload"), "header": F.col("old_header"), "gone": F.lit(True)}
    return left.withColumns({**old, "file_state": F.lit(None).cast("string")}).select(rows.columns)


class _Part(NamedTuple):
    """A partition of the rows that are taken: its number, its rows, those with a key, those that are gone, the last watermark."""

    number: int
    rows: int
    keyed: int
    gone: int
    state: str | None


def _parts(taken: DataFrame) -> list[_Part]:
    """The partitions that have rows. OneCartError: rows have no key, or share one."""
    told = taken.groupBy(F.spark_partition_id().alias("number")).agg(
        F.count("*"), F.count("record_key"), F.count_if("gone"), F.max("file_state")
    )
    parts = sorted(_Part(*row) for row in told.collect())
    rows, keyed = sum(part.rows for part in parts), sum(part.keyed for part in parts)
    if keyed < rows:
        raise OneCartError(f"{rows - keyed:,} rows have a null in jdbc.key; name columns that tell all rows apart")
    if rows and (shared := rows - taken.select("record_key").distinct().count()):
        raise OneCartError(f"{shared:,} rows share their key with others; mend jdbc.key")
    return parts


def _placed(taken: DataFrame, delivery: str, first: int, parts: Sequence[_Part]) -> DataFrame:
    """The rows, numbered from `first`."""
    starts = accumulate((part.rows for part in parts), initial=first)
    begins = literal_map({part.number: start for part, start in zip(parts, starts, strict=False)})
    within = F.monotonically_increasing_id() - F.shiftleft(F.spark_partition_id().cast("long"), 33)
    places = {"line_no": (begins[F.spark_partition_id()] + within).cast("long"), "record_no": F.lit(0)}
    return taken.withColumns({"source_file": F.lit(delivery), **places})
