"""Settings of decisions."""

from onecart.config.sections.decide.routing import Routing
from onecart.config.sections.section import Section


class Decide(Section):
    """Who gets what, where."""

    routing: Routing = Routing()
