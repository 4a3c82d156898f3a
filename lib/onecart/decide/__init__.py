"""Who gets what: segments of customers, campaigns under a budget, what an offer changes for each, and the log of all decisions."""

from onecart.decide.assignment.assign import assign
from onecart.decide.assignment.plan import Plan
from onecart.decide.uplift.train import train_uplift

__all__ = ["Plan", "assign", "train_uplift"]
