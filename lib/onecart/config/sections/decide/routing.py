"""Settings of service routing: who answers which tickets, and which come first."""

from typing import Annotated, Literal

from pydantic import Field

from onecart.config.sections.section import Section

Intent = Literal["delivery", "refund", "fault", "question", "account", "other"]
Urgency = Literal["high", "normal", "low"]


class Agent(Section):
    """One agent, or one team."""

    skills: tuple[Intent, ...] = ()  # intents of the tickets they can answer; none: all
    capacity: int = Field(20, ge=1)  # tickets they can have at a time


class Routing(Section):
    """A ticket's priority is points for urgency, value and annoyance, and more with every hour it waits."""

    agents: dict[str, Agent] = {}  # none: all tickets wait in one queue
    queue: str = Field("support", min_length=1)  # where a ticket waits that no agent has
    urgency_points: dict[Urgency, Annotated[float, Field(ge=0)]] = {"high": 8.0, "normal": 2.0, "low": 0.0}
    value_points: float = Field(1.0, ge=0)  # for the most valuable customer; others by their rank
    annoyed_points: float = Field(1.0, ge=0)  # for angry words, or a last review that complains
    points_per_hour: float = Field(0.25, gt=0)  # so that nobody waits for ever
    urgent_minutes: float = Field(30, gt=0)  # an urgent ticket that waits longer is missed
    service_minutes: float = Field(12, gt=0)  # mean time of an agent for a ticket, in the simulation
    load: float = Field(0.95, gt=0, lt=1)  # of the agents, in the simulated day
