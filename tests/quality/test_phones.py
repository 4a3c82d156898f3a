"""Phone numbers are read as in the country of their record."""

from typing import Any

import pytest

from onecart.quality.normalise import e164

BERLIN, LONDON, TOKYO = "+493012345678", "+442079460123", "+81312345678"


@pytest.mark.parametrize(
    ("home", "numbers"),
    [
        (
            "GB",
            [
                ("020 7946 0123", None, LONDON),
                ("(030) 12345678", "Deutschland", BERLIN),
                ("03-1234-5678", "日本", TOKYO),
                ("07400 123456", "France", "+447400123456"),  # none in France
                ("+49 30 12345678", "JP", BERLIN),
                ("12", None, "+4412"),
                ("call me", "Unspecified", None),
                (None, "DE", None),
            ],
        ),
        ("DE", [("030/12345678", None, BERLIN), ("0044 20 7946 0123", "", LONDON), ("020 7946 0123", "uk", LONDON)]),
        (None, [("030 12345678", None, "03012345678"), ("+49 30 12345678", None, BERLIN)]),
    ],
)
def test_a_number_is_read_as_it_is_dialled_where_its_record_is(
    home: str | None, numbers: list[Any], spark: Any
) -> None:
    rows = spark.createDataFrame(
        [(n, *row[:2]) for n, row in enumerate(numbers)], "n int, phone string, country string"
    )
    found = rows.select("n", e164("phone", "country", home).alias("phone")).orderBy("n").collect()
    assert [r.phone for r in found] == [expected for *_, expected in numbers]
