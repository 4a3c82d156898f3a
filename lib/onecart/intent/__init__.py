"""Probability to buy, or of any other outcome with two values: trained on any frame, calibrated, with reasons."""

from onecart.intent.fit import train
from onecart.intent.model import IntentModel

__all__ = ["IntentModel", "train"]
