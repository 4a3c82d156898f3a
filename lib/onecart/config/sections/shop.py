"""Settings of the shop itself: what every room has to know about it."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from onecart.config.sections.section import INCOMPLETE, Section


def _not_no(value: Any) -> Any:
    return "NO" if value is False else value  # so YAML reads Norway


def _is_country(value: str) -> str:
    if value == "UK":
        raise ValueError("the ISO 3166 code of the United Kingdom is GB")
    return value


def _is_zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise ValueError("not a time zone; give a name like Europe/London") from e


def _is_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as e:
        raise ValueError(f"not a regular expression: {e}") from e
    return value


Country = Annotated[str, BeforeValidator(_not_no), StringConstraints(pattern="^[A-Z]{2}$"), AfterValidator(_is_country)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
Pattern = Annotated[str, AfterValidator(_is_pattern)]
# online: visits are seen; an app is online, too. store: of its visitors only the buyers are seen, and the number at the door.
# other: neither (posts elsewhere, a marketplace).
ChannelKind = Literal["online", "app", "store", "other"]


class Shop(Section):
    """Where the shop is, what it sells, in which channels and for which money."""

    country: Country | None = None  # ISO 3166: whose holidays and weather, and phones of whom it is not said
    currency: Currency | None = None  # ISO 4217, what `rates` convert to; None: nothing is converted
    rates: dict[Currency, Annotated[Decimal, Field(gt=0)]] = {}  # what 1 of another currency is worth in the shop's
    time_zone: Annotated[str, AfterValidator(_is_zone)] = "UTC"  # in which its days begin and end
    goods: Pattern | None = None  # of SKUs; the others (postage, fees, vouchers) are neither offered nor forecast
    channels: dict[str, ChannelKind] = {}  # a name that is not here is taken for online, and warned of

    @model_validator(mode="after")
    def _rates_have_a_target(self) -> "Shop":
        if self.rates and self.currency is None:
            raise PydanticCustomError(INCOMPLETE, "rates are into the shop's currency; set shop.currency, too")
        if self.currency in self.rates:
            raise ValueError(f"rates are of other currencies; {self.currency} is the shop's own")
        return self
