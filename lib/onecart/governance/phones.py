"""Ways to write one phone number, brought to one: for lists of erased persons and for who is who."""

import re
from functools import cache

from pyspark.sql import Column
from pyspark.sql import functions as F


def national(number: str) -> str:
    """The digits of a number without country code and leading zeros, so that +49 30 .., 0049 30 .. and 030 .. meet."""
    return re.sub("[^0-9]", "", re.sub(_prefix(), "", re.sub("[^0-9+]", "", number))).lstrip("0")


def national_digits(number: Column) -> Column:
    """`national` as a column."""
    written = F.regexp_replace(number, "[^0-9+]", "")
    return F.regexp_replace(F.regexp_replace(F.regexp_replace(written, _prefix(), ""), "[^0-9]", ""), "^0+", "")


@cache
def country_codes() -> str:
    """The codes of all countries as alternatives of a pattern: none begins with another, so that the first that fits is it."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return "|".join(map(str, sorted(COUNTRY_CODE_TO_REGION_CODE)))


@cache
def _prefix() -> str:
    """What stands before the national number."""
    return rf"^(?:\+|00)(?:{country_codes()})?"
