"""Settings of sessions."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from onecart.config.sections.section import Section


def _is_zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise ValueError("not a time zone; give a name like Europe/London") from e


class Behaviour(Section):
    """Where a visit ends: the classic rules of Google Analytics."""

    session_gap_minutes: int = Field(30, ge=1)  # a longer silence begins a new visit
    cut_at_midnight: bool = True  # so does midnight ...
    time_zone: Annotated[str, AfterValidator(_is_zone)] = "UTC"  # ... of this zone
    cut_at_campaign: bool = True  # and an event that another campaign brought
    max_events_per_day: int = Field(5000, ge=1)  # of a visitor in a channel; more are a machine's and left out
