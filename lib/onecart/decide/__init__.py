"""Who gets what: segments of customers, campaigns under a budget, and the log of all decisions."""

from onecart.decide.assignment.assign import assign
from onecart.decide.assignment.plan import Plan

__all__ = ["Plan", "assign"]
