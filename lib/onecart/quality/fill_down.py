"""Exports that say an order's fields on the first of its lines only."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.config import FillDown
from onecart.errors import UsageError, nearest
from onecart.frames import quoted

_START = "__start"


def filled_down(
    records: DataFrame, name: str, fill: FillDown, unread: Column, file: str, place: list[str]
) -> DataFrame:
    """The same records; a blank key is the key above it in the file, a blank column what the first line of its key says.

    A line that cannot be read (`unread`) may have been the first of the next key: blank keys after it stay blank. `file`
    and `place`: the columns that say where a record stands. UsageError: the records have no such field.
    """
    for column in fill.fields:
        if column not in records.columns:
            known = [c for c in records.columns if not c.startswith("__")]
            raise UsageError(f"channels.{name}.fill_down: the records have no '{column}'{nearest(column, known)}")

    def filled(column: str) -> Column:
        return F.when(F.trim(quoted(column).cast("string")) != "", quoted(column))

    above = Window.partitionBy(file).orderBy(*place).rowsBetween(Window.unboundedPreceding, 0)
    starts = F.sum((unread | filled(fill.key).isNotNull()).cast("long")).over(above)  # the nth key of the file
    of_start = Window.partitionBy(file, _START).orderBy(*place)
    of_key = Window.partitionBy(file, quoted(fill.key)).orderBy(*place)
    key = F.first(F.when(~unread, filled(fill.key))).over(of_start)
    named = records.withColumn(_START, starts).withColumn(fill.key, key).drop(_START)
    keyed = quoted(fill.key).isNotNull()
    first = {c: F.coalesce(filled(c), F.when(keyed, F.first(filled(c)).over(of_key))) for c in fill.columns}
    return named.withColumns(first)
