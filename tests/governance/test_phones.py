"""Ways to write one phone number meet, whatever its country."""

from typing import Any

from onecart.governance.phones import national, national_digits

WAYS = {
    "3012345678": ["+49 30 12345678", "0049 (0)30 12345678", "030/1234-5678", "+49-(0)30-12345678"],
    "2079460958": ["+44 (0)20 7946 0958", "020-7946-0958", "0044 20 7946 0958"],
    "2125550100": ["+1 212 555 0100", "(212) 555-0100", "001 212 555 0100"],
    "312345678": ["+81 3-1234-5678", "03-1234-5678", "+81312345678"],
    "": ["", "0", "+", "ext."],
}


def test_country_codes_and_leading_zeros_make_no_difference(spark: Any) -> None:
    written = [(digits, way) for digits, ways in WAYS.items() for way in ways]
    assert [national(way) for _, way in written] == [digits for digits, _ in written]
    rows = spark.createDataFrame(written, "digits string, way string")
    assert rows.where(national_digits(rows.way) != rows.digits).collect() == []
