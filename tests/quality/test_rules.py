"""Rules of rows: what may not lie ahead."""

from datetime import date, datetime
from typing import Any


def test_nobody_is_born_after_the_day_they_came_in(spark: Any) -> None:
    from onecart.config import Quality
    from onecart.contracts import contract
    from onecart.quality.rules import rules

    found = {str(r.name): r for r in rules(contract("silver.contacts"), ["date_of_birth"], Quality())}
    born = [date(1980, 5, 1), date(2024, 3, 2), date(2024, 3, 3), date(2044, 1, 1), None]
    rows = [(day, datetime(2024, 3, 1, 12)) for day in born]
    frame = spark.createDataFrame(rows, "date_of_birth DATE, ingested_ts TIMESTAMP")
    broken = [bool(r[0]) for r in frame.select(found["future_date_of_birth"].broken).collect()]
    assert broken == [False, False, True, True, False]
