"""Phone numbers in texts as people of a country write them, by the rules of the library phonenumbers."""

import re
from collections.abc import Callable, Iterator

import pandas as pd
from pyspark.sql import Column
from pyspark.sql.pandas.functions import pandas_udf

# Words before a number that is no phone's.
OTHER_NUMBERS = "order|order no|order number|invoice|parcel|tracking|ticket|ref|reference|no|number|model|item|isbn|ean"
_OTHER = re.compile(rf"\b(?:{OTHER_NUMBERS})[ .:#]{{1,2}}$", re.IGNORECASE)
_DAY = re.compile(r"(?:19|20)\d\d-\d{1,2}-\d{1,2}")
_MOST_TRIED = 1000  # numbers of a text that are none, after which the rest of it is not looked at


def home_phones(country: str) -> Callable[[Column], Column]:
    """A function of a text column: the text with [PHONE] for each number that is valid in `country` (ISO 3166) as dialled there, or
    anywhere with a country's code."""

    @pandas_udf("string")  # type: ignore[call-overload,untyped-decorator]
    def replaced(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for texts in batches:
            yield texts.map(lambda text: without_phones(text, country), na_action="ignore")

    return replaced


def without_phones(text: str, country: str) -> str:
    """One text, as `home_phones`."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    kept, at = [], 0
    for found in PhoneNumberMatcher(text, country, leniency=Leniency.VALID, max_tries=_MOST_TRIED):
        if _DAY.fullmatch(found.raw_string) or _OTHER.search(text[max(0, found.start - 20) : found.start]):
            continue
        kept += [text[at : found.start], "[PHONE]"]
        at = found.end
    return "".join([*kept, text[at:]])
