"""Who gets what: segments of customers, and what an offer changes for each."""

from onecart.decide.uplift.train import train_uplift

__all__ = ["train_uplift"]
