"""The only way out of the lake: a table as CSV, for a declared purpose, with pseudonyms in place of personal data."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError, nearest
from onecart.lake.contract import Table
from onecart.lake.pseudonym import KeyRing, pseudonym
from onecart.lake.store import Lake, contract


def export(
    lake: Lake,
    name: str,
    purpose: str,
    *,
    channel: str | None = None,
    columns: Sequence[str] | None = None,
    keys: KeyRing | None = None,
) -> str:
    """Writes a table as CSV with a header into `<lake>/exports/<table>`, in place of the last one. Returns the folder.

    Only rows of customers whose consent covers `purpose` (and `channel`) leave. Columns of personal data leave as
    pseudonyms, signed by `keys`, unless `columns` names them. UsageError: an unknown purpose or column, a table that
    the purpose may not see, or pseudonyms without keys.
    """
    rows = released(lake.for_purpose(purpose, channel).read(name), contract(name), columns=columns, keys=keys)
    folder = f"{lake.root}/exports/{name.partition('.')[2]}"
    rows.coalesce(1).write.mode("overwrite").option("header", True).csv(folder)
    return folder


def released(
    rows: DataFrame, table: Table, *, columns: Sequence[str] | None = None, keys: KeyRing | None = None
) -> DataFrame:
    """The columns that leave: those named, else all with pseudonyms in place of personal data. Arrays become JSON."""
    names = [c.name for c in table.columns]
    if unknown := [c for c in columns or () if c not in names]:
        raise UsageError(f"{table.name} has no column '{unknown[0]}'{nearest(unknown[0], names)}")
    hidden = () if columns else table.pii
    if hidden and keys is None:
        raise UsageError(f"{table.name} has personal data ({', '.join(hidden)}); an export of it needs keys or columns")
    kinds = {c.name: c.type for c in table.columns}
    return rows.select(
        *[
            (pseudonym(F.col(c), keys) if c in hidden and keys else _plain(c, kinds[c])).alias(c)
            for c in columns or names
        ]
    )


def _plain(name: str, kind: str) -> Column:
    return F.to_json(name) if kind in ("strings", "versions") else F.col(name)
