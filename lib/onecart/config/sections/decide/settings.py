"""All settings of decisions."""

from onecart.config.sections.decide.campaigns import Campaign, Contacts
from onecart.config.sections.decide.routing import Routing
from onecart.config.sections.section import SecretRef, Section


class Decide(Section):
    campaigns: dict[str, Campaign | None] = {}  # null: one of the environment that is not run
    contacts: Contacts = Contacts()
    control_key: SecretRef | None = None  # draws control groups; None: the settings' seed
    routing: Routing = Routing()
