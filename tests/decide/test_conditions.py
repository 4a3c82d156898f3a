"""Conditions: typed, checked before they run."""

import pytest
from pyspark.sql import types as T

from onecart.decide.conditions import DAY, FLAG, LIST, NUMBER, TEXT, kinds, to_sql
from onecart.errors import UsageError

COLUMNS = {
    "orders": NUMBER,
    "score": NUMBER,
    "country": TEXT,
    "consent_email": FLAG,
    "born": DAY,
    "top_categories": LIST,
    "as_of": DAY,
}


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ("true", "true"),
        ("orders >= 3 and score < 2.5", "((`orders` >= 3) AND (`score` < 2.5))"),
        ("orders = 1 OR orders = 2 AND score = 3", "((`orders` = 1) OR ((`orders` = 2) AND (`score` = 3)))"),
        ("country IN ('France', 'D''Or')", "((`country` = 'France') OR (`country` = 'D\\'Or'))"),
        ("NOT consent_email", "(NOT `consent_email`)"),
        (
            "born BETWEEN '1980-01-01' AND '1989-12-31'",
            "((`born` >= DATE'1980-01-01') AND (`born` <= DATE'1989-12-31'))",
        ),
        ("country IS NOT NULL", "(`country` IS NOT NULL)"),
        ("top_categories CONTAINS 'MUGS'", "array_contains(`top_categories`, 'MUGS')"),
        ("days_since(born) / 365 > -1", "((datediff(`as_of`, `born`) / nullif(365, 0)) > (0 - 1))"),
        ("score NOT IN (1)", "(NOT ((`score` = 1)))"),
    ],
)
def test_conditions_become_sql(condition: str, sql: str) -> None:
    assert to_sql(condition, COLUMNS, "x") == sql


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("ordrs = 3", "names a column 'ordrs' that customers do not have; did you mean 'orders'"),
        ("orders > 'many'", "compares 'orders', a number, with 'many', text"),
        ("country > 3", "compares 'country', text, with '3', a number"),
        ("orders", "needs true or false where 'orders' is a number"),
        ("orders = 1 AND country", "needs true or false where 'country' is text"),
        ("born > 'soon'", "compares 'born', a date, with 'soon'"),
        ("orders = null", "write IS NULL"),
        ("country CONTAINS 'x'", "'country' is text"),
        ("country + 1 > 2", "computes with 'country', which is text"),
        ("consent_email > true", "asks for an order of true and false"),
        ("days_since(orders) > 3", "days_since of 'orders', which is a number"),
        ("orders > 3 AND", "ends where a column or a value should be"),
        ("(orders > 3", r"needs '\)' before its end"),
        ("orders > 3 orders", "cannot go on with 'orders'"),
        ("orders NOT 3", "neither IN nor BETWEEN"),
        ("orders > 3; drop table x", "has ';' where none can be"),
        ('country = "x"', "texts are in single quotes"),
        ("", "is empty"),
        ("(" * 60 + "true" + ")" * 60, "more than 50 brackets"),
        ("-" * 1_500 + "1 > 0", "'-' twice"),
        ("true AND " * 400 + "true", "longer than 2,000 letters"),
    ],
)
def test_what_is_no_condition_is_refused_in_a_sentence(condition: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        to_sql(condition, COLUMNS, "the segment 'x'")
    assert str(error.value).startswith("the segment 'x': the condition")


def test_columns_of_a_profile_have_kinds() -> None:
    schema = T.StructType(
        [
            T.StructField("revenue", T.DecimalType(18, 4)),
            T.StructField("seen", T.TimestampType()),
            T.StructField("channels", T.ArrayType(T.StringType())),
            T.StructField("times", T.MapType(T.StringType(), T.LongType())),
        ]
    )
    assert kinds(schema) == {"revenue": NUMBER, "seen": DAY, "channels": LIST}
