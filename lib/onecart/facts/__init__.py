"""Whose each fact is, and of which visit: silver's events and order lines with their customer, once for all rooms."""

from onecart.facts.build import EVENTS, ORDERS, require_current, write_facts

__all__ = ["EVENTS", "ORDERS", "require_current", "write_facts"]
