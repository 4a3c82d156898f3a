import pytest
from chispa import assert_df_equality


@pytest.fixture
def frame(spark):
    """`frame("a string, b int", (..), (..))`."""
    return lambda schema, *rows: spark.createDataFrame(list(rows), schema)


@pytest.fixture
def same():
    """Asserts that two frames have the same rows in any order."""

    def check(found, expected):
        assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)

    return check
