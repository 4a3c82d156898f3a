"""The section `decide`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from onecart.config.sections.decide.campaigns import Campaign, Contacts
from onecart.config.sections.decide.content import Placement
from onecart.config.sections.decide.routing import Routing
from onecart.config.sections.decide.segments import LearnedSegments, SegmentRule, default_rules, unique_names
from onecart.config.sections.section import SecretRef, Section


class UpliftSettings(Section):
    """Uplift learned from past campaigns."""

    # A customer of an experiment who bought within so many days was moved, or would have; a campaign's own go before.
    horizon_days: int = Field(30, ge=1)
    min_arm: int = Field(200, ge=100)  # customers of an arm; of smaller experiments nothing is learned


class Decide(Section):
    """Who gets what."""

    campaigns: dict[str, Campaign | None] = {}  # null: one of the environment that is not run
    contacts: Contacts = Contacts()
    control_key: SecretRef | None = None  # draws control groups; None: the settings' seed
    routing: Routing = Routing()
    # The first rule that holds names the segment; nobody's rule holds: other.
    segments: Annotated[tuple[SegmentRule, ...], AfterValidator(unique_names)] = default_rules()
    learned_segments: LearnedSegments = LearnedSegments()
    uplift: UpliftSettings = UpliftSettings()
    placements: dict[str, Placement] = {}  # what is shown where, see docs/rooms/decide.md; none: nothing is chosen

    @property
    def running(self) -> dict[str, Campaign]:
        """The campaigns that are not null."""
        return {name: one for name, one in self.campaigns.items() if one is not None}
