"""A cast keeps the value whole, or says that it cannot."""

from decimal import Decimal

import pytest
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.config import Source
from onecart.contracts import contract
from onecart.quality.exact import cast_exactly
from onecart.quality.parse import parse

QUANTITY = T.DecimalType(18, 4)
CASES = [  # type wanted, value as SQL, what becomes of it ("": null), what is wrong with it
    (QUANTITY, "' 1.5 '", "1.5000", None),
    (QUANTITY, "'-2.5'", "-2.5000", None),
    (QUANTITY, "'1e3'", "1000.0000", None),
    (QUANTITY, "'2.55555'", None, "inexact"),
    (QUANTITY, "'1e20'", None, "inexact"),
    (QUANTITY, "'100000000000000'", None, "inexact"),
    (QUANTITY, "'1.2345678901234568E13'", None, "inexact"),  # a JSON number that Spark's reader has rounded
    (QUANTITY, "'1.0000000025E8'", "100000000.2500", None),
    (QUANTITY, "'3 pcs'", None, "unreadable"),
    (QUANTITY, "'1,5'", None, "unreadable"),
    (QUANTITY, "'NaN'", None, "unreadable"),
    (QUANTITY, "''", None, None),
    (QUANTITY, "cast('NaN' as double)", None, None),
    (QUANTITY, "'2.55' * 1.2", "3.0600", None),  # 3.0599999999999996 as a double
    (QUANTITY, "cast(1.33333 as double)", None, "inexact"),
    (QUANTITY, "cast(1.33333 as decimal(10,5))", None, "inexact"),
    (QUANTITY, "7", "7.0000", None),
    (T.IntegerType(), "'4'", "4", None),
    (T.IntegerType(), "'4.0'", "4", None),
    (T.IntegerType(), "'4.5'", None, "inexact"),
    (T.IntegerType(), "'3000000000'", None, "inexact"),
    (T.IntegerType(), "3000000000", None, "inexact"),
    (T.IntegerType(), "cast(4.5 as double)", None, "inexact"),
    (T.DoubleType(), "'-4.25'", "-4.25", None),
    (T.DoubleType(), "'5f'", None, "unreadable"),
    (T.DoubleType(), "'1e999'", None, "inexact"),
    (T.DateType(), "'2011-12-01'", "2011-12-01", None),
    (T.DateType(), "'2011-12-01 00:00:00'", "2011-12-01", None),
    (T.DateType(), "'2011-12-01 garbage'", None, "unreadable"),
    (T.DateType(), "'2011-12-01 10:00'", None, "inexact"),
    (T.DateType(), "timestamp'2011-12-01 10:00:00'", None, "inexact"),
    (T.DateType(), "'2011'", None, "unreadable"),
    (T.TimestampType(), "'2011-12-01T10:00:00Z'", "2011-12-01 10:00:00", None),
    (T.TimestampType(), "'12:30'", None, "unreadable"),
    (T.BooleanType(), "'yes'", "true", None),
    (T.BooleanType(), "'ja'", None, "unreadable"),
    (T.BooleanType(), "2", None, "inexact"),
    (T.StringType(), "cast(12345678 as double)", "12345678", None),
    (T.StringType(), "' x '", "x", None),
]


def test_a_value_is_kept_whole_or_said_not_to_be(spark):
    one = spark.range(1)
    columns = []
    for i, (wanted, sql, _, _) in enumerate(CASES):
        value, problem = cast_exactly(F.expr(sql), one.select(F.expr(sql)).schema[0].dataType, wanted)
        problem = F.lit(None).cast("string") if problem is None else problem
        columns.append(F.struct(value.cast("string").alias("value"), problem.alias("problem")).alias(f"c{i}"))
    found = one.select(*columns).first()
    said = [(str(wanted), sql, None if p else v, p) for (wanted, sql, _, _), (v, p) in zip(CASES, found, strict=True)]
    assert said == [(str(wanted), sql, value, problem) for wanted, sql, value, problem in CASES]


@pytest.mark.parametrize(
    "nested", ["q DECIMAL(18,4)", "a ARRAY<STRUCT<q: DECIMAL(18,4)>>", "m MAP<STRING, DECIMAL(9,2)>"]
)
def test_decimals_of_a_json_schema_are_read_as_written(spark, context, nested):
    kind = nested[0]
    value = {"q": "{}", "a": '[{{"q": {}}}]', "m": '{{"k": {}}}'}[kind]
    payloads = [f'{{"{kind}": {value.format(x)}}}' for x in ("2.55555", '"1,5"', "3", "null", '" 4 "')]
    lines = spark.createDataFrame([(p, "f", i) for i, p in enumerate(payloads)], _LINES)
    path = {"q": "q", "a": "a[0].q", "m": "m['k']"}[kind]
    tree = {"path": "x", "format": "json", "into": "silver.weather", "schema": nested}
    columns = {"day": "current_date()", "country": f"string({path})"}
    lines = contract("bronze.x").conform(lines.withColumn("ingested_ts", F.current_timestamp()))
    rows = parse(lines, "x", Source.model_validate({**tree, "columns": columns}), contract("silver.weather"))
    assert [
        (r.country and Decimal(r.country), (r.set_aside or {"rule": ""})["rule"] == "malformed")
        for r in rows.orderBy("line_no").collect()
    ] == [
        (Decimal("2.55555"), False),
        (None, True),
        (Decimal(3), False),
        (None, False),
        (Decimal(4), False),
    ]


_LINES = "payload string, source_file string, line_no long"
