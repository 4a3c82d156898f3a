"""Models over all series of a panel, trained once: what they say goes to the judge of each series."""

from onecart.forecast.global_models.predict import BOOSTED, MODELS, paths
from onecart.forecast.global_models.settings import Training

__all__ = ["BOOSTED", "MODELS", "Training", "paths"]
