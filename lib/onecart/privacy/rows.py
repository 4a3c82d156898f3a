"""The rows of a table that are about a person or name one of their identifiers."""

from collections.abc import Iterator

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.config import Settings
from onecart.contracts import contract
from onecart.contracts.base.table import IDENTIFIERS
from onecart.contracts.channels import PLACE
from onecart.governance.phones import national_digits
from onecart.governance.suppression import normal
from onecart.lake import Lake
from onecart.privacy.matcher import Matcher
from onecart.privacy.subject import Subject
from onecart.quality.parse import silver_rows


def personal_tables(lake: Lake) -> list[str]:
    """Tables whose rows can be about a person, and ops.runs, whose errors may quote one."""
    return [name for name in lake.names() if contract(name).personal or name == "ops.runs"]


def rows_about(lake: Lake, name: str, subject: Subject, settings: Settings) -> DataFrame:
    """The table's rows about `subject`: by their identifier columns, or because a text in them names the person."""
    rows = lake.read(name)
    if not name.startswith("bronze."):
        return rows.where(_typed(rows, subject) | _said(rows, subject.matcher()))
    return _lines_about(rows, name.removeprefix("bronze."), subject, settings)


def _lines_about(lines: DataFrame, feed: str, subject: Subject, settings: Settings) -> DataFrame:
    """Bronze lines: by what `clean` reads from them, or by their text."""
    found = lines.where(_said(lines, subject.matcher()))
    source = settings.sources.get(feed)
    whole = lines.where("payload IS NOT NULL")
    if source is None or whole.isEmpty():
        return found
    parsed = silver_rows(whole, feed, source, settings.shop.country)
    both = parsed.where(_typed(parsed, subject)).select(*PLACE).union(found.select(*PLACE)).distinct()
    theirs = both.withColumnsRenamed({column: f"their_{column}" for column in PLACE})
    same = [F.col(column).eqNullSafe(F.col(f"their_{column}")) for column in PLACE]  # older lakes have no record_no
    return lines.join(theirs, same, how="left_semi")


def _typed(rows: DataFrame, subject: Subject) -> Column:
    about = F.lit(False)
    for column in rows.columns:
        kinds = IDENTIFIERS.get(column, ())
        values = subject.of(kinds)
        if values and "phone" in kinds:
            about = about | national_digits(F.col(column)).isin([normal("phone", v) for v in values])
        elif values:
            about = about | F.col(column).isin(values)
    return F.coalesce(about, F.lit(False))


def _said(rows: DataFrame, matcher: Matcher) -> Column:
    """Whether a text of the row holds an identifier; all texts of it are looked at as one."""
    kinds = {f.name: f.dataType for f in rows.schema.fields}
    texts = [F.col(c) for c, kind in kinds.items() if isinstance(kind, T.StringType)]
    texts += [F.to_json(c) for c, kind in kinds.items() if isinstance(kind, T.ArrayType | T.MapType | T.StructType)]
    return holds(matcher)(F.concat_ws("\x1f", *texts)) if texts and matcher else F.lit(False)


def holds(matcher: Matcher):  # type: ignore[no-untyped-def]
    """A function of a text column: whether `matcher` finds something in it."""

    @pandas_udf(T.BooleanType())  # type: ignore[call-overload, untyped-decorator]
    def found(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            yield batch.map(lambda text: text is not None and matcher.stands_in(text))

    return found
