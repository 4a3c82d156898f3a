"""Casts that never cut, round or half read a value: it is of the wanted type, or said not to be."""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

UNREADABLE, INEXACT = "unreadable", "inexact"
_NUMBER = r"^[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?$"
_DAY = r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"  # Spark takes a bare year for a day, and a bare time for today's
# A JSON number of more digits than a double holds: Spark has read it as one, and what it was is not known.
_CLOUDED = r"^[+-]?[0-9]\.[0-9]{15,}E"
_WIDE = T.DecimalType(38, 18)
_NOISE = 1e-12  # relative error of what was computed in doubles


def tried(rows: DataFrame, value: Column) -> Column:
    """A struct of `value`; null where to compute it fails (timestamp_millis of a number too large): one record never ends a job."""
    jvm: Any = rows.sparkSession.sparkContext._jvm
    whole: Any = F.struct(value.alias("value"))._jc
    return Column(jvm.org.apache.spark.sql.Column(jvm.org.apache.spark.sql.catalyst.expressions.TryEval(whole.expr())))


def cast_exactly(raw: Column, found: T.DataType, wanted: T.DataType) -> tuple[Column, Column | None]:
    """(`raw`, of type `found`, as `wanted`; what is wrong with it): UNREADABLE, a value that is no such thing; INEXACT, one
    of which the type cannot keep all; null: neither. None: nothing can be wrong.

    An empty text is no value. Texts lose outer spaces; numbers are read whole or not at all (`3 pcs` is none); days are
    written 2011-12-31. A double may differ from the value by the noise of arithmetic, and its NaN is no value.
    """
    if isinstance(found, T.FractionalType) and not isinstance(found, T.DecimalType):
        raw = F.when(~F.isnan(raw), raw)
    if isinstance(wanted, T.StringType):
        return _text(raw, found), None
    if isinstance(found, T.StringType):
        return _of_text(_text(raw, found), wanted)
    value = raw.cast(wanted)
    if isinstance(found, T.NumericType) and isinstance(wanted, T.NumericType | T.BooleanType):
        back = value.cast("int") if isinstance(wanted, T.BooleanType) else value
        if isinstance(found, T.DecimalType | T.IntegralType):
            exact = back == raw
        else:
            exact = F.abs(back.cast("double") - raw) <= F.abs(raw) * _NOISE
        return value, _problem(raw, exact=exact)
    if isinstance(found, T.TimestampType) and isinstance(wanted, T.DateType):
        return value, _problem(raw, exact=value.cast("timestamp") == raw)
    return value, _problem(raw, readable=value.isNotNull())


def _text(raw: Column, found: T.DataType) -> Column:
    text = raw.cast("string")
    if isinstance(found, T.DoubleType | T.FloatType):  # an id that was read as a number: 536365, not 536365.0 or 1.0E7
        text = F.when((raw == F.floor(raw)) & (F.abs(raw) < 1e15), raw.cast("long").cast("string")).otherwise(text)
    return F.nullif(F.trim(text), F.lit(""))


def _of_text(text: Column, wanted: T.DataType) -> tuple[Column, Column | None]:
    if isinstance(wanted, T.NumericType):
        number = F.when(text.rlike(_NUMBER), text)
        if isinstance(wanted, T.DoubleType | T.FloatType):
            value = number.cast(wanted)
            return value, _problem(text, readable=number.isNotNull(), exact=F.abs(value) < float("inf"))
        value = decimal(text).cast(wanted)
        return value, _problem(text, readable=number.isNotNull(), exact=value == decimal(text))
    if isinstance(wanted, T.DateType | T.TimestampType):
        time = F.when(text.rlike(_DAY), text).cast("timestamp")
        value = time.cast(wanted)
        return value, _problem(text, readable=time.isNotNull(), exact=value.cast("timestamp") == time)
    value = text.cast(wanted)
    return value, _problem(text, readable=value.isNotNull())


def _problem(given: Column, *, readable: Column | None = None, exact: Column | None = None) -> Column:
    said = F.when(given.isNull(), F.lit(None).cast("string"))
    said = said if readable is None else said.when(~readable, UNREADABLE)
    return said if exact is None else said.when(~F.coalesce(exact, F.lit(False)), INEXACT)


def decimal(text: Column) -> Column:
    """A text as decimal(38,18); null where it is no number, or one too long to be sure of."""
    return F.when(text.rlike(_NUMBER) & ~text.rlike(_CLOUDED), text).cast(_WIDE)


# -- decimals of a JSON schema: Spark's reader rounds them, and takes "1,5" for 15 ------------------------------------


def as_texts(declared: T.DataType) -> T.DataType:
    """A JSON schema with its decimals as strings, to be read in place of the declared one."""
    if isinstance(declared, T.DecimalType):
        return T.StringType()
    if isinstance(declared, T.ArrayType):
        return T.ArrayType(as_texts(declared.elementType))
    if isinstance(declared, T.MapType):
        return T.MapType(declared.keyType, as_texts(declared.valueType))
    if isinstance(declared, T.StructType):
        return T.StructType([T.StructField(f.name, as_texts(f.dataType)) for f in declared.fields])
    return declared


def with_decimals(value: Column, declared: T.DataType) -> Column:
    """A value read as `as_texts` says, with its decimals again, exact as they were written."""
    if isinstance(declared, T.DecimalType):
        return decimal(F.trim(value))
    if as_texts(declared) == declared:
        return value
    if isinstance(declared, T.ArrayType):
        return F.transform(value, lambda x: with_decimals(x, declared.elementType))
    if isinstance(declared, T.MapType):
        return F.transform_values(value, lambda _, x: with_decimals(x, declared.valueType))
    assert isinstance(declared, T.StructType)
    fields = [with_decimals(value.getField(f.name), f.dataType).alias(f.name) for f in declared.fields]
    return F.when(value.isNotNull(), F.struct(*fields))


def unread_decimal(value: Column, declared: T.DataType) -> Column:
    """Whether a value read as `as_texts` says has a text that is no number where `declared` has a decimal."""
    if isinstance(declared, T.DecimalType):
        return F.coalesce(F.trim(value) != "", F.lit(False)) & decimal(F.trim(value)).isNull()
    if as_texts(declared) == declared:
        return F.lit(False)
    if isinstance(declared, T.ArrayType):
        return F.coalesce(F.exists(value, lambda x: unread_decimal(x, declared.elementType)), F.lit(False))
    if isinstance(declared, T.MapType):
        return F.coalesce(F.exists(F.map_values(value), lambda x: unread_decimal(x, declared.valueType)), F.lit(False))
    assert isinstance(declared, T.StructType)
    found = F.lit(False)
    for f in declared.fields:
        found = found | unread_decimal(value.getField(f.name), f.dataType)
    return found
