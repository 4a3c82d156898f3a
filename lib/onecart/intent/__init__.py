"""Probability to buy, or of any other outcome with two values: trained on any frame, calibrated, with reasons."""

from onecart.intent import labels
from onecart.intent.fairness import audit
from onecart.intent.leakage import Leak, lint
from onecart.intent.metrics import evaluate
from onecart.intent.model import IntentModel
from onecart.intent.training import train

__all__ = ["IntentModel", "Leak", "audit", "evaluate", "labels", "lint", "train"]
