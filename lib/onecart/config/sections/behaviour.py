"""Settings of sessions."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from onecart.config.sections.section import Section


class Behaviour(Section):
    """Where a visit ends: the classic rules of Google Analytics."""

    moved: ClassVar[Mapping[str, str]] = {"time_zone": "shop.time_zone"}

    session_gap_minutes: int = Field(30, ge=1)  # a longer silence begins a new visit
    cut_at_midnight: bool = True  # so does midnight of the shop's time zone
    cut_at_campaign: bool = True  # and an event that another campaign brought
    max_events_per_day: int = Field(5000, ge=1)  # of a visitor in a channel; more are a machine's and left out
    # So are those in so many seconds of a day or more, if the median pause between them is no longer than a person needs, or all
    # pauses are nearly as long: their median difference from it is less than this share of it.
    machine_events: int = Field(300, ge=3)
    machine_pause_seconds: float = Field(1, ge=0)
    machine_rhythm: float = Field(0.05, ge=0, le=1)
