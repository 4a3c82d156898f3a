"""What of a table may leave the lake, and in which form. `Lake.export` writes it: the only way out."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.contracts.base.table import Table
from onecart.errors import UsageError, nearest
from onecart.governance.pseudonym import KeyRing, pseudonym


def prepare_export(
    rows: DataFrame, table: Table, *, columns: Sequence[str] | None = None, keys: KeyRing | None = None
) -> DataFrame:
    """The columns that leave: those named, else all with pseudonyms in place of personal data. Arrays become JSON.

    UsageError: an unknown column, or pseudonyms without keys.
    """
    names = [c.name for c in table.columns]
    if unknown := [c for c in columns or () if c not in names]:
        raise UsageError(f"{table.name} has no column '{unknown[0]}'{nearest(unknown[0], names)}")
    hidden = () if columns else table.pii
    if hidden and keys is None:
        raise UsageError(f"{table.name} has personal data ({', '.join(hidden)}); an export of it needs keys or columns")
    kinds = dict(rows.dtypes)
    return rows.select(
        *[
            (pseudonym(F.col(c), keys) if c in hidden and keys else _plain(c, kinds[c])).alias(c)
            for c in columns or names
        ]
    )


def _plain(name: str, kind: str) -> Column:
    return F.to_json(name) if kind.startswith(("array", "map", "struct")) else F.col(name)
