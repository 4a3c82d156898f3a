"""Settings of decisions: segments, campaigns, what is shown where."""

from onecart.config.sections.decide.campaigns import Campaign, Channel, Contacts, Offer
from onecart.config.sections.decide.settings import Decide

__all__ = ["Campaign", "Channel", "Contacts", "Decide", "Offer"]
