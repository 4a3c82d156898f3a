"""The only reader and writer of Delta tables. Every write is idempotent and checked against the table's contract."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from delta import exceptions as delta_errors
from delta.tables import DeltaMergeBuilder, DeltaTable
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import absolute, is_local
from onecart.contracts import CONTRACTS, contract
from onecart.contracts.base.table import PURGED_FROM, PURGED_TO
from onecart.errors import OneCartError, UsageError
from onecart.frames import break_lineage
from onecart.governance import consent_filter
from onecart.governance.export_columns import prepare_export
from onecart.governance.pseudonym import KeyRing
from onecart.lake import commits, evolution
from onecart.lake.files import hadoop, literal

_CHANGE = ("_change_type", "_commit_version", "_commit_timestamp")

_CONFLICTS = tuple(
    getattr(delta_errors, name)
    for name in dir(delta_errors)
    if name.startswith("Concurrent") or name in ("DeltaConcurrentModificationException", "MetadataChangedException")
)


class Conflict(OneCartError):
    """Another job has written the table since this one looked at it. Nothing was written: look again, and do it again."""


@dataclass(frozen=True)
class WriteStats:
    """Rows a write was given (None: nothing was new, so Delta made no commit), inserted and updated, as Delta counted
    them, and the table's version after it."""

    source: int | None
    inserted: int
    updated: int
    version: int


class Lake:
    """The tables of one lake: below `root` by path, or in `catalog` by name.

    Reads leave the version they saw in `reads`, writes the version they made in `writes`: a run's lineage. Those that
    asked for a table's id left it in `ids`. `pinned`: the lake of a run, which goes on with the version of a table that it read first
    or wrote last, whatever others write.
    """

    def __init__(self, spark: SparkSession, root: str, catalog: str | None = None, *, pinned: bool = False) -> None:
        self.spark = spark
        self.root = absolute(root)
        self.catalog = catalog
        self.purpose: consent_filter.Purpose | None = None
        self.reads: dict[str, int] = {}
        self.writes: dict[str, int] = {}
        self.ids: dict[str, str] = {}
        self._pins: dict[str, int] | None = {} if pinned else None
        self._ready: set[str] = set()  # tables that are there and have all columns of their contract

    def for_purpose(self, purpose: str, channel: str | None = None) -> "Lake":
        """The same lake for one purpose: its reads return only rows of customers whose consent covers it.

        `channel`: as `consent_filter.PURPOSES` has them, for marketing; None: any of them. Tables that are about persons but say not whom cannot
        be read for a purpose. UsageError: there is no such purpose.
        """
        narrowed = self._again()
        narrowed.purpose = consent_filter.Purpose(purpose, channel)
        return narrowed

    def _again(self) -> "Lake":
        """The same lake, of the same run, for no purpose."""
        other = Lake(self.spark, self.root, self.catalog)
        other.reads, other.writes, other.ids = self.reads, self.writes, self.ids
        other._pins, other._ready = self._pins, self._ready
        return other

    @cached_property
    def _on_this_machine(self) -> bool:
        """Whether a path without a scheme is a folder of this machine for Spark, too."""
        return is_local(self.root) and hadoop(self.spark, self.root)[0].getScheme() == "file"

    # -- where a table is ------------------------------------------------------------------------------------------

    def named(self, name: str) -> str:
        # Spark's own metastore is the default catalog, and open-source Delta takes no third part for it.
        return name if self.catalog == "spark_catalog" else f"{self.catalog}.{name}"

    def path(self, name: str) -> str:
        return f"{self.root}/{name.replace('.', '/')}"

    def sql_name(self, name: str) -> str:
        """The table as SQL names it."""
        return self.named(name) if self.catalog else f"delta.`{self.path(name)}`"

    def exists(self, name: str) -> bool:
        if self.catalog:
            return bool(self.spark.catalog.tableExists(self.named(name)))
        log = f"{self.path(name)}/_delta_log"
        if commits.newest(log):
            return True
        if self._on_this_machine and not os.path.isdir(log):
            return False
        return bool(DeltaTable.isDeltaTable(self.spark, self.path(name)))

    def delta(self, name: str) -> DeltaTable:
        if self.catalog:
            return DeltaTable.forName(self.spark, self.named(name))
        return DeltaTable.forPath(self.spark, self.path(name))

    def version(self, name: str) -> int:
        return self._last_commit(name)[0]

    def state(self, name: str) -> str:
        """A word for the table as it is now: it changes with every commit, also when the table was made anew."""
        row = self.delta(name).history(1).select("version", "timestamp").first() if self.exists(name) else None
        return f"{row['version']} of {row['timestamp']:%Y%m%dT%H%M%S.%f}" if row else "nothing"

    def names(self) -> list[str]:
        """Tables that exist, in the order of the layers."""
        bronze_names = [f"bronze.{n}" for n in self._bronze_names()]
        return [n for n in (*bronze_names, *CONTRACTS) if self.exists(n)]

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self, name: str, version: int | None = None) -> DataFrame:
        """The table at `version` (default: as it is now, pinned); in a lake for a purpose, the rows it allows.
        A column its contract got later is null, one whose type got wider has the contract's type."""
        return self._allowed(name, self._read(name, version))

    def _read(self, name: str, version: int | None = None) -> DataFrame:
        at = self._existing_version(name) if version is None else version
        self.reads[name] = at
        return evolution.as_contract(name, self._frame(name, at))

    def _frame(self, name: str, at: int) -> DataFrame:
        """The table as its files are, whatever its contract has got later."""
        known = None if self.catalog else commits.state(f"{self.path(name)}/_delta_log", at)
        if known and not known.files:
            return self._nothing(known.schema)
        try:
            if known:
                return self.spark.read.schema(known.schema).parquet(*map(literal, known.files))
            return self._load(self.spark.read.format("delta").option("versionAsOf", at), name)
        except Exception as e:
            raise OneCartError(f"cannot read version {at} of table {name}: {_reason(e)}") from e

    def _allowed(self, name: str, rows: DataFrame) -> DataFrame:
        if self.purpose is None:
            return rows
        plain = self._again()
        links = plain.read_if_exists("gold.identity_links")
        return consent_filter.allowed(rows, contract(name), self.purpose, said=plain.consents(), links=links)

    def consents(self) -> DataFrame:
        """What customers said: gold.customer_consent or, in a lake without it, the words of gold.customer_profile."""
        plain = self._again()
        has = plain.exists("gold.customer_consent")
        return plain.read_if_exists("gold.customer_consent" if has else "gold.customer_profile")

    def is_empty(self, name: str) -> bool:
        """Whether the table is not there or has no rows, mostly told by its log."""
        if not self.exists(name):
            return True
        at = self._existing_version(name)
        known = None if self.catalog else commits.state(f"{self.path(name)}/_delta_log", at)
        return not known.files if known else self.read(name).isEmpty()

    def read_if_exists(self, name: str) -> DataFrame:
        """The table, or an empty frame of its schema where no job has written it."""
        return self.read(name) if self.exists(name) else self._nothing(contract(name).schema)

    def _nothing(self, schema: T.StructType) -> DataFrame:
        """No rows; unlike an empty frame made of Python rows it is known to be empty when a query is planned."""
        columns = [F.lit(None).cast(f.dataType).alias(f.name, metadata=f.metadata) for f in schema.fields]
        return self.spark.range(0).select(*columns)

    def mark(self, name: str) -> tuple[int, str]:
        """How far a reader of a table's changes is when it has read all of it: version and id of the table, noted as read."""
        self._require_followed(name)
        self.reads[name] = self._existing_version(name)
        return self.reads[name], self.identity(name)

    def identity(self, name: str) -> str:
        """The table's id in Delta, noted in `ids`: a table that was deleted and made anew has another."""
        self.ids[name] = self._metadata(name)[0]
        return self.ids[name]

    def added_since(self, name: str, version: int | None, table_id: str | None = None) -> DataFrame:
        """Rows appended after `version` of the table with `table_id` (None: it is this one), as `mark` told them, and still
        there. All rows where `version` is None, or the table is another one now. For tables whose contract says `followed`."""
        now, known = self.mark(name)
        if version is None or version > now or table_id not in (None, known):
            return self.read(name)
        after = now if version == now else self._after_purge(name, version)
        if after is None:
            return self.read(name)
        if after == now:
            return self._nothing(contract(name).schema)
        reader = self.spark.read.format("delta").option("readChangeFeed", "true")
        reader = reader.option("startingVersion", after + 1).option("endingVersion", now)
        changes = self._load(reader, name)
        added = changes.where("_change_type = 'insert'")
        removed = None if self.catalog else commits.has_removals(f"{self.path(name)}/_delta_log", after + 1, now)
        if removed is not False:  # what was replaced, or erased, since it came
            gone = changes.where("_change_type = 'delete'").select(
                *[F.col(k).alias(f"gone_{k}") for k in contract(name).key], F.col("_commit_version").alias("gone_at")
            )
            same = [F.col(k).eqNullSafe(F.col(f"gone_{k}")) for k in contract(name).key]
            added = added.join(gone, [*same, F.col("_commit_version") < F.col("gone_at")], how="left_anti")
        return self._allowed(name, evolution.as_contract(name, added.drop(*_CHANGE)))

    def count(self, name: str) -> int:
        """Rows of the table, as Delta counted them where it was written; counted now where it does not tell."""
        at = self._existing_version(name)
        known = None if self.catalog or self.purpose else commits.state(f"{self.path(name)}/_delta_log", at)
        return self.read(name).count() if known is None or known.rows is None else known.rows

    def stream(self, name: str) -> DataFrame:
        """The table as a stream: the rows it has now, then those added later, each once. Rows that change or go are not
        told of. All rows that are there come in one batch, for they are in no order."""
        self._require_followed(name)
        self._existing_version(name)
        reader: Any = self.spark.readStream.format("delta")
        reader = reader.option("readChangeFeed", "true").option("maxFilesPerTrigger", 2**31 - 1)
        added = self._load(reader, name).where("_change_type = 'insert'")
        return self._allowed(name, evolution.as_contract(name, added.drop(*_CHANGE)))

    def _require_followed(self, name: str) -> None:
        if not contract(name).followed:
            raise UsageError(f"table {name} keeps no changes; set `followed` in its contract")

    def _after_purge(self, name: str, version: int) -> int | None:
        """The version to read changes after where an erasure took those of `version` away; None: read all rows."""
        purged = self._metadata(name)[1]
        if version >= int(purged.get(PURGED_TO, 0)):
            return version
        known = int(purged[PURGED_FROM])
        return int(purged[PURGED_TO]) if 0 <= known <= version else None

    def _metadata(self, name: str) -> tuple[str, dict[str, str]]:
        """The table's id and properties."""
        if not self.catalog and (found := commits.metadata(f"{self.path(name)}/_delta_log")):
            return found
        row: Any = self.delta(name).detail().select("id", "properties").first()
        return row["id"], dict(row["properties"] or {})

    def _load(self, reader: DataFrameReader, name: str) -> DataFrame:
        return reader.table(self.named(name)) if self.catalog else reader.load(self.path(name))

    def export(
        self,
        name: str,
        purpose: str,
        *,
        channel: str | None = None,
        columns: Sequence[str] | None = None,
        keys: KeyRing | None = None,
        where: str | None = None,
    ) -> str:
        """The only way out: a table as CSV with a header in `<lake>/exports/<table>`, in place of the last one.

        Only rows of customers whose consent covers `purpose` (and `channel`) leave. Columns of personal data leave as
        pseudonyms signed by `keys`, unless `columns` names them. `where`: SQL over the columns, of the rows to leave. Returns the folder. UsageError: an unknown purpose or
        column, a table that the purpose may not see, or pseudonyms without keys.
        """
        rows = self.for_purpose(purpose, channel).read(name)
        rows = prepare_export(rows.where(where) if where else rows, contract(name), columns=columns, keys=keys)
        folder = f"{self.root}/exports/{name.partition('.')[2]}"
        rows.coalesce(1).write.mode("overwrite").option("header", True).csv(folder)
        return folder

    def _existing_version(self, name: str) -> int:
        if not self.exists(name):
            raise OneCartError(
                f"table {name} is not there yet in {self.root}; run `onecart run {contract(name).writer}` first"
            )
        if self._pins is None:
            return self.version(name)
        return self._pins.setdefault(name, self.version(name))

    # -- writing ---------------------------------------------------------------------------------------------------

    def create(self, name: str) -> bool:
        """Makes the empty table of the contract, with its checks, comments, keys' NOT NULL and layout, if not there, and
        says whether it did. A table made before its contract got a column, or a wider type for one, gets it now."""
        if self.exists(name):
            if name not in self._ready:
                self._bring_up_to_contract(name)
            self._ready.add(name)
            return False
        table = contract(name)
        if self.catalog:
            self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {self.named(name.split('.')[0])}")
        builder = DeltaTable.createIfNotExists(self.spark).addColumns(table.schema).comment(table.grain)
        builder = builder.tableName(self.named(name)) if self.catalog else builder.location(self.path(name))
        for key, value in table.properties().items():
            builder = builder.property(key, value)
        if table.partition_by:
            builder = builder.partitionedBy(*table.partition_by)
        elif table.cluster_by:
            builder = builder.clusterBy(*table.cluster_by)
        try:
            builder.execute()
        except Exception as e:
            raise OneCartError(f"cannot create table {name} in {self.root}: {_reason(e)}") from e
        return True

    def _bring_up_to_contract(self, name: str) -> None:
        schema = self._frame(name, self.version(name)).schema
        if evolution.widened(name, schema):
            version, delta = self.version(name), self.delta(name)
            self._guard(name, lambda: evolution.rewrite(name, self.sql_name(name), version, delta))
        elif later := evolution.added_later(name, schema):
            columns = ", ".join(f"`{f.name}` {f.dataType.simpleString()}" for f in later)
            self._guard(name, lambda: self.spark.sql(f"ALTER TABLE {self.sql_name(name)} ADD COLUMNS ({columns})"))

    def append_once(self, name: str, df: DataFrame, app_id: str, version: int) -> WriteStats:
        """Appends `df` unless this application has already written `version` or a later one (Delta txnAppId)."""
        options = {"txnAppId": app_id, "txnVersion": str(version)}
        return self._write(name, contract(name).conform(df), mode="append", options=options)

    def frame(self, name: str, rows: Iterable[Mapping[str, Any]]) -> DataFrame:
        """`rows` of this process as a frame of the table's contract; each names every column."""
        schema = contract(name).schema
        return self.spark.createDataFrame([tuple(row[c] for c in schema.fieldNames()) for row in rows], schema)

    def replace(self, name: str, df: DataFrame) -> WriteStats:
        """Replaces all rows by `df`, in one atomic commit."""
        return self._write(name, contract(name).conform(df), mode="overwrite", options={})

    def replace_where(
        self, name: str, df: DataFrame, predicate: str, *, app_id: str | None = None, version: int = 0
    ) -> WriteStats:
        """Replaces the rows that `predicate` selects by `df`, whose rows must all satisfy it; with an `app_id` once, as
        `append_once` does."""
        once = {"txnAppId": app_id, "txnVersion": str(version)} if app_id else {}
        options = {"replaceWhere": predicate, **once}
        return self._write(name, contract(name).conform(df), mode="overwrite", options=options)

    def upsert(
        self, name: str, df: DataFrame, *, update_if: str | None = "true", values: dict[str, str] | None = None
    ) -> WriteStats:
        """MERGE on the contract's key. `df` must be unique on it.

        A row whose key is there already is updated where the SQL condition `update_if` over `new` and `old` holds;
        None: never (insert-only). It becomes the new one, or what `values` says: column -> SQL over `new` and `old`.
        """
        if not contract(name).key:
            raise UsageError(f"table {name} has no key to merge on")

        def clauses(merge: DeltaMergeBuilder) -> DeltaMergeBuilder:
            if update_if is not None:
                condition = None if update_if == "true" else update_if
                merge = (
                    merge.whenMatchedUpdate(condition, dict(values))
                    if values
                    else merge.whenMatchedUpdateAll(condition)
                )
            return merge.whenNotMatchedInsertAll()

        rows = contract(name).conform(df)
        if self.create(name):  # a new table has nothing to match
            return self._save(name, rows, mode="append", options={})
        return self._merge(name, rows, clauses)

    def merge(self, name: str, df: DataFrame, clauses: Callable[[DeltaMergeBuilder], DeltaMergeBuilder]) -> WriteStats:
        """MERGE on the contract's key with clauses of the caller's over `new` (`df`) and `old`: one atomic commit.

        `df` must be unique on the key and may have columns that the table has not, for the clauses to look at.
        """
        self.create(name)
        return self._merge(name, df, clauses)

    def upsert_and_delete(self, name: str, df: DataFrame, old: DataFrame) -> WriteStats:
        """In one commit: the rows `df` take the place of the rows with their keys, and rows with a key in `old` that `df`
        has not are deleted. `df` must be unique on the key."""
        key = list(contract(name).key)
        new = contract(name).conform(df).withColumn("gone", F.lit(False))
        dead = old.select(*key).distinct().join(df.select(*key), key, how="left_anti").withColumn("gone", F.lit(True))
        return self.merge(
            name,
            new.unionByName(dead, allowMissingColumns=True).transform(break_lineage),
            lambda merge: (
                merge.whenMatchedDelete("new.gone").whenMatchedUpdateAll().whenNotMatchedInsertAll("NOT new.gone")
            ),
        )

    def _merge(self, name: str, df: DataFrame, clauses: Callable[[DeltaMergeBuilder], DeltaMergeBuilder]) -> WriteStats:
        before = self.version(name)
        self._guard(name, clauses(self.matching(name, df)).execute)
        return self._written(name, before)

    def matching(self, name: str, df: DataFrame) -> DeltaMergeBuilder:
        """A MERGE of `new` (`df`) into `old` (the table) on the contract's key, its clauses still to be given."""
        return self.delta(name).alias("old").merge(df.alias("new"), contract(name).same_row)

    def _write(self, name: str, df: DataFrame, mode: str, options: dict[str, str]) -> WriteStats:
        self.create(name)
        return self._save(name, df, mode, options)

    def _save(self, name: str, df: DataFrame, mode: str, options: dict[str, str]) -> WriteStats:
        before = self.version(name)
        writer = df.write.format("delta").mode(mode).options(**options)
        self._guard(
            name, lambda: writer.saveAsTable(self.named(name)) if self.catalog else writer.save(self.path(name))
        )
        return self._written(name, before)

    def _guard(self, name: str, write: Any) -> None:
        try:
            write()
        except OneCartError:
            raise
        except _CONFLICTS as e:
            raise Conflict(f"another job wrote table {name} in {self.root} meanwhile; run this one again") from e
        except Exception as e:
            raise OneCartError(f"cannot write table {name} in {self.root}: {_reason(e)}") from e

    def _written(self, name: str, before: int) -> WriteStats:
        version, metrics = self._last_commit(name)
        self.writes[name] = version
        if self._pins is not None:
            self._pins[name] = version
        if version == before:  # a repeated transaction, or a merge with nothing to do: no new commit
            return WriteStats(None, 0, 0, version)
        # `replaceWhere` writes rows again that only shared a file with those it replaces.
        written = int(metrics.get("numOutputRows", 0)) - int(metrics.get("numCopiedRows", 0))
        source, inserted = (int(metrics.get(key, written)) for key in ("numSourceRows", "numTargetRowsInserted"))
        return WriteStats(source, inserted, int(metrics.get("numTargetRowsUpdated", 0)), version)

    # -- upkeep ----------------------------------------------------------------------------------------------------

    def optimize(self, name: str) -> int:
        """Compacts small files (and re-clusters). Returns how many files it removed."""
        row = self.delta(name).optimize().executeCompaction().select("metrics.numFilesRemoved").first()
        return int(row[0]) if row else 0

    def vacuum(self, name: str, retention_hours: int) -> None:
        """Deletes files that no version within the retention needs. Delta refuses less than 168 hours."""
        self.delta(name).vacuum(float(retention_hours))

    def size(self, name: str) -> tuple[int, int]:
        """(files, bytes) of the current version."""
        row = self.delta(name).detail().select("numFiles", "sizeInBytes").first()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def _last_commit(self, name: str) -> tuple[int, dict[str, str]]:
        """Its version, and what Delta counted in it."""
        if not self.catalog and (found := commits.newest(f"{self.path(name)}/_delta_log")):
            return found
        row: Any = self.delta(name).history(1).select("version", "operationMetrics").first()
        return int(row["version"]), dict(row["operationMetrics"] or {})

    def _bronze_names(self) -> Iterable[str]:
        if self.catalog:
            if not self.spark.catalog.databaseExists(self.named("bronze")):
                return []
            tables = self.spark.sql(f"SHOW TABLES IN {self.named('bronze')}").collect()
            return sorted(t["tableName"] for t in tables)
        fs, folder = hadoop(self.spark, f"{self.root}/bronze")
        return sorted(f.getPath().getName() for f in fs.listStatus(folder)) if fs.exists(folder) else []


def _reason(error: Exception) -> str:
    """The sentence in a Java error that says what happened, without its stack trace."""
    for line in str(error).splitlines():
        text = line.strip().removeprefix(":").strip()
        if "Exception: " in text or "] " in text or text.startswith("["):
            return text.split("Exception: ", 1)[-1]
    return str(error).splitlines()[0] if str(error) else type(error).__name__
