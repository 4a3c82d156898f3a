"""Probability to buy, or of any other outcome with two values: trained on any frame, calibrated, with reasons."""

from onecart.intent.evaluation.fairness import audit
from onecart.intent.evaluation.metrics import evaluate
from onecart.intent.model import IntentModel
from onecart.intent.training import labels
from onecart.intent.training.leakage import Leak, lint
from onecart.intent.training.train import train

__all__ = ["IntentModel", "Leak", "audit", "evaluate", "labels", "lint", "train"]
