"""Tables made before their contract changed: columns that came later, and columns whose type got wider."""

from uuid import uuid4

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.contracts import CONTRACTS, Table, contract
from onecart.contracts.base.table import PURGED_FROM, PURGED_TO
from onecart.frames import sql_literal

_DIGITS: dict[type[T.DataType], int] = {T.ByteType: 3, T.ShortType: 5, T.IntegerType: 10, T.LongType: 19}


def as_contract(name: str, frame: DataFrame) -> DataFrame:
    """`frame`, rows of the table as its files are: columns its contract got later are null, types are the contract's."""
    changes = {f.name: F.lit(None).cast(f.dataType) for f in added_later(name, frame.schema)}
    changes |= {f.name: F.col(f.name).cast(f.dataType) for f in widened(name, frame.schema)}
    return frame.withColumns(changes) if changes else frame


def added_later(name: str, schema: T.StructType) -> list[T.StructField]:
    """Nullable columns of the contract that a table of `schema`, made before them, has not."""
    known = _known(name)
    return [f for f in known.schema.fields if f.nullable and f.name not in schema.names] if known else []


def _known(name: str) -> Table | None:
    return contract(name) if name in CONTRACTS or name.startswith("bronze.") else None


def widened(name: str, schema: T.StructType) -> list[T.StructField]:
    """Columns of the contract whose type holds every value of the narrower one that a table of `schema` has."""
    known = _known(name)
    wanted = known.schema.fields if known else []
    return [f for f in wanted if f.name in schema.names and _wider(f.dataType, schema[f.name].dataType)]


def rewrite(name: str, where: str, version: int, delta: DeltaTable) -> None:
    """Gives the table `where` (as SQL names it, at `version`) its contract's types, in one commit. Its rows, properties and
    layout stay as they are.

    Delta lets no column of a new schema be NOT NULL, so that these become checks (`quantity_given`). Who reads the
    changes reads all rows anew, once: those of before have other types.
    """
    table, rows = contract(name), delta.toDF()  # Delta's own read: of the snapshot that the commit is made against
    spark = rows.sparkSession
    detail = delta.detail().select("properties", "clusteringColumns", "partitionColumns").first()
    assert detail is not None
    properties = {
        **dict(detail["properties"]),
        **{f"delta.constraints.{f.name}_given": f"{f.name} IS NOT NULL" for f in table.schema if not f.nullable},
        PURGED_FROM: "-1",
        PURGED_TO: str(version + 1),
    }
    told = ", ".join(f"{sql_literal(k)} = {sql_literal(v)}" for k, v in properties.items())
    layout = "".join(
        f" {words} ({', '.join(f'`{c}`' for c in detail[columns])})"
        for words, columns in (("PARTITIONED BY", "partitionColumns"), ("CLUSTER BY", "clusteringColumns"))
        if detail[columns]
    )
    view = f"onecart_{uuid4().hex}"
    _in_order(table, as_contract(name, rows)).createTempView(view)
    try:
        spark.sql(
            f"CREATE OR REPLACE TABLE {where} USING delta{layout} COMMENT {sql_literal(table.grain)} "
            f"TBLPROPERTIES ({told}) AS SELECT * FROM {view}"
        )
    finally:
        spark.catalog.dropTempView(view)


def _in_order(table: Table, rows: DataFrame) -> DataFrame:
    """The contract's columns with their comments, then those that only the table has."""
    fields = table.schema.fields
    others = [c for c in rows.columns if c not in table.schema.names]
    return rows.select(*[F.col(f.name).alias(f.name, metadata=f.metadata) for f in fields], *others)


def _wider(wanted: T.DataType, found: T.DataType) -> bool:
    digits = _DIGITS.get(type(found), 0)
    if isinstance(wanted, T.DecimalType):
        whole = wanted.precision - wanted.scale
        if isinstance(found, T.DecimalType):
            return found != wanted and wanted.scale >= found.scale and whole >= found.precision - found.scale
        return 0 < digits <= whole
    if isinstance(wanted, T.DoubleType):
        return digits > 0 or isinstance(found, T.FloatType)
    return 0 < digits < _DIGITS.get(type(wanted), 0)
